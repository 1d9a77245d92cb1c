"""The outbox over fakes: every part ends as what became of it, in order, and no chat waits for another."""

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from bot.delivery.lane import LONGEST_WAIT, Lane
from bot.delivery.outbox import Carrier, Outbox
from bot.delivery.pacing import Pacer
from bot.delivery.planning import number_parts
from bot.errors import DeliveryError, Remedy, StorageError
from bot.model.chat import Chat
from bot.model.delivery import DeliveryState, Progress
from bot.model.message import Part, Receipt
from bot.model.subscription import PauseReason
from tests.build import DAY, NOW, make_subscription
from tests.fake_messenger import FakeMessenger
from tests.fakes import FakeStorage
from tests.world import answer

ADA, BOB = Chat("fake", "1"), Chat("fake", "2")
STATES = DeliveryState


class Post:
    """An outbox over a storage that survives it: each `running` is a process of its own."""

    def __init__(self):
        self.now = NOW
        self.storage = FakeStorage()
        self.messenger = FakeMessenger()
        self.gone = []
        self.gone_errors = []

    async def open(self):
        await self.storage.open()
        for chat in (ADA, BOB):
            await self.storage.change_subscription(chat, lambda _, chat=chat: make_subscription(chat=chat))
        return self

    async def plan(self, chat, *papers, first=1):
        """One part for each paper."""
        parts = [Part(f"part with {each}", (each,)) for each in papers]
        await self.storage.plan(chat, Progress(DAY, NOW), number_parts(chat, DAY, first, parts, self.now))

    async def _gone(self, chat, reason):
        if self.gone_errors:
            raise self.gone_errors.pop()
        self.gone.append((chat, reason))

    @asynccontextmanager
    async def running(self):
        self.outbox = Outbox(self.storage, self.storage.move_chat)
        lane = Lane(
            self.storage, self.messenger, Pacer(self.messenger.limits), lambda: self.now, Random(1), self._gone,
            self.outbox.move, storage_pause=0.05,
        )  # fmt: skip
        self.outbox.carriers["fake"] = Carrier("fake", lane)
        self.lane = lane
        task = asyncio.create_task(self.outbox.run())
        try:
            yield self.outbox
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.outbox.finish(0.2)

    async def until(self, is_so, seconds=3.0):
        async with asyncio.timeout(seconds):
            while not await is_so():
                await asyncio.sleep(0.002)

    async def drain(self, seconds=3.0):
        """Run until nothing is open."""

        async def is_empty():
            return not await self.storage.get_open_chats()

        async with self.running():
            await self.until(is_empty, seconds)

    async def states(self, chat):
        return [each.state for each in await self.storage.get_deliveries(chat)]


@pytest.fixture
async def post():
    return await Post().open()


def refused(remedy, **details):
    return DeliveryError(remedy, "no", **details)


async def test_parts_arrive_in_order_and_are_marked(post):
    """What is planned is sent part by part, with message ids, and its papers are seen."""
    await post.plan(ADA, "p1", "p2", "p3")
    await post.drain()
    assert post.messenger.bodies(ADA) == ["part with p1", "part with p2", "part with p3"]
    deliveries = await post.storage.get_deliveries(ADA)
    assert [each.state for each in deliveries] == [STATES.SENT] * 3
    assert all(each.message_id for each in deliveries)
    assert set(await post.storage.get_seen(ADA)) == {"p1", "p2", "p3"}


async def test_later_parts_know_the_first_one(post):
    """Parts of one digest are told the message id of its first part; the first part itself is not."""
    await post.plan(ADA, "p1", "p2")
    await post.drain()
    [first, second] = [outgoing for _, outgoing in post.messenger.tries]
    assert first.root == ""
    assert second.root == (await post.storage.get_deliveries(ADA))[0].message_id


async def test_it_is_written_down_before_it_is_sent(post):
    """While a request is under way the storage says so: whatever ends the process, the try is known."""
    seen = []

    async def look(chat, _):
        seen.extend(await post.states(chat))

    post.messenger.on_deliver = look
    await post.plan(ADA, "p1")
    await post.drain()
    assert seen == [STATES.SENDING]


