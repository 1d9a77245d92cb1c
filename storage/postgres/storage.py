"""The storage port over PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch, merge_batches
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
from bot.ports import Lease, Ledger, Revisions
from storage.codec import batch_from_document, progress_from_document, subscription_from_document
from storage.postgres import (
    announcements,
    archive,
    chats,
    deliveries,
    follows,
    gathered,
    leases,
    moments,
    moving,
    pages,
    summaries,
)
from storage.postgres.database import PATIENCE, Connection, Database
from storage.postgres.migrating import require_schema
from storage.postgres.mirror import Mirror
from storage.postgres.pruning import prune

_OF_A_CHAT = ("subscriptions", "progress", "seen", "marks", "follows", "deliveries", "pages")
"""The tables that have rows about a chat."""


class PostgresStorage:
    """Everything in the database that a url names, for any number of processes.

    A read is one statement, or one snapshot; a write is one transaction, and waits for others about the same chat.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._database = Database(url, patience=patience)
        self._presence = leases.Presence(self._database)
        self._subscriptions = Mirror(
            "subscriptions", ["chat"], lambda key, document: subscription_from_document(key[0], document)
        )
        self._progress = Mirror("progress", ["chat"], lambda _, document: progress_from_document(document))
        self._batches = Mirror(
            "batches", ["day", "category"], lambda key, document: batch_from_document(key[0], key[1], document)
        )
        self._is_open = False

    async def open(self) -> None:
        if not self._is_open:
            await require_schema(self._database)
            await self._database.open()
            self._is_open = True

    async def close(self) -> None:
        self._is_open = False
        await self._presence.close()
        await self._database.close()

    async def get_subscription(self, chat: Chat) -> Subscription | None:
        return await self._database.read(chats.find_subscription, chat)

    async def get_subscriptions(self) -> tuple[Subscription, ...]:
        return tuple((await self._subscriptions.read(self._database)).values())

    async def change_subscription(
        self, chat: Chat, change: Callable[[Subscription | None], Subscription]
    ) -> Subscription:
        return await self._database.write((chat,), chats.change_subscription, chat, change)

    async def forget_chat(self, chat: Chat) -> None:
        await self._database.write((chat,), _forget_chat, chat)

    async def move_chat(self, old: Chat, new: Chat) -> None:
        if old != new:
            await self._database.write((old, new), _move_chat, old, new)

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        return await self._database.read(chats.find_seen, chat)

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        await self._database.write((chat,), chats.add_seen, chat, ids, day)

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        return await self._database.read(chats.find_marks, chat, person)

    async def get_chat_marks(self, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
        return await self._database.read(chats.find_chat_marks, chat)

    async def change_marks(  # noqa: PLR0913, PLR0917 - the port's
        self,
        chat: Chat,
        person: str,
        paper: ArxivId,
        title: str,
        change: Callable[[frozenset[Mark]], frozenset[Mark]],
        day: date,
    ) -> frozenset[Mark]:
        return await self._database.write((chat,), chats.change_marks, chat, person, paper, title, change, day)

    async def get_follows(self, chat: Chat) -> Mapping[ArxivId, Follow]:
        return await self._database.read(follows.find_follows, chat)

    async def change_follow(
        self, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
    ) -> Follow | None:
        return await self._database.write((chat,), follows.change_follow, chat, paper, change)

    async def get_followed(self) -> Mapping[ArxivId, tuple[str, ...]]:
        return await self._database.read(follows.find_followed)

    async def get_followers(self, paper: ArxivId) -> Mapping[Chat, Follow]:
        return await self._database.read(follows.find_followers, paper)

    async def save_records(self, records: Sequence[Record], day: date) -> None:
        await self._database.write((), announcements.put_records, records, day)

    async def get_record(self, paper: ArxivId, version: int) -> Record | None:
        return await self._database.read(announcements.find_record, paper, version)

    async def get_note(self, key: str) -> str | None:
        return await self._database.read(chats.find_note, key)

    async def set_note(self, key: str, text: str) -> None:
        await self._database.write((), chats.put_note, key, text)

    async def change_note(self, key: str, change: Callable[[str], str]) -> str:
        return await self._database.write((), chats.change_note, key, change)

    async def get_notes(self, prefix: str) -> Mapping[str, str]:
        return await self._database.read(chats.find_notes, prefix)

    async def save_batch(self, batch: Batch) -> None:
        await self._database.write((), announcements.put_batch, batch)

    async def save_day(self, state: DayState, batch: Batch | None = None) -> None:
        await self._database.write((), announcements.put_day, state, batch)

    async def get_days(self, since: date) -> tuple[DayState, ...]:
        return await self._database.read(announcements.find_days, since)

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        batches = await self._batches.read(self._database)
        return merge_batches(each for each in batches.values() if each.day >= since)

    async def save_archive(self, day: date, papers: Sequence[AnnouncedPaper]) -> None:
        await self._database.write((), archive.put_archive, day, papers)

    async def get_archived_days(self) -> tuple[date, ...]:
        return await self._database.read(archive.find_archived_days)

    async def get_archive(self, day: date) -> tuple[AnnouncedPaper, ...]:
        return await self._database.read(archive.find_archive, day)

    async def find_archived(self, paper: ArxivId) -> AnnouncedPaper | None:
        return await self._database.read(archive.find_archived, paper)

    async def prune_archive(self, before: date) -> None:
        await self._database.write((), archive.prune_archive, before)

    async def get_revisions(self) -> Revisions:
        return await self._database.read(announcements.find_revisions)

    async def get_progress(self, chat: Chat) -> Progress | None:
        return await self._database.read(chats.find_progress, chat)

    async def get_all_progress(self) -> Mapping[Chat, Progress]:
        progress = await self._progress.read(self._database)
        return {Chat.from_key(key): each for (key,), each in progress.items()}

    async def plan(
        self,
        chat: Chat,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> None:
        await self._database.write((chat,), _plan, chat, progress, deliveries, versions)

    async def plan_after(
        self,
        chat: Chat,
        before: Progress | None,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> bool:
        return await self._database.write((chat,), _plan_after, chat, before, progress, deliveries, versions)

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        return await self._database.read(deliveries.find_deliveries, chat)

    async def get_open_chats(self) -> tuple[Chat, ...]:
        return await self._database.read(deliveries.find_open_chats)

    async def record(self, delivery: Delivery) -> bool:
        return await self._database.write((delivery.chat,), deliveries.record, delivery)

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        return await self._database.write((before.chat,), deliveries.record_after, before, delivery)

    async def count_deliveries(self, since: date) -> Mapping[tuple[str, DeliveryState], int]:
        return await self._database.read(deliveries.count_states, since)

    async def save_page(self, page: Page) -> None:
        await self._database.write((page.chat,), pages.put_page, page)

    async def get_page(self, identifier: str) -> Page | None:
        return await self._database.read(pages.find_page, identifier)

    async def get_pages(self, chat: Chat, limit: int) -> tuple[Page, ...]:
        return await self._database.read(pages.find_pages, chat, limit)

    async def get_page_neighbours(self, chat: Chat, identifier: str) -> tuple[str, str] | None:
        return await self._database.read(pages.find_neighbours, chat, identifier)

    async def get_summary(self, key: SummaryKey) -> Summary | None:
        return await self._database.read(summaries.find_summary, key)

    async def save_summary(self, summary: Summary) -> None:
        await self._database.write((), summaries.put_summary, summary)

    async def gather(self, wanted: Sequence[Gathered]) -> frozenset[SummaryKey]:
        return await self._database.write((), gathered.gather, wanted)

    async def get_gathered(self) -> tuple[Gathered, ...]:
        return await self._database.read(gathered.find_gathered)

    async def drop_gathered(self, keys: Collection[SummaryKey]) -> tuple[Gathered, ...]:
        return await self._database.write((), gathered.drop_gathered, keys)

    async def reserve_tokens(self, day: date, tokens: int, limit: int) -> bool:
        return await self._database.write((), summaries.reserve_tokens, day, tokens, limit)

    async def settle_tokens(self, day: date, reserved: int, model: str, used: Mapping[str, Usage]) -> None:
        await self._database.write((), summaries.settle_tokens, day, reserved, model, used)

    async def count_hits(self, day: date, hits: int) -> None:
        await self._database.write((), summaries.count_hits, day, hits)

    async def get_spending(self, since: date) -> tuple[Spending, ...]:
        return await self._database.read(summaries.find_spending, since)

    async def get_choice(self, here: Chat, person: str) -> Choice | None:
        return await self._database.read(moments.find_choice, here, person)

    async def set_choice(self, here: Chat, person: str, choice: Choice | None) -> None:
        await self._database.write((here,), moments.put_choice, here, person, choice)

    async def get_question(self, here: Chat, person: str) -> Question | None:
        return await self._database.read(moments.find_question, here, person)

    async def set_question(self, here: Chat, person: str, question: Question) -> None:
        await self._database.write((here,), moments.put_question, here, person, question)

    async def end_question(self, here: Chat, person: str, question: Question) -> bool:
        return await self._database.write((here,), moments.end_question, here, person, question)

    async def count_command(self, person: str, now: datetime) -> int:
        return await self._database.read(moments.count_command, person, now)

    async def prune(self, *, batches_before: date, seen_before: date, summaries_before: date = date.min) -> None:
        await prune(
            self._database,
            batches_before=batches_before,
            seen_before=seen_before,
            summaries_before=summaries_before,
        )

    async def check(self) -> None:
        await self._database.write((), _check)

    async def require_idle(self) -> None:
        if await self._database.read(leases.is_any_held):
            raise StorageError(
                f"a bot is running on {self._database.name}; stop it. One that ended by accident is forgotten in half a minute"
            )

    def dump(self) -> AsyncIterator[Row]:
        return moving.dump(self._database)

    async def load(self, rows: Sequence[Row]) -> None:
        await self._database.write((), moving.load, rows)

    async def take(self, name: str, seconds: float) -> Lease | None:
        return await self._database.write((), leases.take, name, seconds, await self._presence.session())

    async def renew(self, lease: Lease, seconds: float) -> bool:
        return await self._database.write((), leases.renew, lease, seconds, await self._presence.session())

    async def release(self, lease: Lease) -> None:
        await self._database.write((), leases.release, lease)

    async def claim(self, name: str, number: int) -> bool:
        return await self._database.write((), leases.claim, name, number)

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        return leases.exclusive(self._database, name)

    def ledger(self, lease: Lease) -> Ledger:
        return leases.FencedLedger(self._database, lease)


async def _forget_chat(connection: Connection, chat: Chat) -> None:
    await moments.forget_choices(connection, chat)
    await moments.forget_questions(connection, chat)
    for table in _OF_A_CHAT:
        await connection.execute(f"delete from {table} where chat = %s".encode(), (chat.key,))  # noqa: S608 - our own names


async def _move_chat(connection: Connection, old: Chat, new: Chat) -> None:
    await chats.move_subscription(connection, old, new)
    await chats.move_seen(connection, old, new)
    await chats.move_marks(connection, old, new)
    await follows.move_follows(connection, old, new)
    await deliveries.move_deliveries(connection, old, new)
    await pages.move_pages(connection, old, new)
    await moments.move_choices(connection, old, new)
    await moments.forget_questions(connection, old)


async def _plan(
    connection: Connection,
    chat: Chat,
    progress: Progress | None,
    planned: Sequence[Delivery],
    versions: Sequence[Version],
) -> None:
    if await chats.is_subscribed(connection, chat):
        if progress is not None:
            await chats.put_progress(connection, chat, progress)
        await deliveries.add_deliveries(connection, planned)
        await follows.note_versions(connection, chat, versions)


async def _plan_after(  # noqa: PLR0913, PLR0917 - the port's
    connection: Connection,
    chat: Chat,
    before: Progress | None,
    progress: Progress | None,
    planned: Sequence[Delivery],
    versions: Sequence[Version],
) -> bool:
    is_as_before = await chats.find_progress(connection, chat) == before
    if not is_as_before or await deliveries.is_any_taken(connection, planned):
        return False
    await _plan(connection, chat, progress, planned, versions)
    return True


async def _check(connection: Connection) -> None:
    await connection.execute("insert into scratch values (now())")
    await connection.execute("delete from scratch")
