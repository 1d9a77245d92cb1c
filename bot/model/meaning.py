"""What papers and interests mean, as far as a model can tell: vectors, and opinions on papers."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

MOST_LEVELS = 127
"""The greatest level of a dimension; with their signs levels fit into a byte."""
_SIGNS = bytes(ord("1") if level < MOST_LEVELS + 1 else ord("0") for level in range(256))
_SCALE = struct.Struct("<f")


@dataclass(frozen=True, slots=True)
class Vector:
    """A direction, in a byte for each dimension: `scale` times these signed levels has length 1. `signs` has a bit for each."""

    scale: float
    levels: bytes
    signs: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Vector":
        """The direction of these numbers. Raises ValueError where they have none: not finite, all zero, or none at all."""
        most = max(map(abs, numbers), default=0.0)
        if not (most > 0 and all(map(math.isfinite, numbers))):
            raise ValueError("no direction")
        levels = [round(each / most * MOST_LEVELS) for each in numbers]
        length = math.sqrt(sum(each * each for each in levels))
        return cls._make(_SCALE.unpack(_SCALE.pack(1 / length))[0], struct.pack(f"{len(levels)}b", *levels))

    @classmethod
    def from_bytes(cls, content: bytes) -> "Vector":
        """What `to_bytes` made. Raises ValueError for anything that cannot be."""
        if len(content) <= _SCALE.size:
            raise ValueError("no vector")
        return cls._make(_SCALE.unpack_from(content)[0], content[_SCALE.size :])

    @classmethod
    def _make(cls, scale: float, levels: bytes) -> "Vector":
        return cls(scale, levels, int(levels.translate(_SIGNS), 2))

    def to_bytes(self) -> bytes:
        """As it is kept: four bytes and one for each dimension."""
        return _SCALE.pack(self.scale) + self.levels

    @property
    def size(self) -> int:
        """How many dimensions it has; vectors of different sizes cannot be compared."""
        return len(self.levels)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that shall have a vector. `key` says what it is of: equal keys, equal texts. `name` is how people are told."""

    key: str
    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Interests:
    """What a chat wants to read, in words: its topics, and titles of papers that it liked."""

    topics: tuple[str, ...]
    liked: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.topics or self.liked)
