"""A row: one thing that a storage holds, the same in every storage, so that it can be moved and compared."""

from dataclasses import dataclass

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`key` is unique among the rows of its `kind`; `content` is JSON, and equal wherever the thing is equal."""

    kind: str
    key: Key
    content: bytes
