"""What every storage keeps of rounds and deliveries; see the port's docstrings."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress, Round
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.ports import Storage

ANN = Chat("telegram", "-100200")
BOB = Chat("discord", "77")
THREAD = Chat("telegram", "-100200", "5")
CHATS = (ANN, BOB, THREAD)
MONDAY, TUESDAY, WEDNESDAY = date(2026, 8, 3), date(2026, 8, 4), date(2026, 8, 5)
NOON = datetime(2026, 8, 4, 12, 0, 0, 250, tzinfo=UTC)
ONE, TWO, THREE = ArxivId("2608.00001"), ArxivId("2608.00002"), ArxivId("hep-th/9901001")
PROGRESS = Progress(MONDAY, NOON)
RICH = Progress(
    TUESDAY,
    NOON,
    ("cs.LG", "量子 🙂"),
    last=Round(NOON, TUESDAY, announced=40, best=-2.5),
    last_digest=Round(NOON - timedelta(days=1), MONDAY, papers=9, announced=300),
    noticed=WEDNESDAY,
    heard=NOON + timedelta(microseconds=1),
)


def delivery(chat: Chat = ANN, day: date = TUESDAY, part: int = 1, **fields: object) -> Delivery:
    plain = Delivery(chat, day, part, first=1, planned_at=NOON, changed_at=NOON, body=f"<b>part</b> {part} 🙂")
    return replace(plain, **fields)


async def subscribe(storage: Storage, *chats: Chat) -> None:
    for chat in chats:
        await storage.change_subscription(chat, lambda _, chat=chat: Subscription(chat, NOON))


async def plan(storage: Storage, *deliveries: Delivery) -> None:
    for each in deliveries:
        await storage.plan(each.chat, PROGRESS, [each])


async def restart(storage: Storage) -> None:
    await storage.close()
    await storage.open()


async def test_an_unknown_chat_has_no_deliveries(storage: Storage) -> None:
    """What was never planned is nowhere to be found."""
    await subscribe(storage, ANN)
    assert await storage.get_progress(ANN) is None
    assert await storage.get_all_progress() == {}
    assert await storage.get_deliveries(ANN) == ()
    assert await storage.get_open_chats() == ()
    assert await storage.count_deliveries(date.min) == {}


async def test_progress_comes_back_as_it_was(storage: Storage) -> None:
    """Every field survives a restart, for each chat its own, and the latest progress replaces the one before."""
    await subscribe(storage, *CHATS)
    await storage.plan(ANN, PROGRESS)
    await storage.plan(ANN, RICH)
    await storage.plan(THREAD, PROGRESS)
    for _ in range(2):
        assert await storage.get_progress(ANN) == RICH
        assert await storage.get_all_progress() == {ANN: RICH, THREAD: PROGRESS}
        await restart(storage)


async def test_all_progress_shows_what_changed_since(storage: Storage) -> None:
    """Asking again sees new, changed and forgotten chats, and what was given out before stays as it was."""
    kept = Chat("telegram", "1")
    await subscribe(storage, *CHATS, kept)
    for chat in (ANN, BOB, kept):
        await storage.plan(chat, PROGRESS)
    before = await storage.get_all_progress()
    await storage.plan(ANN, RICH)
    await storage.plan(THREAD, PROGRESS)
    await storage.forget_chat(BOB)
    assert await storage.get_all_progress() == {ANN: RICH, THREAD: PROGRESS, kept: PROGRESS}
    assert before == {ANN: PROGRESS, BOB: PROGRESS, kept: PROGRESS}


async def test_deliveries_come_back_by_day_and_part(storage: Storage) -> None:
    """Whatever the order of writing, with every field, also after a restart."""
    planned = [
        delivery(day=day, part=part, papers=(THREE, ONE)) for day in (MONDAY, TUESDAY) for part in (1, 2, 9, 10, 11)
    ]
    planned[3] = replace(
        planned[3],
        first=9,
        state=DeliveryState.UNCERTAIN,
        tries=3,
        not_before=NOON + timedelta(hours=1),
        began=NOON,
        message_id="-7:8",
        must_publish=True,
        resends=2,
        reason="Émile said: no\x00",
        trace="1a2b3c4d",
    )
    await subscribe(storage, ANN)
    await storage.plan(ANN, PROGRESS, planned[::-1])
    for _ in range(2):
        assert await storage.get_deliveries(ANN) == tuple(planned)
        assert await storage.get_progress(ANN) == PROGRESS
        await restart(storage)


async def test_deliveries_belong_to_one_chat(storage: Storage) -> None:
    """The same day and part in a thread or on another platform are other deliveries."""
    await subscribe(storage, *CHATS)
    await plan(storage, *map(delivery, CHATS))
    await storage.record(delivery(THREAD, state=DeliveryState.SENT))
    for chat in (ANN, BOB):
        assert await storage.get_deliveries(chat) == (delivery(chat),)


async def test_nothing_is_planned_for_a_chat_that_is_not_subscribed(storage: Storage) -> None:
    """A chat that never subscribed, or was forgotten meanwhile, keeps neither progress nor deliveries."""
    await subscribe(storage, BOB)
    await storage.forget_chat(BOB)
    for chat in (ANN, BOB):
        await storage.plan(chat, PROGRESS, [delivery(chat)])
        assert (await storage.get_progress(chat), await storage.get_deliveries(chat)) == (None, ())
    assert await storage.get_open_chats() == ()


async def test_a_delivery_is_planned_once(storage: Storage) -> None:
    """Of one key, what is there stays, whatever became of it; progress and other parts are kept all the same."""
    await subscribe(storage, ANN)
    sent = delivery(state=DeliveryState.SENT, body="")
    await plan(storage, delivery())
    await storage.record(sent)
    second = delivery(part=2)
    await storage.plan(ANN, RICH, [delivery(body="again"), second, replace(second, body="twice")])
    await restart(storage)
    assert await storage.get_deliveries(ANN) == (sent, second)
    assert await storage.get_progress(ANN) == RICH


@pytest.mark.parametrize(
    ("state", "must_publish", "is_kept"),
    [
        (DeliveryState.PLANNED, False, True),
        (DeliveryState.SENDING, False, True),
        (DeliveryState.UNCERTAIN, False, True),
        (DeliveryState.SENT, True, True),
        (DeliveryState.SENT, False, False),
        (DeliveryState.FAILED, False, False),
        (DeliveryState.DEAD, False, False),
    ],
)
async def test_a_body_is_kept_while_it_may_be_sent_again(
    storage: Storage, *, state: DeliveryState, must_publish: bool, is_kept: bool
) -> None:
    """After the end of a delivery its body is gone and the rest of it is there; other parts keep theirs."""
    await subscribe(storage, ANN)
    await plan(storage, delivery(), delivery(part=2))
    changed = delivery(state=state, must_publish=must_publish)
    assert await storage.record(changed)
    await restart(storage)
    assert await storage.get_deliveries(ANN) == (
        changed if is_kept else replace(changed, body=""),
        delivery(part=2),
    )


async def test_a_recorded_delivery_replaces_the_one_before(storage: Storage) -> None:
    """Every field may change and change back, the body too."""
    await subscribe(storage, ANN)
    await plan(storage, delivery())
    for each in (
        delivery(state=DeliveryState.SENDING, began=NOON, tries=1),
        delivery(not_before=NOON, body="plain", papers=(ONE,)),
        delivery(state=DeliveryState.FAILED, reason="refused", body=""),
        delivery(body="anew", resends=1),
        delivery(body=""),
    ):
        assert await storage.record(each)
        await restart(storage)
        assert await storage.get_deliveries(ANN) == (each,)


async def test_what_is_not_there_is_not_recorded(storage: Storage) -> None:
    """An unknown key writes nothing, and marks no papers: neither another part, day or chat, nor one forgotten."""
    await subscribe(storage, ANN, BOB)
    await plan(storage, delivery(), delivery(BOB))
    await storage.forget_chat(BOB)
    for each in (delivery(part=2), delivery(day=MONDAY), delivery(THREAD), delivery(BOB)):
        assert not await storage.record(replace(each, state=DeliveryState.SENT, papers=(ONE,)))
        assert await storage.get_seen(each.chat) == {}
    assert await storage.get_deliveries(ANN) == (delivery(),)
    assert (await storage.get_deliveries(BOB), await storage.get_deliveries(THREAD)) == ((), ())
    assert await storage.get_open_chats() == (ANN,)


async def test_a_sent_part_marks_its_papers(storage: Storage) -> None:
    """They are seen on the UTC day of `changed_at`; one seen before keeps its first day; other states mark nothing."""
    await subscribe(storage, ANN)
    await storage.add_seen(ANN, [ONE], MONDAY)
    await plan(storage, delivery(papers=(ONE, TWO)), delivery(part=2, papers=(THREE,)))
    for state in DeliveryState:
        if state != DeliveryState.SENT:
            await storage.record(delivery(part=2, papers=(THREE,), state=state))
    east = datetime(2026, 8, 5, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    await storage.record(delivery(papers=(ONE, TWO), state=DeliveryState.SENT, changed_at=east))
    later = NOON + timedelta(days=1)
    await storage.record(delivery(papers=(ONE, TWO), state=DeliveryState.SENT, changed_at=later))
    await restart(storage)
    assert await storage.get_seen(ANN) == {ONE: MONDAY, TWO: TUESDAY}


async def test_open_chats_come_in_the_order_of_waiting(storage: Storage) -> None:
    """The chat whose oldest open delivery was planned first comes first, whatever its day; each chat once."""
    await subscribe(storage, *CHATS)
    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    await plan(
        storage,
        delivery(ANN, planned_at=NOON + second),
        delivery(ANN, MONDAY, planned_at=NOON + minute),
        delivery(BOB, MONDAY, planned_at=NOON + 2 * second),
        delivery(THREAD, planned_at=NOON),
        delivery(THREAD, part=2, planned_at=NOON + minute),
    )
    assert await storage.get_open_chats() == (THREAD, ANN, BOB)
    await storage.record(delivery(THREAD, planned_at=NOON, state=DeliveryState.SENT))
    await restart(storage)
    assert await storage.get_open_chats() == (ANN, BOB, THREAD)
    await storage.record(delivery(ANN, planned_at=NOON + second, state=DeliveryState.FAILED))
    assert await storage.get_open_chats() == (BOB, ANN, THREAD)


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("must_publish", [False, True])
async def test_a_chat_is_open_while_a_delivery_is(
    storage: Storage, *, state: DeliveryState, must_publish: bool
) -> None:
    """A chat is listed exactly while one of its deliveries `is_open`, and again when a settled one is taken up again."""
    await subscribe(storage, ANN)
    await plan(storage, delivery())
    changed = delivery(state=state, must_publish=must_publish)
    await storage.record(changed)
    await restart(storage)
    assert await storage.get_open_chats() == ((ANN,) if changed.is_open else ())
    await storage.record(delivery(state=DeliveryState.DEAD))
    assert await storage.get_open_chats() == ()
    await storage.record(delivery(resends=1))
    assert await storage.get_open_chats() == (ANN,)


async def test_deliveries_are_counted_by_platform_and_state(storage: Storage) -> None:
    """Those of the asked day and later count, the chats of a platform together."""
    await subscribe(storage, *CHATS)
    await plan(storage, *(delivery(chat, day) for chat in CHATS for day in (MONDAY, TUESDAY, WEDNESDAY)))
    await storage.record(delivery(BOB, state=DeliveryState.SENT))
    await storage.record(delivery(THREAD, state=DeliveryState.UNCERTAIN))
    await restart(storage)
    assert await storage.count_deliveries(TUESDAY) == {
        ("telegram", DeliveryState.PLANNED): 3,
        ("telegram", DeliveryState.UNCERTAIN): 1,
        ("discord", DeliveryState.PLANNED): 1,
        ("discord", DeliveryState.SENT): 1,
    }
    assert sum((await storage.count_deliveries(MONDAY)).values()) == 9


async def test_pruning_keeps_what_is_open(storage: Storage) -> None:
    """Old deliveries go unless they are open; those stay whole, and end like others; the given day stays, and progress."""
    await subscribe(storage, ANN, BOB)
    to_publish = delivery(BOB, MONDAY, state=DeliveryState.SENT, must_publish=True)
    await plan(storage, *(delivery(ANN, day, part) for day in (MONDAY, TUESDAY) for part in (1, 2, 3)), to_publish)
    for state, part in ((DeliveryState.SENT, 1), (DeliveryState.UNCERTAIN, 3)):
        for day in (MONDAY, TUESDAY):
            await storage.record(delivery(ANN, day, part, state=state))
    await storage.prune(batches_before=TUESDAY, seen_before=date.min)
    await restart(storage)
    assert [(each.day, each.part) for each in await storage.get_deliveries(ANN)] == [
        (MONDAY, 2),
        *((TUESDAY, part) for part in (1, 2, 3)),
    ]
    assert (await storage.get_deliveries(ANN))[0] == delivery(ANN, MONDAY, 2)
    assert await storage.get_deliveries(BOB) == (to_publish,)
    assert await storage.record(replace(to_publish, must_publish=False))
    assert await storage.get_open_chats() == (ANN,)
    await storage.prune(batches_before=TUESDAY, seen_before=date.min)
    assert await storage.get_deliveries(BOB) == ()
    assert await storage.get_progress(BOB) == PROGRESS


async def test_pruning_seen_ids_leaves_deliveries(storage: Storage) -> None:
    """The two days are kept apart."""
    await subscribe(storage, ANN)
    sent = delivery(state=DeliveryState.SENT, papers=(ONE,), body="")
    await plan(storage, delivery())
    await storage.record(sent)
    await storage.prune(batches_before=MONDAY, seen_before=date.max)
    assert (await storage.get_deliveries(ANN), await storage.get_seen(ANN)) == ((sent,), {})


async def test_a_forgotten_chat_has_no_deliveries_left(storage: Storage) -> None:
    """Progress and deliveries go with the chat, its neighbours' stay, and a chat that comes back begins anew."""
    await subscribe(storage, ANN, THREAD)
    await plan(storage, *(delivery(chat, day) for chat in (ANN, THREAD) for day in (MONDAY, TUESDAY)))
    await storage.record(delivery(ANN, state=DeliveryState.SENT))
    await storage.forget_chat(ANN)
    await restart(storage)
    assert (await storage.get_progress(ANN), await storage.get_deliveries(ANN)) == (None, ())
    assert await storage.get_open_chats() == (THREAD,)
    assert await storage.get_all_progress() == {THREAD: PROGRESS}
    assert len(await storage.get_deliveries(THREAD)) == 2
    await subscribe(storage, ANN)
    await plan(storage, delivery(body=""))
    assert await storage.get_deliveries(ANN) == (delivery(body=""),)