async def test_a_refused_try_is_repeated_with_the_same_nonce(post):
    """What certainly did not arrive is sent again until it does; the platform's waiting time is kept."""
    post.messenger.script[ADA.key].extend(
        [refused(Remedy.RETRY, retry_after=0.02), refused(Remedy.RETRY, retry_after=0.02)]
    )
    await post.plan(ADA, "p1")
    async with post.running():
        for _ in range(3):
            await asyncio.sleep(0.05)
            post.now += timedelta(seconds=1)

        async def is_sent():
            return await post.states(ADA) == [STATES.SENT]

        await post.until(is_sent)
    assert len({outgoing.nonce for _, outgoing in post.messenger.tries}) == 1
    assert len(post.messenger.tries) == 3
    assert all(outgoing.unanswered_for is None for _, outgoing in post.messenger.tries)


async def test_a_long_wait_survives_a_restart(post):
    """Told to wait for an hour, the part is not tried before, nor by the next process, and then it is."""
    post.messenger.script[ADA.key].append(refused(Remedy.RETRY, retry_after=3600.0))
    await post.plan(ADA, "p1")
    for _ in range(2):
        async with post.running():
            await asyncio.sleep(0.05)
    assert len(post.messenger.tries) == 1
    assert (await post.storage.get_deliveries(ADA))[0].not_before == NOW + timedelta(hours=1)
    post.now += timedelta(hours=1, seconds=1)
    await post.drain()
    assert await post.states(ADA) == [STATES.SENT]


async def test_a_clock_set_back_makes_nobody_wait_longer(post):
    """With a clock that went back nobody knows how much of the wait is left, so the part is tried."""
    post.messenger.script[ADA.key].append(refused(Remedy.RETRY, retry_after=60.0))
    await post.plan(ADA, "p1")
    async with post.running():
        await asyncio.sleep(0.05)
    post.now -= timedelta(hours=1)
    await post.drain()
    assert await post.states(ADA) == [STATES.SENT]


async def test_a_lost_answer_is_uncertain_and_the_rest_goes_on(post):
    """It is not sent blindly again, its papers are not seen, and the parts behind it arrive."""
    post.messenger.script[ADA.key].append(refused(Remedy.UNCERTAIN))
    await post.plan(ADA, "p1", "p2")
    await post.drain()
    assert await post.states(ADA) == [STATES.UNCERTAIN, STATES.SENT]
    assert set(await post.storage.get_seen(ADA)) == {"p2"}
    assert len(post.messenger.tries) == 2


async def test_a_clock_set_back_does_not_lengthen_a_wait(post):
    """A part that was to wait is tried when the clock has gone back an hour, rather than an hour later."""
    for chat, seconds in ((ADA, 0.05), (BOB, 3600.0)):
        post.messenger.script[chat.key].append(refused(Remedy.RETRY, retry_after=seconds))
        await post.plan(chat, "p1")
    async with post.running():
        await asyncio.sleep(0.02)
        post.now -= timedelta(hours=1)

        async def is_sent():
            return await post.states(ADA) == [STATES.SENT]

        await post.until(is_sent)
    await post.drain()
    assert await post.states(BOB) == [STATES.SENT]


async def test_a_repeatable_answer_is_asked_for_again(post):
    """The next try says for how long the answer has been missing, and carries the same nonce."""
    post.messenger.script[ADA.key].append(refused(Remedy.REPEAT))
    await post.plan(ADA, "p1")
    await post.drain(8.0)
    assert [outgoing.unanswered_for for _, outgoing in post.messenger.tries] == [None, 0.0]
    assert len({outgoing.nonce for _, outgoing in post.messenger.tries}) == 1


async def test_a_try_under_way_at_the_end_is_unanswered_at_the_next_start(post):
    """A process that dies between the request and its answer leaves a try that the next one knows of."""
    reached = asyncio.Event()

    async def hang(*_):
        reached.set()
        await asyncio.sleep(60)

    post.messenger.on_deliver = hang
    await post.plan(ADA, "p1", "p2")
    async with post.running():
        await reached.wait()
    post.messenger.on_deliver = None
    post.now += timedelta(seconds=20)
    await post.drain()
    assert [outgoing.unanswered_for for _, outgoing in post.messenger.tries] == [None, 20.0, None]


