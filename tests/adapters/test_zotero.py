"""Zotero's web API through the real client, and what waits for it, against a strict server on loopback."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.collecting import Collecting
from bot.errors import LibraryError, UserError
from bot.model.chat import Chat
from bot.model.library import Account
from bot.sealing import Sealer
from bot.zotero import ZoteroLibrary
from bot.zotero.items import make_item, name_item
from tests.build import NOW, make_paper
from tests.fakes import FakeStorage
from tests.servers.zotero import TOKEN, USER, Fault, serve

SECRET, NEWER = "an old secret of more than 32 letters", "a new secret of more than 32 letters!"
PRIVATE = Chat("telegram", "501")
ADA = "telegram:501"
PAPER = make_paper(
    "2611.00001", "Small KV Caches", authors=("Jan van den Berg", "ATLAS Collaboration"), categories=("cs.CL", "cs.LG")
)
ACCOUNT = Account(USER, "Ada", can_write=True)


@pytest.fixture
async def server():
    async with serve() as server:
        yield server


class Clock:
    def __init__(self):
        self.now, self.seconds = NOW, 0.0

    def later(self, seconds):
        self.now, self.seconds = self.now + timedelta(seconds=seconds), self.seconds + seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def library(server, clock):
    async with ZoteroLibrary(server.url, "paperround/test", lambda: clock.now, lambda: clock.seconds) as library:
        yield library


@pytest.fixture
async def storage():
    storage = FakeStorage()
    await storage.open()
    return storage


@pytest.fixture
async def collecting(library, storage, clock):
    return Collecting(storage, library, Sealer([SECRET]), lambda: clock.now)


async def test_a_key_tells_whose_it_is(server, library):
    """And whether it may write; an unknown one is refused for good."""
    assert await library.identify(TOKEN) == ACCOUNT
    server.keys[TOKEN]["write"] = False
    assert not (await library.identify(TOKEN)).can_write
    with pytest.raises(LibraryError) as caught:
        await library.identify("x" * 24)
    assert caught.value.is_refused


async def test_a_paper_becomes_a_preprint(server, library):
    """With the fields of Zotero's own translator, the authors in parts."""
    await library.add(ACCOUNT, TOKEN, "ABCD2345", PAPER)
    [item] = server.items.values()
    assert item["creators"] == [
        {"creatorType": "author", "firstName": "Jan", "lastName": "van den Berg"},
        {"creatorType": "author", "name": "ATLAS Collaboration"},
    ]
    shown = {name: item[name] for name in ("itemType", "title", "repository", "archiveID", "date", "DOI", "url")}
    assert shown == {
        "itemType": "preprint",
        "title": "Small KV Caches",
        "repository": "arXiv",
        "archiveID": "arXiv:2611.00001",
        "date": "2026-11",
        "DOI": "10.48550/arXiv.2611.00001",
        "url": "https://arxiv.org/abs/2611.00001",
    }
    assert item["tags"] == [{"tag": "cs.CL"}, {"tag": "cs.LG"}]


def test_items_have_names_of_their_own():
    """Always the same for one library and paper, and different for others."""
    names = {name_item(account, paper) for account in ("1", "2") for paper in ("2611.00001", "2611.00002")}
    assert len(names) == 4
    assert name_item("475425", "2611.00001") == name_item("475425", "2611.00001")


