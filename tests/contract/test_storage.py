"""What every storage keeps; see the port's docstrings."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.errors import SourceFault, StorageError
from bot.model.announcement import Batch
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.day import Addition, DayPhase, DayState
from bot.model.delivery import Delivery, Progress
from bot.model.digest import Digest
from bot.model.page import Page
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.model.subscription import Pause, PauseReason, Subscription
from bot.ports import Revisions, Storage

ANN = Chat("telegram", "-100200")
BOB = Chat("discord", "77")
THREAD = Chat("telegram", "-100200", "5")
CREATED = datetime(2026, 8, 3, 9, 30, 15, 123456, tzinfo=UTC)
MONDAY, TUESDAY, WEDNESDAY = date(2026, 8, 3), date(2026, 8, 4), date(2026, 8, 5)
ONE, TWO, THREE = ArxivId("2608.00001"), ArxivId("2608.00002"), ArxivId("hep-th/9901001")

RICH = Subscription(
    ANN,
    CREATED,
    categories=("cs.LG", "stat.ML"),
    topics=('ti:"kv cache"^2.5', "-au:Émile\u0301", "量子 🙂 \u202e\x00\n", ""),
    max_papers=3,
    min_score=45,
    types=(AnnounceType.REPLACE_CROSS, AnnounceType.NEW),
    days_back=0,
    ranker="learned",
    language="pt-BR",
    detail="full",
    max_papers_to_summarize=3,
    forum_tag="Émile 🙂",
    schedule="weekdays 08:30",
    timezone="Asia/Kathmandu",
    quiet_notice=True,
    failure_notice=False,
    pause=Pause(PauseReason.BLOCKED, CREATED, CREATED.replace(day=9)),
    muted=("-au:Émile\u0301", ""),
    pages=False,
)
PROGRESS = Progress(MONDAY, CREATED)
PAGE = Page("id", ANN, CREATED, "en", Digest(MONDAY, (), (), {}))


def always(subscription: Subscription) -> Callable[[Subscription | None], Subscription]:
    return lambda _: subscription


def paper(identifier: ArxivId, version: int = 1, title: str = "On Rounds") -> Paper:
    return Paper(
        identifier,
        version,
        title,
        "We deliver \\emph{papers}.",
        ("Zoë O’Neil", "李 明"),
        ("cs.LG", "math.OC"),
        raw_title=title,
        doi="10.1000/1",
    )


def batch(category: str, day: date, *papers: tuple[Paper, AnnounceType]) -> Batch:
    return Batch(category, day, papers)


async def restart(storage: Storage) -> None:
    await storage.close()
    await storage.open()


async def test_an_unknown_chat_has_nothing(storage: Storage) -> None:
    """A chat never written has no subscription, no seen ids, and is not listed."""
    assert await storage.get_subscription(ANN) is None
    assert await storage.get_subscriptions() == ()
    assert await storage.get_seen(ANN) == {}
    assert await storage.get_announcements(date.min) == ()


async def test_a_subscription_comes_back_as_it_was(storage: Storage) -> None:
    """Every field of a subscription survives a restart, odd characters and all."""
    assert await storage.change_subscription(ANN, always(RICH)) == RICH
    assert await storage.get_subscription(ANN) == RICH
    await restart(storage)
    assert await storage.get_subscription(ANN) == RICH
    kept = await storage.get_subscription(ANN)
    assert kept is not None
    assert kept.created.tzinfo is UTC


async def test_a_change_sees_what_is_stored(storage: Storage) -> None:
    """The change is called with None at first, and with the stored subscription after."""
    calls: list[Subscription | None] = []

    def change(old: Subscription | None) -> Subscription:
        calls.append(old)
        return RICH

    await storage.change_subscription(ANN, change)
    await storage.change_subscription(ANN, change)
    assert calls == [None, RICH]


async def test_a_field_can_become_empty_again(storage: Storage) -> None:
    """A subscription replaces the one before instead of mixing with it."""
    plain = Subscription(ANN, CREATED)
    await storage.change_subscription(ANN, always(RICH))
    await storage.change_subscription(ANN, always(plain))
    await restart(storage)
    assert await storage.get_subscription(ANN) == plain


async def test_overlapping_changes_do_not_lose_each_other(storage: Storage) -> None:
    """A hundred changes at once, each adding one, add a hundred."""

    def add_one(old: Subscription | None) -> Subscription:
        return replace(old, max_papers=old.max_papers + 1) if old else replace(RICH, max_papers=1)

    await asyncio.gather(*(storage.change_subscription(ANN, add_one) for _ in range(100)))
    await restart(storage)
    kept = await storage.get_subscription(ANN)
    assert kept is not None
    assert kept.max_papers == 100


async def test_a_change_that_raises_changes_nothing(storage: Storage) -> None:
    """What the change raises arrives at the caller, and the stored subscription stays."""
    await storage.change_subscription(ANN, always(RICH))

    def fail(_: Subscription | None) -> Subscription:
        raise LookupError("no such topic")

    with pytest.raises(LookupError, match="no such topic"):
        await storage.change_subscription(ANN, fail)
    await restart(storage)
    assert await storage.get_subscription(ANN) == RICH


async def test_a_change_keeps_to_its_chat(storage: Storage) -> None:
    """A change that makes another chat's subscription is refused, and neither chat changes."""
    with pytest.raises(ValueError, match="discord:77"):
        await storage.change_subscription(BOB, always(RICH))
    assert await storage.get_subscriptions() == ()