async def test_a_clock_set_back_makes_an_unanswered_try_old(post):
    """With a clock that went back nobody knows how old the try is, so it counts as too old for a nonce."""
    post.messenger.script[ADA.key].append(refused(Remedy.REPEAT))
    await post.plan(ADA, "p1")
    async with post.running():
        await asyncio.sleep(0.05)
    post.now -= timedelta(hours=1)
    await post.drain()
    assert post.messenger.tries[1][1].unanswered_for == timedelta(days=1).total_seconds()


async def test_a_blocked_chat_is_paused_and_its_parts_given_up(post):
    """After the first such answer nothing more is tried; the refused part failed, the others are dead, nothing is seen."""
    post.messenger.script[ADA.key].append(refused(Remedy.PAUSE, pause=PauseReason.BLOCKED))
    await post.plan(ADA, "p1", "p2", "p3")
    await post.plan(BOB, "q1")
    await post.drain()
    assert post.gone == [(ADA, PauseReason.BLOCKED)]
    assert await post.states(ADA) == [STATES.FAILED, STATES.DEAD, STATES.DEAD]
    assert [chat for chat, _ in post.messenger.tries].count(ADA) == 1
    assert not await post.storage.get_seen(ADA)
    assert await post.states(BOB) == [STATES.SENT]


async def test_a_refused_part_is_dropped_alone(post):
    """A part that will never be taken fails with its reason; the others arrive."""
    post.messenger.script[ADA.key].append(refused(Remedy.DROP))
    await post.plan(ADA, "p1", "p2")
    await post.drain()
    assert await post.states(ADA) == [STATES.FAILED, STATES.SENT]
    assert (await post.storage.get_deliveries(ADA))[0].reason == "no"


async def test_a_chat_that_moved_gets_the_rest_at_its_new_place(post):
    """The part that met the move, and all behind it, go to the new id, once each and in order."""
    post.messenger.script[ADA.key].extend([Receipt("m"), refused(Remedy.MOVE, moved_to="-100")])
    await post.plan(ADA, "p1", "p2", "p3")
    await post.drain()
    moved = Chat("fake", "-100")
    assert post.messenger.bodies(ADA) == ["part with p1"]
    assert post.messenger.bodies(moved) == ["part with p2", "part with p3"]
    assert await post.states(moved) == [STATES.SENT] * 3


async def test_a_move_told_while_a_part_is_under_way(post):
    """The part is finished under its old name and recorded under the new one; it is not sent twice."""

    async def move(chat, _):
        if chat == ADA:
            await post.outbox.move(ADA, moved)

    moved = Chat("fake", "-100")
    post.messenger.on_deliver = move
    await post.plan(ADA, "p1", "p2")
    await post.drain()
    assert [outgoing.body for _, outgoing in post.messenger.sent] == ["part with p1", "part with p2"]
    assert await post.states(moved) == [STATES.SENT] * 2


async def test_no_chat_waits_for_another(post):
    """While one chat's request hangs and another must wait, all others get theirs."""

    async def hang(chat, _):
        if chat == ADA:
            await asyncio.sleep(60)

    post.messenger.on_deliver = hang
    post.messenger.script[BOB.key].append(refused(Remedy.RETRY, retry_after=60.0))
    others = [Chat("fake", str(number)) for number in range(10, 40)]
    for chat in (ADA, BOB):
        await post.plan(chat, "p1")
    for chat in others:
        await post.storage.change_subscription(chat, lambda _, chat=chat: make_subscription(chat=chat))
        await post.plan(chat, "p1")
    async with post.running():

        async def are_served():
            return {chat for chat, _ in post.messenger.sent} == set(others)

        await post.until(are_served)


