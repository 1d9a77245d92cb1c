"""How near papers are to what a chat wants, by vectors, in units that mean the same for every model. Pure.

Whether a likeness of 0.4 is much depends on the model and on the interest. So it is measured how far a paper stands out among
usual papers: in standard deviations of their likeness to the same interest. Of several interests the one counts for which a
paper stands out most: interests that differ are never averaged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import mul
from statistics import median

from bot.model.meaning import Vector

MOST_SAMPLED = 96
"""So many papers tell what is usual, at most."""
LEAST_SAMPLED = 8
"""With fewer nothing is usual yet."""
MOST_MEASURED = 400
"""So many papers, those whose signs agree best with an interest, are measured exactly; the others are known to be far."""
TRIED = 2
"""With so many of the interests, those that agree best, a paper is compared exactly."""
LEAST_SPREAD = 1e-3
"""Where likenesses differ less than this the vectors tell nothing."""
_ONE_BELOW = 0.16
"""The share of values that are more than one standard deviation below the middle."""
FAR = -math.inf


@dataclass(frozen=True, slots=True)
class Near:
    """By how many standard deviations a paper stands out, and for which of the interests, by its place; FAR: not at all."""

    excess: float
    place: int = 0


@dataclass(frozen=True, slots=True)
class _Gauge:
    """What is usual for one interest: exact likeness, and, below zero, the number of signs that differ."""

    usual: float
    spread: float
    signs: float
    signs_spread: float


@dataclass(slots=True)
class Background:
    """Usual papers, from which a sample is taken evenly; what was measured for an interest is remembered."""

    vectors: Sequence[Vector]
    _gauges: dict[Vector, _Gauge | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vectors = tuple(self.vectors[:: max(1, math.ceil(len(self.vectors) / MOST_SAMPLED))])

    def gauge(self, interest: Vector) -> _Gauge | None:
        """What is usual for this interest; None where too little is known, or all is alike."""
        if interest not in self._gauges:
            self._gauges[interest] = self._measure(interest)
        return self._gauges[interest]

    def _measure(self, interest: Vector) -> _Gauge | None:
        known = [each for each in self.vectors if each.size == interest.size]
        if len(known) < LEAST_SAMPLED:
            return None
        exact = _Exact(interest)
        likenesses = [exact.likeness(each) for each in known]
        signs = [(each.signs ^ interest.signs).bit_count() for each in known]
        gauge = _Gauge(*_usual(likenesses), *_usual([-each for each in signs]))
        return gauge if gauge.spread >= LEAST_SPREAD and gauge.signs_spread else None


def _usual(values: Sequence[float]) -> tuple[float, float]:
    """The middle, and one standard deviation as it is below the middle: above it are those papers that stand out."""
    ordered = sorted(values)
    middle = median(ordered)
    return middle, middle - ordered[round(_ONE_BELOW * (len(ordered) - 1))]


def find_near(
    papers: Sequence[Vector | None], interests: Sequence[Vector | None], background: Background
) -> list[Near | None]:
    """How near each paper is, in order; None for a paper of which there is no vector, or where no interest can be told of."""
    gauges = [
        (place, each, gauge)
        for place, each in enumerate(interests)
        if each is not None and (gauge := background.gauge(each)) is not None
    ]
    if not gauges:
        return [None] * len(papers)
    rough = [_agree(each, gauges) if each is not None else [] for each in papers]
    known = [place for place, each in enumerate(rough) if each]
    measured = frozenset(sorted(known, key=lambda place: (-rough[place][0][0], place))[:MOST_MEASURED])
    exact = {place: _Exact(each) for place, each, _ in gauges}
    gauge_of = {place: gauge for place, _, gauge in gauges}
    return [
        _closest(paper, rough[place], exact, gauge_of)
        if place in measured and paper is not None
        else (Near(FAR) if rough[place] else None)
        for place, paper in enumerate(papers)
    ]


def _agree(paper: Vector, gauges: Sequence[tuple[int, Vector, _Gauge]]) -> list[tuple[float, int]]:
    """By the signs alone: how far the paper stands out for those of the interests that agree best, and their places."""
    found = [
        ((-(paper.signs ^ interest.signs).bit_count() - gauge.signs) / gauge.signs_spread, -place)
        for place, interest, gauge in gauges
        if interest.size == paper.size
    ]
    return [(excess, -place) for excess, place in sorted(found, reverse=True)[:TRIED]]


def _closest(
    paper: Vector, rough: Sequence[tuple[float, int]], exact: "dict[int, _Exact]", gauges: "dict[int, _Gauge]"
) -> Near:
    found = [
        ((exact[place].likeness(paper) - gauges[place].usual) / gauges[place].spread, -place) for _, place in rough
    ]
    excess, place = max(found)
    return Near(excess, -place)


class _Exact:
    """One vector as numbers, to be compared with many."""

    def __init__(self, vector: Vector) -> None:
        self._numbers = [vector.scale * each for each in memoryview(vector.levels).cast("b")]

    def likeness(self, other: Vector) -> float:
        """The cosine of the angle between both."""
        return other.scale * math.fsum(map(mul, self._numbers, memoryview(other.levels).cast("b")))
