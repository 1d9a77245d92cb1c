"""TinyDB's tables as rows, and rows put into them; see `storage.rows`."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from bot.model.row import Row
from storage import codec, rows
from storage.announcements import put_batch, put_day, put_records
from storage.archive import archive_from_document, archive_to_document, put_archive
from storage.codec import Document
from storage.days import day_table
from storage.deliveries import body_id, replace_or_add
from storage.follows import follow_id, forget_follows, replace_follow
from storage.journal import JournalTinyDB
from storage.marks import replace_marks
from storage.notes import put_note
from storage.pages import page_of, put_page
from storage.subscriptions import put_progress, put_subscription
from storage.summaries import put_spending, put_summary
from storage.table import DecodedTable

Frozen = Mapping[str, DecodedTable]
"""The tables of one database by name, as they were at one moment."""

_DAY_LENGTH = len(date.min.isoformat())
_DERIVED = frozenset(
    {
        "following",
        "followers",
        "open",
        "scratch",
        "made DAY",
        "bodies DAY",
        "texts DAY",
        "shelves",
        "choices",
        "questions",
        "gathered",
    }
)
"""Tables that follow from others, or belong to a moment."""


def freeze(database: JournalTinyDB) -> Frozen:
    """Its tables as they are now."""
    return {name: database.table(name).freeze() for name in sorted(database.tables())}


def dump_tables(*databases: Frozen) -> Iterator[Row]:
    """Every row, in the order of `storage.rows`. Raises StorageError where a table is not known here: nothing is left behind."""
    tables = {name: table for database in databases for name, table in database.items()}
    unknown = sorted({_pattern(name) for name in tables} - _DUMPS.keys() - _DERIVED)
    if unknown:
        raise StorageError(f"these tables cannot be moved: {', '.join(unknown)}; upgrade paperround")
    patterns = {kind: pattern for pattern, (kind, _) in _DUMPS.items()}
    for kind in rows.KINDS:
        _, dump = _DUMPS[patterns[kind]]
        for name in tables:
            if _pattern(name) == patterns[kind]:
                yield from dump(tables, name)


def load_rows(tables: JournalTinyDB, database: str, loaded: Iterable[Row]) -> None:
    """Put the rows of this database among `loaded`, whatever was there before."""
    for row in loaded:
        if row.kind not in _LOADS:
            raise StorageError(f"rows of the kind {row.kind} are not known here; upgrade paperround")
        where, load = _LOADS[row.kind]
        if where == database:
            load(tables, row)


def _pattern(table: str) -> str:
    """The table's name, with any day in it left out."""
    try:
        date.fromisoformat(table[-_DAY_LENGTH:])
    except ValueError:
        return table
    return table[:-_DAY_LENGTH] + "DAY"


def _day_of(table: str) -> date:
    return date.fromisoformat(table[-_DAY_LENGTH:])


def _documents(tables: Frozen, name: str) -> Iterator[tuple[str, Document]]:
    table = tables[name]
    return ((key, table[key]) for key in sorted(table))


def _paired(tables: Frozen, name: str) -> Iterator[tuple[list[str], Document]]:
    """The documents whose ids are JSON."""
    table = tables[name]
    keys = {document_id: json.loads(document_id) for document_id in table}
    return ((keys[each], table[each]) for each in sorted(keys, key=keys.__getitem__))


def _dump_subscriptions(tables: Frozen, name: str) -> Iterator[Row]:
    for key, document in _documents(tables, name):
        yield rows.subscription_row(codec.subscription_from_document(key, document))


def _dump_progress(tables: Frozen, name: str) -> Iterator[Row]:
    for key, document in _documents(tables, name):
        yield rows.progress_row(Chat.from_key(key), codec.progress_from_document(document))


def _dump_notes(tables: Frozen, name: str) -> Iterator[Row]:
    for key, document in _documents(tables, name):
        yield rows.note_row(key, document["text"])


def _dump_marks(tables: Frozen, name: str) -> Iterator[Row]:
    for (chat, person), document in _paired(tables, name):
        yield rows.marks_row(Chat.from_key(chat), person, codec.marks_from_document(document).values())


def _dump_follows(tables: Frozen, name: str) -> Iterator[Row]:
    follows = tables[name]
    for key, document in _documents(tables, "following"):
        chat = Chat.from_key(key)
        papers = map(ArxivId, document["papers"])
        yield rows.follows_row(
            chat, {each: codec.follow_from_document(follows[follow_id(chat, each)]) for each in papers}
        )


def _dump_seen(tables: Frozen, name: str) -> Iterator[Row]:
    for key, document in _documents(tables, name):
        yield rows.seen_row(Chat.from_key(key), _day_of(name), document["ids"])


def _dump_deliveries(tables: Frozen, name: str) -> Iterator[Row]:
    day = _day_of(name)
    bodies = tables.get(f"bodies {day.isoformat()}", DecodedTable({}))
    for key, document in _documents(tables, name):
        chat = Chat.from_key(key)
        for part in document["parts"]:
            delivery = codec.delivery_from_document(chat, day, part)
            body = bodies.get(body_id(chat, delivery.part))
            yield rows.delivery_row(replace(delivery, body=body["body"]) if body else delivery)


def _dump_batches(tables: Frozen, name: str) -> Iterator[Row]:
    for category, document in _documents(tables, name):
        yield rows.batch_row(codec.batch_from_document(_day_of(name), category, document))


