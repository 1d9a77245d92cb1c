"""What is counted in memory since the start. Pure numbers: whoever shows them knows by what library."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
"""Bounds for anything from an answer over HTTP to a digest that waits for a platform that is down."""


@dataclass(slots=True)
class Spread:
    """How many values were at most each of `bounds`, which ascend, and what all of them add up to."""

    bounds: Sequence[float] = SECONDS
    total: float = 0.0
    _counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count one value; below 0, as after a clock was set back, it counts as 0."""
        value = max(value, 0.0)
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def cumulated(self) -> list[int]:
        """How many values were at most each bound, and last how many there were."""
        return list(accumulate(self._counts))
