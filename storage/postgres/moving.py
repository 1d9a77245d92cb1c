"""The tables as rows, and rows put into them; see `storage.rows`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from bot.errors import StorageError
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from bot.model.row import Row
from bot.model.summary import Spending, Usage
from storage import codec, rows
from storage.archive import unpack_papers
from storage.postgres import announcements, archive, chats, deliveries, follows, pages, summaries
from storage.postgres.database import Connection, Database
from storage.postgres.values import Row as Record

DERIVED = frozenset(
    {
        "migrations",
        "revisions",
        "scratch",
        "leases",
        "updates",
        "writers",
        "choices",
        "questions",
        "commands",
        "gathered",
    }
)
"""Tables of which nothing is carried elsewhere: what is in them belongs to this database, or to a moment."""
_AT_ONCE = 500

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Dump:
    """How the rows of a kind are found: records in order, of which those with the same first `group` values make one row."""

    tables: tuple[str, ...]
    query: str
    read: Callable[[list[Record]], Row]
    group: int


async def dump(database: Database) -> AsyncIterator[Row]:
    """Every row, as of one moment."""
    async with database.alone() as connection, connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        await connection.execute("set local idle_in_transaction_session_timeout = 0")
        await _refuse_unknown(connection)
        for kind in rows.KINDS:
            each = _DUMPS[kind]
            async for records in _grouped(connection, each.query, each.group):
                yield each.read(records)


async def _refuse_unknown(connection: Connection) -> None:
    """Nothing is left behind because nobody thought of it."""
    cursor = await connection.execute("select tablename from pg_tables where schemaname = current_schema()")
    tables = {name for (name,) in await cursor.fetchall() if not name.startswith("procrastinate_")}
    unknown = sorted(tables - DERIVED - {name for each in _DUMPS.values() for name in each.tables})
    if unknown:
        raise StorageError(f"these tables cannot be moved: {', '.join(unknown)}; upgrade paperround")


async def _grouped(connection: Connection, query: str, group: int) -> AsyncIterator[list[Record]]:
    """The records of a query in runs whose first values are the same."""
    run: list[Record] = []
    async with connection.cursor("dump") as cursor:
        await cursor.execute(query.encode())
        while found := await cursor.fetchmany(_AT_ONCE):
            for _, records in groupby(found, itemgetter(slice(group))):
                some = list(records)
                if run and run[0][:group] != some[0][:group]:
                    yield run
                    run = []
                run += some
    if run:
        yield run


def _read_marks(records: list[Record]) -> Row:
    marked = [
        MarkedPaper(ArxivId(paper), title, frozenset(map(Mark, marks)), day) for *_, paper, title, marks, day in records
    ]
    return rows.marks_row(Chat.from_key(records[0][0]), records[0][1], marked)


def _read_follows(records: list[Record]) -> Row:
    found = {ArxivId(paper): codec.follow_from_document(document) for _, paper, document in records}
    return rows.follows_row(Chat.from_key(records[0][0]), found)


def _read_spending(records: list[Record]) -> Row:
    day, reserved, calls, hits = records[0][:4]
    used = {
        (model, kind): Usage(prompt, completion) for *_, model, kind, prompt, completion in records if model is not None
    }
    return rows.spending_row(Spending(day, reserved, calls, hits, used))


def _read_progress(record: Record) -> Row:
    return rows.progress_row(Chat.from_key(record[0]), codec.progress_from_document(record[1]))


def _one(tables: str, query: str, read: Callable[[Record], Row], group: int) -> _Dump:
    """A dump where each record is a row; `group` values are its key."""
    return _Dump((tables,), query, lambda records: read(records[0]), group)


_DUMPS: Mapping[str, _Dump] = {
    rows.SUBSCRIPTION: _one(
        "subscriptions",
        "select chat, document from subscriptions order by chat",
        lambda each: rows.subscription_row(codec.subscription_from_document(*each)),
        1,
    ),
    rows.PROGRESS: _one("progress", "select chat, document from progress order by chat", _read_progress, 1),
    rows.NOTE: _one("notes", "select key, text from notes order by key", lambda each: rows.note_row(*each), 1),
    rows.MARKS: _Dump(
        ("marks",),
        "select chat, person, paper, title, marks, day from marks order by chat, person, position",
        _read_marks,
        2,
    ),
    rows.FOLLOWS: _Dump(
        ("follows",), "select chat, paper, document from follows order by chat, position", _read_follows, 1
    ),
    rows.SEEN: _one(
        "seen",
        "select day, chat, papers from seen order by day, chat",
        lambda each: rows.seen_row(Chat.from_key(each[1]), each[0], each[2]),
        2,
    ),
    rows.DELIVERY: _one(
        "deliveries",
        f"select day, chat, part, {deliveries.COLUMNS} from deliveries order by day, chat, part",  # noqa: S608 - our own names
        lambda each: rows.delivery_row(deliveries.from_row(each[3:])),
        3,
    ),
    rows.BATCH: _one(
        "batches",
        "select day, category, document from batches order by day, category",
        lambda each: rows.batch_row(codec.batch_from_document(*each)),
        2,
    ),
    rows.DAY: _one(
        "days",
        "select day, category, document from days order by day, category",
        lambda each: rows.day_row(codec.day_from_document(*each)),
        2,
    ),
    rows.RECORD: _one(
        "records",
        "select day, paper, version, document from records order by day, paper, version",
        lambda each: rows.record_row(codec.record_from_document(each[3]), each[0]),
        3,
    ),
    rows.SUMMARY: _one(
        "summaries",
        "select paper, version, prompt, model, language, document from summaries order by 1, 2, 3, 4, 5",
        lambda each: rows.summary_row(codec.summary_from_document(each[5])),
        5,
    ),
    rows.SPENDING: _Dump(
        ("spending", "usage"),
        "select day, reserved, calls, hits, model, kind, prompt, completion from spending left join usage using (day) "
        "order by day, model, kind",
        _read_spending,
        1,
    ),
    rows.PAGE: _Dump(
        ("pages", "page_texts"),
        f"{pages.WITH_TEXTS.format('pages')} order by shown.day, shown.id",
        lambda each: rows.page_row(pages.read_page(each)),
        1,
    ),
    rows.ARCHIVED: _one(
        "archive",
        "select day, papers from archive order by day",
        lambda each: rows.archived_row(each[0], unpack_papers(*each)),
        1,
    ),
}
"""By kind of row."""


async def load(connection: Connection, loaded: Sequence[Row]) -> None:
    """Put every row, whatever was there before."""
    for row in loaded:
        if row.kind not in _LOADS:
            raise StorageError(f"rows of the kind {row.kind} are not known here; upgrade paperround")
        await _LOADS[row.kind](connection, row)


async def _load_subscription(connection: Connection, row: Row) -> None:
    subscription = rows.read_subscription(row)
    await chats.change_subscription(connection, subscription.chat, _always(subscription))


async def _load_progress(connection: Connection, row: Row) -> None:
    await chats.put_progress(connection, *rows.read_progress(row))


async def _load_note(connection: Connection, row: Row) -> None:
    await chats.put_note(connection, *rows.read_note(row))


async def _load_marks(connection: Connection, row: Row) -> None:
    chat, person, marked = rows.read_marks(row)
    await connection.execute("delete from marks where chat = %s and person = %s", (chat.key, person))
    for each in marked.values():
        await chats.change_marks(connection, chat, person, each.id, each.title, _always(each.marks), each.day)


async def _load_follows(connection: Connection, row: Row) -> None:
    chat, found = rows.read_follows(row)
    await connection.execute("delete from follows where chat = %s", (chat.key,))
    for paper, follow in found.items():
        await follows.change_follow(connection, chat, paper, _always(follow))


async def _load_seen(connection: Connection, row: Row) -> None:
    chat, day, papers = rows.read_seen(row)
    await connection.execute(
        "insert into seen values (%s, %s, %s) on conflict (chat, day) do update set papers = excluded.papers",
        (chat.key, day, list(papers)),
    )


async def _load_delivery(connection: Connection, row: Row) -> None:
    delivery = rows.read_delivery(row)
    key = (delivery.chat.key, delivery.day, delivery.part)
    await connection.execute("delete from deliveries where chat = %s and day = %s and part = %s", key)
    await deliveries.add_deliveries(connection, [delivery])


async def _load_batch(connection: Connection, row: Row) -> None:
    await announcements.put_batch(connection, rows.read_batch(row))


async def _load_day(connection: Connection, row: Row) -> None:
    await announcements.put_day(connection, rows.read_day(row), None)


async def _load_record(connection: Connection, row: Row) -> None:
    record, day = rows.read_record(row)
    await announcements.put_records(connection, [record], day)


async def _load_summary(connection: Connection, row: Row) -> None:
    await summaries.put_summary(connection, rows.read_summary(row))


async def _load_spending(connection: Connection, row: Row) -> None:
    await summaries.replace_spending(connection, rows.read_spending(row))


async def _load_page(connection: Connection, row: Row) -> None:
    await pages.replace_page(connection, rows.read_page(row))


async def _load_archived(connection: Connection, row: Row) -> None:
    await archive.put_archive(connection, *rows.read_archived(row))


_LOADS: Mapping[str, Callable[[Connection, Row], Awaitable[None]]] = {
    rows.SUBSCRIPTION: _load_subscription,
    rows.PROGRESS: _load_progress,
    rows.NOTE: _load_note,
    rows.MARKS: _load_marks,
    rows.FOLLOWS: _load_follows,
    rows.SEEN: _load_seen,
    rows.DELIVERY: _load_delivery,
    rows.BATCH: _load_batch,
    rows.DAY: _load_day,
    rows.RECORD: _load_record,
    rows.SUMMARY: _load_summary,
    rows.SPENDING: _load_spending,
    rows.PAGE: _load_page,
    rows.ARCHIVED: _load_archived,
}
"""By kind of row."""


def _always(value: Value) -> Callable[[object], Value]:
    return lambda _: value
