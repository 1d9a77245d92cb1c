"""Storage in a folder of this machine: TinyDB over a journal. For one process; see ADR 0002."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.day import DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.moves import merge_subscriptions
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.row import Row
from bot.model.subscription import Subscription
from bot.model.summary import Gathered, Spending, Summary, SummaryKey, Usage
from bot.ports import Revisions
from storage.archive import archive_from_document, archive_table, archive_to_document, find_in_archive
from storage.codec import (
    Document,
    batch_from_document,
    batch_to_document,
    day_from_document,
    day_to_document,
    progress_from_document,
    progress_to_document,
    record_from_document,
    record_to_document,
    subscription_from_document,
    subscription_to_document,
)
from storage.days import day_table, day_tables, drop_day_tables
from storage.deliveries import (
    add_deliveries,
    count_states,
    delivery_tables,
    find_deliveries,
    forget_deliveries,
    move_deliveries,
    open_table,
    prune_deliveries,
    replace_delivery,
    sort_open_chats,
)
from storage.disk import Disk
from storage.follows import (
    decode_followed,
    find_follow,
    find_followers,
    find_follows,
    followed_table,
    forget_follows,
    move_follows,
    note_versions,
    replace_follow,
)
from storage.journal import COMPACT_AFTER, JournalTinyDB
from storage.lock import FolderLock
from storage.marks import find_chat_marks, find_marks, forget_marks, move_marks, replace_marks
from storage.moments import Minutes, find_choice, forget_choices, move_choices, put_choice
from storage.moving import dump_tables, freeze, load_rows
from storage.pages import find_neighbours, find_page, find_pages, forget_pages, move_pages, prune_pages, put_page
from storage.schemas import ANNOUNCEMENTS, CHATS, PAGES, SUMMARIES, Schema
from storage.seen import add_seen, find_seen, forget_seen, move_seen, prune_seen
from storage.summaries import (
    count_hits,
    drop_gathered,
    find_gathered,
    find_spending,
    find_summary,
    gather,
    prune_summaries,
    put_summary,
    reserve_tokens,
    settle_tokens,
)
from storage.table import DecodedTable, DecodingCache, JournalTable

_SUBSCRIPTIONS = "subscriptions"
_PROGRESS = "progress"
_NOTES = "notes"
_STATES = "states "
_RECORDS = "records "
_BREATH = 200


class TinyDBStorage:
    """Four databases, so that compacting the chats never copies papers, summaries or pages.

    `chats` has the tables `subscriptions` and `progress`, whose ids are chat keys, `notes`, whose ids are the callers' keys,
    and those of `storage.seen`, `storage.marks`, `storage.follows`, `storage.deliveries` and `storage.moments`.
    `announcements` has for each day one table of batches and one of states, their ids are categories, and one
    of records that were looked up on that day, their ids are papers with their versions; and that of `storage.archive`.
    `summaries` is laid out in
    `storage.summaries`, `pages` in `storage.pages`. `prune` is atomic in each database but not over all, nor are
    `forget_chat` and `move_chat`, which begin with the pages; repeating one finishes it.
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
        self._schemas = {"chats": chats, "announcements": announcements, "summaries": SUMMARIES, "pages": PAGES}
        self._databases: dict[str, JournalTinyDB] = {}
        self._subscriptions = DecodingCache(subscription_from_document)
        self._progress = DecodingCache(_decode_progress)
        self._followed = DecodingCache(decode_followed)
        self._revisions = Revisions()
        self._minutes = Minutes()

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
        return tuple(await asyncio.to_thread(self._subscriptions.values, frozen))

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
        chats, pages = self._database("chats"), self._database("pages")

        def forget() -> None:
            chats.table(_SUBSCRIPTIONS).discard(chat.key)
            chats.table(_PROGRESS).discard(chat.key)
            forget_seen(chats, chat)
            forget_marks(chats, chat)
            forget_follows(chats, chat)
            forget_deliveries(chats, chat)
            forget_choices(chats, chat)

        await pages.journal.commit(lambda: forget_pages(pages, chat))
        await chats.journal.commit(forget)

    async def move_chat(self, old: Chat, new: Chat) -> None:
        chats, pages = self._database("chats"), self._database("pages")

        def move() -> None:
            _move_subscription(chats.table(_SUBSCRIPTIONS), old, new)
            _move_progress(chats.table(_PROGRESS), old, new)
            move_seen(chats, old, new)
            move_marks(chats, old, new)
            move_follows(chats, old, new)
            move_deliveries(chats, old, new)
            move_choices(chats, old, new)

        if old != new:
            await pages.journal.commit(lambda: move_pages(pages, old, new))
            await chats.journal.commit(move)

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        return find_seen(self._database("chats"), chat)

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        chats = self._database("chats")
        await chats.journal.commit(lambda: add_seen(chats, chat, ids, day))

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        return find_marks(self._database("chats"), chat, person)

    async def get_chat_marks(self, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
        return find_chat_marks(self._database("chats"), chat)

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

    async def get_follows(self, chat: Chat) -> Mapping[ArxivId, Follow]:
        return find_follows(self._database("chats"), chat)

    async def change_follow(
        self, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
    ) -> Follow | None:
        chats = self._database("chats")

        def replace() -> Follow | None:
            changed = change(find_follow(chats, chat, paper))
            replace_follow(chats, chat, paper, changed)
            return changed

        return await chats.journal.commit(replace)

    async def get_followed(self) -> Mapping[ArxivId, tuple[str, ...]]:
        return dict(await asyncio.to_thread(self._followed.values, followed_table(self._database("chats"))))

    async def get_followers(self, paper: ArxivId) -> Mapping[Chat, Follow]:
        return find_followers(self._database("chats"), paper)

    async def save_records(self, records: Sequence[Record], day: date) -> None:
        announcements = self._database("announcements")

        def keep() -> None:
            for each in records:
                for table in day_tables(announcements, _RECORDS).values():
                    table.discard(each.paper.versioned_id)
                table = day_table(announcements, _RECORDS, day)
                table.replace(each.paper.versioned_id, record_to_document(each))

        await announcements.journal.commit(keep)

    async def get_record(self, paper: ArxivId, version: int) -> Record | None:
        tables = day_tables(self._database("announcements"), _RECORDS).values()
        found = (table.find(f"{paper}v{version}") for table in tables)
        return next((record_from_document(each) for each in found if each is not None), None)

    async def get_note(self, key: str) -> str | None:
        document = self._database("chats").table(_NOTES).find(key)
        return None if document is None else document["text"]

    async def set_note(self, key: str, text: str) -> None:
        chats = self._database("chats")
        notes = chats.table(_NOTES)
        await chats.journal.commit(lambda: notes.replace(key, {"text": text}) if text else notes.discard(key))

    async def change_note(self, key: str, change: Callable[[str], str]) -> str:
        chats = self._database("chats")
        notes = chats.table(_NOTES)

        def replace() -> str:
            document = notes.find(key)
            text = change("" if document is None else document["text"])
            if text:
                notes.replace(key, {"text": text})
            else:
                notes.discard(key)
            return text

        return await chats.journal.commit(replace)

    async def get_notes(self, prefix: str) -> Mapping[str, str]:
        frozen = self._database("chats").table(_NOTES).freeze()
        return {key: frozen[key]["text"] for key in sorted(key for key in frozen if key.startswith(prefix))}

    async def save_batch(self, batch: Batch) -> None:
        announcements = self._database("announcements")
        await self._commit_days(lambda: _put_batch(announcements, batch), Revisions(batches=1))

    async def save_day(self, state: DayState, batch: Batch | None = None) -> None:
        announcements = self._database("announcements")

        def keep() -> None:
            day_table(announcements, _STATES, state.day).replace(state.category, day_to_document(state))
            if batch is not None:
                _put_batch(announcements, batch)

        await self._commit_days(keep, Revisions(int(batch is not None), 1))

    async def get_days(self, since: date) -> tuple[DayState, ...]:
        tables = day_tables(self._database("announcements"), _STATES)
        return tuple(
            day_from_document(day, category, document)
            for day, table in tables.items()
            if day >= since
            for category, document in sorted(table.freeze().items())
        )

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        announcements = self._database("announcements")
        days = {day: table.freeze() for day, table in day_tables(announcements).items() if day >= since}
        return await asyncio.to_thread(_decode_announcements, days)

    async def get_revisions(self) -> Revisions:
        self._database("announcements")
        return self._revisions

    async def save_archive(self, day: date, papers: Sequence[AnnouncedPaper]) -> None:
        announcements = self._database("announcements")
        document = await asyncio.to_thread(archive_to_document, papers)
        await announcements.journal.commit(lambda: archive_table(announcements).replace(day.isoformat(), document))

    async def get_archived_days(self) -> tuple[date, ...]:
        return tuple(map(date.fromisoformat, sorted(archive_table(self._database("announcements")).freeze())))

    async def get_archive(self, day: date) -> tuple[AnnouncedPaper, ...]:
        document = archive_table(self._database("announcements")).find(day.isoformat())
        return await asyncio.to_thread(archive_from_document, day, document) if document else ()

    async def find_archived(self, paper: ArxivId) -> AnnouncedPaper | None:
        frozen = archive_table(self._database("announcements")).freeze()
        return await asyncio.to_thread(find_in_archive, frozen, paper)

    async def prune_archive(self, before: date) -> None:
        announcements = self._database("announcements")
        table = archive_table(announcements)

        def prune() -> None:
            for key in [each for each in table.freeze() if date.fromisoformat(each) < before]:
                table.discard(key)

        await announcements.journal.commit(prune)

    async def get_progress(self, chat: Chat) -> Progress | None:
        document = self._database("chats").table(_PROGRESS).find(chat.key)
        return None if document is None else progress_from_document(document)

    async def get_all_progress(self) -> Mapping[Chat, Progress]:
        frozen = self._database("chats").table(_PROGRESS).freeze()
        return dict(await asyncio.to_thread(self._progress.values, frozen))

    async def plan(
        self,
        chat: Chat,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> None:
        chats = self._database("chats")

        def keep() -> None:
            if chats.table(_SUBSCRIPTIONS).find(chat.key) is not None:
                if progress is not None:
                    chats.table(_PROGRESS).replace(chat.key, progress_to_document(progress))
                add_deliveries(chats, deliveries)
                note_versions(chats, chat, versions)

        await chats.journal.commit(keep)

    async def plan_after(
        self,
        chat: Chat,
        before: Progress | None,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> bool:
        # No other change comes between, as neither waits before it has changed what is in memory.
        taken = {(each.day, each.part) for each in find_deliveries(self._database("chats"), chat)}
        if await self.get_progress(chat) != before or any((each.day, each.part) in taken for each in deliveries):
            return False
        await self.plan(chat, progress, deliveries, versions)
        return True

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        return tuple(find_deliveries(self._database("chats"), chat))

    async def get_open_chats(self) -> tuple[Chat, ...]:
        return await asyncio.to_thread(sort_open_chats, open_table(self._database("chats")))

    async def record(self, delivery: Delivery) -> bool:
        chats = self._database("chats")

        def keep() -> bool:
            is_known = replace_delivery(chats, delivery)
            if is_known and delivery.state == DeliveryState.SENT:
                add_seen(chats, delivery.chat, delivery.papers, delivery.changed_at.astimezone(UTC).date())
            return is_known

        return await chats.journal.commit(keep)

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        known = find_deliveries(self._database("chats"), before.chat)
        return before in known and await self.record(delivery)

    async def count_deliveries(self, since: date) -> Mapping[tuple[str, DeliveryState], int]:
        return await asyncio.to_thread(count_states, delivery_tables(self._database("chats"), since))

    async def save_page(self, page: Page) -> None:
        subscriptions, pages = self._database("chats").table(_SUBSCRIPTIONS), self._database("pages")

        def keep() -> None:
            if subscriptions.find(page.chat.key) is not None:
                put_page(pages, page)

        await pages.journal.commit(keep)

    async def get_page(self, identifier: str) -> Page | None:
        return find_page(self._database("pages"), identifier)

    async def get_pages(self, chat: Chat, limit: int) -> tuple[Page, ...]:
        return find_pages(self._database("pages"), chat, limit)

    async def get_page_neighbours(self, chat: Chat, identifier: str) -> tuple[str, str] | None:
        return find_neighbours(self._database("pages"), chat, identifier)

    async def get_summary(self, key: SummaryKey) -> Summary | None:
        return find_summary(self._database("summaries"), key)

    async def save_summary(self, summary: Summary) -> None:
        summaries = self._database("summaries")
        await summaries.journal.commit(lambda: put_summary(summaries, summary))

    async def gather(self, wanted: Sequence[Gathered]) -> frozenset[SummaryKey]:
        summaries = self._database("summaries")
        return await summaries.journal.commit(lambda: gather(summaries, wanted))

    async def get_gathered(self) -> tuple[Gathered, ...]:
        return find_gathered(self._database("summaries"))

    async def drop_gathered(self, keys: Collection[SummaryKey]) -> tuple[Gathered, ...]:
        summaries = self._database("summaries")
        return await summaries.journal.commit(lambda: drop_gathered(summaries, keys))

    async def reserve_tokens(self, day: date, tokens: int, limit: int) -> bool:
        summaries = self._database("summaries")
        return await summaries.journal.commit(lambda: reserve_tokens(summaries, day, tokens, limit))

    async def settle_tokens(self, day: date, reserved: int, model: str, used: Mapping[str, Usage]) -> None:
        summaries = self._database("summaries")
        await summaries.journal.commit(lambda: settle_tokens(summaries, day, reserved, model, used))

    async def count_hits(self, day: date, hits: int) -> None:
        summaries = self._database("summaries")
        await summaries.journal.commit(lambda: count_hits(summaries, day, hits))

    async def get_spending(self, since: date) -> tuple[Spending, ...]:
        return find_spending(self._database("summaries"), since)

    async def get_choice(self, here: Chat, person: str) -> Choice | None:
        return find_choice(self._database("chats"), here, person)

    async def set_choice(self, here: Chat, person: str, choice: Choice | None) -> None:
        chats = self._database("chats")
        await chats.journal.commit(lambda: put_choice(chats, here, person, choice))

    async def count_command(self, person: str, now: datetime) -> int:
        self._database("chats")
        return self._minutes.count(person, now)

    async def prune(self, *, batches_before: date, seen_before: date, summaries_before: date = date.min) -> None:
        announcements, chats = self._database("announcements"), self._database("chats")
        summaries, pages = self._database("summaries"), self._database("pages")

        def prune_chats() -> None:
            prune_seen(chats, seen_before)
            prune_deliveries(chats, batches_before)

        def prune_days() -> None:
            drop_day_tables(announcements, "", batches_before)
            drop_day_tables(announcements, _STATES, batches_before)
            drop_day_tables(announcements, _RECORDS, batches_before)

        await self._commit_days(prune_days, Revisions(1, 1))
        await chats.journal.commit(prune_chats)
        await summaries.journal.commit(lambda: prune_summaries(summaries, summaries_before))
        await pages.journal.commit(lambda: prune_pages(pages, summaries_before))

    async def check(self) -> None:
        chats = self._database("chats")
        scratch = chats.table("scratch")

        def write_and_take_back() -> None:
            scratch.replace("check", {})
            scratch.discard("check")

        await chats.journal.commit(write_and_take_back)

    async def require_idle(self) -> None:
        # The folder's lock keeps all others out.
        self._database("chats")

    async def dump(self) -> AsyncIterator[Row]:
        found = dump_tables(*(freeze(self._database(name)) for name in self._schemas))
        for number, row in enumerate(found):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            yield row

    async def load(self, rows: Sequence[Row]) -> None:
        for name in ("announcements", "summaries", "pages", "chats"):
            database = self._database(name)
            await database.journal.commit(partial(load_rows, name, database, rows))

    async def _commit_days(self, change: Callable[[], None], added: Revisions) -> None:
        """Commit a change of batches or states, and count it: in memory alone, as nobody else can write to the folder."""

        def count() -> None:
            self._revisions = Revisions(self._revisions.batches + added.batches, self._revisions.days + added.days)

        def change_and_count() -> None:
            change()
            count()

        try:
            await self._database("announcements").journal.commit(change_and_count)
        except StorageError:
            count()  # somebody may have read what was taken back
            raise

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


def _put_batch(announcements: JournalTinyDB, batch: Batch) -> None:
    day_table(announcements, "", batch.day).replace(batch.category, batch_to_document(batch))


def _find_subscription(table: JournalTable, chat: Chat) -> Subscription | None:
    document = table.find(chat.key)
    return None if document is None else subscription_from_document(chat.key, document)


def _move_subscription(table: JournalTable, old: Chat, new: Chat) -> None:
    moved = _find_subscription(table, old)
    if moved is not None:
        merged = merge_subscriptions(new, moved, _find_subscription(table, new))
        table.replace(new.key, subscription_to_document(merged))
        table.discard(old.key)


def _move_progress(table: JournalTable, old: Chat, new: Chat) -> None:
    moved = table.find(old.key)
    if moved is not None:
        table.replace(new.key, table.find(new.key) or moved)
        table.discard(old.key)


def _decode_progress(key: str, document: Document) -> tuple[Chat, Progress]:
    return Chat.from_key(key), progress_from_document(document)


def _decode_announcements(days: Mapping[date, DecodedTable]) -> tuple[Announcement, ...]:
    return merge_batches(
        batch_from_document(day, category, batches[category])
        for day, batches in days.items()
        for category in sorted(batches)
    )