async def test_a_platform_out_of_reach_is_left_alone(post):
    """Many chats that fail at once are one outage: it is tried by one chat at a time, and then everything arrives."""
    chats = [Chat("fake", str(number)) for number in range(10, 30)]
    is_down = True

    async def check(*_):
        if is_down:
            raise refused(Remedy.RETRY, is_everywhere=True, retry_after=0.1)

    post.messenger.on_deliver = check
    for chat in chats:
        await post.storage.change_subscription(chat, lambda _, chat=chat: make_subscription(chat=chat))
        await post.plan(chat, "p1")
    async with post.running():
        await asyncio.sleep(0.5)
        # All at first, for nobody knew; afterwards one by one.
        assert len(post.messenger.tries) <= len(chats) + 6
        is_down = False

        async def is_empty():
            return not await post.storage.get_open_chats()

        await post.until(is_empty)
    tries = [each.tries for chat in chats for each in await post.storage.get_deliveries(chat)]
    assert tries == [0] * len(chats)


async def test_what_waited_too_long_is_given_up(post):
    """After two days a part is dead, visibly, and never sent."""
    await post.plan(ADA, "p1")
    post.now += LONGEST_WAIT + timedelta(seconds=1)
    await post.drain()
    assert await post.states(ADA) == [STATES.DEAD]
    assert post.messenger.tries == []


async def test_a_crosspost_is_a_step_of_its_own(post):
    """A part is sent first, then published, whatever happens between the two; it is not sent again."""
    post.messenger.script[ADA.key].append(Receipt("m1", has_to_be_published=True))
    await post.plan(ADA, "p1", "p2")
    await post.drain()
    assert post.messenger.published == [(ADA, "m1")]
    assert len(post.messenger.tries) == 2
    assert not any(each.must_publish for each in await post.storage.get_deliveries(ADA))


class FullStorage(FakeStorage):
    """Takes no more records while `is_full`."""

    is_full = False

    async def record(self, delivery):
        if self.is_full:
            raise StorageError(os.strerror(28))
        return await super().record(delivery)


async def test_nothing_is_sent_that_cannot_be_written_down(post):
    """On a full disk sending rests; what was being sent when it filled up is written down later, not sent again."""
    post.storage = FullStorage()
    await post.open()

    async def fill(*_):
        post.storage.is_full = True

    post.messenger.on_deliver = fill
    await post.plan(ADA, "p1")
    await post.plan(BOB, "q1")
    async with post.running():
        await asyncio.sleep(0.3)
        tries = len(post.messenger.tries)
        post.messenger.on_deliver = None
        post.storage.is_full = False

        async def is_empty():
            return not await post.storage.get_open_chats()

        await post.until(is_empty)
    assert tries <= 2
    assert len(post.messenger.sent) == 2
    assert await post.states(ADA) == await post.states(BOB) == [STATES.SENT]


async def test_a_full_disk_holds_up_no_reply(post):
    """However many parts wait to be written down as sent, a reply to a person has its turn."""
    post.storage = FullStorage()
    post.messenger = FakeMessenger(per_second=2)
    await post.open()

    async def fill(*_):
        while len(post.messenger.tries) < 2:
            await asyncio.sleep(0.01)
        post.storage.is_full = True

    await post.plan(ADA, "p1")
    await post.plan(BOB, "q1")
    post.messenger.on_deliver = fill
    async with post.running(), asyncio.timeout(5):
        while len(post.messenger.sent) < 2:
            await asyncio.sleep(0.01)
        async with post.lane.pacer.turn(Chat("fake", "3"), urgent=True):
            assert await post.states(ADA) == await post.states(BOB) == [STATES.SENDING]


async def test_a_pause_that_cannot_be_kept_leaves_no_doubt(post):
    """Where the storage refuses to pause the chat, the part that was refused is still known not to have arrived."""
    refusal = refused(Remedy.PAUSE, pause=PauseReason.BLOCKED)
    post.messenger.script[ADA.key].extend([refusal, refusal])
    await post.plan(ADA, "p1", "p2")
    gone = post.gone_errors = [StorageError("full")]
    await post.drain()
    assert not gone
    assert await post.states(ADA) == [STATES.FAILED, STATES.DEAD]
    assert [outgoing.unanswered_for for _, outgoing in post.messenger.tries] == [None, None]


