"""Following papers: one line for each new version, whatever announces it, and however often anybody looks."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.errors import SourceError, StorageError
from bot.follows import MOST_FOLLOWS
from bot.model.chat import Chat
from bot.model.delivery import DeliveryState
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.paper import AnnounceType
from tests.build import CHAT, NOW, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import World

NEW, CROSS, REPLACE, REPLACE_CROSS = AnnounceType
FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)
FIRST = make_paper(title="Small KV Caches", abstract="We shrink the cache. It works.", categories=("cs.CL", "cs.AI"))
SECOND = replace(FIRST, version=2, abstract="We shrink the cache. It works. It is fast.")
OTHER = make_paper("2611.00002", "On Worlds")
LINE = '"Small KV Caches" (2611.00001) has version 2: abstract changed (1 sentence added).'
LINK = "https://arxiv.org/abs/2611.00001v2"
GROUP = Chat("telegram", "-5")


def record(paper, comment="accepted at ICLR"):
    return Record(paper, MONDAY, FRIDAY, comment)


class Readers(World):
    """A world whose chat read Friday's announcement."""

    async def begin(self, *lines, **asked):
        await self.say("/categories add cs.CL", *lines, **asked)
        await self.tick()
        self.messenger.sent.clear()
        return self

    async def announce(self, *papers, day=MONDAY, category="cs.CL", kind=REPLACE):
        """Let it be the morning of `day`, with these papers in the feed; what chats get is sent."""
        self.now = max(self.now, NOW + (day - FRIDAY) - timedelta(hours=5))
        self.later(minutes=20)
        self.source.batches[category] = make_batch(*papers, category=category, day=day, announce_type=kind)
        await self.tick()


@pytest.fixture
async def world():
    """A chat that follows a paper."""
    world = Readers(make_batch(FIRST, OTHER), make_batch(category="cs.AI"))
    await world.storage.open()
    await world.services.pipeline.pull(["cs.CL"])
    return await world.begin("/follow 2611.00001")


async def test_a_new_version_is_told_once(world):
    """One line with the change, a link to the version and a button; nothing on later looks, days and restarts."""
    await world.announce(SECOND)
    assert world.got() == [f"{LINE} {LINK} | Open"]
    for day in (TUESDAY, TUESDAY + timedelta(days=1)):
        await world.announce(SECOND, day=day)
    again = Readers(storage=world.storage)
    again.now = world.now
    again.source.batches = world.source.batches
    await again.tick()
    assert len(world.got()) == 1
    assert again.got() == []


async def test_the_comment_is_looked_up(world):
    """What arXiv's API says of this version is told, and kept."""
    world.arxiv.records[FIRST.id] = record(SECOND)
    await world.announce(SECOND)
    assert world.got() == [f'{LINE} Comment: "accepted at ICLR". {LINK} | Open']
    assert world.arxiv.asked.count(("lookup", (FIRST.id,))) == 1
    assert await world.storage.get_record(FIRST.id, 2) == record(SECOND)


async def test_the_line_does_not_need_the_comment(world):
    """Where arXiv cannot be asked, or knows another version by now, the line goes out without."""
    world.arxiv.failures["lookup"] = SourceError("HTTP 503")
    await world.announce(SECOND)
    del world.arxiv.failures["lookup"]
    world.arxiv.records[FIRST.id] = record(replace(FIRST, version=4))
    await world.announce(replace(SECOND, version=3), day=TUESDAY)
    assert [each.partition(" has ")[2][:9] for each in world.got()] == ["version 2", "version 3"]
    assert not any("Comment" in each for each in world.got())


async def test_the_line_does_not_wait_for_long(world):
    """A lookup that hangs is given up; what it would have brought is looked up aside."""

    class Hanging:
        async def fetch_papers(self, _):
            await asyncio.sleep(3600)

    world.following.comment_seconds = 0.01
    world.backfill.lookup = Hanging()
    await world.announce(SECOND)
    assert len(world.got()) == 1
    world.arxiv.records[FIRST.id] = record(SECOND)
    world.backfill.lookup = world.arxiv
    assert await world.backfill.run() == 1


async def test_several_categories_and_stragglers_announce_one_version(world):
    """The second category, later on the same day, finds nothing left to tell."""
    await world.say("/categories add cs.AI")
    await world.announce(SECOND)
    world.later(hours=1)
    await world.announce(SECOND, category="cs.AI", kind=REPLACE_CROSS)
    assert len(world.got()) == 1


