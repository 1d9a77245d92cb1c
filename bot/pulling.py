"""Pulls arXiv's feeds: each category that something is awaited of, one after the other."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.calendar import feed_day, latest_day
from bot.days import (
    FEED_LIMIT,
    add_papers,
    begin_day,
    close_day,
    fail,
    fresh_papers,
    is_probe_due,
    next_probe,
    note_probe,
    rows_of,
    see_nothing_new,
)
from bot.errors import SourceError, SourceFault
from bot.keeping import Keeping
from bot.language import tr
from bot.model.announcement import Announcement, Batch
from bot.model.day import DayState
from bot.model.paper import AnnounceType, Paper
from bot.ports import PaperSource

log = logging.getLogger(__name__)

_FOLLOWED = "categories followed"
_ATTEMPTS = "pull attempts"

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


@dataclass(slots=True)
class Pulling:
    """Keeps `attempts` for as long as the process runs; all that must survive it is in the states of the days.

    `is_shared`: other processes pull as well, and each is told of the attempts of all.
    """

    keeping: Keeping
    source: PaperSource
    attempts: dict[str, Attempt] = field(default_factory=dict)
    is_shared: bool = False

    async def pull(
        self, categories: Sequence[str], followed: Sequence[str], progress: Progress, pause: timedelta | None
    ) -> int:
        """Fetch those of `categories` whose announcement of today is not here yet; how many papers that brought.

        What was asked for less than `pause` ago is not asked for again; None: it is asked for when its next probe is due.
        What fails is remembered and not raised. One pull at a time.
        """
        try:
            return await self._pull(categories, followed, progress, pause)
        finally:
            await self._share()

    async def _pull(
        self, categories: Sequence[str], followed: Sequence[str], progress: Progress, pause: timedelta | None
    ) -> int:
        if self.keeping.changing.locked():
            progress(tr("arXiv is being read already; waiting for that …"))
        async with self.keeping.changing:
            await self._begin_firsts({*categories, *followed})
            missing = [code for code in categories if await self._is_missing(code, pause)]
            # Read once: every batch that is saved makes the next reading decode all the days again.
            kept = await self.keeping.announcements()
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
                state = await self._state(category)
                try:
                    brought += await self._pull_one(state, kept, is_scheduled=pause is None)
                except SourceError as error:
                    failed = [category] if error.reached else missing[number - 1 :]
                    await self._note_failure(failed, error, is_scheduled=pause is None)
                    if not error.reached:
                        break
            return brought

    async def recall(self) -> None:
        """Learn of the attempts of other processes."""
        note = await self.keeping.storage.get_note(_ATTEMPTS) if self.is_shared else None
        for code, (at, error, fault, until) in json.loads(note or "{}").items():
            attempt = Attempt(_instant(at), error, SourceFault(fault), _instant(until) if until else None)
            if code not in self.attempts or self.attempts[code].at < attempt.at:
                self.attempts[code] = attempt

    async def begin_anew(self) -> None:
        """Forget all attempts, as at a start: nothing was asked for since."""
        self.attempts.clear()
        if self.is_shared:
            await self.keeping.storage.set_note(_ATTEMPTS, "")

    async def _share(self) -> None:
        """Tell other processes of the attempts of this one."""
        if self.is_shared and self.attempts:
            await self.recall()
            known = {
                code: [each.at.isoformat(), each.error, each.fault.value, each.until.isoformat() if each.until else ""]
                for code, each in self.attempts.items()
            }
            await self.keeping.storage.set_note(_ATTEMPTS, json.dumps(known))

    async def close_days(self, *, has_lists: bool) -> None:
        """Settle what became of the days that are over."""
        async with self.keeping.changing:
            now = self.keeping.clock()
            for state in tuple((await self.keeping.states()).values()):
                closed = close_day(state, now, has_lists=has_lists)
                if closed != state:
                    log.info("closed category=%s day=%s phase=%s", state.category, state.day, closed.phase)
                    await self.keeping.save(closed)

    async def _begin_firsts(self, followed: set[str]) -> None:
        """Begin the day of the categories that were not followed when arXiv was looked at last: what lacks of their past is
        nobody's loss.
        """
        noted = set((await self.keeping.storage.get_note(_FOLLOWED) or "").split())
        if noted == followed:
            return
        day = feed_day(self.keeping.clock())
        for category in sorted(followed - noted):
            if (category, day) not in await self.keeping.states():
                await self.keeping.save(begin_day(category, day, is_first=True))
        # Only now: a process that dies before this finds the days begun, and one that dies after it has nothing to begin.
        await self.keeping.storage.set_note(_FOLLOWED, " ".join(sorted(followed)))

    async def _is_missing(self, category: str, pause: timedelta | None) -> bool:
        now = self.keeping.clock()
        state = await self._state(category)
        if pause is None:
            return is_probe_due(state, now)
        tried = self.attempts.get(category)
        if tried and timedelta() <= now - tried.at < pause:
            return False
        return next_probe(state) is not None if not pause else state.is_open or is_probe_due(state, now)

    async def _state(self, category: str) -> DayState:
        day = feed_day(self.keeping.clock())
        return (await self.keeping.states()).get((category, day)) or begin_day(category, day)

    async def _pull_one(self, state: DayState, kept: Sequence[Announcement], *, is_scheduled: bool) -> int:
        batch = await self.source.fetch(state.category)
        now = self.keeping.clock()
        brought = await self._keep(note_probe(state, now, is_scheduled=is_scheduled), batch, kept, now)
        # Only now: whoever sees that arXiv was asked must find what it said.
        self.attempts[state.category] = Attempt(now)
        return brought

    async def _keep(self, state: DayState, batch: Batch, kept: Sequence[Announcement], now: datetime) -> int:
        fresh = fresh_papers(batch, rows_of(kept, state.category))
        log.info(
            "pulled category=%s status=ok day=%s papers=%d new=%d",
            state.category, batch.day, len(batch.papers), len(fresh),
        )  # fmt: skip
        if fresh and batch.day == state.day:
            await self._take(state, batch, fresh)
            return len(fresh)
        if fresh:
            states = await self.keeping.states()
            dated = states.get((state.category, batch.day))
            await self._take(dated or begin_day(state.category, batch.day, is_first=state.is_first), batch, fresh)
        # Only now: a process that dies before its papers are kept must not take arXiv for asked.
        await self.keeping.save(see_nothing_new(state, now, is_empty=not batch.papers))
        if not fresh and state.day != latest_day(now):
            await self._see_holiday(state, now)
        return len(fresh)

    async def _take(self, state: DayState, batch: Batch, fresh: Sequence[tuple[Paper, AnnounceType]]) -> None:
        rows = await self.keeping.rows(state.category, state.day)
        is_cut = len(batch.papers) >= FEED_LIMIT
        if is_cut:
            log.warning("pulled category=%s day=%s status=cut papers=%d", state.category, state.day, len(batch.papers))
        grown = add_papers(state, [paper.id for paper, _ in fresh], await self.keeping.stamp(), is_cut=is_cut)
        await self.keeping.save(grown, (*rows, *fresh))

    async def _see_holiday(self, state: DayState, now: datetime) -> None:
        """The feed of a holiday shows nothing of the day before it, of which the list may tell."""
        day = latest_day(now)
        if (state.category, day) not in await self.keeping.states():
            before = note_probe(begin_day(state.category, day, is_first=state.is_first), now, is_scheduled=True)
            await self.keeping.save(see_nothing_new(before, now, is_empty=True))

    async def _note_failure(self, categories: Sequence[str], error: SourceError, *, is_scheduled: bool) -> None:
        now = self.keeping.clock()
        self.attempts |= dict.fromkeys(categories, Attempt(now, str(error), error.fault, error.until))
        log.warning("pulled categories=%s status=failed error=%r", ",".join(categories), str(error))
        for category in categories:
            state = note_probe(await self._state(category), now, is_scheduled=is_scheduled)
            await self.keeping.save(fail(state, error, now))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