async def test_subscriptions_are_ordered_by_chat_key(storage: Storage) -> None:
    """All subscriptions come in the order of their chat keys, whatever the order of writing; threads are chats."""
    for chat in (THREAD, BOB, ANN):
        await storage.change_subscription(chat, always(replace(RICH, chat=chat)))
    assert [each.chat for each in await storage.get_subscriptions()] == [BOB, ANN, THREAD]
    await restart(storage)
    assert [each.chat for each in await storage.get_subscriptions()] == [BOB, ANN, THREAD]


async def test_a_list_shows_what_changed_since(storage: Storage) -> None:
    """Listing again sees new, changed and forgotten chats, and a list given out before stays as it was."""
    kept, added = (replace(RICH, chat=Chat("telegram", each)) for each in ("1", "2"))
    for subscription in (RICH, replace(RICH, chat=BOB), kept):
        await storage.change_subscription(subscription.chat, always(subscription))
    before = await storage.get_subscriptions()
    await storage.forget_chat(BOB)
    await storage.change_subscription(ANN, always(replace(RICH, max_papers=4)))
    await storage.change_subscription(added.chat, always(added))
    assert await storage.get_subscriptions() == (replace(RICH, max_papers=4), kept, added)
    assert before == (replace(RICH, chat=BOB), RICH, kept)


async def test_seen_papers_keep_their_first_day(storage: Storage) -> None:
    """A paper delivered again on another day keeps the day of its first delivery."""
    await storage.add_seen(ANN, [ONE, TWO, ONE], MONDAY)
    await storage.add_seen(ANN, [TWO, THREE], TUESDAY)
    await storage.add_seen(ANN, [ONE], MONDAY)
    expected = {ONE: MONDAY, TWO: MONDAY, THREE: TUESDAY}
    assert await storage.get_seen(ANN) == expected
    await restart(storage)
    assert await storage.get_seen(ANN) == expected


async def test_days_may_be_written_in_any_order(storage: Storage) -> None:
    """The first day is the one written first, not the earliest."""
    await storage.add_seen(ANN, [ONE], TUESDAY)
    await storage.add_seen(ANN, [ONE, TWO], MONDAY)
    assert await storage.get_seen(ANN) == {ONE: TUESDAY, TWO: MONDAY}


async def test_seen_papers_belong_to_one_chat(storage: Storage) -> None:
    """What one chat has seen is unseen in another, also in a thread of the same chat."""
    await storage.add_seen(ANN, [ONE], MONDAY)
    assert await storage.get_seen(THREAD) == {}
    assert await storage.get_seen(BOB) == {}


