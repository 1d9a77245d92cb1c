"""PURE: everything that a storage holds as rows, and back.

`KINDS` has every kind in the order in which they are dumped; within a kind rows are ordered by key, texts by code point.
What a storage derives from other things, such as an index, is no row: `load` makes it anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date
from typing import Any

import orjson

from bot.model.announcement import Batch
from bot.model.card import MarkedPaper
from bot.model.chat import Chat
from bot.model.day import DayState
from bot.model.delivery import Delivery, Progress
from bot.model.follow import Follow
from bot.model.listing import Record
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.row import Key, Row
from bot.model.subscription import Subscription
from bot.model.summary import Spending, Summary
from storage import codec
from storage.archive import papers_from_document, papers_to_document
from storage.codec import Document
from storage.records import encode_document

SUBSCRIPTION, PROGRESS, NOTE, MARKS, FOLLOWS = "subscription", "progress", "note", "marks", "follows"
SEEN, DELIVERY, BATCH, DAY, RECORD = "seen", "delivery", "batch", "day", "record"
SUMMARY, SPENDING, PAGE, ARCHIVED = "summary", "spending", "page", "archived"
KINDS = (
    *(SUBSCRIPTION, PROGRESS, NOTE, MARKS, FOLLOWS),
    *(SEEN, DELIVERY, BATCH, DAY, RECORD),
    *(SUMMARY, SPENDING, PAGE, ARCHIVED),
)


def subscription_row(subscription: Subscription) -> Row:
    """Key: the chat's."""
    return _row(SUBSCRIPTION, (subscription.chat.key,), codec.subscription_to_document(subscription))


def read_subscription(row: Row) -> Subscription:
    """The subscription."""
    return codec.subscription_from_document(_text(row, 0), _document(row))


def progress_row(chat: Chat, progress: Progress) -> Row:
    """Key: the chat's."""
    return _row(PROGRESS, (chat.key,), codec.progress_to_document(progress))


def read_progress(row: Row) -> tuple[Chat, Progress]:
    """The progress of a chat."""
    return _chat(row, 0), codec.progress_from_document(_document(row))


def note_row(key: str, text: str) -> Row:
    """Key: the note's."""
    return _row(NOTE, (key,), {"text": text})


def read_note(row: Row) -> tuple[str, str]:
    """The key of a note, and its text."""
    text: str = _document(row)["text"]
    return _text(row, 0), text


def marks_row(chat: Chat, person: str, marked: Iterable[MarkedPaper]) -> Row:
    """Key: chat and person. The papers keep their order."""
    return _row(MARKS, (chat.key, person), codec.marks_to_document(marked))


def read_marks(row: Row) -> tuple[Chat, str, dict[ArxivId, MarkedPaper]]:
    """What a person marked in a chat."""
    return _chat(row, 0), _text(row, 1), codec.marks_from_document(_document(row))


def follows_row(chat: Chat, follows: Mapping[ArxivId, Follow]) -> Row:
    """Key: the chat's. The papers keep their order."""
    return _row(
        FOLLOWS, (chat.key,), {"papers": [[key, codec.follow_to_document(each)] for key, each in follows.items()]}
    )


def read_follows(row: Row) -> tuple[Chat, dict[ArxivId, Follow]]:
    """What a chat follows."""
    papers = _document(row)["papers"]
    return _chat(row, 0), {ArxivId(key): codec.follow_from_document(each) for key, each in papers}


def seen_row(chat: Chat, day: date, papers: Iterable[ArxivId]) -> Row:
    """Key: day of delivery and chat."""
    return _row(SEEN, (day.isoformat(), chat.key), {"papers": sorted(papers)})


def read_seen(row: Row) -> tuple[Chat, date, tuple[ArxivId, ...]]:
    """The papers that a chat got on a day."""
    return _chat(row, 1), _day(row), tuple(map(ArxivId, _document(row)["papers"]))


def delivery_row(delivery: Delivery) -> Row:
    """Key: day, chat and part."""
    key = (delivery.day.isoformat(), delivery.chat.key, delivery.part)
    kept = delivery.body if delivery.is_repeatable else ""
    return _row(DELIVERY, key, codec.delivery_to_document(delivery) | ({"body": kept} if kept else {}))


