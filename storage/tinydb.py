"""Storage in a folder of this machine: TinyDB over a journal. For one process; see ADR 0002."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.day import DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.question import Question
from bot.model.row import Row
from bot.model.subscription import Subscription
from bot.model.summary import Gathered, Spending, Summary, SummaryKey, Usage
from bot.ports import Revisions
from storage import (
    announcements,
    archive,
    chats,
    deliveries,
    follows,
    marks,
    moments,
    moving,
    notes,
    pages,
    seen,
    subscriptions,
    summaries,
)
from storage.codec import subscription_from_document
from storage.databases import Databases
from storage.disk import Disk
from storage.journal import COMPACT_AFTER, JournalTinyDB
from storage.schemas import ANNOUNCEMENTS, CHATS, PAGES, SUMMARIES, Schema
from storage.table import DecodingCache

P = ParamSpec("P")

_BREATH = 200


class TinyDBStorage:
    """Four databases, so that compacting the chats never copies papers, summaries or pages.

    `chats` has the tables of `storage.subscriptions`, `storage.notes`, `storage.seen`, `storage.marks`, `storage.follows`,
    `storage.deliveries` and `storage.moments`, `announcements` those of `storage.announcements` and `storage.archive`, `summaries` those of
    `storage.summaries`, `pages` those of `storage.pages`. `prune` is atomic in each database but not over all, nor are
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
        schemas = {"chats": chats, "announcements": announcements, "summaries": SUMMARIES, "pages": PAGES}
        self._databases = Databases(folder, schemas, compact_after=compact_after, disk=disk)
        self._subscriptions = DecodingCache(subscription_from_document)
        self._progress = DecodingCache(subscriptions.decode_progress)
        self._followed = DecodingCache(follows.decode_followed)
        self._revisions = Revisions()
        self._minutes = moments.Minutes()

    async def open(self) -> None:
        await self._databases.open()

    async def close(self) -> None:
        await self._databases.close()

    async def get_subscription(self, chat: Chat) -> Subscription | None:
        return subscriptions.find_subscription(self._databases["chats"], chat)

    async def get_subscriptions(self) -> tuple[Subscription, ...]:
        frozen = subscriptions.subscription_table(self._databases["chats"])
        return tuple(await asyncio.to_thread(self._subscriptions.values, frozen))

    async def change_subscription(
        self, chat: Chat, change: Callable[[Subscription | None], Subscription]
    ) -> Subscription:
        return await self._databases.write("chats", subscriptions.change_subscription, chat, change)

    async def forget_chat(self, chat: Chat) -> None:
        await self._databases.write("pages", pages.forget_pages, chat)
        await self._databases.write("chats", chats.forget_chat, chat)

    async def move_chat(self, old: Chat, new: Chat) -> None:
        if old != new:
            await self._databases.write("pages", pages.move_pages, old, new)
            await self._databases.write("chats", chats.move_chat, old, new)

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        return seen.find_seen(self._databases["chats"], chat)

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        await self._databases.write("chats", seen.add_seen, chat, ids, day)

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        return marks.find_marks(self._databases["chats"], chat, person)

    async def get_chat_marks(self, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
        return marks.find_chat_marks(self._databases["chats"], chat)

    async def change_marks(  # noqa: PLR0913, PLR0917 - the port's
        self,
        chat: Chat,
        person: str,
        paper: ArxivId,
        title: str,
        change: Callable[[frozenset[Mark]], frozenset[Mark]],
        day: date,
    ) -> frozenset[Mark]:
        return await self._databases.write("chats", marks.change_marks, chat, person, paper, title, change, day)

    async def get_follows(self, chat: Chat) -> Mapping[ArxivId, Follow]:
        return follows.find_follows(self._databases["chats"], chat)

    async def change_follow(
        self, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
    ) -> Follow | None:
        return await self._databases.write("chats", follows.change_follow, chat, paper, change)

    async def get_followed(self) -> Mapping[ArxivId, tuple[str, ...]]:
        frozen = follows.followed_table(self._databases["chats"])
        return dict(await asyncio.to_thread(self._followed.values, frozen))

    async def get_followers(self, paper: ArxivId) -> Mapping[Chat, Follow]:
        return follows.find_followers(self._databases["chats"], paper)

    async def save_records(self, records: Sequence[Record], day: date) -> None:
        await self._databases.write("announcements", announcements.put_records, records, day)

    async def get_record(self, paper: ArxivId, version: int) -> Record | None:
        return announcements.find_record(self._databases["announcements"], paper, version)

    async def get_note(self, key: str) -> str | None:
        return notes.find_note(self._databases["chats"], key)

    async def set_note(self, key: str, text: str) -> None:
        await self._databases.write("chats", notes.put_note, key, text)

    async def change_note(self, key: str, change: Callable[[str], str]) -> str:
        return await self._databases.write("chats", notes.change_note, key, change)

    async def get_notes(self, prefix: str) -> Mapping[str, str]:
        return notes.find_notes(self._databases["chats"], prefix)

    async def save_batch(self, batch: Batch) -> None:
        await self._write_days(Revisions(batches=1), announcements.put_batch, batch)

    async def save_day(self, state: DayState, batch: Batch | None = None) -> None:
        await self._write_days(Revisions(int(batch is not None), 1), announcements.put_day, state, batch)

    async def get_days(self, since: date) -> tuple[DayState, ...]:
        return announcements.find_days(self._databases["announcements"], since)

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        frozen = announcements.batch_tables(self._databases["announcements"], since)
        return await asyncio.to_thread(announcements.decode_announcements, frozen)

    async def get_revisions(self) -> Revisions:
        self._databases["announcements"]
        return self._revisions

    async def save_archive(self, day: date, papers: Sequence[AnnouncedPaper]) -> None:
        document = await asyncio.to_thread(archive.archive_to_document, papers)
        await self._databases.write("announcements", archive.put_archive, day, document)

    async def get_archived_days(self) -> tuple[date, ...]:
        return archive.find_archived_days(self._databases["announcements"])

    async def get_archive(self, day: date) -> tuple[AnnouncedPaper, ...]:
        document = archive.archive_table(self._databases["announcements"]).find(day.isoformat())
        return await asyncio.to_thread(archive.archive_from_document, day, document) if document else ()

    async def find_archived(self, paper: ArxivId) -> AnnouncedPaper | None:
        frozen = archive.archive_table(self._databases["announcements"]).freeze()
        return await asyncio.to_thread(archive.find_in_archive, frozen, paper)

    async def prune_archive(self, before: date) -> None:
        await self._databases.write("announcements", archive.prune_archive, before)

    async def get_progress(self, chat: Chat) -> Progress | None:
        return subscriptions.find_progress(self._databases["chats"], chat)

    async def get_all_progress(self) -> Mapping[Chat, Progress]:
        frozen = subscriptions.progress_table(self._databases["chats"])
        return dict(await asyncio.to_thread(self._progress.values, frozen))

    async def plan(
        self,
        chat: Chat,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> None:
        await self._databases.write("chats", chats.plan, chat, progress, deliveries, versions)

    async def plan_after(
        self,
        chat: Chat,
        before: Progress | None,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> bool:
        return await self._databases.write("chats", chats.plan_after, chat, before, progress, deliveries, versions)

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        return tuple(deliveries.find_deliveries(self._databases["chats"], chat))

    async def get_open_chats(self) -> tuple[Chat, ...]:
        frozen = deliveries.open_table(self._databases["chats"])
        return await asyncio.to_thread(deliveries.sort_open_chats, frozen)

    async def record(self, delivery: Delivery) -> bool:
        return await self._databases.write("chats", chats.record, delivery)

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        return await self._databases.write("chats", chats.record_after, before, delivery)

    async def count_deliveries(self, since: date) -> Mapping[tuple[str, DeliveryState], int]:
        tables = deliveries.delivery_tables(self._databases["chats"], since)
        return await asyncio.to_thread(deliveries.count_states, tables)

    async def save_page(self, page: Page) -> None:
        known = self._databases["chats"]

        def keep(database: JournalTinyDB) -> None:
            if subscriptions.is_subscribed(known, page.chat):
                pages.put_page(database, page)

        await self._databases.write("pages", keep)

    async def get_page(self, identifier: str) -> Page | None:
        return pages.find_page(self._databases["pages"], identifier)

    async def get_pages(self, chat: Chat, limit: int) -> tuple[Page, ...]:
        return pages.find_pages(self._databases["pages"], chat, limit)

    async def get_page_neighbours(self, chat: Chat, identifier: str) -> tuple[str, str] | None:
        return pages.find_neighbours(self._databases["pages"], chat, identifier)

    async def get_summary(self, key: SummaryKey) -> Summary | None:
        return summaries.find_summary(self._databases["summaries"], key)

    async def save_summary(self, summary: Summary) -> None:
        await self._databases.write("summaries", summaries.put_summary, summary)

    async def gather(self, wanted: Sequence[Gathered]) -> frozenset[SummaryKey]:
        return await self._databases.write("summaries", summaries.gather, wanted)

    async def get_gathered(self) -> tuple[Gathered, ...]:
        return summaries.find_gathered(self._databases["summaries"])

    async def drop_gathered(self, keys: Collection[SummaryKey]) -> tuple[Gathered, ...]:
        return await self._databases.write("summaries", summaries.drop_gathered, keys)

    async def reserve_tokens(self, day: date, tokens: int, limit: int) -> bool:
        return await self._databases.write("summaries", summaries.reserve_tokens, day, tokens, limit)

    async def settle_tokens(self, day: date, reserved: int, model: str, used: Mapping[str, Usage]) -> None:
        await self._databases.write("summaries", summaries.settle_tokens, day, reserved, model, used)

    async def count_hits(self, day: date, hits: int) -> None:
        await self._databases.write("summaries", summaries.count_hits, day, hits)

    async def get_spending(self, since: date) -> tuple[Spending, ...]:
        return summaries.find_spending(self._databases["summaries"], since)

    async def get_choice(self, here: Chat, person: str) -> Choice | None:
        return moments.find_choice(self._databases["chats"], here, person)

    async def set_choice(self, here: Chat, person: str, choice: Choice | None) -> None:
        await self._databases.write("chats", moments.put_choice, here, person, choice)

    async def get_question(self, here: Chat, person: str) -> Question | None:
        return moments.find_question(self._databases["chats"], here, person)

    async def set_question(self, here: Chat, person: str, question: Question) -> None:
        await self._databases.write("chats", moments.put_question, here, person, question)

    async def end_question(self, here: Chat, person: str, question: Question) -> bool:
        return await self._databases.write("chats", moments.end_question, here, person, question)

    async def count_command(self, person: str, now: datetime) -> int:
        self._databases["chats"]
        return self._minutes.count(person, now)

    async def prune(self, *, batches_before: date, seen_before: date, summaries_before: date = date.min) -> None:
        await self._write_days(Revisions(1, 1), announcements.prune_days, batches_before)
        await self._databases.write("chats", chats.prune_chats, batches_before, seen_before)
        await self._databases.write("summaries", summaries.prune_summaries, summaries_before)
        await self._databases.write("pages", pages.prune_pages, summaries_before)

    async def check(self) -> None:
        await self._databases.write("chats", _check)

    async def require_idle(self) -> None:
        # The folder's lock keeps all others out.
        self._databases["chats"]

    async def dump(self) -> AsyncIterator[Row]:
        found = moving.dump_tables(*(moving.freeze(self._databases[name]) for name in self._databases))
        for number, row in enumerate(found):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            yield row

    async def load(self, rows: Sequence[Row]) -> None:
        for name in ("announcements", "summaries", "pages", "chats"):
            await self._databases.write(name, moving.load_rows, name, rows)

    async def _write_days(
        self,
        added: Revisions,
        change: Callable[Concatenate[JournalTinyDB, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Commit a change of batches or states, and count it: in memory alone, as nobody else can write to the folder."""

        def count() -> None:
            self._revisions = Revisions(self._revisions.batches + added.batches, self._revisions.days + added.days)

        def change_and_count(database: JournalTinyDB) -> None:
            change(database, *args, **kwargs)
            count()

        try:
            await self._databases.write("announcements", change_and_count)
        except StorageError:
            count()  # somebody may have read what was taken back
            raise


def _check(chats: JournalTinyDB) -> None:
    scratch = chats.table("scratch")
    scratch.replace("check", {})
    scratch.discard("check")
