"""Holds the rounds that are due: composes each chat's digest and plans it into the outbox, in one durable step."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from bot.calendar import is_day_off, latest_day
from bot.days import MOST_DAYS, Here
from bot.delivery.due import Due, begin, find_due, late_day, needs_attention
from bot.delivery.letters import digest_message, late_message, quiet_message
from bot.delivery.pages import Pages
from bot.delivery.planning import OvertakenError, Planning
from bot.delivery.readings import Readings, Shown
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.message import Message
from bot.model.subscription import Subscription
from bot.summarising import Summaries

log = logging.getLogger(__name__)

MOST_OPEN = 2_000
"""How many chats may wait in the outbox before further rounds are left for later: what is planned is kept in memory."""
_TROUBLED = (DeliveryState.FAILED, DeliveryState.UNCERTAIN)
_BREATH = 50
"""After so many chats others get their turn."""


@dataclass(slots=True)
class Rounds(Planning):
    """What is planned because it is due, besides what is asked for.

    `summaries` None: digests carry abstracts. `pages` None: nothing is served over HTTP, and no pages are kept.
    """

    most_open: int = MOST_OPEN
    summaries: Summaries | None = None
    pages: Pages | None = None
    _readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self._readings = Readings(self.pipeline, self.summaries)

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
                is_due = needs_attention(subscription, categories, known, here, now)
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
            except OvertakenError:
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
        if progress is not None and not needs_attention(subscription, categories, progress, here, now):
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
        day = late_day(subscription, progress, now)
        lacking = [code for code in categories if day is not None and code not in here.announced(day)]
        if day is None or not lacking or not subscription.failure_notice:
            return
        with self.languages.speaking(subscription.language):
            message = late_message(day, lacking)
        await self._plan(subscription, progress, replace(progress, noticed=day), message, day)

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
