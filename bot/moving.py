"""Carries all that one storage, or a backup of one, holds to an empty one, and compares it row by row."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from bot.errors import StorageError, UserError
from bot.model.row import Row
from bot.ports import MovableStorage, Storage

MOST_ROWS, MOST_BYTES = 500, 2_000_000
"""What is loaded in one write."""
_NOTE = "being moved into"

Rows = Callable[[], AsyncIterator[Row]]
"""Begins anew at each call."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from; `name` tells it from every other origin."""

    name: str
    rows: Rows


async def check_whole(storage: Storage) -> None:
    """Raises StorageError where only a part was moved into it: a bot would send again what it does not know was sent."""
    if await storage.get_note(_NOTE):
        raise StorageError(
            "this storage holds only a part of what was being moved into it; run the same `paperround migrate` or "
            "`paperround restore` again to finish that"
        )


async def copy(origin: Origin, target: MovableStorage) -> Mapping[str, int]:
    """Load all rows of `origin` into `target` and compare both; how many rows there are of each kind.

    Where an earlier copy from there was cut short, it goes on. Raises UserError where the target holds anything else, and
    StorageError where the two differ in the end.
    """
    done = await _begin(origin, target)
    batch: list[Row] = []
    number = size = 0
    async for row in origin.rows():
        number += 1
        if number <= done or row.key == (_NOTE,):
            continue
        batch.append(row)
        size += len(row.content)
        if len(batch) >= MOST_ROWS or size >= MOST_BYTES:
            await target.load([*batch, _marker(origin, number)])
            batch, size = [], 0
    await target.load([*batch, _marker(origin, number)])
    counts = await _compare(origin, target)
    await target.set_note(_NOTE, "")
    return counts


async def _begin(origin: Origin, target: MovableStorage) -> int:
    """How many rows are there already."""
    note = await target.get_note(_NOTE)
    if note is not None:
        begun = json.loads(note)
        if begun["origin"] != origin.name:
            raise UserError(
                "Something else was being moved there before, and is not finished. Finish that, or use an empty one."
            )
        rows: int = begun["rows"]
        return rows
    async for row in target.dump():
        if await _is_same(origin, target):
            break
        raise UserError(
            f"There is something already: {describe(row)}. Use an empty storage, so that nothing is mixed or overwritten."
        )
    await target.load([_marker(origin, 0)])
    return 0


async def _is_same(origin: Origin, target: MovableStorage) -> bool:
    """Whether an earlier copy was finished, and only did not say so any more."""
    try:
        await _compare(origin, target)
    except StorageError:
        return False
    return True


async def _compare(origin: Origin, target: MovableStorage) -> Mapping[str, int]:
    counts = Counter[str]()
    left, right = _unmarked(origin.rows()), _unmarked(target.dump())
    while True:
        expected, found = await anext(left, None), await anext(right, None)
        if expected != found:
            row = expected or found
            raise StorageError(
                f"what was moved differs from where it came from, first in {describe(row) if row else 'nothing'}; if it was "
                "changed meanwhile, begin again with an empty storage"
            )
        if expected is None:
            return counts
        counts[expected.kind] += 1


async def _unmarked(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
    async for row in rows:
        if row.key != (_NOTE,):
            yield row


def _marker(origin: Origin, rows: int) -> Row:
    text = json.dumps({"origin": origin.name, "rows": rows})
    return Row("note", (_NOTE,), json.dumps({"text": text}, separators=(",", ":")).encode())


def describe(row: Row) -> str:
    """The row, for a person who looks for it."""
    return f"{row.kind} {' '.join(map(str, row.key))}"