async def test_huge_names_and_lists_are_cut(server, library):
    """A collaboration of thousands, and a name that is none, are no reason to lose a paper."""
    paper = make_paper(authors=(*(f"Ada Vale{number}" for number in range(3000)), f"Bo {'x' * 400}"))
    assert len(make_item("ABCD2345", paper)["creators"]) == 500
    await library.add(ACCOUNT, TOKEN, "ABCD2345", make_paper(authors=(f"{'y' * 400} {'x' * 400}",)))
    assert len(server.items) == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(429, {"Retry-After": "120"}), {"retry_after": 120.0}),
        (Fault(503, {"Retry-After": "Fri, 20 Nov 2026 12:02:00 GMT"}), {"retry_after": 120.0}),
        (Fault(429), {"retry_after": 60.0}),
        (Fault(500), {"is_final": False, "is_refused": False}),
        (Fault(409), {"is_final": False, "is_refused": False}),
        (Fault(412), {"is_final": False, "is_refused": False}),
        (Fault(413), {"is_final": True}),
        (Fault(428), {"is_final": True}),
        (Fault(403), {"is_refused": True}),
        (Fault(is_lost=True), {"is_final": False, "is_refused": False}),
        (Fault(body="<html>"), {"is_final": False, "is_refused": False}),
        (Fault(body="[]"), {"is_final": False, "is_refused": False}),
        (Fault(body="x" * 2_000_000), {"is_final": False, "is_refused": False}),
    ],
)
async def test_every_fault_says_what_to_do(server, library, fault, expected):
    """Wait for as long as it is asked, give this paper up, or ask the person for another key; never a word of the key."""
    server.faults.append(fault)
    with pytest.raises(LibraryError) as caught:
        await library.add(ACCOUNT, TOKEN, "ABCD2345", PAPER)
    assert {name: getattr(caught.value, name) for name in expected} == expected
    assert TOKEN not in str(caught.value)


async def test_zotero_is_left_alone_when_it_asks_for_that(server, library, clock):
    """Backoff comes with a good answer, too; nothing is asked until it is over."""
    server.faults.append(Fault(headers={"Backoff": "30"}))
    await library.add(ACCOUNT, TOKEN, "ABCD2345", PAPER)
    with pytest.raises(LibraryError) as caught:
        await library.identify(TOKEN)
    assert caught.value.retry_after == 30.0
    assert len(server.requests) == 1
    clock.later(31)
    assert await library.identify(TOKEN) == ACCOUNT


async def test_asking_twice_adds_nothing_twice(server, library):
    """The item is there already: that is fine."""
    for _ in range(2):
        await library.add(ACCOUNT, TOKEN, name_item(USER, PAPER.id), PAPER)
    assert server.titles == ["Small KV Caches"]


async def test_a_saved_paper_arrives_once(server, collecting):
    """However often it is saved, unsaved and saved again."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    assert await collecting.save(ADA, PAPER) == "It goes to your Zotero library."
    await collecting.save(ADA, PAPER)
    await collecting.step()
    assert await collecting.save(ADA, PAPER) == "It is in your Zotero library already."
    assert await collecting.unsave(ADA, PAPER.id) == "Your Zotero library keeps it."
    await collecting.save(ADA, PAPER)
    await collecting.step()
    assert (server.titles, len(server.posts)) == (["Small KV Caches"], 1)


async def test_what_was_taken_back_in_time_is_not_sent(server, collecting):
    """A second press before anything was sent undoes the first."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, PAPER)
    assert await collecting.unsave(ADA, PAPER.id) == ""
    await collecting.step()
    assert server.posts == []


async def test_a_lost_answer_doubles_nothing(server, collecting, clock):
    """It was added, nobody heard of it, and the next try finds it there."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, PAPER)
    server.faults.append(Fault(is_lost=True))
    assert await collecting.step() == 60.0
    assert await collecting.unsave(ADA, PAPER.id) == "Your Zotero library keeps it."
    clock.later(61)
    await collecting.step()
    assert (server.titles, len(server.posts)) == (["Small KV Caches"], 2)
    assert await collecting.count_waiting(ADA) == 0


@pytest.mark.parametrize("fault", [Fault(429, {"Retry-After": "200"}), Fault(500), Fault(503)])
async def test_what_fails_is_tried_again_and_not_before(server, collecting, clock, fault):
    """Nothing is lost, nobody is hammered, and other papers wait with it."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, PAPER)
    await collecting.save(ADA, make_paper("2611.00002", "Second"))
    server.faults.append(fault)
    pause = await collecting.step()
    assert pause == (200.0 if fault.status == 429 else 60.0)
    assert len(server.posts) == 1
    clock.later(pause + 1)
    await collecting.step()
    assert sorted(server.titles) == ["Second", "Small KV Caches"]


