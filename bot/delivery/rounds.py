"""Holds the rounds that are due: composes each chat's digest and plans it into the outbox, in one durable step."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from bot.calendar import is_day_off, latest_day
from bot.days import MOST_DAYS, Here
from bot.delivery.due import Due, begin, find_due
from bot.delivery.letters import back_message, digest_message, late_message, quiet_message
from bot.delivery.pages import Pages
from bot.delivery.readings import Readings, Shown
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
from bot.summarising import Summaries

log = logging.getLogger(__name__)

MOST_OPEN = 2_000
"""How many chats may wait in the outbox before further rounds are left for later: what is planned is kept in memory."""
LATE_AFTER = timedelta(hours=3)
"""How long after a digest was due a chat is told that arXiv keeps it waiting."""
_TROUBLED = (DeliveryState.FAILED, DeliveryState.UNCERTAIN)
_GIVEN_UP = (DeliveryState.FAILED, DeliveryState.DEAD)
_BREATH = 50
"""After so many chats others get their turn."""
_A_MOMENT = timedelta(minutes=1)

_TRIES = 5

Result = TypeVar("Result")
Wake = Callable[[Chat], None]
"""Told that there is something in the outbox for a chat."""


class _OvertakenError(Exception):
    """Another process planned for the chat meanwhile."""


@dataclass(slots=True)
class Rounds:
    """The use cases of delivery. `wake` is set to the outbox's once there is one.

    `messengers` are those of the platforms that are set up; chats of others are left alone. `summaries` None: digests
    carry abstracts. `pages` None: nothing is served over HTTP, and no pages are kept.
    """

    pipeline: Pipeline
    subscriptions: Subscriptions
    messengers: Mapping[str, Messenger]
    languages: Languages = field(default_factory=Languages)
    wake: Wake = lambda _: None
    most_open: int = MOST_OPEN
    summaries: Summaries | None = None
    pages: Pages | None = None
    # What is decided about a chat rests on its progress, which must not change before the decision is kept.
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock)
    _readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self._readings = Readings(self.pipeline, self.summaries)

    @property
    def _storage(self) -> Storage:
        return self.pipeline.storage

    async def hold_due(self) -> int:
        """Hold every round that is due, chat by chat; how many digests were planned. What fails for one chat is logged.

        Rounds that find the outbox full, or whose summaries are being made, are left for a later call.
        """
        subscriptions = await self._storage.get_subscriptions()
        return await self._hold_all(subscriptions, self._storage.get_all_progress)

    async def hold(self, chats: Iterable[Chat]) -> int:
        """As `hold_due`, of these chats alone."""
        found = [await self._storage.get_subscription(each) for each in chats]
        subscriptions = [each for each in found if each is not None]

        async def find_progress() -> Mapping[Chat, Progress]:
            progress = {each.chat: await self._storage.get_progress(each.chat) for each in subscriptions}
            return {chat: each for chat, each in progress.items() if each is not None}

        return await self._hold_all(subscriptions, find_progress)

    async def find_waiting(self) -> Sequence[Chat]:
        """The chats for which `hold` may find something to do; none while the outbox is full."""
        asked = frozenset(self.pipeline.attempts)
        now, here = self.pipeline.clock(), await self.pipeline.here()
        progress, is_pulling = await self._storage.get_all_progress(), not await self.pipeline.is_paused()
        if len(await self._storage.get_open_chats()) >= self.most_open:
            log.info("rounds status=postponed reason=outbox-full open=%d", self.most_open)
            return ()
        found = []
        for number, subscription in enumerate(await self._storage.get_subscriptions()):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            known, categories = progress.get(subscription.chat), self.pipeline.categories_of(subscription)
            if not self._is_served(subscription, categories, now):
                continue
            if known is None:
                is_due = not (is_pulling and self._is_unasked(subscription, here, asked, now))
            else:
                is_due = _needs_attention(subscription, categories, known, here, now)
                is_due = is_due or self._is_foreseen(subscription, categories, known, here, now)
            if is_due:
                found.append(subscription.chat)
        return found

    def pass_on(self, chats: Iterable[Chat]) -> None:
        """Other processes look at these chats, also ahead of their digests."""
        day = latest_day(self.pipeline.clock())
        for each in chats:
            self._readings.pass_on(each, day)

    def is_waiting(self, chats: Iterable[Chat]) -> bool:
        """Whether the digest of one of these chats waits for its summaries."""
        return not self._readings.waiting.isdisjoint(chats)

    async def _hold_all(
        self, subscriptions: Sequence[Subscription], find_progress: Callable[[], Awaitable[Mapping[Chat, Progress]]]
    ) -> int:
        planned = await self._hold_each(subscriptions, find_progress)
        await self._readings.want()
        # Nothing more may lack for what was read a moment ago.
        waiting = self._readings.waiting
        return planned + await self._hold_each([each for each in subscriptions if each.chat in waiting], find_progress)

    async def _hold_each(
        self, subscriptions: Sequence[Subscription], find_progress: Callable[[], Awaitable[Mapping[Chat, Progress]]]
    ) -> int:
        if not subscriptions:
            return 0
        # In this order: of what was asked for by then, `here` has the answer.
        asked = frozenset(self.pipeline.attempts)
        now, here = self.pipeline.clock(), await self.pipeline.here()
        progress, planned = await find_progress(), 0
        is_pulling = not await self.pipeline.is_paused()
        room = self.most_open - len(await self._storage.get_open_chats())
        for number, subscription in enumerate(subscriptions):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            waiting = self._readings.waiting
            if room <= planned + (0 if subscription.chat in waiting else len(waiting)):
                log.info("rounds status=postponed reason=outbox-full open=%d", self.most_open)
                break
            try:
                known = progress.get(subscription.chat)
                if known is not None or not (is_pulling and self._is_unasked(subscription, here, asked, now)):
                    planned += await self._look_at(subscription, known, here, asked, now)
            except _OvertakenError:
                log.info("round chat=%s status=overtaken", subscription.chat.key)
            except Exception:
                log.exception("round failed chat=%s", subscription.chat.key)
        return planned

    def _is_served(self, subscription: Subscription, categories: tuple[str, ...], now: datetime) -> bool:
        return bool(categories) and subscription.chat.platform in self.messengers and not subscription.is_paused(now)

    def _is_foreseen(
        self, subscription: Subscription, categories: tuple[str, ...], known: Progress, here: Here, now: datetime
    ) -> bool:
        """Whether a digest that is not due yet can be read ahead, for its summaries."""
        day = latest_day(now)
        return all(code in here(day) for code in categories) and self._readings.is_to_foresee(subscription, known, day)

    def _is_unasked(self, subscription: Subscription, here: Here, asked: AbstractSet[str], now: datetime) -> bool:
        """Whether arXiv has yet to be asked what the chat wants: until then nothing tells what came before the chat did."""
        came = here(latest_day(now))
        wanted = self.pipeline.categories_of(subscription)
        return any(code not in came and (code not in asked or code in here.undecided) for code in wanted)

    async def _look_at(
        self,
        subscription: Subscription,
        progress: Progress | None,
        here: Here,
        asked: AbstractSet[str],
        now: datetime,
    ) -> int:
        """Hold the chat's round if one is due: 1 if that made a digest, else 0."""
        categories = self.pipeline.categories_of(subscription)
        if not self._is_served(subscription, categories, now):
            return 0
        if progress is not None and not _needs_attention(subscription, categories, progress, here, now):
            if self._is_foreseen(subscription, categories, progress, here, now):
                await self._readings.foresee(subscription, progress, latest_day(now))
            return 0
        async with self._deciding:
            # Between the first glance and now the chat may have changed its mind.
            subscription = await self.subscriptions.get(subscription.chat)
            if subscription.is_paused(now):
                return 0
            if subscription.pause is not None:
                subscription = await self.subscriptions.resume(subscription.chat)
            progress = await self._storage.get_progress(subscription.chat)
            if progress is None:
                begun = begin(subscription, categories, here, now)
                # False where another process was quicker.
                await self._storage.plan_after(subscription.chat, None, begun)
                return 0
            due = find_due(subscription, categories, progress, here, now)
            if due is not None:
                return await self._hold(subscription, progress, due)
            if asked >= {code for code in categories if code not in here(latest_day(now))}:
                await self._tell_late(subscription, categories, progress, here, now)
            return 0

    async def _hold(self, subscription: Subscription, progress: Progress, due: Due) -> int:
        shown = await self._readings.get(subscription, due)
        if shown is None:
            return 0
        now, held = self.pipeline.clock(), shown.held
        is_new = due.after < due.until
        is_short = shown.lacks_budget and progress.budget_noticed != now.date()
        known = await self._storage.get_deliveries(subscription.chat) if held.papers else None
        message = await self._compose(subscription, progress, due, shown, known, is_short=is_short)
        is_told = is_new or is_day_off(now)
        # A chat that subscribed while the clock was far ahead must not wait for that day.
        covered = min(progress.covered, latest_day(now))
        after = replace(
            progress,
            covered=max(covered, due.until),
            slot=due.slot,
            awaited=due.awaited if is_new else progress.awaited,
            last=held if is_told and (held.papers or not due.only) else progress.last,
            last_digest=held if held.papers else progress.last_digest,
            budget_noticed=now.date() if is_short else progress.budget_noticed,
            heard=due.heard,
        )
        await self._plan(subscription, progress, after, message if is_told else None, due.until, known=known)
        log.info("round chat=%s day=%s papers=%d of=%d", subscription.chat.key, due.until, held.papers, held.announced)
        return int(held.papers > 0)

    async def _compose(  # noqa: PLR0913 - all that a message says
        self,
        subscription: Subscription,
        progress: Progress,
        due: Due,
        shown: Shown,
        known: Sequence[Delivery] | None,
        *,
        is_short: bool = False,
    ) -> Message | None:
        with self.languages.speaking(subscription.language):
            if shown.digest is not None and shown.digest.papers:
                troubled = _troubled(subscription, progress, known or ())
                link = await self.pages.keep(subscription, shown.digest) if self.pages else ""
                message = digest_message(
                    shown.digest, subscription.detail, awaited=due.awaited, troubled=troubled, is_short=is_short
                )
                return replace(message, link=link)
            is_said = subscription.quiet_notice and not due.only
            return quiet_message(shown.held, self.pipeline.clock()) if is_said else None

    async def _tell_late(
        self, subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here, now: datetime
    ) -> None:
        """Say once a day that arXiv keeps the digest waiting, where the chat has not switched that off."""
        day = _late_day(subscription, progress, now)
        lacking = [code for code in categories if day is not None and code not in here.announced(day)]
        if day is None or not lacking or not subscription.failure_notice:
            return
        with self.languages.speaking(subscription.language):
            message = late_message(day, lacking)
        await self._plan(subscription, progress, replace(progress, noticed=day), message, day)

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
        Raises _OvertakenError, with nothing done, where the chat's progress is not `before` any more, or its places are taken.
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
            raise _OvertakenError(subscription.chat.key)
        if deliveries:
            log.info("planned chat=%s day=%s parts=%d", subscription.chat.key, day, len(deliveries))
            self.wake(subscription.chat)

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

    async def catch_up(self, chat: Chat, after: date) -> int:
        """Plan one digest of what was announced after that day, at most seven days back; how many papers it shows."""

        async def decide() -> int:
            subscription = await self.subscriptions.get(chat)
            known = await self._storage.get_progress(chat)
            progress = await self._begun(subscription, known)
            latest = latest_day(self.pipeline.clock())
            until = max((each.day for each in await self.pipeline.announcements()), default=latest)
            due = Due(max(after, until - timedelta(days=MOST_DAYS)), until, progress.slot)
            shown = await self._readings.with_summaries(subscription, await self._readings.read(subscription, due))
            told = await self._storage.get_deliveries(chat) if shown.held.papers else None
            message = await self._compose(replace(subscription, quiet_notice=False), progress, due, shown, told)
            if message is not None:
                held = shown.held
                changed = replace(progress, covered=max(progress.covered, until), last=held, last_digest=held)
                await self._plan(subscription, known, changed, message, until, known=told)
            return shown.held.papers

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
                with suppress(_OvertakenError):
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


