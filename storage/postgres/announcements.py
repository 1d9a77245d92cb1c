"""What is kept of announcements: batches, the states of days, records that were looked up, and how often they changed."""

from collections.abc import Sequence
from datetime import date

from bot.model.announcement import Batch
from bot.model.day import DayState
from bot.model.listing import Record
from bot.model.paper import ArxivId
from bot.ports import Revisions
from storage.codec import (
    batch_to_document,
    day_from_document,
    day_to_document,
    record_from_document,
    record_to_document,
)
from storage.postgres.database import Connection
from storage.postgres.values import document

_PUT_BATCH = """
    insert into batches (day, category, document) values (%s, %s, %s)
    on conflict (day, category) do update set document = excluded.document, changed = excluded.changed"""
_PUT_DAY = """
    insert into days values (%s, %s, %s) on conflict (day, category) do update set document = excluded.document"""
_PUT_RECORD = """
    insert into records values (%s, %s, %s, %s)
    on conflict (paper, version) do update set day = excluded.day, document = excluded.document"""


async def put_batch(connection: Connection, batch: Batch) -> None:
    """Keep it in the place of any of its category and day."""
    await connection.execute(_PUT_BATCH, (batch.day, batch.category, document(batch_to_document(batch))))
    await count_change(connection, "batches")


async def put_day(connection: Connection, state: DayState, batch: Batch | None) -> None:
    """Keep the state of a category's day, and the batch."""
    await connection.execute(_PUT_DAY, (state.day, state.category, document(day_to_document(state))))
    await count_change(connection, "days")
    if batch is not None:
        await put_batch(connection, batch)


async def find_days(connection: Connection, since: date) -> tuple[DayState, ...]:
    """The states of `since` and later, by day and category."""
    cursor = await connection.execute(
        "select day, category, document from days where day >= %s order by day, category", (since,)
    )
    return tuple(day_from_document(*row) for row in await cursor.fetchall())


async def put_records(connection: Connection, records: Sequence[Record], day: date) -> None:
    """Keep what was looked up on this day."""
    for each in records:
        values = (each.paper.id, each.paper.version, day, document(record_to_document(each)))
        await connection.execute(_PUT_RECORD, values)


async def find_record(connection: Connection, paper: ArxivId, version: int) -> Record | None:
    """What was looked up of this version."""
    cursor = await connection.execute(
        "select document from records where paper = %s and version = %s", (paper, version)
    )
    row = await cursor.fetchone()
    return None if row is None else record_from_document(row[0])


async def find_revisions(connection: Connection) -> Revisions:
    """How often batches and states were changed."""
    numbers: dict[str, int] = dict(await (await connection.execute("select name, number from revisions")).fetchall())
    return Revisions(numbers["batches"], numbers["days"])


async def count_change(connection: Connection, name: str) -> None:
    """Note that something changed; who asks for the number knows whether it has all."""
    await connection.execute("update revisions set number = number + 1 where name = %s", (name,))
