"""The doors between the core and the world. Each docstring is the contract its contract suite checks."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Protocol, Self

from bot.model.announcement import Announcement, Batch
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.day import DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.digest import Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.follow import Follow, Version
from bot.model.library import Account
from bot.model.listing import Listing, Record
from bot.model.meaning import Interests, Vector
from bot.model.message import Message, Outgoing, Part, Receipt
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.row import Row
from bot.model.subscription import Subscription
from bot.model.summary import BatchRequest, FullText, Reply, Spending, Summary, SummaryKey, Usage

Clock = Callable[[], datetime]
"""The present as an aware UTC instant."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform takes: so many messages in any second over all chats; in one chat one message in `chat_interval`
    seconds, and in those for which `is_crowd` holds no more than `crowd_minute` in any minute. 0: no such limit.

    `burst`: so many replies to people may come at once in a chat, as long as the mean stays within `chat_interval`.
    `bucket` names what a chat shares its limits with, such as a forum for its topics.
    """

    per_second: int
    chat_interval: float = 0.0
    crowd_minute: int = 0
    burst: int = 1
    is_crowd: Callable[[Chat], bool] = lambda _: False
    bucket: Callable[[Chat], str] = lambda chat: chat.key


@dataclass(frozen=True, slots=True)
class Revisions:
    """How often batches and states of days were changed, by anybody; only comparing two of them means something."""

    batches: int = 0
    days: int = 0


class PaperSource(Protocol):
    """Where announcements come from."""

    async def fetch(self, category: str) -> Batch:
        """The batch that `category` shows now, whole; empty on a quiet day.

        Raises SourceError where it cannot be read or is not certainly whole. Never blocks the event loop.
        """
        ...


class ListingSource(Protocol):
    """arXiv's own lists, by which a feed is checked."""

    async def fetch_listing(self, category: str) -> Listing:
        """The newest list of a category, its pages put together. Raises SourceError. Never blocks the event loop."""
        ...


class PaperLookup(Protocol):
    """Papers by their ids."""

    async def fetch_papers(self, ids: Sequence[ArxivId]) -> Mapping[ArxivId, Record]:
        """The newest version of each of these papers that arXiv knows, in requests of at most 100 ids.

        Raises SourceError where a request fails; never blocks the event loop.
        """
        ...


class RecordSource(Protocol):
    """The repository, for what was announced while nobody looked."""

    async def harvest(self, archive: str, since: date, until: date) -> Sequence[Record]:
        """Every record of an archive or category that was changed from `since` to `until`, both included (UTC days).

        Raises SourceError where it could not be read whole. Never blocks the event loop.
        """
        ...


class FullTexts(Protocol):
    """The texts of papers."""

    async def fetch(self, paper: Paper) -> FullText:
        """The best text there is of this version: its HTML page, its PDF, or else the abstract, which always is there.

        Never raises SourceError; never blocks the event loop; bounded in time, size and memory.
        """
        ...


class Summarizer(Protocol):
    """Writes summaries. `model` and `prompt` (a version) say by what, for caches."""

    @property
    def model(self) -> str: ...

    @property
    def prompt(self) -> str: ...

    def estimate(self, paper: Paper, text: FullText) -> int:
        """The tokens that summarising may cost at most, to be reserved before."""
        ...

    async def summarise(self, paper: Paper, text: FullText, language: str) -> tuple[Summary, Usage]:
        """A summary in this language (ISO 639-1), checked against the text, and what it cost.

        Raises LLMError, whose `spent` is what was used up in vain.
        """
        ...


class BatchWriter(Protocol):
    """Writes summaries through a provider's batch endpoint: for less, within a day."""

    async def is_ready(self) -> bool:
        """Whether a batch may be sent: the server is not known to have none, and is known to answer what is asked like this."""
        ...

    async def write(self, paper: Paper, text: FullText, language: str) -> BatchRequest:
        """The request for a summary, the same as a single call's."""
        ...

    async def send(self, requests: Sequence[BatchRequest]) -> str:
        """The id of a new batch.

        Raises LLMError: `is_final` where the server has no batches, with `spent` where this one may be under way all the same.
        """
        ...

    async def fetch(self, batch: str) -> Mapping[str, Reply] | None:
        """What was answered, by the ids of the requests, without those that failed; None while it is under way.

        Raises LLMError, `is_final` where there is no such batch (any more).
        """
        ...

    async def read(self, request: str, reply: Reply, paper: Paper, text: FullText, language: str) -> Summary | None:
        """The summary in a reply, checked as a single call's.

        None where it cannot be used, or where `request` is not the id of what would be asked about this text.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors that lie near each other where the texts mean the same. `model` says by what, for caches."""

    @property
    def model(self) -> str: ...

    @property
    def most(self) -> int:
        """How many texts one call takes."""
        ...

    def estimate(self, texts: Sequence[str]) -> int:
        """The tokens that embedding these may cost at most, to be reserved before."""
        ...

    async def embed(self, texts: Sequence[str]) -> tuple[Sequence[Vector], Usage]:
        """One vector for each text, in order, all of one size, and what they cost.

        Of a text that is too long the beginning counts. Raises LLMError, whose `spent` is what was used up in vain.
        """
        ...


