"""What is kept of arXiv's announcements, read once and held until somebody saves something new."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.calendar import feed_of
from bot.days import States, late_of
from bot.leasing import Turn
from bot.model.announcement import Announcement, Batch
from bot.model.day import DayPhase, DayState
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.ports import Clock, Revisions, Storage

ANNOUNCEMENT_DAYS = 30
"""How long announcements are kept, in days."""


@dataclass(slots=True)
class Keeping:
    """The announcements and the states of their days. Whoever changes one of them holds `changing` meanwhile."""

    storage: Storage
    clock: Clock
    changing: Turn = field(default_factory=Turn)
    _announcements: tuple[Announcement, ...] | None = None
    _states: dict[tuple[str, date], DayState] | None = None
    _revisions: Revisions | None = None

    @property
    def oldest(self) -> date:
        """The oldest day that is kept."""
        return self.clock().date() - timedelta(days=ANNOUNCEMENT_DAYS)

    async def announcements(self) -> tuple[Announcement, ...]:
        """Everything kept, oldest first."""
        revisions = await self._let_go()
        if self._announcements is not None:
            return self._announcements
        announcements = await self.storage.get_announcements(self.oldest)
        if revisions == self._revisions:  # else something was saved meanwhile that this reading may lack
            self._announcements = announcements
        return announcements

    async def states(self) -> States:
        """The state of every day that is kept; a batch without one was kept before there were any."""
        revisions = await self._let_go()
        if self._states is not None:
            return self._states
        states = {
            (category, each.day): _assume(category, each.day, len(rows))
            for each in await self.announcements()
            for category, rows in each.listings.items()
        }
        states |= {(each.category, each.day): each for each in await self.storage.get_days(self.oldest)}
        if revisions == self._revisions:
            self._states = states
        return states

    async def save(self, state: DayState, rows: Iterable[tuple[Paper, AnnounceType]] | None = None) -> None:
        """Keep a state and, unless None, all papers of its category and day, in one durable write."""
        batch = None if rows is None else Batch(state.category, state.day, tuple(rows))
        before = await self._let_go()
        await self.storage.save_day(state, batch)
        if before != self._revisions:
            return
        # If nobody else saved anything, these will be the numbers; if somebody did, they never will.
        self._revisions = Revisions(before.batches + (batch is not None), before.days + 1)
        if self._states is not None:
            self._states = {**self._states, (state.category, state.day): state}
        if batch is not None:
            self._announcements = None

    async def rows(self, category: str, day: date) -> tuple[tuple[Paper, AnnounceType], ...]:
        """The papers of a category and day that are kept."""
        for each in await self.announcements():
            if each.day == day:
                return tuple((each.papers[identifier], kind) for identifier, kind in each.listings.get(category, ()))
        return ()

    async def ids(
        self, category: str, types: frozenset[AnnounceType] = frozenset(AnnounceType)
    ) -> dict[date, frozenset[ArxivId]]:
        """The papers that the category listed as one of these types, by day."""
        return {
            each.day: frozenset(identifier for identifier, kind in each.listings[category] if kind in types)
            for each in await self.announcements()
            if category in each.listings
        }

    async def stamp(self) -> datetime:
        """Now, or just after the newest addition: no two have the same instant, whatever becomes of the clock."""
        late = late_of((await self.states()).values())
        now = self.clock()
        return max(now, late[-1].addition.at + timedelta(microseconds=1)) if late else now

    async def prune(self, seen_before: date, summaries_before: date = date.min) -> None:
        """Drop what is older than it is kept for."""
        await self.storage.prune(batches_before=self.oldest, seen_before=seen_before, summaries_before=summaries_before)

    async def _let_go(self) -> Revisions:
        """Hold nothing that somebody has changed, in this process or another, since it was read; the numbers now."""
        revisions = await self.storage.get_revisions()
        held, self._revisions = self._revisions, revisions
        if held is None or revisions.batches != held.batches:
            self._announcements = self._states = None
        elif revisions.days != held.days:
            self._states = None
        return revisions


def _assume(category: str, day: date, papers: int) -> DayState:
    phase = DayPhase.COMPLETE if papers else DayPhase.QUIET
    return DayState(category, day, phase, feed_of(day), came=feed_of(day), papers=papers, listed=papers)
