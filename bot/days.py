"""How a category's day goes on, from what arXiv shows. Pure: states, what was seen, and `now` make the next state.

A batch is new because of what is in it (ADR 0012): neither the date of a feed nor any other category says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from bot.calendar import feed_of, is_day_off, is_expected, latest_day, lists_until, next_day
from bot.errors import SourceError
from bot.model.announcement import Announcement, Batch
from bot.model.day import Addition, DayPhase, DayState
from bot.model.paper import AnnounceType, ArxivId, Paper

FEED_LIMIT = 2000
"""Papers in one feed, at most; beyond it arXiv leaves out the new ones first."""
PROBE_EVERY, THEN_EVERY = timedelta(minutes=15), timedelta(hours=1)
QUICK_PROBES = 10
"""arXiv is asked so often every quarter of an hour for what is not out yet, then every hour."""
_SURELY_EMPTY = 2
PARTIAL_FOR = timedelta(minutes=30)
"""For how long a day that is not complete is waited for, once a part of it is here."""
MOST_DAYS = 7
"""For how many days back a digest makes up for what was missed."""

Row = tuple[ArxivId, int, AnnounceType]
States = Mapping[tuple[str, date], DayState]
"""By category and day."""


def begin_day(category: str, day: date, *, is_first: bool = False) -> DayState:
    """The state before anybody looked; a holiday is quiet until it proves to be none."""
    return DayState(category, day, DayPhase.EXPECTED if is_expected(day) else DayPhase.QUIET, is_first=is_first)


def probe_pause(state: DayState) -> timedelta:
    """How long arXiv is left alone after it was asked."""
    return PROBE_EVERY if state.is_open and state.probes < QUICK_PROBES else THEN_EVERY


def next_probe(state: DayState) -> datetime | None:
    """When the feed is asked for next, None where there is nothing left to ask for."""
    if state.phase in {DayPhase.COMPLETE, DayPhase.PARTIAL}:
        return None
    return feed_of(state.day) if state.asked is None else state.asked + probe_pause(state)


def is_probe_due(state: DayState, now: datetime) -> bool:
    """Whether it is time to look at the feed. A quiet day is looked at, too: arXiv may only be late."""
    if next_probe(state) is None:
        return False
    if state.asked is None:
        return True
    is_weekend = is_day_off(now) and feed_of(state.day) + timedelta(days=1) < now
    if state.phase is DayPhase.QUIET and is_weekend:
        return False
    # A clock that was set back must not make anybody wait longer.
    return not timedelta() <= now - state.asked < probe_pause(state)


def rows_of(announcements: Iterable[Announcement], category: str) -> frozenset[Row]:
    """What the category listed in these announcements."""
    return frozenset(
        (identifier, each.papers[identifier].version, kind)
        for each in announcements
        for identifier, kind in each.listings.get(category, ())
    )


def fresh_papers(batch: Batch, known: frozenset[Row]) -> tuple[tuple[Paper, AnnounceType], ...]:
    """The papers of a feed that its category did not list before, in this version and as this type."""
    return tuple((paper, kind) for paper, kind in batch.papers if (paper.id, paper.version, kind) not in known)


def note_probe(state: DayState, now: datetime, *, is_scheduled: bool) -> DayState:
    """The state once arXiv was asked."""
    return replace(state, asked=now, probes=state.probes + is_scheduled)


def see_nothing_new(state: DayState, now: datetime, *, is_empty: bool) -> DayState:
    """The feed is empty, or shows what is known."""
    state = replace(state, is_empty=is_empty, fault=None, until=None)
    if not state.is_open:
        return state
    return _enter(state, DayPhase.STALLED if state.probes >= QUICK_PROBES else DayPhase.WAITING, now)


def fail(state: DayState, error: SourceError, now: datetime) -> DayState:
    """The feed could not be read; what is here already stays here."""
    if not state.is_open:
        return state
    return replace(_enter(state, DayPhase.FAILED, now), fault=error.fault, until=error.until)


def add_papers(state: DayState, papers: Sequence[ArxivId], stamp: datetime, *, is_cut: bool = False) -> DayState:
    """Papers of the day are here. `stamp` is now, or just after the newest addition there is.

    They are late where digests of the day may have gone out: then each chat that had its own gets them by themselves.
    """
    is_late = state.came is not None or state.day != latest_day(stamp)
    additions = state.additions
    if state.is_reopened or (is_late and not state.is_first):
        additions = (*additions, Addition(stamp, tuple(papers)))
    came = replace(state, came=state.came or stamp, papers=state.papers + len(papers), additions=additions, listed=None)
    is_cut = is_cut or state.phase is DayPhase.PARTIAL
    phase = DayPhase.PARTIAL if is_cut else DayPhase.COMPLETE
    return replace(_enter(came, phase, stamp), is_cut=state.is_cut or is_cut, fault=None, until=None)


def settle(state: DayState, now: datetime) -> DayState:
    """Nothing more is to come: complete with what is here, or quiet."""
    phase = DayPhase.COMPLETE if state.papers else DayPhase.QUIET
    return replace(_enter(state, phase, now), came=state.came or now, fault=None, until=None)


@dataclass(frozen=True, slots=True)
class Lacking:
    """How many entries a list has, how many of them were not here, and how many of those were found elsewhere.

    `is_whole`: nothing more can be found.
    """

    listed: int
    lacked: int
    recovered: int
    is_whole: bool


def note_listing(state: DayState, lacking: Lacking, now: datetime) -> DayState:
    """The list of the day was compared; what it found is in the state already."""
    counted = replace(state, lacked=max(state.lacked, lacking.lacked), recovered=state.recovered + lacking.recovered)
    if lacking.is_whole:
        return settle(replace(counted, listed=lacking.listed), now)
    return _enter(counted, DayPhase.PARTIAL, now) if counted.papers else counted


def reopen(state: DayState, now: datetime) -> DayState:
    """What was taken for the day's batch is another day's."""
    return replace(_enter(state, DayPhase.WAITING, now), came=None, papers=0, is_reopened=True, listed=None)


def close_day(state: DayState, now: datetime, *, has_lists: bool) -> DayState:
    """The day is over. An empty feed of which no list can tell anything was a quiet day."""
    if not state.is_open or state.day >= latest_day(now):
        return state
    if state.is_empty and not has_lists:
        return settle(state, now)
    is_told = state.phase is DayPhase.FAILED and state.fault is None
    return state if is_told else replace(_enter(state, DayPhase.FAILED, now), fault=None, until=None)


def wants_check(state: DayState, now: datetime, *, is_anything_here: bool) -> bool:
    """Whether arXiv's list is to be asked now: what came is compared with it; what does not come may be there already."""
    if now >= lists_until(state.day) or (state.came is not None and state.listed is not None):
        return False
    pause = PROBE_EVERY if state.phase is DayPhase.PARTIAL else THEN_EVERY
    if state.checked is not None and timedelta() <= now - state.checked < pause:
        return False
    if not state.is_open:
        return state.papers > 0
    # An empty feed may only be minutes late; where others have theirs, or nothing is expected, it is not.
    is_doubtful = is_anything_here or is_day_off(now) or state.probes >= _SURELY_EMPTY
    return state.asked is not None and (state.probes >= QUICK_PROBES or (state.is_empty and is_doubtful))