class Judge(Protocol):
    """Says how well papers fit what somebody wants to read. `model` and `prompt` (a version) say by what, for caches."""

    @property
    def model(self) -> str: ...

    @property
    def prompt(self) -> str: ...

    def estimate(self, interests: Interests, papers: Sequence[Paper]) -> int:
        """The tokens that judging these may cost at most, to be reserved before."""
        ...

    async def judge(self, interests: Interests, papers: Sequence[Paper]) -> tuple[Mapping[ArxivId, float], Usage]:
        """From 0 to 10 for each of these papers, without those of which nothing usable was said, and what it cost.

        Raises LLMError, whose `spent` is what was used up in vain, also where the answers tell nothing: all alike, or
        on another scale.
        """
        ...


class BlobCache(Protocol):
    """Small values that cost something to make again, kept over restarts. Nothing is lost for good with one that is."""

    def get(self, key: str) -> bytes | None:
        """The value, if it is there; at once."""
        ...

    async def put(self, blobs: Mapping[str, bytes], day: date) -> None:
        """Keep these as of that day, replacing earlier ones. What cannot be written is kept until the end of the process."""
        ...

    async def prune(self, before: date) -> None:
        """Drop what is kept as of earlier days."""
        ...


class ReferenceLibrary(Protocol):
    """A reference manager in which people have libraries, each reached by its owner's key."""

    async def identify(self, key: str) -> Account:
        """Whose key it is. Raises LibraryError."""
        ...

    async def add(self, account: Account, key: str, item: str, paper: Paper) -> None:
        """Put the paper into the library as the item of this name; fine where that is there already, so that a lost answer
        doubles nothing. Raises LibraryError.
        """
        ...

    def name_item(self, account: Account, paper: ArxivId) -> str:
        """The name that the item of this paper has in this library: always the same."""
        ...


class Ranker(Protocol):
    """Gives every paper a score with reasons.

    `types` are those it scores at all; `has_min_score`: whether its points read as a score from 0 to 100, of which a chat can
    ask a minimum; else they are shown as they are.
    `is_broad`: whether every topic it finds shall have a place in a digest.
    """

    @property
    def name(self) -> str: ...

    @property
    def types(self) -> tuple[AnnounceType, ...]: ...

    @property
    def has_min_score(self) -> bool: ...

    @property
    def is_broad(self) -> bool: ...

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        """One score per paper, in the order of `papers`. Pure: equal arguments, equal scores.

        `topics` are topic texts, those that leave papers out among them; without any topic of interest and without feedback every
        score is 0 with no reason. A topic that leaves papers out always does; one that matches always leaves some points. `recent` are announcements to learn from which words are common.
        Topics that do not parse are skipped: what is stored was checked when it was added.
        """
        ...

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        """The terms that feedback taught for and against, the strongest first; nothing for a ranker that learns nothing."""
        ...


