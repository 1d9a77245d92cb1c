"""What every storage keeps of followed papers, and of what was looked up of papers; see the port's docstrings."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.model.chat import Chat
from bot.model.delivery import Delivery, Progress
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.paper import ArxivId, Paper
from bot.model.subscription import Subscription
from bot.ports import Storage

ANN = Chat("telegram", "-100200")
BOB = Chat("discord", "77")
THREAD = Chat("telegram", "-100200", "5")
MONDAY = date(2026, 8, 3)
NOON = datetime(2026, 8, 4, 12, tzinfo=UTC)
ONE, TWO, THREE = ArxivId("2608.00001"), ArxivId("2608.00002"), ArxivId("hep-th/9901001")
PAPER = Paper(
    ONE, 2, "On Rounds 量子 🙂", "We deliver.\n\u202e", ("Zoë O’Neil", "李 明"), ("cs.LG", "math.OC"), raw_title="On"
)
RECORD = Record(PAPER, date(2026, 8, 4), MONDAY, "10 pages, “accepted” 🙂")


def version(paper: ArxivId = ONE, number: int = 1, **fields: object) -> Version:
    return replace(Version(paper, number, f"Title {number}", "We deliver.", ("Zoë",), ("cs.LG",)), **fields)


def follow(paper: ArxivId = ONE, number: int = 1, **fields: object) -> Follow:
    return replace(Follow(version(paper, number), is_asked=True), **fields)


async def begin(storage: Storage, chat: Chat, *follows: Follow) -> None:
    await storage.change_subscription(chat, lambda _: Subscription(chat, NOON))
    for each in follows:
        assert await storage.change_follow(chat, each.known.id, lambda _, each=each: each) == each


async def restart(storage: Storage) -> None:
    await storage.close()
    await storage.open()


async def test_nothing_is_followed_at_first(storage: Storage) -> None:
    """Neither by a chat, nor a paper by anybody."""
    assert await storage.get_follows(ANN) == {}
    assert await storage.get_followers(ONE) == {}
    assert await storage.get_followed() == {}


async def test_follows_come_back_as_they_were(storage: Storage) -> None:
    """Every field, for each chat its own, in the order in which they began, also after a restart."""
    rich = Follow(Version.of(PAPER), savers=("ada", "Bø"))
    bare = Follow(Version(THREE, 0, "Large N"), savers=("ada",))
    await begin(storage, ANN, bare, rich)
    await begin(storage, THREAD, follow(number=7))
    await begin(storage, ANN, replace(bare, is_asked=True))
    for _ in range(2):
        assert list((await storage.get_follows(ANN)).items()) == [(THREE, replace(bare, is_asked=True)), (ONE, rich)]
        assert await storage.get_follows(THREAD) == {ONE: follow(number=7)}
        await restart(storage)


async def test_a_paper_knows_its_followers(storage: Storage) -> None:
    """By chat key, each with its follow; a paper's categories are there as long as somebody follows it."""
    await begin(storage, BOB, follow(number=2))
    await begin(storage, THREAD, follow(), follow(TWO))
    await begin(storage, ANN, follow(), Follow(Version(THREE, 0, "Large N")))
    assert list((await storage.get_followers(ONE)).items()) == [
        (BOB, follow(number=2)),
        (ANN, follow()),
        (THREAD, follow()),
    ]
    assert await storage.get_followed() == {ONE: ("cs.LG",), TWO: ("cs.LG",), THREE: ()}
    await storage.change_follow(BOB, ONE, lambda _: None)
    await storage.change_follow(THREAD, TWO, lambda _: None)
    await restart(storage)
    assert list(await storage.get_followers(ONE)) == [ANN, THREAD]
    assert await storage.get_followers(TWO) == {}
    assert await storage.get_followed() == {ONE: ("cs.LG",), THREE: ()}


async def test_a_change_sees_the_follow_and_may_refuse(storage: Storage) -> None:
    """None where there is none; what it raises is passed on, and nothing changed; ending twice is fine."""
    await begin(storage, ANN, follow())

    def refuse(known: Follow | None) -> Follow | None:
        raise ValueError(known)

    with pytest.raises(ValueError, match="Title 1"):
        await storage.change_follow(ANN, ONE, refuse)
    with pytest.raises(ValueError, match="None"):
        await storage.change_follow(ANN, TWO, refuse)
    assert await storage.get_follows(ANN) == {ONE: follow()}
    for _ in range(2):
        assert await storage.change_follow(ANN, ONE, lambda _: None) is None
    assert await storage.get_follows(ANN) == {}


