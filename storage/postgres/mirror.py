"""Whole tables held in memory, for as many processes as write to them: asking again costs what changed since."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from storage.codec import Document
from storage.postgres.database import Connection, Database, one
from storage.postgres.values import Row

Value = TypeVar("Value")

# After a crash PostgreSQL gives those numbers away again that were not yet on its disk. The newest row's was.
_NOW = """
    select least(pg_snapshot_xmin(pg_current_snapshot()), coalesce(max(changed)::text::bigint + 1, 0)::text::xid8)::text,
    count(*) from {table}"""
_CHANGES = "select {key}, document::text from {table} where changed >= %s::xid8"
_KEYS = "select {key} from {table}"
_AT_ONCE = 1_000
"""So many rows are taken over before others have their turn."""


class _Copy(NamedTuple):
    """What a table held. Keys are in order; nothing in it changes.

    Every transaction before `horizon` had ended, and the number of none will be given away again. `losses`: as they were
    for the database then.
    """

    horizon: str = "0"
    values: Mapping[Row, Any] = {}
    losses: int = 0


class Mirror(Generic[Value]):
    """The rows of a table with the columns `changed` and `document`, as values that are handed out more than once.

    A row whose transaction had not ended when we looked last is fetched again. Rows that are gone show in the count.
    """

    def __init__(self, table: str, key: Sequence[str], decode: Callable[[Row, Document], Value]) -> None:
        names = {"table": table, "key": ", ".join(key)}
        self._now, self._changes, self._keys = (query.format(**names).encode() for query in (_NOW, _CHANGES, _KEYS))
        self._decode = decode
        self._held = _Copy()

    async def read(self, database: Database) -> Mapping[Row, Value]:
        """All rows by key, ordered by it."""
        losses = database.losses
        held = self._held if self._held.losses == losses else _Copy()
        horizon, changed, keys = await database.view(self._fetch, held)
        values = held.values
        if changed or keys is not None:
            values = await asyncio.to_thread(self._merge, held.values, changed, keys)
        self._held = _Copy(horizon, values, losses)
        return values

    async def _fetch(self, connection: Connection, held: _Copy) -> tuple[str, list[Row], Collection[Row] | None]:
        """The new horizon, the rows that changed, and the keys of all rows, if some that were held are gone."""
        horizon, count = await one(await connection.execute(self._now))
        changed = await _take(connection, self._changes, (held.horizon,))
        if len({row[:-1] for row in changed}.union(held.values)) == count:
            return horizon, changed, None
        return horizon, changed, set(await _take(connection, self._keys))

    def _merge(
        self, held: Mapping[Row, Value], changed: Sequence[Row], keys: Collection[Row] | None
    ) -> dict[Row, Value]:
        merged = {key: value for key, value in held.items() if keys is None or key in keys}
        for *key, document in changed:
            merged[tuple(key)] = self._decode(tuple(key), orjson.loads(document))
        return {key: merged[key] for key in sorted(merged)}


async def _take(connection: Connection, query: bytes, parameters: Sequence[object] | None = None) -> list[Row]:
    cursor = await connection.execute(query, parameters)
    rows: list[Row] = []
    while some := await cursor.fetchmany(_AT_ONCE):
        rows += some
        await asyncio.sleep(0)
    return rows
