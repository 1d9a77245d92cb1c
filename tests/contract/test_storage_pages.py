"""What every storage keeps of pages; see the port's docstrings."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.model.chat import Chat
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, ReasonKind, Score
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.model.summary import Summary, TextSource
from bot.ports import Storage

ANN, BOB, THREAD = Chat("telegram", "-100200"), Chat("discord", "77"), Chat("telegram", "-100200", "5")
MONDAY = date(2026, 8, 3)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
PAPER = Paper(
    ArxivId("2608.00001"),
    2,
    "On Rounds 量子 🙂",
    "We deliver $O(n)$.\n\u202e",
    ("Zoë O’Neil", "李 明"),
    ("cs.LG", "math.OC"),
    raw_title="On",
    raw_abstract="We deliver $O(n)$.",
    doi="10.1/x",
)
SUMMARY = Summary(PAPER.id, 2, "zh", "fake-1", "3", TextSource.PDF, NOON, "短。", ("a", "b"), code_url="https://x.test")
REASONS = (
    Reason("kv cache", ("title", "abstract"), 2.1),
    Reason("tea", (), -0.25, ReasonKind.DISLIKED, 3),
)
TWIN = replace(PAPER, id=ArxivId("2608.00002"), title="On Rounds, Again")
RICH = Digest(
    MONDAY,
    ("cs.LG", "math.OC"),
    (
        DigestPaper(1, AnnouncedPaper(PAPER, AnnounceType.CROSS, MONDAY), Score(1.85, REASONS), SUMMARY, (TWIN,)),
        DigestPaper(
            2, AnnouncedPaper(replace(PAPER, id=ArxivId("hep-th/9901001")), AnnounceType.NEW, date.min), Score(0)
        ),
    ),
    {LeftOut.NO_MATCH: 7, LeftOut.DELIVERED: 1},
    is_sample=True,
    since=date(2026, 7, 31),
)
ID = "AZaz09_-AZaz09_-AZaz09"


def page(number: int = 0, chat: Chat = ANN, **fields: object) -> Page:
    """The page of one day; those of later days have later letters."""
    identifier = f"{number:02}{ID[2:]}"
    made = Page(
        identifier, chat, NOON + timedelta(days=number), "en", Digest(MONDAY + timedelta(days=number), (), (), {})
    )
    return replace(made, **fields)


async def begin(storage: Storage, *pages: Page) -> None:
    for each in pages:
        await storage.change_subscription(each.chat, lambda _, chat=each.chat: Subscription(chat, NOON))
        await storage.save_page(each)


async def restart(storage: Storage) -> None:
    await storage.close()
    await storage.open()


async def test_there_are_no_pages_at_first(storage: Storage) -> None:
    """Whatever is asked for."""
    for each in (ID, "", "x" * 10_000, "\x00/..", "é"):
        assert await storage.get_page(each) is None
    assert await storage.get_pages(ANN, 5) == ()
    assert await storage.get_page_neighbours(ANN, ID) is None


async def test_pages_come_back_as_they_were(storage: Storage) -> None:
    """With every paper, reason and summary, also after a restart."""
    rich = page(digest=RICH, language="zh", chat=THREAD)
    later = page(1, chat=THREAD, digest=replace(RICH, papers=RICH.papers[:1], since=None, left_out={}))
    await begin(storage, rich, later)
    for _ in range(2):
        assert await storage.get_page(rich.id) == rich
        assert await storage.get_pages(THREAD, 9) == (later, rich)
        await restart(storage)


async def test_texts_of_one_paper_are_not_mixed_up(storage: Storage) -> None:
    """A page shows what was there when it was planned, though another shows the same version with another title."""
    other = replace(RICH.papers[0], announced=replace(RICH.papers[0].announced, paper=replace(PAPER, title="Anew")))
    one, two = page(digest=RICH), page(chat=BOB, id=ID, digest=replace(RICH, papers=(other,)))
    await begin(storage, one, two)
    assert (await storage.get_page(one.id), await storage.get_page(two.id)) == (one, two)


async def test_the_newest_come_first(storage: Storage) -> None:
    """By when they were planned, whatever the order of saving; each chat has its own."""
    await begin(storage, page(2), page(0), page(3), page(1), page(4, chat=BOB))
    assert await storage.get_pages(ANN, 3) == (page(3), page(2), page(1))
    assert await storage.get_pages(BOB, 3) == (page(4, chat=BOB),)
    assert await storage.get_pages(ANN, 0) == ()


async def test_neighbours_are_of_the_same_chat(storage: Storage) -> None:
    """The one before, and the one after."""
    await begin(storage, page(0), page(1, chat=BOB), page(2), page(3))
    assert await storage.get_page_neighbours(ANN, page(0).id) == ("", page(2).id)
    assert await storage.get_page_neighbours(ANN, page(2).id) == (page(0).id, page(3).id)
    assert await storage.get_page_neighbours(ANN, page(3).id) == (page(2).id, "")
    assert await storage.get_page_neighbours(BOB, page(1).id) == ("", "")
    assert await storage.get_page_neighbours(ANN, page(1).id) is None
    assert await storage.get_page_neighbours(BOB, page(0).id) is None
    assert await storage.get_page_neighbours(ANN, "") is None


async def test_saving_again_replaces(storage: Storage) -> None:
    """Also where it is planned on another day then: it is the newest."""
    await begin(storage, page(0), page(1))
    again = page(0, at=NOON + timedelta(days=2), language="zh")
    await storage.save_page(again)
    await restart(storage)
    assert await storage.get_pages(ANN, 9) == (again, page(1))
    assert await storage.get_page(again.id) == again


async def test_a_chat_without_subscription_gets_no_page(storage: Storage) -> None:
    """It may have been forgotten a moment before."""
    await storage.save_page(page())
    assert await storage.get_page(page().id) is None


async def test_forgetting_a_chat_erases_its_pages(storage: Storage) -> None:
    """And those of no other chat, though they show the same papers."""
    await begin(storage, page(0, digest=RICH), page(1), page(2, chat=THREAD, digest=RICH))
    await storage.forget_chat(ANN)
    for _ in range(2):
        assert await storage.get_pages(ANN, 9) == ()
        assert await storage.get_page(page(0).id) is None
        assert await storage.get_page_neighbours(ANN, page(0).id) is None
        assert await storage.get_page(page(2).id) == page(2, chat=THREAD, digest=RICH)
        await restart(storage)


async def test_moving_a_chat_keeps_its_addresses(storage: Storage) -> None:
    """They are the new chat's, among those that it has, in order. Twice is as once."""
    await begin(storage, page(0, digest=RICH), page(2), page(1, chat=BOB), page(3, chat=BOB))
    for _ in range(2):
        await storage.move_chat(ANN, BOB)
        expected = (page(3, BOB), page(2, BOB), page(1, BOB), page(0, BOB, digest=RICH))
        assert await storage.get_pages(BOB, 9) == expected
        assert await storage.get_pages(ANN, 9) == ()
        assert await storage.get_page(page(0).id) == expected[-1]
        await restart(storage)


