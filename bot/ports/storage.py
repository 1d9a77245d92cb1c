"""The doors to what must survive a restart."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from bot.model.announcement import Announcement, Batch
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.day import DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.row import Row
from bot.model.subscription import Subscription
from bot.model.summary import Gathered, Spending, Summary, SummaryKey, Usage
from bot.ports.moments import MomentStore


@dataclass(frozen=True, slots=True)
class Revisions:
    """How often batches and states of days were changed, by anybody; only comparing two of them means something."""

    batches: int = 0
    days: int = 0


class SubscriptionStore(Protocol):
    """What is kept of chats and of the people in them."""

    async def get_subscription(self, chat: Chat) -> Subscription | None:
        """The chat's subscription, or None."""
        ...

    async def get_subscriptions(self) -> tuple[Subscription, ...]:
        """All subscriptions, ordered by chat key."""
        ...

    async def change_subscription(
        self, chat: Chat, change: Callable[[Subscription | None], Subscription]
    ) -> Subscription:
        """Replace the subscription by what `change` makes of it (of None, if there is none), and return that.

        No other change of this chat comes between. What `change` raises is passed on, with nothing changed. It may be called
        more than once. The result's chat must be `chat`.
        """
        ...

    async def forget_chat(self, chat: Chat) -> None:
        """Erase the chat's subscription, seen ids, marks, follows, progress, deliveries and pages.

        What people chose there, and were asked, is erased as well. Fine if there is nothing.
        """
        ...

    async def move_chat(self, old: Chat, new: Chat) -> None:
        """Let `new` go on as `old`: all that is known of `old` moves in one write; `old` is forgotten.

        Where `new` has a subscription, they are merged (`bot.model.moves`); of a paper marked in both, its marks stay;
        what either follows is followed; of progress in both, `new`'s stays; deliveries of one key in both: `old`'s follow on the parts of that day.
        Pages keep their ids. Whoever chose `old` has chosen `new`.
        Questions asked in `old` end, as messages have other ids in `new`.
        Fine if `old` has nothing, so moving twice is the same as once.
        """
        ...

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        """The papers delivered to the chat, with the day of delivery."""
        ...

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        """Mark papers as delivered on `day`; one already marked keeps its first day. All or none."""
        ...

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        """What the person said of papers in this chat, the latest change last."""
        ...

    async def get_chat_marks(self, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
        """What everybody said of papers in this chat, by person; nobody whose marks are all taken back."""
        ...

    async def change_marks(  # noqa: PLR0913, PLR0917 - a press on a button has these six parts
        self,
        chat: Chat,
        person: str,
        paper: ArxivId,
        title: str,
        change: Callable[[frozenset[Mark]], frozenset[Mark]],
        day: date,
    ) -> frozenset[Mark]:
        """Replace the person's marks of a paper by what `change` makes of them, and return that.

        An empty result forgets the paper. No other change of these marks comes between. What `change` raises is
        passed on, with nothing changed. Marks are never pruned.
        """
        ...

    async def get_follows(self, chat: Chat) -> Mapping[ArxivId, Follow]:
        """The papers that the chat follows, the one begun last at the end."""
        ...

    async def change_follow(
        self, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
    ) -> Follow | None:
        """Replace the chat's follow of a paper by what `change` makes of it (of None, if there is none), and return that.

        None ends it. No other change of it comes between. What `change` raises is passed on, with nothing changed.
        Follows are never pruned.
        """
        ...

    async def get_followed(self) -> Mapping[ArxivId, tuple[str, ...]]:
        """Every paper that some chat follows, with the categories of a version that one of them knows."""
        ...

    async def get_followers(self, paper: ArxivId) -> Mapping[Chat, Follow]:
        """The chats that follow this paper, ordered by chat key, each with its follow."""
        ...

    async def get_note(self, key: str) -> str | None:
        """What the bot noted for itself under this key, or None."""
        ...

    async def set_note(self, key: str, text: str) -> None:
        """Note a small text, whatever was noted there before; the empty text forgets it."""
        ...

    async def change_note(self, key: str, change: Callable[[str], str]) -> str:
        """Replace a note by what `change` makes of it (of the empty text, if there is none), and return that.

        No other change of it comes between. What `change` raises is passed on, with nothing changed.
        """
        ...

    async def get_notes(self, prefix: str) -> Mapping[str, str]:
        """Every note whose key begins with this, ordered by key."""
        ...


class PaperStore(Protocol):
    """What is kept of papers and of the days on which they were announced."""

    async def save_batch(self, batch: Batch) -> None:
        """Keep one category's batch of one day, replacing an earlier one of the same category and day."""
        ...

    async def save_day(self, state: DayState, batch: Batch | None = None) -> None:
        """Keep the state of a category's day, replacing an earlier one, and the batch, as `save_batch` does, in one write."""
        ...

    async def get_days(self, since: date) -> tuple[DayState, ...]:
        """The states of `since` and later, by day and category."""
        ...

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        """The announcements of `since` and later, oldest first, their listings ordered by category."""
        ...

    async def get_revisions(self) -> Revisions:
        """Whether what was read of batches and days is still all there is: then these numbers are the same.

        Each `save_day` adds one to `days`, and one to `batches` where it has a batch, as `save_batch` does; what is pruned
        adds something. What is read after them is at least as new. They do not outlive the storage, where nobody else
        can write to it.
        """
        ...

    async def save_records(self, records: Sequence[Record], day: date) -> None:
        """Keep what was looked up on `day`, replacing earlier records of the same paper and version."""
        ...

    async def get_record(self, paper: ArxivId, version: int) -> Record | None:
        """What was looked up of this version of the paper, or None."""
        ...

    async def save_archive(self, day: date, papers: Sequence[AnnouncedPaper]) -> None:
        """Keep the papers of a day beyond its announcements, replacing those of the same day; without their TeX."""
        ...

    async def get_archived_days(self) -> tuple[date, ...]:
        """The days with archived papers, oldest first."""
        ...

    async def get_archive(self, day: date) -> tuple[AnnouncedPaper, ...]:
        """The archived papers of a day, in their order; none for a day that has none."""
        ...

    async def find_archived(self, paper: ArxivId) -> AnnouncedPaper | None:
        """The paper as the newest day has it in which it is archived, or None."""
        ...

    async def prune_archive(self, before: date) -> None:
        """Drop the archived papers of earlier days."""
        ...


class DeliveryStore(Protocol):
    """What is kept of digests: how far each chat got, the outbox, and pages."""

    async def get_progress(self, chat: Chat) -> Progress | None:
        """How far the chat's rounds have come, or None."""
        ...

    async def get_all_progress(self) -> Mapping[Chat, Progress]:
        """The progress of every chat that has any."""
        ...

    async def plan(
        self,
        chat: Chat,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> None:
        """Keep the chat's progress, and these deliveries of it, in one write. Without a progress that stays as it is.

        `versions`: what they tell of papers that the chat follows, and all that it need not be told any more: those follows
        know these versions from then on, but where a newer one is known already. They begin no follow.
        Nothing is kept for a chat that has no subscription (any more), and of deliveries whose key is there already, the
        one that is there stays.
        """
        ...

    async def plan_after(
        self,
        chat: Chat,
        before: Progress | None,
        progress: Progress | None,
        deliveries: Sequence[Delivery] = (),
        versions: Sequence[Version] = (),
    ) -> bool:
        """As `plan`, where the chat's progress is still `before` and none of these deliveries is there already.

        Else False, and nothing is written: somebody else, perhaps another process, planned for the chat meanwhile.
        """
        ...

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        """Every delivery kept of this chat, by day and part."""
        ...

    async def get_open_chats(self) -> tuple[Chat, ...]:
        """The chats with a delivery that `is_open`, those whose oldest was planned first to the front."""
        ...

    async def record(self, delivery: Delivery) -> bool:
        """Replace the delivery of this key; False, and nothing is written, where there is none (any more).

        If it is sent, its papers are marked as seen on the day of `changed_at`, in the same write.
        """
        ...

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        """As `record`, where the delivery of this key is still `before`. Else False, and nothing is written."""
        ...

    async def count_deliveries(self, since: date) -> Mapping[tuple[str, DeliveryState], int]:
        """How many deliveries of announcements of `since` and later there are, by platform and state."""
        ...

    async def save_page(self, page: Page) -> None:
        """Keep a page, replacing an earlier one of its id. Nothing is kept for a chat that has no subscription (any more)."""
        ...

    async def get_page(self, identifier: str) -> Page | None:
        """The page of this id, which may be any text, or None."""
        ...

    async def get_pages(self, chat: Chat, limit: int) -> tuple[Page, ...]:
        """The chat's newest pages, so many at most, the newest first."""
        ...

    async def get_page_neighbours(self, chat: Chat, identifier: str) -> tuple[str, str] | None:
        """The ids of the chat's pages just before and after this one, each empty where there is none.

        None where the chat has no page of this id (any more).
        """
        ...


class SummaryStore(Protocol):
    """What is kept of language models: summaries, and what was spent."""

    async def get_summary(self, key: SummaryKey) -> Summary | None:
        """The summary that was made for this key, or None."""
        ...

    async def save_summary(self, summary: Summary) -> None:
        """Keep a summary, replacing an earlier one of the same key."""
        ...

    async def gather(self, wanted: Sequence[Gathered]) -> frozenset[SummaryKey]:
        """Let these summaries wait for a batch, in one write; what waits already, waits for whoever wants it now as well.

        The keys that did not wait before; no key may be there twice.
        """
        ...

    async def get_gathered(self) -> tuple[Gathered, ...]:
        """What waits for a batch, or for the end of the one it is in: what is due first to the front, then by key."""
        ...

    async def drop_gathered(self, keys: Collection[SummaryKey]) -> tuple[Gathered, ...]:
        """Let these wait no longer, in one write. Those that did, as in `get_gathered`: each is given to one caller only."""
        ...

    async def reserve_tokens(self, day: date, tokens: int, limit: int) -> bool:
        """Set tokens of this day aside for a call; False, and nothing is written, where that would exceed the limit.

        A reservation that is never settled counts as spent.
        """
        ...

    async def settle_tokens(self, day: date, reserved: int, model: str, used: Mapping[str, Usage]) -> None:
        """Exchange the reservation of one call for what it used, by kind of chat."""
        ...

    async def count_hits(self, day: date, hits: int) -> None:
        """Count summaries that cost nothing on this day, as they were there already."""
        ...

    async def get_spending(self, since: date) -> tuple[Spending, ...]:
        """What was spent on each day of `since` and later that has anything, oldest first."""
        ...


class Storage(SubscriptionStore, PaperStore, DeliveryStore, SummaryStore, MomentStore, Protocol):
    """Everything that must survive a restart, and a little that may.

    Any method may raise StorageError. A write that returned survives `kill -9` and power loss; one that raised
    changed nothing. Methods are called from one event loop and may overlap; each is atomic.
    Instants are aware and UTC.
    """

    async def open(self) -> None:
        """Make it usable.

        Raises StorageError where another process holds it, where it cannot be reached, and where its schema is too new, or so
        old that somebody has to bring it up to date first.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go. Closing twice, or before opening, is fine."""
        ...

    async def prune(self, *, batches_before: date, seen_before: date, summaries_before: date = date.min) -> None:
        """Drop batches and states of days, deliveries that are not open, and records looked up, older than `batches_before`,
        seen ids older than `seen_before`, and summaries made, tokens spent, pages planned and what was to be shown from a batch
        before `summaries_before` (those days themselves stay).
        """
        ...

    async def check(self) -> None:
        """Make one real durable write and take it back; for the doctor."""
        ...


class MovableStorage(Storage, Protocol):
    """A storage whose content can be carried to another one."""

    async def require_idle(self) -> None:
        """Raises StorageError where a bot is running on it."""
        ...

    def dump(self) -> AsyncIterator[Row]:
        """All that is kept, as it was at one moment, in an order that follows from the content alone: by kind, then by key.

        Takes little memory, however much there is. Raises StorageError where something cannot be said in rows.
        """
        ...

    async def load(self, rows: Sequence[Row]) -> None:
        """Keep these rows, each in place of what was there under its key; loading twice is the same as once.

        Notes are kept last: where one of them is there after a crash, all of `rows` is. Raises StorageError for a kind that
        it does not know.
        """
        ...
