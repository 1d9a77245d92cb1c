"""A further opinion on papers that have scores, fused with them by reciprocal ranks. Pure.

The points stay the same, and are handed out again in the order on which both agree: what a paper gains or loses by that is a
reason of its own. So points go on adding up, a score means what it meant, what a topic leaves out stays out, and what
matches keeps points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.model.digest import Reason, ReasonKind, Score
from bot.model.paper import ArxivId

RANK_OFFSET = 60
"""What is added to a rank before it is inverted: the usual constant, by which no single first place decides."""
MOST_ADMITTED_POINTS = 0.7
"""What a paper without any match gets at most: less than one mention of a topic in an abstract."""
MOST_ADMITTED = 3
"""So many papers without a match come in, at most: most of them are not what was meant."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is thought of each paper: the higher, the better; None: nothing. `subjects` is what the opinion is about.

    `weight`: what the opinion counts beside the score. `admits`: the places of papers that come in below all others where
    nothing in them matches.
    """

    kind: ReasonKind
    values: Sequence[float | None]
    subjects: Sequence[str]
    weight: float = 1.0
    admits: frozenset[int] = frozenset()


def fuse(scores: Sequence[Score], ids: Sequence[ArxivId], opinion: Opinion) -> list[Score]:
    """The scores, in order, after this opinion was heard; `ids` break ties, so that the order of the papers decides nothing."""
    matched = [place for place, each in enumerate(scores) if each.points > 0 and not each.excluded_by]
    fused = list(scores)
    points = sorted((scores[place].points for place in matched), reverse=True)
    for place, given in zip(_agree(matched, scores, ids, opinion), points, strict=True):
        fused[place] = _give(scores[place], opinion, place, given)
    least = min([MOST_ADMITTED_POINTS, *points])
    admitted = _admitted(scores, ids, opinion)
    for number, place in enumerate(admitted, start=1):
        fused[place] = _give(scores[place], opinion, place, least * (1 - number / (len(admitted) + 1)))
    return fused


def _agree(matched: Sequence[int], scores: Sequence[Score], ids: Sequence[ArxivId], opinion: Opinion) -> list[int]:
    """The papers in the order on which score and opinion agree. What the opinion says nothing of keeps its rank in it."""
    by_score = _ranks({place: scores[place].points for place in matched})
    by_opinion = _ranks({place: value for place in matched if (value := opinion.values[place]) is not None})

    def agreement(place: int) -> float:
        second = by_opinion.get(place, by_score[place])
        return 1 / (RANK_OFFSET + by_score[place]) + opinion.weight / (RANK_OFFSET + second)

    return sorted(matched, key=lambda place: (-agreement(place), by_score[place], ids[place]))


def _ranks(values: dict[int, float]) -> dict[int, int]:
    """The rank of each, from 1; equal values share the best of their ranks."""
    first: dict[float, int] = {}
    for rank, value in enumerate(sorted(values.values(), reverse=True), start=1):
        first.setdefault(value, rank)
    return {place: first[value] for place, value in values.items()}


def _admitted(scores: Sequence[Score], ids: Sequence[ArxivId], opinion: Opinion) -> list[int]:
    """The papers in which nothing matches and that come in all the same, best first."""
    thought = [
        (-value, ids[place], place)
        for place, value in enumerate(opinion.values)
        if value is not None and place in opinion.admits
        if not (scores[place].points or scores[place].excluded_by)
    ]
    return [place for _, _, place in sorted(thought)[:MOST_ADMITTED]]


def _give(score: Score, opinion: Opinion, place: int, points: float) -> Score:
    """The score with so many points, and the difference as a reason."""
    if math.isclose(points, score.points, abs_tol=1e-9):
        return score
    reason = Reason(opinion.subjects[place], (), points - score.points, opinion.kind)
    reasons = sorted((*score.reasons, reason), key=lambda each: (-each.points, each.topic))
    return replace(score, points=points, reasons=tuple(reasons))
