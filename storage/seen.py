"""The tables `seen DAY`, one for each day of delivery: their ids are chat keys."""

from collections.abc import Sequence
from datetime import date

from bot.model.chat import Chat
from bot.model.moves import merge_seen
from bot.model.paper import ArxivId
from storage.days import day_table, day_tables, drop_day_tables
from storage.journal import JournalTinyDB

_SEEN = "seen "


def find_seen(chats: JournalTinyDB, chat: Chat) -> dict[ArxivId, date]:
    """What was delivered to the chat, and when."""
    seen: dict[ArxivId, date] = {}
    for day, table in day_tables(chats, _SEEN).items():
        document = table.find(chat.key)
        if document is not None:
            seen |= dict.fromkeys(document["ids"], day)
    return seen


def add_seen(chats: JournalTinyDB, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
    """Mark papers as delivered on `day`, but for those that are marked already."""
    known = find_seen(chats, chat)
    new = [each for each in dict.fromkeys(ids) if each not in known]
    if new:
        table = day_table(chats, _SEEN, day)
        earlier = table.find(chat.key) or {"ids": []}
        table.replace(chat.key, {"ids": [*earlier["ids"], *new]})


def forget_seen(chats: JournalTinyDB, chat: Chat) -> None:
    """Erase what was delivered to the chat."""
    for table in day_tables(chats, _SEEN).values():
        table.discard(chat.key)


def move_seen(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let what `old` got count as delivered to `new`."""
    moved = find_seen(chats, old)
    if not moved:
        return
    merged = merge_seen(moved, find_seen(chats, new))
    for day, table in day_tables(chats, _SEEN).items():
        ids = [identifier for identifier, first in merged.items() if first == day]
        table.discard(old.key)
        table.discard(new.key)
        if ids:
            table.replace(new.key, {"ids": ids})


def prune_seen(chats: JournalTinyDB, before: date) -> None:
    """Forget the deliveries of earlier days."""
    drop_day_tables(chats, _SEEN, before)
