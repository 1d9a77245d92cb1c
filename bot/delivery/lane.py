"""One chat's way through the outbox: its next part is sent, and whatever came of that is written down."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from bot.delivery.pacing import Pacer
from bot.errors import DeliveryError, Remedy, StorageError
from bot.logs import tracing
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState
from bot.model.message import Outgoing, Receipt
from bot.model.subscription import PauseReason
from bot.ports import Clock, Ledger, Messenger
from bot.tally import Spread

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(days=2)
"""After so long a part is given up: nobody wants that news any more, and what it showed stays a candidate for digests."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before a part is tried again: the first, doubling up to the last."""
LONG_WAIT = 600.0
"""Seconds; a wait that is longer outlives a restart."""
LONGEST_OUTAGE_PAUSE = 60.0
"""Seconds after which a platform that cannot be reached, or refuses us altogether, is tried again at the latest."""
STORAGE_PAUSE = 5.0
"""Seconds without sending where the storage takes no writes."""
_LONGEST_REPEAT = 30.0
_MOST_PUBLISH_TRIES = 8
_LONG_AGO = timedelta(days=1)
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one look at a chat: in how many seconds to look again, None where nothing is left to do.

    `platform_pause`: for how many seconds the whole platform is to be left alone.
    """

    again_in: float | None = None
    platform_pause: float = 0.0


_NEXT = Step(0.0)


@dataclass(slots=True)
class Lane:
    """What the lanes of one platform have in common.

    `on_gone` pauses a chat; `on_move` lets a chat go on as another. `moved` is where a chat went while one of its parts was
    under way. `outcomes` counts what was not sent at once, by kind, and `ended` how parts ended; `waits` are the seconds from
    planning a part to its first request, `answers` those that the platform took for each request. `settle_until`, on the
    loop's clock: until then another process may still hear the answers to requests of its own, and what is unanswered is
    left alone.
    """

    storage: Ledger
    messenger: Messenger
    pacer: Pacer
    clock: Clock
    random: Random
    on_gone: Callable[[Chat, PauseReason], Awaitable[object]]
    on_move: Callable[[Chat, Chat], Awaitable[None]]
    outcomes: Counter[str] = field(default_factory=Counter)
    ended: Counter[DeliveryState] = field(default_factory=Counter)
    waits: Spread = field(default_factory=Spread)
    answers: Spread = field(default_factory=Spread)
    moved: dict[Chat, Chat] = field(default_factory=dict)
    storage_pause: float = STORAGE_PAUSE
    settle_until: float = 0.0
    _failures: int = 0
    _down_until: float = 0.0

    @property
    def is_down(self) -> bool:
        """Whether the last try found the whole platform out of reach; then one chat's try is as good as a hundred."""
        return self._failures > 0

    async def step(self, chat: Chat) -> Step:
        """Do the next thing for the chat. Never raises; where the storage takes no write, nothing is sent."""
        try:
            return await self._step(await self.storage.get_deliveries(chat))
        except StorageError as error:
            log.warning("outbox status=paused reason=storage error=%r", str(error))
            return Step(0.0, self.storage_pause)
        except Exception:
            log.exception("outbox chat=%s status=failed", chat.key)
            return Step(LONGEST_PAUSE)

    async def _step(self, deliveries: Sequence[Delivery]) -> Step:
        unsent = [each for each in deliveries if each.is_open and each.state is not DeliveryState.SENT]
        unpublished = [each for each in deliveries if each.must_publish]
        if not (unsent or unpublished):
            return Step()
        delivery = (unsent or unpublished)[0]
        with tracing(delivery.trace or delivery.nonce[:_SHORT]):
            return await self._go_on(delivery, deliveries, is_unsent=bool(unsent))

    async def _go_on(self, delivery: Delivery, deliveries: Sequence[Delivery], *, is_unsent: bool) -> Step:
        now = self.clock()
        # By a clock that was set back since, nobody knows how long is left.
        if delivery.not_before is not None and delivery.changed_at <= now < delivery.not_before:
            return Step((delivery.not_before - now).total_seconds())
        if not is_unsent:
            return await self._publish(delivery)
        if delivery.began is not None and (left := self.settle_until - asyncio.get_running_loop().time()) > 0:
            return Step(left)
        if now - delivery.planned_at > LONGEST_WAIT:
            return await self._end(delivery, DeliveryState.DEAD, "it waited for two days")
        return await self._send(delivery, _root_of(delivery, deliveries))

    async def _send(self, delivery: Delivery, root: str) -> Step:
        is_repeated = delivery.state is DeliveryState.SENDING and delivery.began is not None
        async with self.pacer.turn(delivery.chat):
            now = self.clock()
            if not (delivery.tries or is_repeated):
                self.waits.add((now - delivery.planned_at).total_seconds())
            sending = replace(
                delivery,
                state=DeliveryState.SENDING,
                began=delivery.began if is_repeated else now,
                changed_at=now,
                not_before=None,
            )
            if not await self.storage.record_after(delivery, sending):
                return _NEXT
            waited = self._unanswered_for(sending) if is_repeated else None
            outcome = await self._try(sending, Outgoing(sending.body, sending.nonce, root, waited))
        # The turn ends with the answer, for what is written now keeps nobody else waiting.
        if isinstance(outcome, Receipt):
            self._failures = 0
            return await self._arrived(sending, outcome)
        self._note(sending, outcome)
        return await self._not_sent(sending, outcome, is_repeated=is_repeated)

    async def _try(self, sending: Delivery, outgoing: Outgoing) -> Receipt | DeliveryError:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            return await self.messenger.deliver(sending.chat, outgoing)
        except DeliveryError as error:
            return error
        except StorageError as error:
            # What a messenger looks up, it looks up before it asks anything of the platform.
            return DeliveryError(Remedy.RETRY, str(error))
        except Exception as error:
            log.exception("deliver chat=%s day=%s part=%d crashed", sending.chat.key, sending.day, sending.part)
            return DeliveryError(Remedy.UNCERTAIN, type(error).__name__)
        finally:
            self.answers.add(loop.time() - begun)

    def _unanswered_for(self, sending: Delivery) -> float:
        """Seconds since the try whose answer is not here; long ago, where the clock was set back meanwhile."""
        elapsed = self.clock() - sending.began if sending.began else timedelta()
        return (elapsed if elapsed >= timedelta() else _LONG_AGO).total_seconds()

    async def _arrived(self, sending: Delivery, receipt: Receipt) -> Step:
        self._failures = 0
        sent = replace(
            sending,
            state=DeliveryState.SENT,
            began=None,
            tries=0,
            changed_at=self.clock(),
            message_id=receipt.message_id,
            must_publish=receipt.has_to_be_published,
        )
        await self._write(sent)
        self.ended[sent.state] += 1
        log.info("delivered chat=%s day=%s part=%d", sent.chat.key, sent.day, sent.part)
        return Step(receipt.pause)

    def _note(self, delivery: Delivery, error: DeliveryError) -> None:
        self.outcomes[f"{error.remedy} {error.pause}".strip()] += 1
        log.warning(
            "deliver chat=%s day=%s part=%d remedy=%s retry_after=%g error=%r",
            delivery.chat.key, delivery.day, delivery.part, error.remedy, error.retry_after, str(error),
        )  # fmt: skip

    async def _not_sent(self, sending: Delivery, error: DeliveryError, *, is_repeated: bool) -> Step:
        # An answer to this request says nothing about an earlier one that was never answered.
        untouched = sending if is_repeated else replace(sending, state=DeliveryState.PLANNED, began=None)
        match error.remedy:
            case Remedy.RETRY | Remedy.STOP:
                return await self._later(untouched, error)
            case Remedy.REPEAT:
                return await self._repeat(sending, error)
            case Remedy.UNCERTAIN:
                return await self._end(sending, DeliveryState.UNCERTAIN, str(error))
            case Remedy.MOVE if error.moved_to not in ("", sending.chat.id):
                await self._write(untouched)
                await self.on_move(sending.chat, replace(sending.chat, id=error.moved_to))
                return Step()
            case Remedy.PAUSE:
                await self._write(untouched)
                return await self._pause(untouched, error, is_doubtful=is_repeated)
            case _:
                return await self._end(sending, DeliveryState.FAILED, str(error))

    async def _later(self, untouched: Delivery, error: DeliveryError) -> Step:
        if error.remedy is Remedy.STOP or error.is_everywhere:
            await self._write(untouched)
            return Step(0.0, self._outage_pause(error))
        tries = untouched.tries + 1
        return await self._wait(replace(untouched, tries=tries), error.retry_after or self._pause_after(tries))

    async def _wait(self, delivery: Delivery, seconds: float) -> Step:
        """Look at the chat again after so many seconds; a long wait is written down, for a restart must not shorten it."""
        now = self.clock()
        not_before = now + timedelta(seconds=seconds) if seconds > LONG_WAIT else None
        await self._write(replace(delivery, not_before=not_before, changed_at=now))
        return Step(seconds)

    async def _repeat(self, sending: Delivery, error: DeliveryError) -> Step:
        if error.is_everywhere:
            return Step(0.0, self._outage_pause(error))
        wait = error.retry_after or min(2.0 + self._unanswered_for(sending), _LONGEST_REPEAT)
        return await self._wait(sending, wait)

    def _outage_pause(self, error: DeliveryError) -> float:
        """Many requests that fail at the same time are one outage."""
        now = asyncio.get_running_loop().time()
        if now >= self._down_until:
            self._failures += 1
            pause = LONGEST_OUTAGE_PAUSE if error.remedy is Remedy.STOP else self._pause_after(self._failures)
            self._down_until = now + min(pause, LONGEST_OUTAGE_PAUSE)
        self._down_until = max(self._down_until, now + error.retry_after)
        return self._down_until - now

    def _pause_after(self, failures: int) -> float:
        longest = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE)
        return longest * (0.75 + self.random.random() / 4)

    async def _pause(self, refused: Delivery, error: DeliveryError, *, is_doubtful: bool) -> Step:
        """The chat is paused before its parts end: whatever else happens, nothing more is planned for it.

        `is_doubtful`: an earlier try may have arrived, before the chat was shut.
        """
        chat = refused.chat
        await self.on_gone(chat, PauseReason(error.pause))
        await self._end(refused, DeliveryState.UNCERTAIN if is_doubtful else DeliveryState.FAILED, str(error))
        for each in await self.storage.get_deliveries(chat):
            if each.is_open and each.state is not DeliveryState.SENT:
                await self._end(each, DeliveryState.DEAD, error.pause)
        return Step()

    async def _end(self, delivery: Delivery, state: DeliveryState, reason: str) -> Step:
        await self._write(replace(delivery, state=state, reason=reason, changed_at=self.clock(), not_before=None))
        self.ended[state] += 1
        return _NEXT

    async def _publish(self, delivery: Delivery) -> Step:
        try:
            await self.messenger.publish(delivery.chat, delivery.message_id)
        except DeliveryError as error:
            self._note(delivery, error)
            tries = delivery.tries + 1
            if error.remedy in {Remedy.RETRY, Remedy.REPEAT, Remedy.STOP} and tries < _MOST_PUBLISH_TRIES:
                return await self._wait(replace(delivery, tries=tries), error.retry_after or self._pause_after(tries))
            await self._write(replace(delivery, must_publish=False, reason=f"not published: {error}"))
            return _NEXT
        await self._write(replace(delivery, must_publish=False, not_before=None))
        return _NEXT

    async def _write(self, delivery: Delivery) -> None:
        """Write down what has happened, however long the storage refuses; until then this chat gets nothing more."""
        while True:
            try:
                await self.storage.record(replace(delivery, chat=self.moved.get(delivery.chat, delivery.chat)))
            except StorageError as error:
                log.error(  # noqa: TRY400 - it is tried again
                    "outbox chat=%s day=%s part=%d state=%s status=not-written error=%r",
                    delivery.chat.key, delivery.day, delivery.part, delivery.state, str(error),
                )  # fmt: skip
                await asyncio.sleep(self.storage_pause)
            else:
                return


def _root_of(delivery: Delivery, deliveries: Sequence[Delivery]) -> str:
    """The message id of the first part of what this part belongs to; empty where it is that part, or it never arrived."""
    if delivery.part == delivery.first:
        return ""
    return next((each.message_id for each in deliveries if (each.day, each.part) == (delivery.day, delivery.first)), "")