def read_delivery(row: Row) -> Delivery:
    """The delivery, with its body."""
    return codec.delivery_from_document(_chat(row, 1), _day(row), _document(row))


def batch_row(batch: Batch) -> Row:
    """Key: day and category."""
    return _row(BATCH, (batch.day.isoformat(), batch.category), codec.batch_to_document(batch))


def read_batch(row: Row) -> Batch:
    """The batch."""
    return codec.batch_from_document(_day(row), _text(row, 1), _document(row))


def day_row(state: DayState) -> Row:
    """Key: day and category."""
    return _row(DAY, (state.day.isoformat(), state.category), codec.day_to_document(state))


def read_day(row: Row) -> DayState:
    """The state of a category's day."""
    return codec.day_from_document(_day(row), _text(row, 1), _document(row))


def record_row(record: Record, day: date) -> Row:
    """Key: the day on which it was looked up, paper and version."""
    return _row(RECORD, (day.isoformat(), record.paper.id, record.paper.version), codec.record_to_document(record))


def read_record(row: Row) -> tuple[Record, date]:
    """The record, and the day on which it was looked up."""
    return codec.record_from_document(_document(row)), _day(row)


def summary_row(summary: Summary) -> Row:
    """Key: that of the summary."""
    key = (summary.id, summary.version, summary.prompt, summary.model, summary.language)
    return _row(SUMMARY, key, codec.summary_to_document(summary))


def read_summary(row: Row) -> Summary:
    """The summary."""
    return codec.summary_from_document(_document(row))


def spending_row(spending: Spending) -> Row:
    """Key: the day."""
    document = codec.spending_to_document(spending)
    return _row(SPENDING, (spending.day.isoformat(),), document | {"used": sorted(document["used"])})


def read_spending(row: Row) -> Spending:
    """The spending of a day."""
    return codec.spending_from_document(_day(row), _document(row))


def page_row(page: Page) -> Row:
    """Key: the day (UTC) on which it was planned, and the id. The papers and summaries that it shows are in it."""
    document = codec.page_to_document(page, lambda content: encode_document(content).decode())
    return _row(PAGE, (page.at.astimezone(UTC).date().isoformat(), page.id), document | {"chat": page.chat.key})


def read_page(row: Row) -> Page:
    """The page."""
    document = _document(row)
    return codec.page_from_document(_text(row, 1), Chat.from_key(document.pop("chat")), document, orjson.loads)


def archived_row(day: date, papers: Sequence[AnnouncedPaper]) -> Row:
    """Key: the day. The papers keep their order."""
    return _row(ARCHIVED, (day.isoformat(),), {"papers": papers_to_document(papers)})


def read_archived(row: Row) -> tuple[date, tuple[AnnouncedPaper, ...]]:
    """The papers of a day that can be searched."""
    return _day(row), papers_from_document(_day(row), _document(row)["papers"])


def encode_row(row: Row) -> bytes:
    """The row as a line of JSON, without its end."""
    return orjson.dumps([row.kind, row.key, orjson.Fragment(row.content)])


def decode_row(line: bytes) -> Row:
    """The row of such a line. Raises ValueError where it is none."""
    match orjson.loads(line):
        case [str(kind), list(key), dict(document)]:
            return _row(kind, tuple(key), document)
    raise ValueError("not a row")


def _row(kind: str, key: Key, document: Document) -> Row:
    # Twice, as orjson sorts the keys of dicts alone, and not the fields of dataclasses.
    return Row(kind, key, orjson.dumps(orjson.loads(orjson.dumps(document)), option=orjson.OPT_SORT_KEYS))


def _document(row: Row) -> dict[str, Any]:
    return orjson.loads(row.content)  # type: ignore[no-any-return]


def _text(row: Row, place: int) -> str:
    return str(row.key[place])


def _chat(row: Row, place: int) -> Chat:
    return Chat.from_key(_text(row, place))


def _day(row: Row) -> date:
    return date.fromisoformat(_text(row, 0))