async def test_adding_no_papers_is_fine(storage: Storage) -> None:
    """An empty delivery marks nothing."""
    await storage.add_seen(ANN, [], MONDAY)
    assert await storage.get_seen(ANN) == {}


async def test_overlapping_deliveries_are_all_kept(storage: Storage) -> None:
    """Many chats marking many papers at once lose none."""
    chats = [Chat("telegram", str(number)) for number in range(50)]
    ids = [ArxivId(f"2608.{number:05}") for number in range(3)]
    await asyncio.gather(*(storage.add_seen(chat, [each], MONDAY) for chat in chats for each in ids))
    await restart(storage)
    for chat in chats:
        assert await storage.get_seen(chat) == dict.fromkeys(ids, MONDAY)


async def test_a_forgotten_chat_leaves_nothing(storage: Storage) -> None:
    """Forgetting erases subscription and seen ids of this chat alone, and may be repeated."""
    for chat in (ANN, THREAD):
        await storage.change_subscription(chat, always(replace(RICH, chat=chat)))
        await storage.add_seen(chat, [ONE], MONDAY)
        await storage.add_seen(chat, [TWO], TUESDAY)
    await storage.forget_chat(ANN)
    await storage.forget_chat(ANN)
    await restart(storage)
    assert await storage.get_subscription(ANN) is None
    assert await storage.get_seen(ANN) == {}
    assert [each.chat for each in await storage.get_subscriptions()] == [THREAD]
    assert await storage.get_seen(THREAD) == {ONE: MONDAY, TWO: TUESDAY}


async def test_a_forgotten_chat_can_come_back(storage: Storage) -> None:
    """After being forgotten a paper counts as unseen until it is delivered again."""
    await storage.add_seen(ANN, [ONE], MONDAY)
    await storage.forget_chat(ANN)
    await storage.add_seen(ANN, [ONE], TUESDAY)
    assert await storage.get_seen(ANN) == {ONE: TUESDAY}


async def mark(storage: Storage, chat: Chat, person: str, identifier: ArxivId, *marks: Mark) -> None:
    await storage.change_marks(chat, person, identifier, f"On {identifier}", lambda _: frozenset(marks), MONDAY)


async def test_marks_are_changed_from_what_they_were(storage: Storage) -> None:
    """Each change sees the marks before it, and what it returns is kept with title and day."""
    for wanted, day in ((Mark.UP, MONDAY), (Mark.SAVE, TUESDAY)):
        returned = await storage.change_marks(
            ANN, "ada", ONE, "On Rounds", lambda marks, wanted=wanted: marks | {wanted}, day
        )
    assert returned == {Mark.UP, Mark.SAVE}
    await restart(storage)
    expected = MarkedPaper(ONE, "On Rounds", frozenset({Mark.UP, Mark.SAVE}), TUESDAY)
    assert await storage.get_marks(ANN, "ada") == {ONE: expected}


async def test_the_latest_marks_come_last(storage: Storage) -> None:
    """Marks are in the order of their last change."""
    for identifier in (ONE, TWO, THREE, ONE):
        await mark(storage, ANN, "ada", identifier, Mark.SAVE)
    await restart(storage)
    assert list(await storage.get_marks(ANN, "ada")) == [TWO, THREE, ONE]


async def test_a_paper_without_marks_is_forgotten(storage: Storage) -> None:
    """The last mark taken back leaves nothing."""
    await mark(storage, ANN, "ada", ONE, Mark.UP)
    await mark(storage, ANN, "ada", ONE)
    await mark(storage, ANN, "ada", TWO)
    assert await storage.get_marks(ANN, "ada") == {}


