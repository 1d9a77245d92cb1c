"""Dropping what is old, in batches: none locks much, or keeps others from being cleaned up, for long."""

from datetime import date

from storage.postgres.announcements import count_change
from storage.postgres.database import Connection, Database
from storage.postgres.moments import forget_commands

AT_ONCE = 5_000
"""Rows of one transaction."""
_WITH_BATCHES = (
    "batches where day <",
    "days where day <",
    "records where day <",
    "deliveries where not is_open and day <",
    "updates where at <",
)
_WITH_SEEN = ("seen where day <",)
_WITH_SUMMARIES = (
    "summaries where made <",
    "spending where day <",
    "pages where day <",
    "page_texts where day <",
    "gathered where due <",
)


async def prune(database: Database, *, batches_before: date, seen_before: date, summaries_before: date) -> None:
    """Drop everything older than this. Whatever ends it in the middle, repeating it goes on."""
    await database.write((), _forget_writers)
    await database.read(forget_commands)
    for conditions, day in (
        (_WITH_BATCHES, batches_before),
        (_WITH_SEEN, seen_before),
        (_WITH_SUMMARIES, summaries_before),
    ):
        for condition in conditions:
            while await database.write((), _drop_some, condition, day):
                pass


async def _forget_writers(connection: Connection) -> None:
    """Drop what lost connections wrote last: whoever wanted to know has asked."""
    await connection.execute("delete from writers where at < now() - interval '1 hour'")


async def _drop_some(connection: Connection, condition: str, before: date) -> bool:
    """Drop some rows; whether there may be more."""
    table = condition.partition(" ")[0]
    some = f"select ctid from {condition} %s limit {AT_ONCE} for update skip locked"  # noqa: S608 - our own names
    dropped = (
        await connection.execute(f"delete from {table} where ctid = any(array({some}))".encode(), (before,))  # noqa: S608 - as above
    ).rowcount
    if dropped and table in {"batches", "days"}:
        await count_change(connection, table)
    return dropped == AT_ONCE
