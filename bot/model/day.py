"""How one category stands on one announcement day."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bot.errors import SourceFault
from bot.model.paper import ArxivId


class DayPhase(StrEnum):
    """What is known of a category's announcement of a day.

    `expected`: nobody looked yet. `waiting`: arXiv still shows the batch before, or an empty feed of which nothing tells
    whether it stays empty. `partial`: it is here, and lacks papers. `complete`: it is here. `quiet`: there is none.
    `stalled`: arXiv is so late that it is asked by the hour. `failed`: arXiv could not be read, or the day went by
    without an answer.
    """

    EXPECTED = "expected"
    WAITING = "waiting"
    PARTIAL = "partial"
    COMPLETE = "complete"
    QUIET = "quiet"
    STALLED = "stalled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Addition:
    """Papers that came to a day when digests of it may have gone out. No two additions kept have the same `at` (UTC)."""

    at: datetime
    papers: tuple[ArxivId, ...]


@dataclass(frozen=True, slots=True)
class DayState:
    """The state of one category on one day. Its key is (category, day). Instants are UTC.

    `since`: when the phase began. `probes`: how often arXiv was asked on schedule; `asked`: when it was asked last.
    `came`: when the batch was here, or it was known that there is none; None before. `papers`: how many are kept.
    `is_first`: the category was not followed before this day, so that nothing older is owed to anybody.
    `is_empty`: the feed that was seen last had no papers. `checked`: when arXiv's list was compared last; `listed`: how
    many entries it has, None until they were compared; `lacked`, `recovered`: how many of them the feed did not have, and
    how many of those were found elsewhere. `is_cut`: the feed had as many papers as a feed can have.
    `additions`: what came late. `fault`, `until`: why the phase is failed, where arXiv could not be read.
    """

    category: str
    day: date
    phase: DayPhase = DayPhase.EXPECTED
    since: datetime | None = None
    probes: int = 0
    asked: datetime | None = None
    came: datetime | None = None
    papers: int = 0
    is_first: bool = False
    is_empty: bool = False
    checked: datetime | None = None
    listed: int | None = None
    lacked: int = 0
    recovered: int = 0
    is_cut: bool = False
    is_reopened: bool = False
    additions: tuple[Addition, ...] = ()
    fault: SourceFault | None = None
    until: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Whether all that arXiv announced is here, if anything was."""
        return self.phase in {DayPhase.COMPLETE, DayPhase.QUIET}

    @property
    def is_open(self) -> bool:
        """Whether nothing of the day is here, and nothing tells that there is nothing."""
        return self.phase in {DayPhase.EXPECTED, DayPhase.WAITING, DayPhase.STALLED, DayPhase.FAILED}