def _dump_days(tables: Frozen, name: str) -> Iterator[Row]:
    for category, document in _documents(tables, name):
        yield rows.day_row(codec.day_from_document(_day_of(name), category, document))


def _dump_records(tables: Frozen, name: str) -> Iterator[Row]:
    records = [codec.record_from_document(document) for _, document in _documents(tables, name)]
    for each in sorted(records, key=lambda each: (each.paper.id, each.paper.version)):
        yield rows.record_row(each, _day_of(name))


def _dump_summaries(tables: Frozen, name: str) -> Iterator[Row]:
    for _, document in _paired(tables, name):
        yield rows.summary_row(codec.summary_from_document(document))


def _dump_spending(tables: Frozen, name: str) -> Iterator[Row]:
    for day, document in _documents(tables, name):
        yield rows.spending_row(codec.spending_from_document(date.fromisoformat(day), document))


def _dump_pages(tables: Frozen, name: str) -> Iterator[Row]:
    texts = tables.get(f"texts {_day_of(name).isoformat()}", DecodedTable({}))
    for key, document in _documents(tables, name):
        yield rows.page_row(page_of(key, document, texts.__getitem__))


def _dump_archive(tables: Frozen, name: str) -> Iterator[Row]:
    for key, document in _documents(tables, name):
        day = date.fromisoformat(key)
        yield rows.archived_row(day, archive_from_document(day, document))


_DUMPS: Mapping[str, tuple[str, Callable[[Frozen, str], Iterator[Row]]]] = {
    "subscriptions": (rows.SUBSCRIPTION, _dump_subscriptions),
    "progress": (rows.PROGRESS, _dump_progress),
    "notes": (rows.NOTE, _dump_notes),
    "marks": (rows.MARKS, _dump_marks),
    "follows": (rows.FOLLOWS, _dump_follows),
    "seen DAY": (rows.SEEN, _dump_seen),
    "deliveries DAY": (rows.DELIVERY, _dump_deliveries),
    "DAY": (rows.BATCH, _dump_batches),
    "states DAY": (rows.DAY, _dump_days),
    "records DAY": (rows.RECORD, _dump_records),
    "summaries": (rows.SUMMARY, _dump_summaries),
    "spending": (rows.SPENDING, _dump_spending),
    "pages DAY": (rows.PAGE, _dump_pages),
    "archive": (rows.ARCHIVED, _dump_archive),
}
"""The kind of row that each table holds, a table of a day by its pattern."""


def _load_subscription(chats: JournalTinyDB, row: Row) -> None:
    put_subscription(chats, rows.read_subscription(row))


def _load_progress(chats: JournalTinyDB, row: Row) -> None:
    put_progress(chats, *rows.read_progress(row))


def _load_note(chats: JournalTinyDB, row: Row) -> None:
    put_note(chats, *rows.read_note(row))


def _load_marks(chats: JournalTinyDB, row: Row) -> None:
    replace_marks(chats, *rows.read_marks(row))


def _load_follows(chats: JournalTinyDB, row: Row) -> None:
    chat, follows = rows.read_follows(row)
    forget_follows(chats, chat)
    for paper, follow in follows.items():
        replace_follow(chats, chat, paper, follow)


def _load_seen(chats: JournalTinyDB, row: Row) -> None:
    chat, day, papers = rows.read_seen(row)
    day_table(chats, "seen ", day).replace(chat.key, {"ids": list(papers)})


def _load_delivery(chats: JournalTinyDB, row: Row) -> None:
    replace_or_add(chats, rows.read_delivery(row))


def _load_batch(announcements: JournalTinyDB, row: Row) -> None:
    put_batch(announcements, rows.read_batch(row))


def _load_day(announcements: JournalTinyDB, row: Row) -> None:
    put_day(announcements, rows.read_day(row), None)


def _load_record(announcements: JournalTinyDB, row: Row) -> None:
    record, day = rows.read_record(row)
    put_records(announcements, [record], day)


def _load_summary(summaries: JournalTinyDB, row: Row) -> None:
    put_summary(summaries, rows.read_summary(row))


def _load_spending(summaries: JournalTinyDB, row: Row) -> None:
    put_spending(summaries, rows.read_spending(row))


def _load_page(pages: JournalTinyDB, row: Row) -> None:
    put_page(pages, rows.read_page(row))


def _load_archived(announcements: JournalTinyDB, row: Row) -> None:
    day, papers = rows.read_archived(row)
    put_archive(announcements, day, archive_to_document(papers))


_LOADS: Mapping[str, tuple[str, Callable[[JournalTinyDB, Row], None]]] = {
    rows.SUBSCRIPTION: ("chats", _load_subscription),
    rows.PROGRESS: ("chats", _load_progress),
    rows.NOTE: ("chats", _load_note),
    rows.MARKS: ("chats", _load_marks),
    rows.FOLLOWS: ("chats", _load_follows),
    rows.SEEN: ("chats", _load_seen),
    rows.DELIVERY: ("chats", _load_delivery),
    rows.BATCH: ("announcements", _load_batch),
    rows.DAY: ("announcements", _load_day),
    rows.RECORD: ("announcements", _load_record),
    rows.SUMMARY: ("summaries", _load_summary),
    rows.SPENDING: ("summaries", _load_spending),
    rows.PAGE: ("pages", _load_page),
    rows.ARCHIVED: ("announcements", _load_archived),
}
"""The database that each kind of row belongs to, and how one is put there."""