async def test_a_plan_and_what_it_tells_of_are_one(storage: Storage) -> None:
    """The follow knows the version from then on; who follows and why stays; an older version changes nothing."""
    await begin(storage, ANN, follow(savers=("ada",)), follow(TWO, 5))
    await begin(storage, BOB, follow())
    planned = Delivery(ANN, MONDAY, 1, 1, NOON, NOON, "has version 2")
    await storage.plan(ANN, None, [planned], [version(number=2), version(TWO, 4), version(THREE, 2)])
    for _ in range(2):
        assert await storage.get_follows(ANN) == {ONE: follow(number=2, savers=("ada",)), TWO: follow(TWO, 5)}
        assert await storage.get_follows(BOB) == {ONE: follow()}
        assert await storage.get_deliveries(ANN) == (planned,)
        await restart(storage)


async def test_a_plan_without_progress_leaves_that_alone(storage: Storage) -> None:
    """Neither begun nor changed."""
    await begin(storage, ANN)
    await storage.plan(ANN, None)
    assert await storage.get_progress(ANN) is None
    await storage.plan(ANN, Progress(MONDAY, NOON))
    await storage.plan(ANN, None, [], [version()])
    assert await storage.get_progress(ANN) == Progress(MONDAY, NOON)


async def test_a_plan_for_a_chat_without_subscription_tells_of_nothing(storage: Storage) -> None:
    """What was not sent is not known."""
    await storage.change_follow(ANN, ONE, lambda _: follow())
    await storage.plan(ANN, None, [], [version(number=2)])
    assert await storage.get_follows(ANN) == {ONE: follow()}


async def test_forgetting_a_chat_ends_its_follows(storage: Storage) -> None:
    """And those of no other chat."""
    await begin(storage, ANN, follow(), follow(TWO))
    await begin(storage, THREAD, follow())
    await storage.forget_chat(ANN)
    await restart(storage)
    assert await storage.get_follows(ANN) == {}
    assert await storage.get_followers(ONE) == {THREAD: follow()}
    assert await storage.get_followed() == {ONE: ("cs.LG",)}


async def test_moving_a_chat_moves_its_follows(storage: Storage) -> None:
    """What either followed, the old chat's first; of both, the newer version and every reason. Twice is as once."""
    await begin(storage, ANN, follow(number=3, is_asked=False, savers=("ada", "cy")), follow(TWO))
    await begin(storage, BOB, follow(number=2, savers=("bob", "ada")), follow(THREE))
    for _ in range(2):
        await storage.move_chat(ANN, BOB)
        assert list((await storage.get_follows(BOB)).items()) == [
            (TWO, follow(TWO)),
            (ONE, follow(number=3, savers=("bob", "ada", "cy"))),
            (THREE, follow(THREE)),
        ]
        assert await storage.get_follows(ANN) == {}
        assert [list(await storage.get_followers(each)) for each in (ONE, TWO, THREE)] == [[BOB]] * 3
        await restart(storage)


async def test_overlapping_changes_are_all_kept(storage: Storage) -> None:
    """Many chats that follow the same papers at once."""
    chats = [Chat("telegram", str(number)) for number in range(20)]
    await asyncio.gather(*(begin(storage, chat, follow(), follow(TWO)) for chat in chats))
    assert len(await storage.get_followers(ONE)) == len(await storage.get_followers(TWO)) == 20


async def test_records_are_kept_by_version(storage: Storage) -> None:
    """With every field, also after a restart; a later look-up of the same version replaces it."""
    later = replace(RECORD, comment="accepted")
    assert await storage.get_record(ONE, 2) is None
    await storage.save_records([RECORD, replace(RECORD, paper=replace(PAPER, id=THREE))], MONDAY)
    assert await storage.get_record(ONE, 2) == RECORD
    await storage.save_records([later], MONDAY + timedelta(days=1))
    for _ in range(2):
        assert await storage.get_record(ONE, 2) == later
        assert await storage.get_record(ONE, 1) is None
        assert await storage.get_record(THREE, 2) == replace(RECORD, paper=replace(PAPER, id=THREE))
        await restart(storage)


async def test_records_are_pruned_like_announcements(storage: Storage) -> None:
    """By the day on which they were looked up last; announcements and follows are not touched by that."""
    await begin(storage, ANN, follow())
    await storage.save_records([RECORD, replace(RECORD, paper=replace(PAPER, id=TWO))], MONDAY)
    await storage.save_records([RECORD], MONDAY + timedelta(days=1))
    await storage.prune(batches_before=MONDAY + timedelta(days=1), seen_before=MONDAY)
    await restart(storage)
    assert await storage.get_record(ONE, 2) == RECORD
    assert await storage.get_record(TWO, 2) is None
    assert await storage.get_follows(ANN) == {ONE: follow()}
    assert await storage.get_announcements(date.min) == ()