async def test_a_moved_chat_takes_its_deliveries_along(storage: Storage) -> None:
    """Progress and deliveries are the new chat's, bodies and all, and nothing is left; twice is as once."""
    await subscribe(storage, ANN)
    sent = delivery(state=DeliveryState.SENT, papers=(ONE,), message_id="5", body="")
    await plan(storage, delivery(), delivery(part=2), delivery(day=MONDAY, state=DeliveryState.UNCERTAIN))
    await storage.record(sent)
    expected = (delivery(BOB, MONDAY, state=DeliveryState.UNCERTAIN), replace(sent, chat=BOB), delivery(BOB, part=2))
    for _ in range(2):
        await storage.move_chat(ANN, BOB)
        await restart(storage)
        assert await storage.get_deliveries(BOB) == expected
        assert await storage.get_all_progress() == {BOB: PROGRESS}
        assert await storage.get_open_chats() == (BOB,)
        assert (await storage.get_deliveries(ANN), await storage.get_seen(BOB)) == ((), {ONE: TUESDAY})
    assert not await storage.record(delivery(part=2))


async def test_moved_deliveries_follow_those_of_the_new_chat(storage: Storage) -> None:
    """On a day that both have, the old chat's parts come behind, `first` with them; the new chat's progress stays."""
    await subscribe(storage, ANN, BOB)
    await storage.plan(BOB, RICH, [delivery(BOB), delivery(BOB, part=2)])
    await plan(storage, delivery(body="a", papers=(ONE,)), delivery(part=2, body="b"), delivery(part=3, first=3))
    await plan(storage, delivery(day=WEDNESDAY, part=2))
    await storage.move_chat(ANN, BOB)
    await restart(storage)
    assert await storage.get_deliveries(BOB) == (
        delivery(BOB),
        delivery(BOB, part=2),
        delivery(BOB, part=3, first=3, body="a", papers=(ONE,)),
        delivery(BOB, part=4, first=3, body="b"),
        delivery(BOB, part=5, first=5, body=delivery(part=3).body),
        delivery(BOB, WEDNESDAY, part=2),
    )
    assert await storage.get_progress(BOB) == RICH