async def test_marks_belong_to_a_person_in_a_chat(storage: Storage) -> None:
    """Other people, other chats and threads, and names made of odd characters see nothing of them."""
    odd = 'a","b\x00 🙂'
    await mark(storage, ANN, "ada", ONE, Mark.UP)
    await mark(storage, ANN, odd, TWO, Mark.DOWN)
    assert list(await storage.get_marks(ANN, "ada")) == [ONE]
    assert list(await storage.get_marks(ANN, odd)) == [TWO]
    for chat, person in ((ANN, "bob"), (THREAD, "ada"), (BOB, "ada"), (ANN, ""), (ANN, "a")):
        assert await storage.get_marks(chat, person) == {}


async def test_marks_of_everybody_in_a_chat(storage: Storage) -> None:
    """The marks of a chat are those of all its people, each under their own name, and of nobody else."""
    odd = 'a","b\x00 🙂'
    assert await storage.get_chat_marks(ANN) == {}
    for chat, person, identifier in ((ANN, "ada", ONE), (ANN, odd, ONE), (ANN, odd, TWO), (THREAD, "ada", THREE)):
        await mark(storage, chat, person, identifier, Mark.UP)
    await mark(storage, ANN, "bob", ONE, Mark.UP)
    await mark(storage, ANN, "bob", ONE)
    await restart(storage)
    assert await storage.get_chat_marks(ANN) == {
        person: await storage.get_marks(ANN, person) for person in ("ada", odd)
    }


async def test_a_failed_change_of_marks_changes_nothing(storage: Storage) -> None:
    """What the change raises is passed on, and the marks stay as they were."""
    await mark(storage, ANN, "ada", ONE, Mark.UP)

    def refuse(marks: frozenset[Mark]) -> frozenset[Mark]:
        raise LookupError(str(len(marks)))

    with pytest.raises(LookupError, match="1"):
        await storage.change_marks(ANN, "ada", ONE, "Another", refuse, TUESDAY)
    await restart(storage)
    assert [each.title for each in (await storage.get_marks(ANN, "ada")).values()] == [f"On {ONE}"]


async def test_overlapping_marks_are_all_kept(storage: Storage) -> None:
    """Many people pressing many buttons at once lose none of them."""
    pressed = [(person, each) for person in ("ada", "bob") for each in (ONE, TWO, THREE)]
    await asyncio.gather(*(mark(storage, ANN, person, each, Mark.SAVE) for person, each in pressed))
    await restart(storage)
    for person in ("ada", "bob"):
        assert set(await storage.get_marks(ANN, person)) == {ONE, TWO, THREE}


async def test_forgetting_and_pruning_differ_for_marks(storage: Storage) -> None:
    """A forgotten chat's marks are erased, its neighbours' stay; pruning touches none."""
    for chat in (ANN, THREAD):
        await mark(storage, chat, "ada", ONE, Mark.SAVE)
    await storage.prune(batches_before=date.max, seen_before=date.max)
    assert set(await storage.get_marks(ANN, "ada")) == {ONE}
    await storage.forget_chat(ANN)
    await restart(storage)
    assert await storage.get_marks(ANN, "ada") == {}
    assert set(await storage.get_marks(THREAD, "ada")) == {ONE}


async def test_a_moved_chat_takes_everything_along(storage: Storage) -> None:
    """Subscription, seen ids and marks are the new chat's, and nothing is left of the old one; twice is as once."""
    await storage.change_subscription(ANN, always(RICH))
    await storage.add_seen(ANN, [ONE], MONDAY)
    await storage.add_seen(ANN, [TWO], TUESDAY)
    await storage.add_seen(THREAD, [THREE], WEDNESDAY)
    await mark(storage, ANN, "ada", ONE, Mark.SAVE)
    for _ in range(2):
        await storage.move_chat(ANN, BOB)
        await restart(storage)
        assert await storage.get_subscriptions() == (replace(RICH, chat=BOB),)
        assert await storage.get_seen(BOB) == {ONE: MONDAY, TWO: TUESDAY}
        assert set(await storage.get_marks(BOB, "ada")) == {ONE}
        assert (await storage.get_seen(ANN), await storage.get_marks(ANN, "ada")) == ({}, {})
    assert await storage.get_seen(THREAD) == {THREE: WEDNESDAY}