def is_surely_quiet(state: DayState, now: datetime, *, is_anything_here: bool) -> bool:
    """Whether an empty feed and a list that is still the one of an earlier day mean a quiet day, rather than a late arXiv.

    `is_anything_here`: whether arXiv announced the day in some other category.
    """
    return state.is_empty and (is_anything_here or is_day_off(now) or state.probes >= QUICK_PROBES)


def missed_days(category: str, states: States, now: datetime) -> tuple[date, ...]:
    """The days before the latest one that are not here as a whole, though the category was followed; a week of them at most."""
    own = [each for (code, _), each in states.items() if code == category]
    latest = latest_day(now)
    # Without one it has been followed for longer than anything is kept.
    firsts = [each.day for each in own if each.is_first]
    since = max(firsts, default=date.min)
    here = {each.day for each in own if each.is_settled}
    days, day = [], next_day(max(since, latest - timedelta(days=MOST_DAYS)))
    while day < latest:
        if day not in here:
            days.append(day)
        day = next_day(day)
    return tuple(days)


@dataclass(frozen=True, slots=True)
class Late:
    """An addition with the category and the day it is of."""

    category: str
    day: date
    addition: Addition


def late_of(states: Iterable[DayState]) -> tuple[Late, ...]:
    """Every addition, the newest last."""
    found = [Late(each.category, each.day, late) for each in states for late in each.additions]
    return tuple(sorted(found, key=lambda each: each.addition.at))


@dataclass(frozen=True, slots=True)
class Here:
    """What is here, as delivery sees it at one instant.

    `behind`: categories of which missed days are being caught up on. `undecided`: those of which a list is about to tell
    whether they are quiet. `late`: every addition, the newest last.
    """

    states: States
    now: datetime
    behind: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    late: tuple[Late, ...] = ()
    _found: dict[date, Mapping[str, datetime]] = field(default_factory=dict, compare=False)

    def __call__(self, day: date) -> Mapping[str, datetime]:
        """The categories whose batch of this day, or of a later day, is here, each with the UTC instant at which it came.

        What is partial, or behind, counts once it was waited for long enough.
        """
        if day not in self._found:
            self._found[day] = self._find(day)
        return self._found[day]

    def announced(self, day: date) -> frozenset[str]:
        """The categories of which anything of this day, or of a later day, is here, whether it counts already or not."""
        return frozenset(
            category for (category, other), state in self.states.items() if other >= day and state.came is not None
        )

    def _find(self, day: date) -> Mapping[str, datetime]:
        came: dict[str, datetime] = {}
        for (category, other), state in self.states.items():
            at = self._since(state) if other >= day else None
            if at is not None:
                came[category] = min(at, came.get(category, at))
        return came

    def _since(self, state: DayState) -> datetime | None:
        if state.came is None:
            return None
        must_wait = not state.is_settled or state.category in self.behind
        at = state.came + PARTIAL_FOR if must_wait else state.came
        return at if at <= self.now or not must_wait else None

    @property
    def heard(self) -> datetime | None:
        """When the newest addition came."""
        return self.late[-1].addition.at if self.late else None


def only_papers(announcement: Announcement, papers: frozenset[ArxivId]) -> Announcement:
    """The announcement as if it had no others."""
    listings = {
        category: tuple(row for row in rows if row[0] in papers) for category, rows in announcement.listings.items()
    }
    return replace(announcement, listings=listings)


def _enter(state: DayState, phase: DayPhase, now: datetime) -> DayState:
    return replace(state, phase=phase, since=state.since if state.phase is phase else now)
