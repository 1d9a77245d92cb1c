"""The tables of deliveries, laid out so that a change of state rewrites no body and nothing of another chat.

`deliveries DAY`: the parts for a chat about that announcement day, without their bodies; its ids are chat keys.
`bodies DAY`: one document for each part that may be sent again; its ids are JSON, `["telegram:1",2]`, see `storage.marks`.
`open`: for each day with an open delivery, when the oldest of them was planned; its ids are chat keys, and a chat is there
exactly while it has one, so that nobody has to search all days for what is left to do.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState
from bot.model.moves import renumber_deliveries
from storage.codec import Document, delivery_from_document, delivery_to_document
from storage.days import day_table, day_tables, drop_day_tables
from storage.journal import JournalTinyDB
from storage.records import encode_document
from storage.table import DecodedTable

_DELIVERIES = "deliveries "
_BODIES = "bodies "
_OPEN = "open"


def find_deliveries(chats: JournalTinyDB, chat: Chat) -> list[Delivery]:
    """Every delivery of the chat, by day and part."""
    return [each for day in day_tables(chats, _DELIVERIES) for each in _find_whole(chats, chat, day)]


def add_deliveries(chats: JournalTinyDB, deliveries: Iterable[Delivery]) -> None:
    """Keep those whose key is new."""
    for delivery in deliveries:
        parts = _find_parts(chats, delivery.chat, delivery.day)
        if delivery.part not in parts:
            _put(chats, delivery, parts)


def replace_delivery(chats: JournalTinyDB, delivery: Delivery) -> bool:
    """Replace the one of this key; False where there is none."""
    parts = _find_parts(chats, delivery.chat, delivery.day)
    if delivery.part not in parts:
        return False
    _put(chats, delivery, parts)
    return True


def replace_or_add(chats: JournalTinyDB, delivery: Delivery) -> None:
    """Keep it, whatever was there under its key."""
    _put(chats, delivery, _find_parts(chats, delivery.chat, delivery.day))


def forget_deliveries(chats: JournalTinyDB, chat: Chat) -> None:
    """Erase every delivery of the chat."""
    for day, table in day_tables(chats, _DELIVERIES).items():
        for part in _find_parts(chats, chat, day):
            day_table(chats, _BODIES, day).discard(body_id(chat, part))
        table.discard(chat.key)
    chats.table(_OPEN).discard(chat.key)


def move_deliveries(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let the deliveries of `old` be those of `new`, behind any it has of the same day."""
    moved = find_deliveries(chats, old)
    forget_deliveries(chats, old)
    add_deliveries(chats, renumber_deliveries(new, moved, find_deliveries(chats, new)))


def prune_deliveries(chats: JournalTinyDB, before: date) -> None:
    """Drop those of earlier days that are not open."""
    days = [(Chat.from_key(key), date.fromisoformat(day)) for key, days in open_table(chats).items() for day in days]
    left = [each for chat, day in days if day < before for each in _find_whole(chats, chat, day) if each.is_open]
    drop_day_tables(chats, _DELIVERIES, before)
    drop_day_tables(chats, _BODIES, before)
    add_deliveries(chats, left)


def open_table(chats: JournalTinyDB) -> DecodedTable:
    """For `sort_open_chats`, in any thread."""
    return chats.table(_OPEN).freeze()


def sort_open_chats(table: DecodedTable) -> tuple[Chat, ...]:
    """The chats of an `open_table`, the one that has waited longest first."""
    since = {key: min(map(datetime.fromisoformat, days.values())) for key, days in table.items()}
    return tuple(Chat.from_key(key) for key in sorted(since, key=lambda key: (since[key], key)))


def delivery_tables(chats: JournalTinyDB, since: date) -> list[DecodedTable]:
    """For `count_states`, in any thread."""
    return [table.freeze() for day, table in day_tables(chats, _DELIVERIES).items() if day >= since]


def count_states(tables: Iterable[DecodedTable]) -> Mapping[tuple[str, DeliveryState], int]:
    """How many deliveries the tables hold, by platform and state."""
    return Counter(
        (Chat.from_key(key).platform, DeliveryState(part["state"]))
        for table in tables
        for key, document in table.items()
        for part in document["parts"]
    )


def _find_parts(chats: JournalTinyDB, chat: Chat, day: date) -> dict[int, Delivery]:
    """Without their bodies, in order."""
    document: Document = day_table(chats, _DELIVERIES, day).find(chat.key) or {"parts": []}
    parts = (delivery_from_document(chat, day, each) for each in document["parts"])
    return {each.part: each for each in parts}


def _find_whole(chats: JournalTinyDB, chat: Chat, day: date) -> list[Delivery]:
    bodies = day_table(chats, _BODIES, day)
    found = ((each, bodies.find(body_id(chat, each.part))) for each in _find_parts(chats, chat, day).values())
    return [replace(each, body=document["body"]) if document else each for each, document in found]


def _put(chats: JournalTinyDB, delivery: Delivery, parts: Mapping[int, Delivery]) -> None:
    """Keep the delivery beside the other parts of its chat and day."""
    chat, day = delivery.chat, delivery.day
    merged = {**parts, delivery.part: delivery}
    documents = [delivery_to_document(merged[part]) for part in sorted(merged)]
    day_table(chats, _DELIVERIES, day).replace(chat.key, {"parts": documents})
    bodies = day_table(chats, _BODIES, day)
    if delivery.is_repeatable and delivery.body:
        bodies.replace(body_id(chat, delivery.part), {"body": delivery.body})
    else:
        bodies.discard(body_id(chat, delivery.part))
    _note_open(chats, chat, day, min((each.planned_at for each in merged.values() if each.is_open), default=None))


def _note_open(chats: JournalTinyDB, chat: Chat, day: date, since: datetime | None) -> None:
    table = chats.table(_OPEN)
    days = table.find(chat.key) or {}
    days.pop(day.isoformat(), None)
    if since is not None:
        days[day.isoformat()] = since
    if days:
        table.replace(chat.key, days)
    else:
        table.discard(chat.key)


def body_id(chat: Chat, part: int) -> str:
    """The id of a part's body among those of its day."""
    return encode_document([chat.key, part]).decode()