async def test_a_chat_may_move_to_one_that_is_used_already(storage: Storage) -> None:
    """The new chat's settings and marks win, what both follow is followed, and seen ids unite, the earlier day kept."""
    present = replace(
        RICH, chat=BOB, created=CREATED.replace(day=9), topics=("rounds", ""), muted=("rounds",), max_papers=9
    )
    await storage.change_subscription(ANN, always(replace(RICH, categories=("math.OC", "cs.LG"))))
    await storage.change_subscription(BOB, always(present))
    for chat, ids, day in ((ANN, [ONE, TWO], TUESDAY), (BOB, [TWO], MONDAY), (BOB, [THREE], WEDNESDAY)):
        await storage.add_seen(chat, ids, day)
    await mark(storage, ANN, "ada", ONE, Mark.UP)
    await mark(storage, ANN, "ada", TWO, Mark.SAVE)
    await mark(storage, BOB, "ada", ONE, Mark.DOWN)
    await storage.move_chat(ANN, BOB)
    await restart(storage)
    (merged,) = await storage.get_subscriptions()
    assert (merged.chat, merged.created, merged.max_papers) == (BOB, CREATED, 9)
    assert merged.categories == ("cs.LG", "stat.ML", "math.OC")
    assert merged.topics == ("rounds", "", *RICH.topics[:-1])
    assert merged.muted == ("rounds", "-au:Émile\u0301")
    assert await storage.get_seen(BOB) == {ONE: TUESDAY, TWO: MONDAY, THREE: WEDNESDAY}
    kept = {each.id: each.marks for each in (await storage.get_marks(BOB, "ada")).values()}
    assert kept == {TWO: {Mark.SAVE}, ONE: {Mark.DOWN}}


async def test_moving_nothing_or_nowhere_changes_nothing(storage: Storage) -> None:
    """An unknown chat may move, and a chat may move to itself."""
    await storage.change_subscription(ANN, always(RICH))
    await storage.add_seen(ANN, [ONE], MONDAY)
    await mark(storage, ANN, "ada", ONE, Mark.SAVE)
    await storage.move_chat(BOB, ANN)
    await storage.move_chat(ANN, ANN)
    assert await storage.get_subscription(ANN) == RICH
    assert await storage.get_seen(ANN) == {ONE: MONDAY}
    assert set(await storage.get_marks(ANN, "ada")) == {ONE}


async def test_notes_are_kept_replaced_and_forgotten(storage: Storage) -> None:
    """A note is what was written last under its key; the empty text forgets it, even where there was none."""
    assert await storage.get_note("share abc") is None
    await storage.set_note("share abc", "first")
    await storage.set_note("share abc", '{"topics": ["量子 🙂"]}')
    await storage.set_note("commands", "hash")
    await restart(storage)
    assert await storage.get_note("share abc") == '{"topics": ["量子 🙂"]}'
    await storage.set_note("share abc", "")
    await storage.set_note("share abc", "")
    await restart(storage)
    assert await storage.get_note("share abc") is None
    assert await storage.get_note("commands") == "hash"


async def test_notes_are_changed_in_one_step(storage: Storage) -> None:
    """The change sees what is there, or nothing; many at once lose none; what it raises changes nothing."""

    def refuse(_: str) -> str:
        raise ValueError("no")

    assert await storage.change_note("count", lambda text: text + "|") == "|"
    await asyncio.gather(*(storage.change_note("count", lambda text: text + "|") for _ in range(20)))
    with pytest.raises(ValueError, match="no"):
        await storage.change_note("count", refuse)
    assert await storage.get_note("count") == "|" * 21
    assert await storage.change_note("count", lambda _: "") == ""
    assert await storage.get_note("count") is None


