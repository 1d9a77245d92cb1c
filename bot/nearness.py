"""How near papers are to what a chat wants, by vectors, in units that mean the same for every model. Pure.

Whether a likeness of 0.4 is much depends on the model and on the interest. So it is measured how far a paper stands out among
usual papers: in standard deviations of their likeness to the same interest. Of several interests those count most for which
a paper stands out most: interests that differ are not averaged.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import mul
from statistics import fmean, median

from bot.model.meaning import Vector

MOST_SAMPLED = 96
"""So many papers tell what is usual, at most."""
LEAST_SAMPLED = 8
"""With fewer nothing is usual yet."""
MOST_MEASURED = 200
"""So many papers are measured exactly: those that come first, and those whose signs agree best with an interest."""
TRIED = 16
"""With so many of the interests, those that agree best by their signs, a paper is compared exactly."""
LEAST_SPREAD = 1e-3
"""Where likenesses differ less than this the vectors tell nothing."""
_ONE_BELOW = 0.16
"""The share of values that are more than one standard deviation below the middle."""


@dataclass(frozen=True, slots=True)
class Near:
    """By how many standard deviations a paper stands out for the nearest of the interests, by its place; and for all together."""

    excess: float
    place: int
    total: float


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
        numbers = _numbers(interest)
        likenesses = [_likeness(numbers, _numbers(each)) for each in known]
        gauge = _Gauge(*_usual(likenesses), *_usual([-_differ(each, interest) for each in known]))
        return gauge if gauge.spread >= LEAST_SPREAD and gauge.signs_spread else None


@dataclass(frozen=True, slots=True)
class _Interest:
    """One interest that something can be told of. `kind`: those of one kind are taken together."""

    place: int
    kind: int
    vector: Vector
    numbers: Sequence[float]
    gauge: _Gauge

    def rough(self, paper: Vector) -> float:
        """How far the paper stands out, by signs alone."""
        return (-_differ(paper, self.vector) - self.gauge.signs) / self.gauge.signs_spread

    def exact(self, numbers: Sequence[float]) -> float:
        """How far it stands out."""
        return (_likeness(self.numbers, numbers) - self.gauge.usual) / self.gauge.spread


def find_near(
    papers: Sequence[Vector | None],
    interests: Sequence[Sequence[Vector | None]],
    background: Background,
    first: Iterable[int] = (),
) -> list[Near | None]:
    """How near each paper is, in order.

    None: there is no vector of the paper, no interest can be told of, or so many others come first, or are nearer by their
    signs. `interests` are of several kinds, such as topics and liked papers; places count through all of them. `first`: the
    papers, by their places, of which it matters most.
    """
    known = _known(interests, background)
    rough = {
        # A liked paper is no reason for itself.
        place: [(each.rough(paper), each) for each in known if each.vector.size == paper.size and each.vector != paper]
        for place, paper in enumerate(papers)
        if paper is not None
    }
    rough = {place: agreement for place, agreement in rough.items() if agreement}
    nearest = sorted(rough, key=lambda place: (-max(excess for excess, _ in rough[place]), place))
    measured = [place for place in first if place in rough][: MOST_MEASURED // 2]
    chosen = list(dict.fromkeys((*measured, *nearest)))[:MOST_MEASURED]
    found: list[Near | None] = [None] * len(papers)
    for place in chosen:
        paper = papers[place]
        if paper is not None:
            found[place] = _measure(paper, rough[place])
    return found


def _known(interests: Sequence[Sequence[Vector | None]], background: Background) -> list[_Interest]:
    known: list[_Interest] = []
    place = 0
    for kind, vectors in enumerate(interests):
        for each in vectors:
            gauge = None if each is None else background.gauge(each)
            if each is not None and gauge is not None:
                known.append(_Interest(place, kind, each, _numbers(each), gauge))
            place += 1
    return known


def _measure(paper: Vector, rough: Sequence[tuple[float, _Interest]]) -> Near:
    numbers = _numbers(paper)
    ordered = sorted(rough, key=lambda each: (-each[0], each[1].place))
    exact = [(interest.exact(numbers), interest) for _, interest in ordered[:TRIED]]
    by_kind: dict[int, list[float]] = {}
    for excess, interest in (*exact, *ordered[TRIED:]):
        by_kind.setdefault(interest.kind, []).append(max(excess, 0.0) ** 2)
    # The root of the mean square: the nearest counts most, and several that agree count more than one.
    total = math.fsum(math.sqrt(fmean(each)) for _, each in sorted(by_kind.items()))
    excess, nearest = max(exact, key=lambda each: (each[0], -each[1].place))
    return Near(excess, nearest.place, total)


def _usual(values: Sequence[float]) -> tuple[float, float]:
    """The middle, and one standard deviation as it is below the middle: above it are those papers that stand out."""
    ordered = sorted(values)
    middle = median(ordered)
    return middle, middle - ordered[round(_ONE_BELOW * (len(ordered) - 1))]


def _numbers(vector: Vector) -> list[float]:
    return [vector.scale * each for each in memoryview(vector.levels).cast("b")]


def _likeness(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between both."""
    total: float = sum(map(mul, one, other))
    return total


def _differ(one: Vector, other: Vector) -> int:
    return (one.signs ^ other.signs).bit_count()
