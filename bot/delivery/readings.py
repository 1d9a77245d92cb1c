"""What due rounds will show: each ranked once, and held back for a while where its summaries are being made."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bot.delivery.due import Due
from bot.digests import with_summaries
from bot.model.chat import Chat
from bot.model.delivery import Progress, Round
from bot.model.digest import Digest, DigestPaper, LeftOut
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.model.summary import Wish
from bot.pipeline import Pipeline, Reading
from bot.schedule import next_slot, parse_schedule
from bot.summarising import Summaries, group_of

PATIENCE = timedelta(seconds=60)
"""How long a digest waits for its summaries. Rounds are looked at every half minute, so it is 90 seconds at most."""
ORDER_PATIENCE = timedelta(seconds=20)
"""How long of that it waits for what may change its order."""
_FORGET_AFTER = timedelta(hours=1)
_AHEAD = 0.1
"""The weight of papers of a digest that is not due yet, compared with one that is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a round came to. `lacks_budget`: papers lack a summary because the day's budget is used up.

    `is_coming`: something is being made that may change the order of the digest.
    """

    held: Round
    digest: Digest | None
    lacks_budget: bool = False
    is_coming: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    """A digest that waits, and on what it rests: it holds as long as none of that changes."""

    subscription: Subscription
    due: Due
    seen: frozenset[ArxivId]
    shown: Shown
    since: datetime


@dataclass(slots=True)
class Readings:
    """Digests for rounds. `summaries` None: nothing is summarised, and nothing waits."""

    pipeline: Pipeline
    summaries: Summaries | None = None
    _kept: dict[Chat, _Kept] = field(default_factory=dict)
    _foreseen: dict[Chat, date] = field(default_factory=dict)
    _unordered: set[Chat] = field(default_factory=set)
    _wishes: list[Wish] = field(default_factory=list)

    @property
    def waiting(self) -> AbstractSet[Chat]:
        """The chats whose digest waits for summaries."""
        return self._kept.keys()

    async def get(self, subscription: Subscription, due: Due) -> Shown | None:
        """What the round shows; None as long as its order or its summaries are being made, which is for `PATIENCE` at most."""
        meaning = self.pipeline.meaning
        if self.summaries is None and meaning is None:
            return await self.read(subscription, due)
        chat, now = subscription.chat, self.pipeline.clock()
        seen = frozenset(await self.pipeline.delivered(chat))
        kept = self._kept.get(chat)
        is_same = kept is not None and (kept.subscription, kept.due, kept.seen) == (subscription, due, seen)
        since = kept.since if kept else now
        is_early = timedelta() <= now - since < ORDER_PATIENCE
        if kept is not None and is_same and kept.shown.is_coming and is_early and meaning and meaning.is_busy:
            return None
        if kept is None or not is_same or kept.shown.is_coming:
            shown = await self.read(subscription, due)
            shown = replace(shown, is_coming=shown.is_coming and is_early)
            if not shown.is_coming and (self.summaries is None or not wished(subscription, shown.digest)):
                self._kept.pop(chat, None)
                return shown
            self._wishes += [] if shown.is_coming else wishes_of(subscription, shown.digest)
            self._kept[chat] = _Kept(subscription, due, seen, shown, since)
            return None
        if timedelta() <= now - kept.since < PATIENCE and self._is_coming(subscription, kept.shown.digest):
            return None
        del self._kept[chat]
        return await self.with_summaries(subscription, kept.shown)

    async def read(self, subscription: Subscription, due: Due) -> Shown:
        """The digest of a round without any summary."""
        wanted = replace(subscription, categories=due.only) if due.only else subscription
        reading = Reading(None)
        if due.after < due.until:
            reading = await self.pipeline.read_days(wanted, due.after, due.until, due.papers)
        held = _round(reading, self.pipeline.clock(), due.until)
        return Shown(held, reading.digest, is_coming=reading.is_coming)

    async def with_summaries(self, subscription: Subscription, shown: Shown) -> Shown:
        """The same with the summaries that are there now."""
        papers = wished(subscription, shown.digest)
        if self.summaries is None or shown.digest is None or not papers:
            return shown
        found = await self.summaries.find_all([each.announced.paper for each in papers], subscription.language)
        lacks_budget = self.summaries.is_spent() and len(found) < len(papers)
        return replace(shown, digest=with_summaries(shown.digest, found), lacks_budget=lacks_budget)

    def is_to_foresee(self, subscription: Subscription, progress: Progress, day: date) -> bool:
        """Whether `foresee` would do anything."""
        chat = subscription.chat
        is_done = self._foreseen.get(chat) == day or progress.covered >= day or chat in self._kept
        has_summaries, meaning = self.summaries is not None and subscription.most_summaries > 0, self.pipeline.meaning
        if is_done or not (has_summaries or meaning):
            return False
        return not (chat in self._unordered and meaning and meaning.is_busy)

    def pass_on(self, chat: Chat, day: date) -> None:
        """Another process foresees this day's digest of the chat."""
        self._foreseen[chat] = day

    async def foresee(self, subscription: Subscription, progress: Progress, day: date) -> None:
        """Have made what a chat with hours of its own will show of this day, as soon as its papers are here; once a day."""
        chat = subscription.chat
        if not self.is_to_foresee(subscription, progress, day):
            return
        ahead = await self.read(subscription, Due(progress.covered, day, progress.slot))
        self._unordered.discard(chat)
        if ahead.is_coming:
            self._unordered.add(chat)
            return
        self._foreseen[chat] = day
        shown_at = _next_hour(subscription, self.pipeline.clock())
        self._wishes += [
            replace(each, weight=each.weight * _AHEAD, due=shown_at) for each in wishes_of(subscription, ahead.digest)
        ]

    async def want(self) -> None:
        """Have made what lacks for all that was read since the last time: what ranks high for many chats first."""
        now = self.pipeline.clock()
        # A chat that was paused or forgotten meanwhile never comes back for its digest.
        self._kept = {chat: each for chat, each in self._kept.items() if abs(now - each.since) < _FORGET_AFTER}
        wishes, self._wishes = self._wishes, []
        if self.summaries is not None and wishes:
            await self.summaries.want(wishes)

    def _is_coming(self, subscription: Subscription, digest: Digest | None) -> bool:
        return self.summaries is not None and any(
            self.summaries.is_coming(each.announced.paper, subscription.language)
            for each in wished(subscription, digest)
        )


def wished(subscription: Subscription, digest: Digest | None) -> Sequence[DigestPaper]:
    """The papers of a digest that get a summary without being asked for; none of the sample."""
    return () if digest is None or digest.is_sample else digest.papers[: subscription.most_summaries]


def wishes_of(subscription: Subscription, digest: Digest | None) -> Iterator[Wish]:
    """Those papers as wishes: the higher a paper's place, the more it matters."""
    for each in wished(subscription, digest):
        yield Wish(each.announced.paper, subscription.language, 1 / each.place, group_of(subscription.chat))


def _next_hour(subscription: Subscription, now: datetime) -> datetime | None:
    """When the chat's next digest is due by an hour of its own; None where it follows the announcement."""
    schedule = parse_schedule(subscription.schedule)
    return next_slot(schedule, subscription.timezone, now) if schedule.times else None


def _round(reading: Reading, now: datetime, day: date) -> Round:
    if reading.digest is None:
        return Round(now, day)
    low = [each.score.value for each in reading.verdicts if each.left_out is LeftOut.BELOW_MIN_SCORE]
    return Round(now, day, len(reading.digest.papers), reading.digest.total, max(low, default=0.0))