async def test_notes_are_found_by_the_beginning_of_their_keys(storage: Storage) -> None:
    """Ordered by key, letter for letter, whatever signs the beginning holds."""
    for key in ("todo b 1", "todo a 2", "todo_a", "todo%", "done a 2"):
        await storage.set_note(key, key.upper())
    await storage.close()
    await storage.open()
    assert list((await storage.get_notes("todo ")).items()) == [("todo a 2", "TODO A 2"), ("todo b 1", "TODO B 1")]
    assert list(await storage.get_notes("todo_")) == ["todo_a"]
    assert list(await storage.get_notes("todo%")) == ["todo%"]
    assert await storage.get_notes("nothing") == {}


async def test_notes_are_not_a_chats(storage: Storage) -> None:
    """Forgetting or moving a chat leaves a note alone whose key happens to be the chat's."""
    await storage.set_note(ANN.key, "mine")
    await storage.forget_chat(ANN)
    await storage.move_chat(ANN, BOB)
    assert await storage.get_note(ANN.key) == "mine"


async def test_batches_come_back_as_announcements(storage: Storage) -> None:
    """Batches of one day make one announcement, listings by category, papers in feed order; days are oldest first."""
    first, second, third = paper(ONE), paper(TWO), paper(THREE)
    await storage.save_batch(batch("stat.ML", TUESDAY, (second, AnnounceType.NEW), (first, AnnounceType.CROSS)))
    await storage.save_batch(batch("cs.LG", TUESDAY, (first, AnnounceType.NEW)))
    await storage.save_batch(batch("cs.LG", MONDAY, (third, AnnounceType.REPLACE)))
    await restart(storage)
    monday, tuesday = await storage.get_announcements(MONDAY)
    assert (monday.day, tuesday.day) == (MONDAY, TUESDAY)
    assert monday.papers == {THREE: third}
    assert tuesday.papers == {ONE: first, TWO: second}
    assert list(tuesday.listings.items()) == [
        ("cs.LG", ((ONE, AnnounceType.NEW),)),
        ("stat.ML", ((TWO, AnnounceType.NEW), (ONE, AnnounceType.CROSS))),
    ]
    assert not tuesday.is_sample


async def test_announcements_begin_with_the_asked_day(storage: Storage) -> None:
    """The asked day itself is included, earlier ones are not."""
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        await storage.save_batch(batch("cs.LG", day, (paper(ONE), AnnounceType.NEW)))
    assert [each.day for each in await storage.get_announcements(TUESDAY)] == [TUESDAY, WEDNESDAY]


async def test_a_batch_replaces_its_predecessor(storage: Storage) -> None:
    """Saving the same category and day again leaves only the later batch."""
    await storage.save_batch(batch("cs.LG", MONDAY, (paper(ONE), AnnounceType.NEW)))
    await storage.save_batch(batch("cs.LG", MONDAY, (paper(TWO, version=2), AnnounceType.REPLACE)))
    await restart(storage)
    (announcement,) = await storage.get_announcements(MONDAY)
    assert announcement.papers == {TWO: paper(TWO, version=2)}


async def test_a_quiet_day_is_remembered(storage: Storage) -> None:
    """A batch without papers is an announcement without papers, not a missing one."""
    await storage.save_batch(Batch("cs.LG", MONDAY, (), is_sample=True))
    await restart(storage)
    (announcement,) = await storage.get_announcements(MONDAY)
    assert announcement.papers == {}
    assert announcement.listings == {"cs.LG": ()}
    assert announcement.is_sample


async def test_pruning_keeps_the_given_days(storage: Storage) -> None:
    """Older batches and seen ids go, those of the given days stay."""
    for day, identifier in ((MONDAY, ONE), (TUESDAY, TWO), (WEDNESDAY, THREE)):
        await storage.save_batch(batch("cs.LG", day, (paper(identifier), AnnounceType.NEW)))
        await storage.add_seen(ANN, [identifier], day)
    await storage.change_subscription(ANN, always(RICH))
    await storage.prune(batches_before=WEDNESDAY, seen_before=TUESDAY)
    await restart(storage)
    assert [each.day for each in await storage.get_announcements(date.min)] == [WEDNESDAY]
    assert await storage.get_seen(ANN) == {TWO: TUESDAY, THREE: WEDNESDAY}
    assert await storage.get_subscription(ANN) == RICH


