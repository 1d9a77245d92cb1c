"""What is planned because somebody asks for it: words beside digests, a part once more, a chat that ends or begins again.

Whatever is planned, for that or because it is due, goes into the outbox in one durable step.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from bot.calendar import latest_day
from bot.days import MOST_DAYS
from bot.delivery.due import begin
from bot.delivery.letters import back_message
from bot.errors import StorageError
from bot.language import Languages
from bot.logs import current_trace
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Version
from bot.model.message import Message, Part
from bot.model.subscription import PauseReason, Subscription
from bot.pipeline import Pipeline
from bot.ports import Messenger, Storage
from bot.schedule import latest_slot, parse_schedule
from bot.subscriptions import Subscriptions

log = logging.getLogger(__name__)

_GIVEN_UP = (DeliveryState.FAILED, DeliveryState.DEAD)
_A_MOMENT = timedelta(minutes=1)
_TRIES = 5

Result = TypeVar("Result")
Wake = Callable[[Chat], None]
"""Told that there is something in the outbox for a chat."""


class OvertakenError(Exception):
    """Another process planned for the chat meanwhile."""


@dataclass(slots=True)
class Planning:
    """The outbox as those see it who put something into it. `wake` is set to the outbox's once there is one.

    `messengers` are those of the platforms that are set up; chats of others are left alone.
    """

    pipeline: Pipeline
    subscriptions: Subscriptions
    messengers: Mapping[str, Messenger]
    languages: Languages = field(default_factory=Languages)
    wake: Wake = lambda _: None
    # What is decided about a chat rests on its progress, which must not change before the decision is kept.
    _deciding: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    @property
    def _storage(self) -> Storage:
        return self.pipeline.storage

    async def say(self, chat: Chat, message: Message) -> bool:
        """Put something other than a digest into the outbox for this chat; False where it cannot get anything now."""

        async def decide() -> bool:
            subscription = await self._storage.get_subscription(chat)
            now = self.pipeline.clock()
            if subscription is None or chat.platform not in self.messengers or subscription.is_paused(now):
                return False
            known = await self._storage.get_progress(chat)
            await self._plan(subscription, known, await self._begun(subscription, known), message, latest_day(now))
            return True

        return await self._decided(decide)

    async def tell(self, chat: Chat, write: Callable[[], Message], versions: Sequence[Version]) -> bool:
        """Put into the outbox what `write` says, in the chat's language, of these versions of papers it follows.

        In the same write the chat's follows know the versions, so that they are told once. A chat that is paused is not told
        of them later either. False where nothing was put there.
        """

        async def decide() -> bool:
            subscription = await self._storage.get_subscription(chat)
            if subscription is None or chat.platform not in self.messengers:
                return False
            now = self.pipeline.clock()
            if subscription.is_paused(now):
                await self._storage.plan(chat, None, (), versions)
                return False
            with self.languages.speaking(subscription.language):
                message = write()
            # A chat that follows nothing but papers has no rounds, and hence no progress.
            known = await self._storage.get_progress(chat)
            await self._plan(subscription, known, None, message, latest_day(now), versions)
            return True

        return await self._decided(decide)

    async def resend(self, chat: Chat) -> int:
        """Send again what may not have arrived; how many parts that are."""
        uncertain = [each for each in await self._storage.get_deliveries(chat) if each.state is DeliveryState.UNCERTAIN]
        now, asked = self.pipeline.clock(), 0
        for each in uncertain:
            again = replace(each, state=DeliveryState.PLANNED, resends=each.resends + 1, began=None, tries=0,
                            not_before=None, planned_at=now, changed_at=now, trace=current_trace())  # fmt: skip
            # Two presses are one wish.
            asked += await self._storage.record_after(each, again)
        if asked:
            self.wake(chat)
        return asked

    async def gone(self, chat: Chat, reason: PauseReason) -> None:
        """The platform says that this chat, and whatever threads it has, cannot be reached: pause it, and forget nothing."""
        for each in await self._with_threads(chat):
            if await self.subscriptions.pause_for(each, reason):
                log.info("paused chat=%s reason=%s", each.key, reason.name)

    async def back(self, chat: Chat) -> None:
        """The platform says that this chat, and its threads, can be reached again: go on, and offer what was missed."""
        for each in await self._with_threads(chat):
            subscription = await self._storage.get_subscription(each)
            pause = subscription.pause if subscription else None
            if pause is not None and pause.reason is not PauseReason.ASKED:
                missed, after = await self.resume(each)
                with self.languages.speaking(subscription.language if subscription else ""):
                    await self.say(each, back_message(missed, after))

    async def resume(self, chat: Chat) -> tuple[int, date]:
        """End the chat's pause; the number of announcements it missed, and the day after which they were.

        What was missed is not sent by itself any more; `catch_up` does that.
        """
        before = await self.subscriptions.get(chat)
        subscription = await self.subscriptions.resume(chat)

        async def decide() -> tuple[int, date]:
            known = await self._storage.get_progress(chat)
            progress, now = await self._begun(subscription, known), self.pipeline.clock()
            settled = await self._last_settled(before, progress)
            after = max(settled, latest_day(now) - timedelta(days=MOST_DAYS))
            announcements = await self.pipeline.announcements()
            missed = [each.day for each in announcements if each.day > after and each.papers_for(before.categories)]
            slot = latest_slot(parse_schedule(subscription.schedule), subscription.timezone, now)
            covered, heard = max([progress.covered, *missed]), (await self.pipeline.here()).heard
            changed = replace(progress, covered=covered, slot=max(progress.slot, slot), heard=heard)
            await self._plan(subscription, known, changed, None, covered)
            log.info("resumed chat=%s missed=%d", chat.key, len(missed))
            return len(missed), after

        return await self._decided(decide)

    async def _last_settled(self, subscription: Subscription, progress: Progress) -> date:
        """The last day of which nothing was left undelivered when the chat was paused."""
        if subscription.pause is None:
            return progress.covered
        given_up = [
            each.day - timedelta(days=1)
            for each in await self._storage.get_deliveries(subscription.chat)
            if each.state in _GIVEN_UP and each.papers and each.changed_at >= subscription.pause.since - _A_MOMENT
        ]
        return min([progress.covered, *given_up])

    async def _decided(self, decide: Callable[[], Awaitable[Result]]) -> Result:
        """What `decide` comes to; it decides again where another process planned for the chat meanwhile."""
        async with self._deciding:
            for _ in range(_TRIES):
                with suppress(OvertakenError):
                    return await decide()
        raise StorageError("too much is planned for this chat at the same time")

    async def _begun(self, subscription: Subscription, known: Progress | None) -> Progress:
        if known is not None:
            return known
        categories = self.pipeline.categories_of(subscription)
        return begin(subscription, categories, await self.pipeline.here(), self.pipeline.clock())

    async def _with_threads(self, chat: Chat) -> Sequence[Chat]:
        """The chats with a subscription that are this one, or threads of it."""
        return [
            each.chat
            for each in await self._storage.get_subscriptions()
            if each.chat == chat or (not chat.thread and (each.chat.platform, each.chat.id) == (chat.platform, chat.id))
        ]

    async def _plan(  # noqa: PLR0913, PLR0917 - what a plan rests on, and what it is made of
        self,
        subscription: Subscription,
        before: Progress | None,
        progress: Progress | None,
        message: Message | None,
        day: date,
        versions: Sequence[Version] = (),
        *,
        known: Sequence[Delivery] | None = None,
    ) -> None:
        """Keep the progress, the parts of the message and the versions they tell of in one write, then let the outbox go on.

        `known`: the chat's deliveries, where they were read just before.
        Raises OvertakenError, with nothing done, where the chat's progress is not `before` any more, or its places are taken.
        """
        parts: tuple[Part, ...] = ()
        if message is not None:
            with self.languages.speaking(subscription.language):
                parts = self.messengers[subscription.chat.platform].compose(subscription.chat, message)
        if parts and known is None:
            known = await self._storage.get_deliveries(subscription.chat)
        number = 1 + max((each.part for each in known or () if each.day == day), default=0)
        deliveries = number_parts(subscription.chat, day, number, parts, self.pipeline.clock())
        if not await self._storage.plan_after(subscription.chat, before, progress, deliveries, versions):
            raise OvertakenError(subscription.chat.key)
        if deliveries:
            log.info("planned chat=%s day=%s parts=%d", subscription.chat.key, day, len(deliveries))
            self.wake(subscription.chat)


def number_parts(chat: Chat, day: date, first: int, parts: Sequence[Part], now: datetime) -> tuple[Delivery, ...]:
    """The parts as deliveries that follow on what the chat has of that day."""
    return tuple(
        Delivery(chat, day, number, first, now, now, part.body, part.papers, trace=current_trace())
        for number, part in enumerate(parts, start=first)
    )