async def test_a_bug_in_a_messenger_is_not_a_loop(post):
    """Whatever was raised, the part may be there: it is uncertain, and the next one is sent."""
    post.messenger.script[ADA.key].append(ValueError("a bug"))
    await post.plan(ADA, "p1", "p2")
    await post.drain()
    assert await post.states(ADA) == [STATES.UNCERTAIN, STATES.SENT]


async def test_a_person_asks_for_it_again(post):
    """A resend is a part like any other, under another nonce, so that the platform takes it for new."""
    post.messenger.script[ADA.key].append(refused(Remedy.UNCERTAIN))
    await post.plan(ADA, "p1")
    await post.drain()
    [uncertain] = await post.storage.get_deliveries(ADA)
    await post.storage.record(replace(uncertain, state=STATES.PLANNED, resends=1, began=None))
    await post.drain()
    assert await post.states(ADA) == [STATES.SENT]
    assert len({outgoing.nonce for _, outgoing in post.messenger.tries}) == 2


async def test_what_is_planned_meanwhile_is_sent(post):
    """A chat that was woken while its lane was just looking is looked at again."""
    async with post.running() as outbox:
        for number in range(1, 30):
            await post.plan(ADA, f"p{number}", first=number)
            outbox.wake(ADA)
            await asyncio.sleep(0.001 * (number % 3))

        async def is_empty():
            return not await post.storage.get_open_chats()

        await post.until(is_empty)
    assert len(post.messenger.sent) == 29


def test_a_nonce_is_short_and_only_its_own():
    """At most 25 characters with at least 100 bits, another for each chat, day, part and resend."""
    parts = number_parts(ADA, DAY, 1, [Part("a"), Part("b")], NOW)
    others = [
        *parts,
        replace(parts[0], day=DAY - timedelta(days=1)),
        replace(parts[0], chat=BOB),
        replace(parts[0], resends=1),
    ]
    nonces = {each.nonce for each in others}
    assert len(nonces) == len(others)
    assert all(len(nonce) == 22 and nonce.isascii() for nonce in nonces)
    assert replace(parts[0], state=STATES.SENDING, tries=3, began=NOW).nonce == parts[0].nonce


async def test_a_messenger_that_cannot_look_something_up_has_sent_nothing():
    """Such as the tag of a forum, while the storage is away: the part is tried again, and is not taken for uncertain."""
    post = await Post().open()
    post.messenger.script[ADA.key].append(StorageError("the database is away"))
    await post.plan(ADA, "a")
    async with post.running():
        async with asyncio.timeout(20):
            while not post.messenger.sent:
                await asyncio.sleep(0.02)
    [part] = await post.storage.get_deliveries(ADA)
    assert part.state is STATES.SENT
    assert len(post.messenger.tries) == 2


async def test_what_another_sender_had_under_way_is_left_alone_for_as_long_as_it_may_take(post):
    """A new sender sends what waits, also what others plan later, and repeats nothing whose answer another may still hear."""
    await post.plan(ADA, "a")
    [part] = await post.storage.get_deliveries(ADA)
    await post.storage.record(replace(part, state=STATES.SENDING, began=post.now))
    async with post.running():
        pass
    post.messenger.tries.clear()
    await post.storage.record(replace(part, state=STATES.SENDING, began=post.now))
    sending = asyncio.create_task(post.outbox.run_one("fake", post.storage, 0.02))
    await asyncio.sleep(0)
    await post.plan(BOB, "b")
    await post.until(answer(post.messenger.tries), 20)
    sending.cancel()
    await asyncio.wait({sending})
    assert [chat for chat, _ in post.messenger.tries] == [BOB]
    assert (await post.lane.step(ADA)).again_in > 0
    post.lane.settle_until = 0.0
    await post.lane.step(ADA)
    assert [chat for chat, _ in post.messenger.tries] == [BOB, ADA]


async def test_an_outbox_with_nobody_to_send_to_waits():
    """Where there is no platform, as in a chat over a pipe, it goes on until it is cancelled, and looks at nothing meanwhile."""
    storage = FakeStorage()
    await storage.open()
    running = asyncio.create_task(Outbox(storage, storage.move_chat).run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