async def test_a_pruned_paper_may_be_seen_again(storage: Storage) -> None:
    """After pruning, a paper is unseen, and any day may be written."""
    await storage.add_seen(ANN, [ONE, TWO], MONDAY)
    await storage.prune(batches_before=TUESDAY, seen_before=TUESDAY)
    await storage.add_seen(ANN, [ONE], MONDAY)
    assert await storage.get_seen(ANN) == {ONE: MONDAY}


async def test_checking_leaves_no_trace(storage: Storage) -> None:
    """The doctor's write changes nothing, however often."""
    await storage.change_subscription(ANN, always(RICH))
    await storage.check()
    await storage.check()
    await restart(storage)
    await storage.check()
    assert await storage.get_subscriptions() == (RICH,)
    assert await storage.get_seen(ANN) == {}


async def test_closing_is_always_fine(storage: Storage) -> None:
    """A storage may be closed twice, and opened twice."""
    await storage.close()
    await storage.close()
    await storage.open()
    await storage.open()
    await storage.check()


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.get_subscription(ANN),
        lambda storage: storage.get_subscriptions(),
        lambda storage: storage.change_subscription(ANN, always(RICH)),
        lambda storage: storage.forget_chat(ANN),
        lambda storage: storage.get_seen(ANN),
        lambda storage: storage.add_seen(ANN, [ONE], MONDAY),
        lambda storage: storage.move_chat(ANN, BOB),
        lambda storage: storage.get_marks(ANN, "ada"),
        lambda storage: storage.change_marks(ANN, "ada", ONE, "On Rounds", lambda marks: marks, MONDAY),
        lambda storage: storage.get_follows(ANN),
        lambda storage: storage.change_follow(ANN, ONE, lambda follow: follow),
        lambda storage: storage.get_followed(),
        lambda storage: storage.get_followers(ONE),
        lambda storage: storage.save_records([], MONDAY),
        lambda storage: storage.get_record(ONE, 1),
        lambda storage: storage.get_note("commands"),
        lambda storage: storage.set_note("commands", "hash"),
        lambda storage: storage.change_note("commands", lambda _: "hash"),
        lambda storage: storage.get_notes("commands"),
        lambda storage: storage.save_batch(batch("cs.LG", MONDAY)),
        lambda storage: storage.get_announcements(MONDAY),
        lambda storage: storage.get_revisions(),
        lambda storage: storage.get_progress(ANN),
        lambda storage: storage.get_all_progress(),
        lambda storage: storage.plan(ANN, PROGRESS),
        lambda storage: storage.get_deliveries(ANN),
        lambda storage: storage.get_open_chats(),
        lambda storage: storage.record(Delivery(ANN, MONDAY, 1, 1, CREATED, CREATED)),
        lambda storage: storage.count_deliveries(MONDAY),
        lambda storage: storage.prune(batches_before=MONDAY, seen_before=MONDAY),
        lambda storage: storage.save_page(PAGE),
        lambda storage: storage.get_page(PAGE.id),
        lambda storage: storage.get_pages(ANN, 1),
        lambda storage: storage.get_page_neighbours(ANN, PAGE.id),
        lambda storage: storage.check(),
    ],
    ids=lambda call: "-".join(name for name in call.__code__.co_names if name.islower()),
)
async def test_a_closed_storage_does_nothing(storage: Storage, call: Callable[[Storage], Awaitable[object]]) -> None:
    """Every method of a storage that is not open raises StorageError."""
    await storage.close()
    with pytest.raises(StorageError, match="not open"):
        await call(storage)


