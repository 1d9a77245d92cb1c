"""Pull -> rank -> digest: the way of a paper from arXiv to a reader."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache

from bot.calendar import feed_of, latest_day
from bot.digests import Verdict, candidates, compose, latest_announcement, rank
from bot.errors import SourceError, SourceFault
from bot.language import tr
from bot.lessons import Lessons
from bot.model.announcement import Announcement, merge_batches
from bot.model.chat import Chat
from bot.model.digest import Digest
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.ports import Clock, PaperSource, Ranker, Storage

log = logging.getLogger(__name__)

ANNOUNCEMENT_DAYS = 30
"""How long announcements are kept, in days."""
SEEN_DAYS = 180
"""How long it is remembered that a chat got a paper, in days."""
RETRY_SOON = timedelta(minutes=1)
"""How long a person's request does not ask arXiv again for what it just refused or did not have."""
_PAUSED = "pulls paused"

Progress = Callable[[str], None]
"""Told in a few words what is going on during a long wait."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time a category was asked for, and what was wrong, if anything: `error` for operators, the rest for people.

    `until`: the instant until which arXiv is left alone, where it said so.
    """

    at: datetime
    error: str = ""
    fault: SourceFault = SourceFault.UNKNOWN
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A digest with every verdict behind it. `digest` is None where nothing has been announced yet."""

    digest: Digest | None
    verdicts: tuple[Verdict, ...] = ()


@dataclass(slots=True)
class Pipeline:
    """The one path from announcement to digest.

    `sample` is shown on request and, if `sample_stands_in`, where arXiv cannot be reached and nothing was ever pulled.
    `default_categories` are pulled for chats that follow topics and name no category.
    """

    storage: Storage
    source: PaperSource
    rankers: Mapping[str, Ranker]
    clock: Clock
    default_categories: tuple[str, ...]
    sample: PaperSource | None = None
    sample_stands_in: bool = True
    attempts: dict[str, Attempt] = field(default_factory=dict)
    _arrivals: dict[str, tuple[date, datetime]] = field(default_factory=dict)
    _pulling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _kept: tuple[Announcement, ...] | None = None
    _saves: int = 0

    def categories_of(self, subscription: Subscription) -> tuple[str, ...]:
        """The categories that are pulled for this subscription."""
        return subscription.categories or (self.default_categories if subscription.topics else ())

    async def followed_categories(self) -> tuple[str, ...]:
        """Every category that some chat needs, sorted."""
        needed = {code for each in await self.storage.get_subscriptions() for code in self.categories_of(each)}
        return tuple(sorted(needed))

    async def pull(
        self, categories: Sequence[str], progress: Progress = lambda _: None, *, pause: timedelta = RETRY_SOON
    ) -> int:
        """Fetch those of `categories` whose newest announcement is not here yet; how many papers that brought.

        What was asked for less than `pause` ago is not asked for again. What fails is remembered in `attempts` and not
        raised. One pull at a time: a second one waits for the first and then finds its work done.
        """
        if self._pulling.locked():
            progress(tr("arXiv is being read already; waiting for that …"))
        async with self._pulling:
            missing = [code for code in categories if await self._is_missing(code, pause)]
            # Read once: every batch that is saved makes the next reading decode all the days again.
            kept = await self.announcements()
            brought = 0
            for number, category in enumerate(missing, start=1):
                progress(
                    tr(
                        "Reading {category} from arXiv ({number} of {count}) …",
                        category=category,
                        number=number,
                        count=len(missing),
                    )
                )
                try:
                    brought += await self._pull_one(category, kept)
                except SourceError as error:
                    failed = [category] if error.reached else missing[number - 1 :]
                    attempt = Attempt(self.clock(), str(error), error.fault, error.until)
                    self.attempts |= dict.fromkeys(failed, attempt)
                    log.warning("pulled categories=%s status=failed error=%r", ",".join(failed), str(error))
                    if not error.reached:
                        break
            return brought

    async def _pull_one(self, category: str, kept: Sequence[Announcement]) -> int:
        now = self.clock()
        batch = await self.source.fetch(category)
        known = _sizes(kept, batch.day)
        if batch.papers or category not in known:
            await self.storage.save_batch(batch)
            self._forget_kept()
        if category not in known:
            self._arrivals[category] = (batch.day, now)
        self.attempts[category] = Attempt(now)
        log.info("pulled category=%s status=ok day=%s papers=%d", category, batch.day, len(batch.papers))
        return len(batch.papers) if category not in known else 0

    async def _is_missing(self, category: str, pause: timedelta) -> bool:
        tried = self.attempts.get(category)
        if tried and timedelta() <= self.clock() - tried.at < pause:
            return False
        return category not in await self.batch_sizes(latest_day(self.clock()))

    async def batch_sizes(self, since: date) -> dict[str, int]:
        """How many papers the categories announced on `since` or later, for those that are here."""
        return _sizes(await self.announcements(), since)

    async def here(self) -> Callable[[date], Mapping[str, datetime]]:
        """For a day: the categories whose batch of it, or of a later day, is here, each with the UTC instant at which it came.

        Of what came before the process began only the day is known: it counts from the hour at which arXiv announces.
        """
        announcements = await self.announcements()

        @cache
        def find(day: date) -> Mapping[str, datetime]:
            came: dict[str, datetime] = {}
            for category in _sizes(announcements, day):
                arrived, at = self._arrivals.get(category, (date.min, feed_of(day)))
                came[category] = at if arrived >= day else feed_of(day)
            return came

        return find

    async def announcements(self) -> tuple[Announcement, ...]:
        """Everything kept, oldest first; read once and held until something new is saved."""
        if self._kept is not None:
            return self._kept
        saves = self._saves
        announcements = await self.storage.get_announcements(self._oldest_kept())
        if saves == self._saves:  # else something was saved meanwhile that this reading may lack
            self._kept = announcements
        return announcements

    def _forget_kept(self) -> None:
        self._kept = None
        self._saves += 1

    def _oldest_kept(self) -> date:
        return self.clock().date() - timedelta(days=ANNOUNCEMENT_DAYS)

    async def recent(self, categories: Sequence[str]) -> tuple[Announcement, ...]:
        """The announcements of the last days, oldest first; the sample where arXiv gave nothing, ever."""
        announcements = await self.announcements()
        if not self.sample_stands_in or any(each.papers for each in announcements):
            return announcements
        if not any(self.attempts[code].error for code in categories if code in self.attempts):
            return announcements
        return await self.sample_announcements(categories)

    async def sample_announcements(self, categories: Sequence[str]) -> tuple[Announcement, ...]:
        """The bundled invented papers of these categories, as if announced."""
        if self.sample is None:
            return ()
        return merge_batches([await self.sample.fetch(category) for category in categories])

    async def read(
        self,
        subscription: Subscription,
        *,
        progress: Progress = lambda _: None,
        only_sample: bool = False,
        with_delivered: bool = False,
    ) -> Reading:
        """The digest this subscription would get now, arXiv asked first for what is not here yet.

        `with_delivered`: what the chat got already is shown, too.
        """
        categories = self.categories_of(subscription)
        if only_sample:
            announcements = await self.sample_announcements(categories)
        else:
            await self.pull(categories, progress)
            announcements = await self.recent(categories)
        latest = latest_announcement(announcements, subscription.categories)
        if latest is None:
            return Reading(None)
        delivered = {} if with_delivered else await self.delivered(subscription.chat)
        verdicts = await self._judge(subscription, announcements, delivered)
        return Reading(compose(latest.day, categories, verdicts, is_sample=latest.is_sample), verdicts)

    async def read_days(self, subscription: Subscription, after: date, until: date) -> Reading:
        """The one digest of all announcements after `after` up to `until`, from what is here; None where they had nothing."""
        announcements = [each for each in await self.announcements() if each.day <= until]
        latest = latest_announcement(announcements, subscription.categories)
        if latest is None or latest.day <= after:
            return Reading(None)
        since = min(each.day for each in announcements if each.day > after and each.papers_for(subscription.categories))
        delivered = await self.delivered(subscription.chat)
        verdicts = await self._judge(subscription, announcements, delivered, after)
        return Reading(compose(latest.day, self.categories_of(subscription), verdicts, since=since), verdicts)

    async def _judge(
        self,
        subscription: Subscription,
        announcements: Sequence[Announcement],
        delivered: Mapping[ArxivId, date],
        after: date | None = None,
    ) -> tuple[Verdict, ...]:
        feedback = await Lessons(self.storage).get(subscription.chat, announcements)

        def judge() -> tuple[Verdict, ...]:
            papers = candidates(subscription, announcements, after)
            ranker = self.rankers[subscription.ranker]
            return rank(ranker, subscription, papers, announcements, delivered, feedback)

        # Ranking is pure computing, hundreds of milliseconds on a busy day: the event loop must go on meanwhile.
        return await asyncio.to_thread(judge)

    async def learned(self, subscription: Subscription) -> tuple[Sequence[str], Sequence[str]]:
        """The terms that the chat's marks taught for and against, the strongest first."""
        announcements = await self.announcements()
        feedback = await Lessons(self.storage).get(subscription.chat, announcements)
        return await asyncio.to_thread(self.rankers[subscription.ranker].learned, announcements, feedback)

    async def delivered(self, chat: Chat) -> Mapping[ArxivId, date]:
        """The papers that the chat got, and those that are on their way to it or may be there, each with the day."""
        unsettled = {
            paper: each.day
            for each in await self.storage.get_deliveries(chat)
            if each.is_unsettled
            for paper in each.papers
        }
        return unsettled | dict(await self.storage.get_seen(chat))

    async def mark_seen(self, chat: Chat, digest: Digest) -> None:
        """Remember that the chat got the papers of this digest."""
        await self.storage.add_seen(chat, [each.announced.paper.id for each in digest.papers], self.clock().date())

    async def is_paused(self) -> bool:
        """Whether the owner paused what is pulled on schedule; what people ask for is pulled all the same."""
        return await self.storage.get_note(_PAUSED) is not None

    async def set_paused(self, *, paused: bool) -> None:
        """Pause what is pulled on schedule, or go on with it; kept over restarts."""
        await self.storage.set_note(_PAUSED, "yes" if paused else "")

    async def prune(self) -> None:
        """Drop what is older than it is kept for."""
        seen_before = self.clock().date() - timedelta(days=SEEN_DAYS)
        await self.storage.prune(batches_before=self._oldest_kept(), seen_before=seen_before)
        self._forget_kept()


def _sizes(announcements: Sequence[Announcement], since: date) -> dict[str, int]:
    return {
        category: len(listing)
        for announcement in announcements
        if announcement.day >= since
        for category, listing in announcement.listings.items()
    }