async def test_old_pages_are_pruned(storage: Storage) -> None:
    """Those planned on earlier days, with summaries; newer ones that show the same papers stay whole."""
    await begin(storage, page(0, digest=RICH), page(1, digest=RICH), page(2), page(0, chat=BOB, id=ID))
    await storage.prune(batches_before=date.max, seen_before=date.max)
    assert len(await storage.get_pages(ANN, 9)) == 3
    await storage.prune(batches_before=MONDAY, seen_before=MONDAY, summaries_before=MONDAY + timedelta(days=1))
    for _ in range(2):
        assert await storage.get_pages(ANN, 9) == (page(2), page(1, digest=RICH))
        assert await storage.get_pages(BOB, 9) == ()
        assert await storage.get_page(page(0).id) is None
        assert await storage.get_page_neighbours(ANN, page(1).id) == ("", page(2).id)
        await restart(storage)


async def test_overlapping_saves_are_all_kept(storage: Storage) -> None:
    """Many pages of one chat and of others at once."""
    pages = [page(number, digest=RICH) for number in range(20)] + [page(40, chat=BOB, digest=RICH)]
    await begin(storage, page(41), page(42, chat=BOB))
    await asyncio.gather(*map(storage.save_page, pages))
    assert len(await storage.get_pages(ANN, 99)) == 21
    assert len(await storage.get_pages(BOB, 99)) == 2


@pytest.mark.parametrize("instant", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_any_instant_will_do(storage: Storage, instant: datetime) -> None:
    """A clock may be anywhere."""
    await begin(storage, page(1), page(0, at=instant))
    assert sorted(each.at for each in await storage.get_pages(ANN, 9)) == sorted([page(1).at, instant])