async def test_a_cancelled_write_is_whole_or_absent(storage: Storage) -> None:
    """Cancelling one writer leaves the others alone, and its own papers are all there or none."""
    cancelled = asyncio.create_task(storage.add_seen(ANN, [ONE, TWO], MONDAY))
    others = [asyncio.create_task(storage.add_seen(BOB, [each], MONDAY)) for each in (ONE, TWO, THREE)]
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(*others)
    await asyncio.gather(cancelled, return_exceptions=True)
    await restart(storage)
    assert set(await storage.get_seen(ANN)) in ({ONE, TWO}, set())
    assert set(await storage.get_seen(BOB)) == {ONE, TWO, THREE}


DAY_STATE = DayState(
    "cs.LG",
    TUESDAY,
    DayPhase.PARTIAL,
    since=CREATED,
    probes=3,
    asked=CREATED,
    came=CREATED,
    papers=2,
    is_first=True,
    is_empty=True,
    checked=CREATED,
    listed=0,
    lacked=4,
    recovered=1,
    is_cut=True,
    is_reopened=True,
    additions=(Addition(CREATED, (ONE, TWO)), Addition(CREATED.replace(day=5), (THREE,))),
    fault=SourceFault.REFUSED,
    until=CREATED,
)


async def test_states_of_days_come_back_whole(storage: Storage) -> None:
    """Every field of a state survives a restart, the default ones too, in the order of days and categories."""
    plain = DayState("cs.AI", TUESDAY)
    earlier = DayState("stat.ML", MONDAY, DayPhase.QUIET, came=CREATED, listed=0)
    for state in (DAY_STATE, plain, earlier):
        await storage.save_day(state)
    await restart(storage)
    assert await storage.get_days(MONDAY) == (earlier, plain, DAY_STATE)
    assert await storage.get_days(TUESDAY) == (plain, DAY_STATE)
    assert await storage.get_announcements(date.min) == ()


async def test_a_state_is_replaced_with_its_batch(storage: Storage) -> None:
    """A state and a batch are kept in one write; a state alone leaves the batch."""
    kept = batch("cs.LG", TUESDAY, (paper(ONE), AnnounceType.NEW))
    await storage.save_day(DAY_STATE, kept)
    done = replace(DAY_STATE, phase=DayPhase.COMPLETE, additions=())
    await storage.save_day(done)
    await restart(storage)
    assert await storage.get_days(date.min) == (done,)
    [announcement] = await storage.get_announcements(date.min)
    assert announcement.listings == {"cs.LG": ((ONE, AnnounceType.NEW),)}


async def test_states_of_old_days_are_pruned(storage: Storage) -> None:
    """They go with the batches of their day."""
    for day in (MONDAY, TUESDAY):
        await storage.save_day(replace(DAY_STATE, day=day), batch("cs.LG", day))
    await storage.prune(batches_before=TUESDAY, seen_before=MONDAY)
    await restart(storage)
    assert [each.day for each in await storage.get_days(date.min)] == [TUESDAY]
    assert [each.day for each in await storage.get_announcements(date.min)] == [TUESDAY]


async def test_revisions_tell_whether_anything_changed(storage: Storage) -> None:
    """Each write of a day adds one, and one for its batch; pruning adds something; whatever else is written, nothing."""
    first = await storage.get_revisions()
    await storage.save_day(DAY_STATE)
    assert await storage.get_revisions() == Revisions(first.batches, first.days + 1)
    await storage.save_day(DAY_STATE, batch("cs.LG", TUESDAY, (paper(ONE), AnnounceType.NEW)))
    assert await storage.get_revisions() == Revisions(first.batches + 1, first.days + 2)
    await storage.save_batch(batch("cs.LG", TUESDAY))
    saved = Revisions(first.batches + 2, first.days + 2)
    await storage.change_subscription(ANN, always(RICH))
    await storage.set_note("commands", "hash")
    await storage.save_records([], TUESDAY)
    assert await storage.get_revisions() == saved
    await storage.prune(batches_before=WEDNESDAY, seen_before=MONDAY)
    pruned = await storage.get_revisions()
    assert pruned.batches > saved.batches
    assert pruned.days > saved.days
