"""The tables of summaries and of what they cost."""

from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, date

from bot.model.summary import Spending, Summary, SummaryKey, Usage
from storage.codec import summary_from_document, summary_to_document
from storage.postgres.database import Connection
from storage.postgres.values import document

_PUT = """
    insert into summaries (paper, version, prompt, model, language, made, document) values (%s, %s, %s, %s, %s, %s, %s)
    on conflict (paper, version, prompt, model, language) do update
    set made = excluded.made, document = excluded.document"""
_FIND = """
    select document from summaries
    where paper = %s and version = %s and prompt = %s and model = %s and language = %s"""
_RESERVE = """
    insert into spending (day, reserved) select %(day)s, %(tokens)s where %(tokens)s <= %(limit)s
    on conflict (day) do update set reserved = spending.reserved + excluded.reserved
    where spending.reserved + spending.used + excluded.reserved <= %(limit)s"""
_SETTLE = """
    insert into spending as spent (day, calls, used) values (%(day)s, 1, %(used)s)
    on conflict (day) do update set
    reserved = greatest(spent.reserved - %(reserved)s, 0), calls = spent.calls + 1, used = spent.used + excluded.used"""
_USE = """
    insert into usage as known values (%s, %s, %s, %s, %s)
    on conflict (day, model, kind) do update
    set prompt = known.prompt + excluded.prompt, completion = known.completion + excluded.completion"""
_HIT = """
    insert into spending as spent (day, hits) values (%s, %s)
    on conflict (day) do update set hits = spent.hits + excluded.hits"""
_SPENDING = """
    select day, reserved, calls, hits, model, kind, prompt, completion
    from spending left join usage using (day) where day >= %s order by day, model, kind"""


async def find_summary(connection: Connection, key: SummaryKey) -> Summary | None:
    """The summary of this key."""
    row = await (await connection.execute(_FIND, astuple(key))).fetchone()
    return None if row is None else summary_from_document(row[0])


async def put_summary(connection: Connection, summary: Summary) -> None:
    """Keep it in the place of any of its key."""
    made = summary.made_at.astimezone(UTC).date()
    await connection.execute(_PUT, (*astuple(summary.key), made, document(summary_to_document(summary))))


async def reserve_tokens(connection: Connection, day: date, tokens: int, limit: int) -> bool:
    """Set tokens aside, where the limit allows it."""
    cursor = await connection.execute(_RESERVE, {"day": day, "tokens": tokens, "limit": limit})
    return cursor.rowcount > 0


async def settle_tokens(
    connection: Connection, day: date, reserved: int, model: str, used: Mapping[str, Usage]
) -> None:
    """Count what one call used instead of what was set aside for it."""
    total = sum(each.total for each in used.values())
    await connection.execute(_SETTLE, {"day": day, "reserved": reserved, "used": total})
    for kind, each in used.items():
        await connection.execute(_USE, (day, model, kind, each.prompt, each.completion))


async def count_hits(connection: Connection, day: date, hits: int) -> None:
    """Count summaries that cost nothing."""
    await connection.execute(_HIT, (day, hits))


async def find_spending(connection: Connection, since: date) -> tuple[Spending, ...]:
    """Of each day, oldest first."""
    cursor = await connection.execute(_SPENDING, (since,))
    found: dict[date, tuple[tuple[int, int, int], dict[tuple[str, str], Usage]]] = {}
    for day, reserved, calls, hits, model, kind, prompt, completion in await cursor.fetchall():
        _, used = found.setdefault(day, ((reserved, calls, hits), {}))
        if model is not None:
            used[model, kind] = Usage(prompt, completion)
    return tuple(Spending(day, *counts, used) for day, (counts, used) in found.items())


async def replace_spending(connection: Connection, spending: Spending) -> None:
    """Keep it instead of what was counted on its day."""
    await connection.execute("delete from spending where day = %s", (spending.day,))
    used = sum(each.total for each in spending.used.values())
    values = (spending.day, spending.reserved, spending.calls, spending.hits, used)
    await connection.execute(
        "insert into spending (day, reserved, calls, hits, used) values (%s, %s, %s, %s, %s)", values
    )
    for (model, kind), each in spending.used.items():
        await connection.execute(_USE, (spending.day, model, kind, each.prompt, each.completion))