async def test_overlapping_plans_and_records_are_all_kept(storage: Storage) -> None:
    """Many chats with many parts at once lose none, and no paper."""
    chats = [Chat("telegram", str(number)) for number in range(20)]
    await subscribe(storage, *chats)

    async def deliver(planned: Delivery) -> None:
        await storage.plan(planned.chat, PROGRESS, [planned])
        for state in (DeliveryState.SENDING, DeliveryState.SENT):
            assert await storage.record(replace(planned, state=state))

    papers = {1: ONE, 2: TWO, 3: THREE}
    await asyncio.gather(
        *(deliver(delivery(chat, part=part, papers=(papers[part],))) for chat in chats for part in papers)
    )
    await restart(storage)
    assert await storage.count_deliveries(TUESDAY) == {("telegram", DeliveryState.SENT): 60}
    assert await storage.get_open_chats() == ()
    for chat in chats:
        assert await storage.get_seen(chat) == dict.fromkeys((ONE, TWO, THREE), TUESDAY)


async def test_only_one_of_two_plans_on_the_same_progress_is_kept(storage: Storage) -> None:
    """Whoever planned on what is not so any more, or for a place that is taken, has done nothing, and is told so."""
    await subscribe(storage, ANN)
    first, later = Progress(MONDAY, NOON), Progress(MONDAY, NOON, ("cs.CL",))
    assert await storage.plan_after(ANN, None, first, [delivery()])
    assert not await storage.plan_after(ANN, None, later, [delivery(part=2)])
    assert not await storage.plan_after(ANN, first, later, [delivery(body="other"), delivery(part=2)])
    assert await storage.get_deliveries(ANN) == (delivery(),)
    assert await storage.get_progress(ANN) == first
    assert await storage.plan_after(ANN, first, None, [delivery(part=2)])
    assert await storage.plan_after(ANN, first, later)
    assert await storage.get_progress(ANN) == later
    assert [each.part for each in await storage.get_deliveries(ANN)] == [1, 2]


async def test_only_one_of_two_changes_of_the_same_delivery_is_kept(storage: Storage) -> None:
    """Who changes a delivery that is not as it was has done nothing, and is told so."""
    await subscribe(storage, ANN)
    planned = delivery(papers=(ONE,))
    await storage.plan(ANN, Progress(MONDAY, NOON), [planned])
    claimed = replace(planned, state=DeliveryState.SENDING, began=NOON)
    assert await storage.record_after(planned, claimed)
    assert not await storage.record_after(planned, replace(claimed, tries=1))
    assert await storage.get_deliveries(ANN) == (claimed,)
    assert await storage.record_after(claimed, replace(claimed, state=DeliveryState.SENT))
    assert set(await storage.get_seen(ANN)) == {ONE}
    assert not await storage.record_after(replace(claimed, part=9), replace(claimed, part=9))