async def test_a_paper_that_zotero_will_never_take_is_given_up(server, collecting, caplog):
    """One bad item does not stand in the way of others."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, make_paper("2611.00002", title=""))
    await collecting.save(ADA, PAPER)
    await collecting.step()
    assert server.titles == ["Small KV Caches"]
    assert await collecting.count_waiting(ADA) == 0
    assert "2611.00002 status=failed" in caplog.text


async def test_a_key_that_was_deleted_asks_for_a_new_one(server, collecting):
    """What waits goes out once there is one."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, PAPER)
    right = server.keys.pop(TOKEN)
    await collecting.step()
    assert (await collecting.get(ADA)).is_refused
    assert "takes a new one" in await collecting.save(ADA, make_paper("2611.00002"))
    server.keys["n" * 24] = right
    await collecting.connect(PRIVATE, ADA, "n" * 24)
    await collecting.step()
    assert server.titles == ["Small KV Caches"]


async def test_a_key_must_be_one_that_writes(server, collecting, storage):
    """Otherwise nothing is kept, and the person is told what to do."""
    with pytest.raises(UserError, match="does not know this key"):
        await collecting.connect(PRIVATE, ADA, "x" * 24)
    server.keys[TOKEN]["write"] = False
    with pytest.raises(UserError, match="may not write"):
        await collecting.connect(PRIVATE, ADA, TOKEN)
    server.faults.append(Fault(500))
    with pytest.raises(UserError, match="try again"):
        await collecting.connect(PRIVATE, ADA, TOKEN)
    assert await storage.get_notes("") == {}


async def test_keys_are_kept_sealed_and_forgotten(collecting, storage):
    """No note holds a key; after that nothing of the person is left, whoever ends it."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, PAPER)
    assert not any(TOKEN in note for note in (await storage.get_notes("")).values())
    assert await collecting.disconnect(ADA)
    assert await storage.get_notes("") == {}
    assert not await collecting.disconnect(ADA)
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.forget(Chat("telegram", "-1001"))
    assert await collecting.get(ADA) is not None
    await collecting.forget(PRIVATE)
    assert await storage.get_notes("") == {}


async def test_the_secret_can_be_changed(server, library, storage, clock, collecting):
    """With the new one before the old one keys go on working and are sealed anew; without the old one they ask for another."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    both = Collecting(storage, library, Sealer([NEWER, SECRET]), lambda: clock.now)
    running = asyncio.create_task(both.run())
    await both.save(ADA, PAPER)
    await server.until(lambda: server.items)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    alone = Collecting(storage, library, Sealer([NEWER]), lambda: clock.now)
    await alone.save(ADA, make_paper("2611.00002", "Second"))
    await alone.step()
    assert server.titles == ["Small KV Caches", "Second"]
    await collecting.save(ADA, make_paper("2611.00003", "Third"))
    await collecting.step()
    assert (await collecting.get(ADA)).is_refused


async def test_another_account_begins_anew(server, collecting, storage):
    """What one library has says nothing of another one."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    await collecting.save(ADA, PAPER)
    await collecting.step()
    note = await storage.get_note(f"zotero of {ADA}")
    await storage.set_note(f"zotero of {ADA}", note.replace(USER, "99"))
    await collecting.connect(PRIVATE, ADA, TOKEN)
    assert await collecting.save(ADA, PAPER) == "It goes to your Zotero library."


async def test_a_clock_that_was_set_back_makes_nobody_wait(server, collecting, clock):
    """What was to be tried in an hour of next year is tried now."""
    await collecting.connect(PRIVATE, ADA, TOKEN)
    clock.now = datetime(2030, 1, 1, tzinfo=UTC)
    await collecting.save(ADA, PAPER)
    clock.now = NOW
    await collecting.step()
    assert len(server.items) == 1
