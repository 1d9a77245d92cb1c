"""A digest: the papers chosen for one subscription from one announcement."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bot.language import later
from bot.model.paper import AnnouncedPaper
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


@dataclass(frozen=True, slots=True)
class Score:
    """What a ranker thinks of one paper. `excluded_by` names the topic that rules the paper out."""

    points: float
    reasons: tuple[Reason, ...] = ()
    excluded_by: str = ""

    @property
    def praise(self) -> float:
        """The points without what was taken off: a minimum is asked of these, so that no 👎 hides what matches a topic."""
        return self.points - sum(each.points for each in self.reasons if each.points < 0)


class LeftOut(StrEnum):
    """Why a paper of the announcement is not in the digest; the value reads after a count."""

    TYPE = later("of types you do not follow")
    DELIVERED = later("already delivered")
    EXCLUDED = later("left out by a - topic")
    NO_MATCH = later("matched no topic")
    BELOW_MIN_SCORE = later("below the minimum score")
    NO_ROOM = later("did not fit")


@dataclass(frozen=True, slots=True)
class DigestPaper:
    """A paper in its place, counted from 1."""

    place: int
    announced: AnnouncedPaper
    score: Score
    summary: Summary | None = None


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
