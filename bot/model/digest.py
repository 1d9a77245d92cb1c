"""A digest: the papers chosen for one subscription from one announcement."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bot.language import later
from bot.model.paper import AnnouncedPaper, ArxivId, Paper
from bot.model.summary import Summary


class ReasonKind(StrEnum):
    """What points are given for."""

    TOPIC = "topic"
    RELATED = "related"
    LIKED = "liked"
    DISLIKED = "disliked"
    MEANING = "meaning"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a score and its points: a topic and the fields it was found in; or, with other kinds, words and no fields.

    `count`: how many liked or disliked papers have the first of these words. MEANING and JUDGED are what a paper gained or lost
    by its place when its nearness to a topic or title was heard, or the judge's number from 0 to 10: those, as `topic`.
    """

    topic: str
    fields: tuple[str, ...]
    points: float
    kind: ReasonKind = ReasonKind.TOPIC
    count: int = 0


MOST_VALUE = 99
"""100 is the limit that no paper reaches."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a ranker thinks of one paper. `excluded_by` names the topic that rules the paper out.

    `half`: the points that read as 50 in the chat at hand; 0 where points are shown as they are.
    """

    points: float
    reasons: tuple[Reason, ...] = ()
    excluded_by: str = ""
    half: float = 0.0

    @property
    def value(self) -> float:
        """The number people see, which rises with the points: whole, from 0 for nothing to 99, or else the points."""
        return _value(self.points, self.half)

    @property
    def merit(self) -> float:
        """The value without what was taken off: a minimum is asked of it, so that no 👎 hides what matches a topic."""
        return _value(self._praise, self.half)

    @property
    def shares(self) -> tuple[float, ...]:
        """What each reason adds to the value or takes off it, in their order: whole numbers if that is one.

        What reasons add is together the merit, and with what the others take off it is the value.
        """
        points = [each.points for each in self.reasons]
        if not self.half:
            return tuple(points)
        added = _divide(int(self.merit), [max(0.0, each) for each in points])
        taken = _divide(int(self.merit - self.value), [max(0.0, -each) for each in points])
        return tuple(more - less for more, less in zip(added, taken, strict=True))

    @property
    def _praise(self) -> float:
        if all(each.points >= 0 for each in self.reasons):
            return self.points
        # Added up rather than taken from the points: where all was taken off, rounding must leave nothing.
        return max(self.points, math.fsum(each.points for each in self.reasons if each.points > 0))


def _value(points: float, half: float) -> float:
    if not half:
        return points
    return min(MOST_VALUE, max(1, round(100 * points / (points + half)))) if points > 0 else 0


def _divide(total: int, parts: Sequence[float]) -> list[int]:
    """Whole shares in proportion to the parts, which are not negative, that add up to the total: by the largest remainder."""
    whole = math.fsum(parts)
    if not whole:
        return [0] * len(parts)
    exact = [total * (each / whole) for each in parts]
    shares = [math.floor(each) for each in exact]
    by_remainder = sorted(range(len(parts)), key=lambda place: (shares[place] - exact[place], place))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares


class LeftOut(StrEnum):
    """Why a paper of the announcement is not in the digest; the value reads after a count."""

    TYPE = later("of types you do not follow")
    DELIVERED = later("already delivered")
    EXCLUDED = later("left out by a - topic")
    NO_MATCH = later("matched no topic")
    BELOW_MIN_SCORE = later("below the minimum score")
    NO_ROOM = later("did not fit")
    SIMILAR = later("named beside similar ones")


@dataclass(frozen=True, slots=True)
class DigestPaper:
    """A paper in its place, counted from 1. `also`: papers that are nearly the same, named beside it, the best first."""

    place: int
    announced: AnnouncedPaper
    score: Score
    summary: Summary | None = None
    also: tuple[Paper, ...] = ()

    @property
    def ids(self) -> tuple[ArxivId, ...]:
        """Every paper that whoever sees this one has got."""
        return (self.announced.paper.id, *(each.id for each in self.also))


@dataclass(frozen=True, slots=True)
class Digest:
    """The chosen papers, best first, and a count of all others by reason.

    `total` counts every paper considered: the shown and the left out. `since`: the first day of several announcements that
    are made up for in one digest; None where it is about one.
    """

    day: date
    categories: tuple[str, ...]
    papers: tuple[DigestPaper, ...]
    left_out: Mapping[LeftOut, int]
    is_sample: bool = False
    since: date | None = None

    @property
    def total(self) -> int:
        """Every paper considered, shown or not."""
        return len(self.papers) + sum(self.left_out.values())