class Storage(Protocol):
    """Everything that must survive a restart.

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
        """Erase the chat's subscription, seen ids, marks, follows, progress, deliveries and pages. Fine if there are none."""
        ...

    async def move_chat(self, old: Chat, new: Chat) -> None:
        """Let `new` go on as `old`: all that is known of `old` moves in one write; `old` is forgotten.

        Where `new` has a subscription, they are merged (`bot.model.moves`); of a paper marked in both, its marks stay;
        what either follows is followed; of progress in both, `new`'s stays; deliveries of one key in both: `old`'s follow on the parts of that day.
        Pages keep their ids.
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

    async def save_records(self, records: Sequence[Record], day: date) -> None:
        """Keep what was looked up on `day`, replacing earlier records of the same paper and version."""
        ...

    async def get_record(self, paper: ArxivId, version: int) -> Record | None:
        """What was looked up of this version of the paper, or None."""
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

    async def get_summary(self, key: SummaryKey) -> Summary | None:
        """The summary that was made for this key, or None."""
        ...

    async def save_summary(self, summary: Summary) -> None:
        """Keep a summary, replacing an earlier one of the same key."""
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

    async def prune(self, *, batches_before: date, seen_before: date, summaries_before: date = date.min) -> None:
        """Drop batches and states of days, deliveries that are not open, and records looked up, older than `batches_before`,
        seen ids older than `seen_before`, and summaries made, tokens spent and pages planned before `summaries_before` (those days
        themselves stay).
        """
        ...

    async def check(self) -> None:
        """Make one real durable write and take it back; for the doctor."""
        ...


class Folder(Protocol):
    """Text files that others read. Names are relative, with slashes.

    Every method may raise StorageError and never blocks the event loop.
    """

    async def read(self, name: str) -> str | None:
        """The file's text, None where there is none."""
        ...

    async def names(self, folder: str) -> tuple[str, ...]:
        """The names of the files in this folder, sorted; none where there is no folder."""
        ...

    async def write(self, name: str, text: str) -> bool:
        """Put `text` in place of the whole file; False, and nothing is written, where it is that already.

        Whoever reads meanwhile, or after `kill -9`, finds the old text or the new one.
        """
        ...


class Ledger(Protocol):
    """What a sender needs of a storage: what is to be sent, and a place to write down what came of it."""

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        """As in `Storage`."""
        ...

    async def record(self, delivery: Delivery) -> bool:
        """As in `Storage`. Raises StorageError where the sender's right to send has ended, too."""
        ...

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        """As in `Storage`. Raises StorageError where the sender's right to send has ended, too."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """One time that a process held a right; of two with the same name, the later has the higher token."""

    name: str
    token: int


class Leases(Protocol):
    """Rights that only one process has at a time, as long as it renews them. Time is that of the storage.

    Any method may raise StorageError.
    """

    async def take(self, name: str, seconds: float) -> Lease | None:
        """The right of this name for so many seconds; None while another holds it."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold it for so many seconds from now on; False where it has ended."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let others take it at once. Fine if it has ended."""
        ...

    async def claim(self, name: str, number: int) -> bool:
        """True for the first who asks for this number, for a month at least; False for all others."""
        ...

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """While entered, no other process has entered it with the same name; waits for that."""
        ...

    def ledger(self, lease: Lease) -> Ledger:
        """The storage for a sender that holds this lease: when it ends, so do all writes, those under way included."""
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


class Messenger(Protocol):
    """A way to say something in a chat without having been asked, also while the platform itself is not running.

    Used between `async with` and its end.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def limits(self) -> Limits:
        """What the platform takes at most."""
        ...

    def compose(self, chat: Chat, message: Message) -> tuple[Part, ...]:
        """The parts, in order, that say all of `message` in this kind of chat, in the language spoken now. Pure."""
        ...

    async def deliver(self, chat: Chat, outgoing: Outgoing) -> Receipt:
        """Make one request that sends the part, within 15 seconds; or find out that an earlier one did.

        Raises DeliveryError where it did not, or may not have, arrived. With `unanswered_for`, it is sent again only where
        that cannot double it. Never waits for a limit: that is the caller's.
        """
        ...

    async def publish(self, chat: Chat, message_id: str) -> None:
        """Hand on a part whose receipt asked for it. Doing it twice is fine. Raises DeliveryError."""
        ...

    async def send(self, chat: Chat, text: str) -> None:
        """Show plain text in the chat at once, in as many messages as it takes: for owners in an emergency.

        Raises PlatformError where it could not be, or may not have been, delivered.
        """
        ...


class Platform(Protocol):
    """A chat platform on which people talk to the bot."""

    @property
    def name(self) -> str: ...

    @property
    def last_contact(self) -> datetime | None:
        """The UTC instant at which the platform last answered us, None if it never did."""
        ...

    async def run(self) -> None:
        """Serve people until cancelled, then stop taking in, finish what is in flight within ten seconds, and let go.

        Raises PlatformRefusedError where only the operator can help, PlatformError where trying again later may. It can
        be run again after either.
        """
        ...
