"""The table of summaries that wait for a batch."""

from collections.abc import Collection, Sequence
from dataclasses import astuple

from bot.model.paper import ArxivId
from bot.model.summary import Gathered, SummaryKey
from storage.codec import gathered_from_document, gathered_to_document
from storage.postgres.database import Connection
from storage.postgres.values import Row, document

_KEY = "paper, version, prompt, model, language"
_IS_WANTED = f"({_KEY}) = any (select * from unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[]))"  # noqa: S608 - our own names
_PUT = f"""
    insert into gathered ({_KEY}, due, document) values (%s, %s, %s, %s, %s, %s, %s)
    on conflict ({_KEY}) do update set due = excluded.due, document = excluded.document"""  # noqa: S608 - our own names


async def gather(connection: Connection, wanted: Sequence[Gathered]) -> frozenset[SummaryKey]:
    """Let these wait, with whoever waits for them already; the keys that did not wait before."""
    # All want the same papers: one process after the other.
    await connection.execute("lock table gathered in share row exclusive mode")
    query = f"select {_KEY}, document from gathered where {_IS_WANTED}"  # noqa: S608 - our own names
    cursor = await connection.execute(query.encode(), _columns([each.key for each in wanted]))
    known = {each.key: each for each in map(_read, await cursor.fetchall())}
    for each in wanted:
        merged = known[each.key] + each if each.key in known else each
        await connection.execute(
            _PUT.encode(), (*astuple(each.key), merged.due, document(gathered_to_document(merged)))
        )
    return frozenset(each.key for each in wanted) - known.keys()


async def find_gathered(connection: Connection) -> tuple[Gathered, ...]:
    """All of them, what is due first to the front."""
    query = f"select {_KEY}, document from gathered order by due, {_KEY}"  # noqa: S608 - our own names
    return tuple(map(_read, await (await connection.execute(query.encode())).fetchall()))


async def drop_gathered(connection: Connection, keys: Collection[SummaryKey]) -> tuple[Gathered, ...]:
    """Let these wait no longer; those that did."""
    query = f"delete from gathered where {_IS_WANTED} returning {_KEY}, document"  # noqa: S608 - our own names
    cursor = await connection.execute(query.encode(), _columns(keys))
    return tuple(sorted(map(_read, await cursor.fetchall()), key=lambda each: (each.due, astuple(each.key))))


def _columns(keys: Collection[SummaryKey]) -> tuple[list[object], ...]:
    return tuple([astuple(key)[place] for key in keys] for place in range(5))


def _read(row: Row) -> Gathered:
    paper, version, prompt, model, language, content = row
    return gathered_from_document(SummaryKey(ArxivId(paper), version, prompt, model, language), content)