async def test_types_do_not_matter(world):
    """A chat that reads new papers alone is told of replacements, and of a version that a cross-list shows first."""
    await world.say("/settings types new")
    await world.announce(SECOND, kind=CROSS)
    assert world.got() == [f"{LINE} {LINK} | Open"]


async def test_versions_that_were_passed_over_are_one_change(world):
    """Of two versions between two looks the later one is told, compared with what the chat knows."""
    world.source.batches["cs.CL"] = make_batch(SECOND, day=MONDAY, announce_type=REPLACE)
    world.now = NOW + timedelta(days=3)
    await world.pull()
    await world.announce(replace(SECOND, version=3, title="Tiny KV Caches"), day=TUESDAY)
    [line] = world.got()
    assert line.startswith(
        '"Tiny KV Caches" (2611.00001) has version 3: title changed (it was "Small KV Caches"); abstract changed'
    )


async def test_the_earlier_version_outlives_its_announcement(world):
    """After months the change is still known."""
    world.later(days=90)
    await world.services.pipeline.prune()
    await world.announce(SECOND, day=date(2027, 2, 18))
    assert world.got() == [f"{LINE} {LINK} | Open"]


async def test_a_withdrawal_is_flagged(world):
    """It is said to be one, in the words of its comment."""
    gone = replace(FIRST, version=2)
    world.arxiv.records[FIRST.id] = record(gone, "This paper has been withdrawn by Ada Vale")
    await world.announce(gone)
    [line] = world.got()
    assert '(2611.00001) was withdrawn: "This paper has been withdrawn by Ada Vale"' in line


async def test_several_papers_are_one_message():
    """A line and a button each; beyond ten, how many more there are. All are told of all the same."""
    papers = [make_paper(f"2611.{number:05}", f"Paper {number}", "It works.") for number in range(1, 15)]
    world = Readers(make_batch(*papers))
    await world.begin()
    for each in papers:
        await world.say(f"/follow {each.id}")
    await world.announce(*(replace(each, version=2) for each in papers))
    [body] = world.got()
    lines = body.split("\n")
    assert lines[0].startswith('1. "Paper 1" (2611.00001) has version 2: title and abstract are as they were.')
    assert len(lines) == 11
    assert lines[-1] == "… and 4 more; /follow lists them all."
    assert {each.known.number for each in (await world.storage.get_follows(CHAT)).values()} == {2}


async def test_a_paused_chat_is_not_told_but_learns(world):
    """What came during a pause is not made up for; the next version is compared with it."""
    await world.say("/pause")
    await world.announce(SECOND)
    await world.say("/resume")
    world.later(minutes=1)
    await world.tick()
    assert not any("version 2" in each for each in world.got())
    await world.announce(replace(SECOND, version=3, title="Tiny"), day=TUESDAY)
    assert any('version 3: title changed (it was "Small KV Caches").' in each for each in world.got())


async def test_an_unfollowed_paper_is_not_told(world):
    """/follow again ends it."""
    assert "No longer following" in await world.say("/follow https://arxiv.org/abs/2611.00001v1")
    await world.announce(SECOND)
    assert world.got() == []


async def test_a_write_that_fails_is_made_up_for():
    """Where the plan could not be kept, nothing is sent; the next look finds the same to do."""

    class Failing(FakeStorage):
        is_full = False

        async def plan(self, chat, progress, deliveries=(), versions=()):
            if versions and self.is_full:
                raise StorageError("full")
            await super().plan(chat, progress, deliveries, versions)

    world = await Readers(make_batch(FIRST), storage=Failing()).begin()
    await world.say("/follow 2611.00001")
    world.storage.is_full = True
    await world.announce(SECOND)
    assert world.got() == []
    world.storage.is_full = False
    await world.tick()
    await world.tick()
    assert world.got() == [f"{LINE} {LINK} | Open"]


