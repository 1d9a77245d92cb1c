"""The tables of announcements, each of one day, so that pruning drops tables.

`DAY`: the batches; its ids are categories. `states DAY`: how far each category's day has got; its ids are categories.
`records DAY`: what was looked up on that day; its ids are papers with their versions.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.day import DayState
from bot.model.listing import Record
from bot.model.paper import ArxivId
from storage.codec import (
    batch_from_document,
    batch_to_document,
    day_from_document,
    day_to_document,
    record_from_document,
    record_to_document,
)
from storage.days import day_table, day_tables, drop_day_tables
from storage.journal import JournalTinyDB
from storage.table import DecodedTable

_BATCHES, _STATES, _RECORDS = "", "states ", "records "


def put_batch(announcements: JournalTinyDB, batch: Batch) -> None:
    """Keep it in the place of any of its category and day."""
    day_table(announcements, _BATCHES, batch.day).replace(batch.category, batch_to_document(batch))


def put_day(announcements: JournalTinyDB, state: DayState, batch: Batch | None) -> None:
    """Keep the state of a category's day, and the batch."""
    day_table(announcements, _STATES, state.day).replace(state.category, day_to_document(state))
    if batch is not None:
        put_batch(announcements, batch)


def find_days(announcements: JournalTinyDB, since: date) -> tuple[DayState, ...]:
    """The states of `since` and later, by day and category."""
    return tuple(
        day_from_document(day, category, document)
        for day, table in day_tables(announcements, _STATES).items()
        if day >= since
        for category, document in sorted(table.freeze().items())
    )


def batch_tables(announcements: JournalTinyDB, since: date) -> Mapping[date, DecodedTable]:
    """For `decode_announcements`, in any thread."""
    return {day: table.freeze() for day, table in day_tables(announcements, _BATCHES).items() if day >= since}


def decode_announcements(days: Mapping[date, DecodedTable]) -> tuple[Announcement, ...]:
    """The announcements of `batch_tables`."""
    return merge_batches(
        batch_from_document(day, category, batches[category])
        for day, batches in days.items()
        for category in sorted(batches)
    )


def put_records(announcements: JournalTinyDB, records: Sequence[Record], day: date) -> None:
    """Keep what was looked up on this day, in the place of what was on others."""
    for each in records:
        for table in day_tables(announcements, _RECORDS).values():
            table.discard(each.paper.versioned_id)
        table = day_table(announcements, _RECORDS, day)
        table.replace(each.paper.versioned_id, record_to_document(each))


def find_record(announcements: JournalTinyDB, paper: ArxivId, version: int) -> Record | None:
    """What was looked up of this version."""
    tables = day_tables(announcements, _RECORDS).values()
    found = (table.find(f"{paper}v{version}") for table in tables)
    return next((record_from_document(each) for each in found if each is not None), None)


def prune_days(announcements: JournalTinyDB, before: date) -> None:
    """Drop what belongs to earlier days."""
    for prefix in (_BATCHES, _STATES, _RECORDS):
        drop_day_tables(announcements, prefix, before)
