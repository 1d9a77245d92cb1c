"""Storage in a folder of this machine: TinyDB over a journal. For one process; see ADR 0002."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.moves import merge_seen, merge_subscriptions
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from storage.codec import batch_from_document, batch_to_document, subscription_from_document, subscription_to_document
from storage.disk import Disk
from storage.journal import COMPACT_AFTER, JournalTinyDB
from storage.lock import FolderLock
from storage.marks import find_marks, forget_marks, move_marks, replace_marks
from storage.migrations import ANNOUNCEMENTS, CHATS, Schema
from storage.table import DecodedTable, JournalTable

_SUBSCRIPTIONS = "subscriptions"
_SEEN = "seen "
_NOTES = "notes"


class TinyDBStorage:
    """Two databases, so that compacting the chats never copies papers.

    `chats` has the table `subscriptions` and one table `seen DAY` for each day of delivery, their ids are chat keys, and
    the tables `marks`, see `storage.marks`, and `notes`, whose ids are the callers' keys.
    `announcements` has one table for each day, its ids are categories. With a table per day, adding and pruning cost
    what is added or pruned. `prune` is atomic in each database but not over both; repeating it finishes it.
    A read may see a write that is still on its way to the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        compact_after: int = COMPACT_AFTER,
        disk: Disk | None = None,
        chats: Schema = CHATS,
        announcements: Schema = ANNOUNCEMENTS,
    ) -> None:
        self._folder = folder
        self._lock = FolderLock(folder)
        self._open_database = partial(JournalTinyDB, folder, compact_after=compact_after, disk=disk)
        self._schemas = {"chats": chats, "announcements": announcements}
        self._databases: dict[str, JournalTinyDB] = {}

    async def open(self) -> None:
        if not self._databases:
            self._databases = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        databases, self._databases = self._databases, {}
        try:
            for database in databases.values():
                await database.journal.finish()
        finally:
            self._lock.release()

    async def get_subscription(self, chat: Chat) -> Subscription | None:
        return _find_subscription(self._database("chats").table(_SUBSCRIPTIONS), chat)

    async def get_subscriptions(self) -> tuple[Subscription, ...]:
        frozen = self._database("chats").table(_SUBSCRIPTIONS).freeze()
        return await asyncio.to_thread(_decode_subscriptions, frozen)

    async def change_subscription(
        self, chat: Chat, change: Callable[[Subscription | None], Subscription]
    ) -> Subscription:
        chats = self._database("chats")
        table = chats.table(_SUBSCRIPTIONS)

        def replace() -> Subscription:
            changed = change(_find_subscription(table, chat))
            if changed.chat != chat:
                raise ValueError(f"a change of {chat.key} made a subscription of {changed.chat.key}")
            table.replace(chat.key, subscription_to_document(changed))
            return changed

        return await chats.journal.commit(replace)

    async def forget_chat(self, chat: Chat) -> None:
        chats = self._database("chats")

        def forget() -> None:
            chats.table(_SUBSCRIPTIONS).discard(chat.key)
            for name in _seen_tables(chats):
                chats.table(name).discard(chat.key)
            forget_marks(chats, chat)

        await chats.journal.commit(forget)

    async def move_chat(self, old: Chat, new: Chat) -> None:
        chats = self._database("chats")

        def move() -> None:
            _move_subscription(chats.table(_SUBSCRIPTIONS), old, new)
            _move_seen(chats, old, new)
            move_marks(chats, old, new)

        if old != new:
            await chats.journal.commit(move)

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        return _find_seen(self._database("chats"), chat)

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        chats = self._database("chats")

        def add() -> None:
            known = _find_seen(chats, chat)
            new = [each for each in dict.fromkeys(ids) if each not in known]
            if new:
                table = chats.table(_SEEN + day.isoformat())
                earlier = table.find(chat.key) or {"ids": []}
                table.replace(chat.key, {"ids": [*earlier["ids"], *new]})

        await chats.journal.commit(add)

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        return find_marks(self._database("chats"), chat, person)

    async def change_marks(  # noqa: PLR0913, PLR0917 - the port's
        self,
        chat: Chat,
        person: str,
        paper: ArxivId,
        title: str,
        change: Callable[[frozenset[Mark]], frozenset[Mark]],
        day: date,
    ) -> frozenset[Mark]:
        chats = self._database("chats")

        def replace() -> frozenset[Mark]:
            marked = find_marks(chats, chat, person)
            before = marked.pop(paper, None)
            marks = change(before.marks if before else frozenset())
            if marks:
                marked[paper] = MarkedPaper(paper, title, marks, day)
            replace_marks(chats, chat, person, marked)
            return marks

        return await chats.journal.commit(replace)

    async def get_note(self, key: str) -> str | None:
        document = self._database("chats").table(_NOTES).find(key)
        return None if document is None else document["text"]

    async def set_note(self, key: str, text: str) -> None:
        chats = self._database("chats")
        notes = chats.table(_NOTES)
        await chats.journal.commit(lambda: notes.replace(key, {"text": text}) if text else notes.discard(key))

    async def save_batch(self, batch: Batch) -> None:
        announcements = self._database("announcements")
        table = announcements.table(batch.day.isoformat())
        await announcements.journal.commit(lambda: table.replace(batch.category, batch_to_document(batch)))

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        announcements = self._database("announcements")
        days = sorted(name for name in announcements.tables() if name >= since.isoformat())
        return await asyncio.to_thread(_decode_announcements, {day: announcements.table(day).freeze() for day in days})

    async def prune(self, *, batches_before: date, seen_before: date) -> None:
        announcements, chats = self._database("announcements"), self._database("chats")
        await _drop_tables(announcements, "", batches_before)
        await _drop_tables(chats, _SEEN, seen_before)

    async def check(self) -> None:
        chats = self._database("chats")
        scratch = chats.table("scratch")

        def write_and_take_back() -> None:
            scratch.replace("check", {})
            scratch.discard("check")

        await chats.journal.commit(write_and_take_back)

    def _database(self, name: str) -> JournalTinyDB:
        if name not in self._databases:
            raise StorageError(f"{self._folder} is not open")
        return self._databases[name]

    def _load(self) -> dict[str, JournalTinyDB]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
            databases = {name: self._open_database(name, schema) for name, schema in self._schemas.items()}
            # All must be readable before any is rewritten.
            for database in databases.values():
                database.journal.load()
            for database in databases.values():
                database.journal.migrate()
        except OSError as error:
            self._lock.release()
            raise StorageError(f"cannot use {self._folder}: {error}") from error
        except BaseException:
            self._lock.release()
            raise
        return databases