async def test_looks_at_the_same_time_tell_once(world):
    """The pull every minute and the one on interest may overlap."""
    world.source.batches["cs.CL"] = make_batch(SECOND, day=MONDAY, announce_type=REPLACE)
    world.now = NOW + timedelta(days=3)
    await world.pull()
    assert sorted(await asyncio.gather(*(world.following.look() for _ in range(3)))) == [0, 0, 1]
    [planned] = [each for each in await world.storage.get_deliveries(CHAT) if each.state is DeliveryState.PLANNED]
    assert planned.body == f"{LINE} {LINK} | Open"
    assert planned.papers == ()


async def test_each_chat_is_told_in_its_language_and_no_other_chat(world):
    """Followers of the same paper each get a line; who follows another paper gets none."""
    await world.begin("/follow 2611.00001", chat=GROUP)
    await world.begin("/follow 2611.00002", chat=Chat("telegram", "-6"))
    await world.announce(SECOND)
    assert (len(world.got()), len(world.got(GROUP)), world.got(Chat("telegram", "-6"))) == (1, 1, [])


async def test_a_chat_may_follow_nothing_but_a_paper():
    """Of a paper in a field that nobody reads one category is pulled; the chat gets the line, and never a digest."""
    world = Readers(make_batch(FIRST))
    world.arxiv.records[OTHER.id] = record(replace(OTHER, categories=("math.CO", "math.PR")))
    assert "Following" in await world.say("/follow arxiv.org/pdf/2611.00002v1")
    assert await world.services.pipeline.followed_categories() == ("math.CO",)
    await world.announce(
        replace(OTHER, version=2, title="On More Worlds"), make_paper("2611.00009"), category="math.CO"
    )
    [line] = world.got()
    assert 'title changed (it was "On Worlds")' in line
    assert await world.storage.get_progress(CHAT) is None


async def test_what_cannot_be_followed_is_explained(world):
    """An id that is none, a paper that nobody knows, arXiv out of reach, and more than a chat can follow."""
    assert "/follow 2608.11232" in await world.say("/follow attention")
    assert "nor arXiv know" in await world.say("/follow 1706.03762")
    world.arxiv.failures["lookup"] = SourceError("HTTP 503")
    assert "try again" in await world.say("/follow 1706.03762")
    for number in range(MOST_FOLLOWS):
        version = Version(f"2612.{number:05}", 1, "A title")
        await world.storage.change_follow(CHAT, version.id, lambda _, version=version: Follow(version, is_asked=True))
    assert f"at most {MOST_FOLLOWS} papers" in await world.say("/follow 2611.00002")
    assert f"{MOST_FOLLOWS} papers already" in (await world.ask("/mark save 2611.00002")).toast


async def test_only_administrators_follow(world):
    """In a group /follow needs rights, and so does ending it; saving does not."""
    for line in ("/follow 2611.00002", "/follow", "/unfollow 2611.00001"):
        assert "administrator" in await world.say(line, is_admin=False)
    assert (await world.ask("/mark save 2611.00002", is_admin=False)).toast == "Saved."
    assert set(await world.storage.get_follows(CHAT)) == {FIRST.id, OTHER.id}


async def test_saving_follows_until_the_last_one_takes_it_back(world):
    """💾 of two people; taking one back leaves the other's, taking both ends it; marks need no rights for that."""
    for person in ("ada", "bob"):
        await world.ask("/mark save 2611.00002", person=person, is_admin=False)
    await world.ask("/mark save 2611.00002", person="ada", is_admin=False)
    assert OTHER.id in await world.storage.get_follows(CHAT)
    await world.ask("/mark save 2611.00002", person="bob", is_admin=False)
    assert OTHER.id not in await world.storage.get_follows(CHAT)


async def test_what_was_asked_for_outlives_what_was_saved(world):
    """/follow stays when 💾 is taken back, and Unfollow ends it although it is saved."""
    await world.ask("/mark save 2611.00001")
    await world.ask("/mark save 2611.00001")
    assert FIRST.id in await world.storage.get_follows(CHAT)
    await world.ask("/mark save 2611.00001")
    await world.ask("/follow 2611.00001")
    assert await world.storage.get_follows(CHAT) == {}
    assert "Small KV Caches" in await world.say("/saved")


