"""Checks what the feeds brought against arXiv's lists, and catches up on days that were missed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bot.calendar import feed_day, latest_day
from bot.comparing import Comparison, compare, infer_batches
from bot.days import (
    QUICK_PROBES,
    THEN_EVERY,
    Lacking,
    add_papers,
    begin_day,
    is_surely_quiet,
    missed_days,
    note_listing,
    reopen,
    settle,
    wants_check,
)
from bot.errors import SourceError
from bot.keeping import Keeping
from bot.model.day import DayPhase, DayState
from bot.model.listing import Listing
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.ports import ListingSource, PaperLookup, RecordSource

log = logging.getLogger(__name__)

_FIRST_TIME = frozenset({AnnounceType.NEW, AnnounceType.CROSS})

Rows = tuple[tuple[Paper, AnnounceType], ...]


@dataclass(slots=True)
class Checking:
    """Without one of its sources, what that one could tell stays unknown."""

    keeping: Keeping
    listings: ListingSource | None = None
    lookup: PaperLookup | None = None
    records: RecordSource | None = None
    _failed: dict[str, datetime] = field(default_factory=dict)

    async def check(self, categories: Sequence[str]) -> None:
        """Ask the lists of all days that want it. What fails is logged, and tried again later."""
        for state in await self._unchecked():
            if state.category not in categories:
                continue
            try:
                await self._check_one(state)
            except SourceError as error:
                log.warning("checked category=%s status=failed error=%r", state.category, str(error))
                await self._note_check(state)
                if not error.reached:
                    return

    async def undecided(self) -> frozenset[str]:
        """The categories of which a list is about to tell whether there is anything today."""
        return frozenset(each.category for each in await self._unchecked() if each.is_open)

    async def _unchecked(self) -> list[DayState]:
        """The days to ask lists about: those that lack papers first, as digests wait for them."""
        if self.listings is None:
            return []
        now = self.keeping.clock()
        current = await self._current(now)
        here = {each.day for each in current if each.papers}
        wanted = [each for each in current if wants_check(each, now, is_anything_here=each.day in here)]
        return sorted(wanted, key=lambda each: (each.phase is not DayPhase.PARTIAL, each.day, each.category))

    async def _current(self, now: datetime) -> list[DayState]:
        """The states of the newest day, and of a holiday after it."""
        days = {latest_day(now), feed_day(now)}
        return [each for each in (await self.keeping.states()).values() if each.day in days]

    async def _note_check(self, state: DayState) -> None:
        async with self.keeping.changing:
            state = (await self.keeping.states()).get((state.category, state.day), state)
            await self.keeping.save(replace(state, checked=self.keeping.clock()))

    async def _check_one(self, state: DayState) -> None:
        if self.listings is None:
            return
        listing = await self.listings.fetch_listing(state.category)
        ids = await self.keeping.ids(state.category)
        ids.pop(state.day, None)
        kept = [(paper.id, kind) for paper, kind in await self.keeping.rows(state.category, state.day)]
        now = self.keeping.clock()
        is_anything_here = any(each.papers for each in await self._current(now) if each.day == state.day)
        is_quiet = is_surely_quiet(state, now, is_anything_here=is_anything_here)
        found = compare(state, listing, kept, ids.values(), is_surely_quiet=is_quiet)
        papers, is_whole = await self._find_papers(state.day, [identifier for identifier, _ in found.lacking])
        # Only now: asking takes minutes, in which feeds go on coming.
        async with self.keeping.changing:
            await self._apply(state, listing, found, papers, is_whole=is_whole and listing.is_whole)

    async def _find_papers(self, day: date, ids: Sequence[ArxivId]) -> tuple[Mapping[ArxivId, Paper], bool]:
        """As other categories list them, else from arXiv; and whether arXiv could be asked for all of them."""
        known = {
            identifier: each.papers[identifier]
            for each in await self.keeping.announcements()
            if each.day == day
            for identifier in ids
            if identifier in each.papers
        }
        unknown = [identifier for identifier in ids if identifier not in known]
        if self.lookup is None or not unknown:
            return known, not unknown
        try:
            found = await self.lookup.fetch_papers(unknown)
        except SourceError as error:
            log.warning("looked up papers=%d status=failed error=%r", len(unknown), str(error))
            return known, False
        return known | {identifier: each.paper for identifier, each in found.items() if not each.is_deleted}, True

    async def _apply(
        self, seen: DayState, listing: Listing, found: Comparison, papers: Mapping[ArxivId, Paper], *, is_whole: bool
    ) -> None:
        state = (await self.keeping.states())[seen.category, seen.day]
        if state.is_open != seen.is_open:
            return  # the feed came meanwhile; what it brought is checked next
        rows = await self.keeping.rows(state.category, state.day)
        if found.belongs_to is not None:
            state, rows = await self._move(state, rows, found.belongs_to), ()
        kept = {paper.id for paper, _ in rows}
        late = tuple((papers[each], kind) for each, kind in found.lacking if each in papers and each not in kept)
        if late:
            state = add_papers(state, [paper.id for paper, _ in late], await self.keeping.stamp())
        now = self.keeping.clock()
        if found.is_told:
            lacking = Lacking(listing.total, len(found.lacking), len(late), is_whole=is_whole)
            state = note_listing(state, lacking, now)
        await self.keeping.save(replace(state, checked=now), (*rows, *late) if late or found.belongs_to else None)
        log.log(
            logging.WARNING if found.lacking or found.belongs_to else logging.INFO,
            "checked category=%s day=%s phase=%s list_day=%s listed=%d lacked=%d recovered=%d",
            state.category, state.day, state.phase, listing.day, listing.total, len(found.lacking), len(late),
        )  # fmt: skip

    async def _move(self, state: DayState, rows: Rows, day: date) -> DayState:
        """The feed bore the date of another day than the one its papers were announced on."""
        log.warning("moved category=%s from=%s to=%s papers=%d", state.category, state.day, day, len(rows))
        await self._add(state.category, day, rows, is_first=state.is_first)
        return reopen(state, self.keeping.clock())

    async def _add(self, category: str, day: date, rows: Rows, *, is_first: bool = False) -> None:
        """Keep these papers beside those of the day; where there are none at all, the day was quiet."""
        state = (await self.keeping.states()).get((category, day)) or begin_day(category, day, is_first=is_first)
        kept = await self.keeping.rows(category, day)
        ids = {paper.id for paper, _ in kept}
        late = tuple(row for row in rows if row[0].id not in ids)
        if late:
            state = add_papers(state, [paper.id for paper, _ in late], await self.keeping.stamp())
        await self.keeping.save(settle(state, self.keeping.clock()), (*kept, *late))

    async def catch_up(self, categories: Sequence[str]) -> None:
        """Harvest what was announced on days that were missed. What fails is logged, and tried again an hour later."""
        for category in categories:
            days = await self._missed(category)
            if not days or self._has_just_failed(category):
                continue
            try:
                await self._harvest(category, days)
            except SourceError as error:
                self._failed[category] = self.keeping.clock()
                log.warning("caught up category=%s status=failed error=%r", category, str(error))
                if not error.reached:
                    return

    async def behind(self) -> frozenset[str]:
        """The categories that are being, or to be, caught up on; not those where that failed just now."""
        if self.records is None:
            return frozenset()
        states, now = await self.keeping.states(), self.keeping.clock()
        current = {each.category for each in await self._current(now)}
        return frozenset(each for each in current if not self._has_just_failed(each) and missed_days(each, states, now))

    def _has_just_failed(self, category: str) -> bool:
        tried = self._failed.get(category)
        return tried is not None and timedelta() <= self.keeping.clock() - tried < THEN_EVERY

    async def _missed(self, category: str) -> tuple[date, ...]:
        """The days to harvest, once it is known what today's feed has: what is there is not of an earlier day."""
        states, now = await self.keeping.states(), self.keeping.clock()
        today = states.get((category, latest_day(now)))
        if self.records is None or today is None or (today.is_open and today.probes < QUICK_PROBES):
            return ()
        return missed_days(category, states, now)

    async def _harvest(self, category: str, days: Sequence[date]) -> None:
        if self.records is None:
            return
        until = self.keeping.clock().date()
        records = await self.records.harvest(category, days[0] - timedelta(days=1), until)
        async with self.keeping.changing:
            known = frozenset[ArxivId]().union(*(await self.keeping.ids(category, _FIRST_TIME)).values())
            batches = infer_batches(records, category, days, known)
            for day, batch in batches.items():
                await self._add(category, day, batch.papers)
                log.info("caught up category=%s day=%s papers=%d status=inferred", category, day, len(batch.papers))