def number_parts(chat: Chat, day: date, first: int, parts: Sequence[Part], now: datetime) -> tuple[Delivery, ...]:
    """The parts as deliveries that follow on what the chat has of that day."""
    return tuple(
        Delivery(chat, day, number, first, now, now, part.body, part.papers, trace=current_trace())
        for number, part in enumerate(parts, start=first)
    )


def _needs_attention(
    subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here, now: datetime
) -> bool:
    is_due = find_due(subscription, categories, progress, here, now) is not None
    return is_due or _late_day(subscription, progress, now) is not None


def _troubled(subscription: Subscription, progress: Progress, known: Sequence[Delivery]) -> Sequence[Delivery]:
    """The parts that ended in doubt or failed since the last digest."""
    since = progress.last_digest.at if progress.last_digest else datetime.min.replace(tzinfo=UTC)
    return [
        each
        for each in known
        if each.state in _TROUBLED
        and each.changed_at >= since
        and (subscription.failure_notice or each.state is DeliveryState.UNCERTAIN)
    ]


def _late_day(subscription: Subscription, progress: Progress, now: datetime) -> date | None:
    """The day whose digest has been due for so long that the chat is to be told; None where there is none, or it was told."""
    slot = latest_slot(parse_schedule(subscription.schedule), subscription.timezone, now)
    day = latest_day(slot)
    waits_since = max(slot, subscription.created)
    is_late = slot > progress.slot and progress.covered < day and now - waits_since >= LATE_AFTER
    return day if is_late and progress.noticed != day else None