def _find_subscription(table: JournalTable, chat: Chat) -> Subscription | None:
    document = table.find(chat.key)
    return None if document is None else subscription_from_document(chat.key, document)


def _move_subscription(table: JournalTable, old: Chat, new: Chat) -> None:
    moved = _find_subscription(table, old)
    if moved is not None:
        merged = merge_subscriptions(new, moved, _find_subscription(table, new))
        table.replace(new.key, subscription_to_document(merged))
        table.discard(old.key)


def _move_seen(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    moved = _find_seen(chats, old)
    if not moved:
        return
    merged = merge_seen(moved, _find_seen(chats, new))
    for name in _seen_tables(chats):
        day = date.fromisoformat(name.removeprefix(_SEEN))
        ids = [identifier for identifier, first in merged.items() if first == day]
        table = chats.table(name)
        table.discard(old.key)
        table.discard(new.key)
        if ids:
            table.replace(new.key, {"ids": ids})


def _seen_tables(chats: JournalTinyDB) -> list[str]:
    return sorted(each for each in chats.tables() if each.startswith(_SEEN))


def _find_seen(chats: JournalTinyDB, chat: Chat) -> dict[ArxivId, date]:
    seen: dict[ArxivId, date] = {}
    for name in _seen_tables(chats):
        document = chats.table(name).find(chat.key)
        if document is not None:
            seen |= dict.fromkeys(document["ids"], date.fromisoformat(name.removeprefix(_SEEN)))
    return seen


def _decode_subscriptions(documents: DecodedTable) -> tuple[Subscription, ...]:
    return tuple(subscription_from_document(key, documents[key]) for key in sorted(documents))


def _decode_announcements(days: Mapping[str, DecodedTable]) -> tuple[Announcement, ...]:
    return merge_batches(
        batch_from_document(date.fromisoformat(day), category, batches[category])
        for day, batches in days.items()
        for category in sorted(batches)
    )


async def _drop_tables(database: JournalTinyDB, prefix: str, before: date) -> None:
    def drop() -> None:
        for name in database.tables():
            if name.startswith(prefix) and name < prefix + before.isoformat():
                database.drop_table(name)

    await database.journal.commit(drop)