async def test_a_paper_saved_after_its_announcement_is_gone():
    """Only its title is known: a first version is no news, any later one is, and arXiv is not made to wait for."""
    world = await Readers(make_batch(FIRST)).begin()
    await world.ask("/mark up 2611.00001")
    world.later(days=60)
    await world.services.pipeline.prune()
    world.arxiv.failures["lookup"] = SourceError("HTTP 503")
    assert (await world.ask("/mark save 2611.00001")).toast == "Saved."
    await world.announce(FIRST, day=date(2027, 1, 20), kind=CROSS)
    assert not any("version" in each for each in world.got())
    await world.announce(SECOND, day=date(2027, 1, 21))
    assert any("has version 2: what changed is not known." in each for each in world.got())


async def test_the_button_of_a_card(world):
    """It says what pressing it does, and the card shows the other word after that."""

    def line_of(reply, label):
        return next(each.line for each in reply.buttons if each.label == label)

    card = await world.ask("/paper 2611.00002")
    pressed = await world.ask(line_of(card, "Follow"), is_press=True)
    assert pressed.toast == 'Following "On Worlds" (2611.00002): new versions are told here.'
    assert pressed.replaces
    again = await world.ask(line_of(pressed, "Unfollow"), is_press=True)
    assert again.toast == 'No longer following "On Worlds" (2611.00002).'
    assert "Follow" in [each.label for each in again.buttons]


async def test_the_list_has_pages_and_buttons():
    """Eight on a page, the latest first; a button opens the card, another ends it and shows the page anew."""
    papers = [make_paper(f"2611.{number:05}", f"Paper {number}") for number in range(1, 11)]
    world = await Readers(make_batch(*papers)).begin()
    assert "follows no paper yet" in await world.say("/follow")
    for each in papers:
        await world.say(f"/follow {each.id}")
    first = await world.ask("/follow")
    assert "This chat follows 10 papers (page 1 of 2):\n1. Paper 10 (2611.00010v1)" in first.text
    assert first.rows == (*(2,) * 8, 1)
    assert [each.label for each in first.buttons[:3]] == ["1", "✕ 1", "2"]
    second = await world.ask(first.buttons[-1].line, is_press=True)
    assert second.replaces
    assert [each.label for each in second.buttons] == ["9", "✕ 9", "10", "✕ 10", "‹ Previous"]
    ended = await world.ask(second.buttons[1].line, is_press=True)
    assert ended.toast == 'No longer following "Paper 2" (2611.00002).'
    assert "page 2 of 2" in ended.text
    assert "not followed here" in (await world.ask(second.buttons[1].line, is_press=True)).toast
    assert "No longer following" in await world.say("/unfollow 2611.00001")


async def test_forgetting_a_chat_ends_its_follows(world):
    """After /forgetme nothing is followed, and nothing told."""
    await world.say("/forgetme yes")
    assert await world.storage.get_followers(FIRST.id) == {}
    await world.announce(SECOND)
    assert world.got() == []


async def test_a_card_shows_the_comment_once_it_is_known(world):
    """The first look lets it be looked up, a later one shows it, with the names one by one and where it was published."""
    known = replace(FIRST, authors=("Vale, Ada", "Bo Oak"), journal_ref="J. Caches 1")
    world.arxiv.records[FIRST.id] = record(known)
    asked = len(world.arxiv.asked)
    assert (await world.ask("/paper 2611.00001")).card.comment == ""
    assert len(world.arxiv.asked) == asked
    assert await world.backfill.run() == 1
    card = (await world.ask("/paper 2611.00001")).card
    assert (card.comment, card.is_followed) == ("accepted at ICLR", True)
    assert (card.announced.paper.authors, card.announced.paper.journal_ref) == (known.authors, "J. Caches 1")
    assert await world.backfill.run() == 0


async def test_lookups_go_in_slices_and_are_not_repeated(world):
    """At most a hundred ids a request; what arXiv does not know is not asked for again that day, what failed is."""
    world.backfill.want([(f"2610.{number:05}", 1) for number in range(250)])
    world.arxiv.failures["lookup"] = SourceError("HTTP 503")
    assert await world.backfill.run() == 0
    del world.arxiv.failures["lookup"]
    world.arxiv.asked.clear()
    await world.backfill.run()
    world.backfill.want([("2610.00000", 1)])
    await world.backfill.run()
    assert [len(ids) for _, ids in world.arxiv.asked] == [100, 100, 50]
    world.later(hours=7)
    world.backfill.want([("2610.00000", 1)])
    await world.backfill.run()
    assert len(world.arxiv.asked) == 4
