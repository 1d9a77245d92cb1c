"""Whatever the model can hold comes back from the folder that a url names."""

import asyncio
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import ConfigError, StorageError
from bot.model.announcement import Batch, merge_batches
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress, Round
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, ReasonKind, Score
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.subscription import FORMER_DETAILS, Pause, PauseReason, Subscription
from bot.model.summary import Summary, TextSource
from bot.ports import Storage
from storage import open_storage, tinydb_url
from storage.codec import subscription_to_document
from storage.disk import Disk
from storage.files import JournalFiles
from storage.memory import encode_operation
from storage.postgres import PostgresStorage
from storage.records import encode_document, encode_record
from storage.schemas import CHATS as SCHEMA
from storage.tinydb import TinyDBStorage
from tests.cluster import empty_database
from tests.storage_folder import CHAT, DAY, BrokenDisk, files

Fresh = Callable[[], Storage]


def texts() -> st.SearchStrategy[str]:
    return st.text(max_size=20)


INSTANTS = st.datetimes(timezones=st.just(UTC))
PAUSE_FIELDS = {"reason": st.sampled_from(PauseReason), "since": INSTANTS, "until": st.none() | INSTANTS}
SUBSCRIPTION_FIELDS = {
    "created": INSTANTS,
    "categories": st.lists(texts(), max_size=3).map(tuple),
    "topics": st.lists(texts(), max_size=5).map(tuple),
    "max_papers": st.integers(-(2**63), 2**63 - 1),
    "min_score": st.integers(0, 100),
    "types": st.lists(st.sampled_from(AnnounceType)).map(tuple),
    "days_back": st.integers(0, 400),
    "ranker": texts(),
    "language": texts(),
    "detail": texts().filter(lambda each: each not in FORMER_DETAILS),
    "max_papers_to_summarize": st.integers(0, 50),
    "forum_tag": texts(),
    "schedule": texts(),
    "timezone": texts(),
    "quiet_notice": st.booleans(),
    "failure_notice": st.booleans(),
    "pause": st.none() | st.builds(Pause, **PAUSE_FIELDS),
    "muted": st.lists(texts(), max_size=3).map(tuple),
    "pages": st.booleans(),
}
CHATS = st.builds(
    Chat,
    st.sampled_from(["telegram", "discord"]),
    st.text(st.characters(codec="utf-8", exclude_characters=":")),
    texts(),
)
PAPER_FIELDS = {
    "id": texts().map(ArxivId),
    "version": st.integers(1, 99),
    "authors": st.lists(texts(), max_size=3).map(tuple),
    "categories": st.lists(texts(), max_size=3).map(tuple),
    **dict.fromkeys(
        ("title", "abstract", "raw_title", "raw_abstract", "raw_authors", "license", "doi", "journal_ref"), texts()
    ),
}
BATCHES = st.builds(
    Batch,
    texts(),
    st.dates(),
    st.lists(st.tuples(st.builds(Paper, **PAPER_FIELDS), st.sampled_from(AnnounceType)), max_size=3).map(tuple),
    is_sample=st.booleans(),
)

MARKED_FIELDS = {
    "id": texts().map(ArxivId),
    "title": texts(),
    "marks": st.frozensets(st.sampled_from(Mark), min_size=1),
    "day": st.dates(),
}
ROUND_FIELDS = {
    "at": INSTANTS,
    "day": st.dates(),
    "papers": st.integers(0, 99),
    "announced": st.integers(0, 9999),
    "best": st.floats(allow_nan=False),
}
ROUNDS = st.builds(Round, **ROUND_FIELDS)
PROGRESS_FIELDS = {
    "covered": st.dates(),
    "slot": INSTANTS,
    "awaited": st.lists(texts(), max_size=3).map(tuple),
    "last": st.none() | ROUNDS,
    "last_digest": st.none() | ROUNDS,
    "noticed": st.none() | st.dates(),
    "budget_noticed": st.none() | st.dates(),
    "heard": st.none() | INSTANTS,
}
DELIVERY_FIELDS = {
    "day": st.sampled_from([date.min, DAY, date.max]),
    "part": st.integers(1, 2**40),
    "first": st.integers(1, 2**40),
    "planned_at": INSTANTS,
    "changed_at": INSTANTS,
    "body": texts(),
    "papers": st.lists(texts().map(ArxivId), max_size=3).map(tuple),
    "state": st.sampled_from(DeliveryState),
    "tries": st.integers(0, 99),
    "not_before": st.none() | INSTANTS,
    "began": st.none() | INSTANTS,
    "message_id": texts(),
    "must_publish": st.booleans(),
    "resends": st.integers(0, 99),
    "reason": texts(),
    "trace": texts(),
}

VERSION_FIELDS = {
    "id": texts().map(ArxivId),
    "number": st.integers(0, 99),
    "title": texts(),
    "abstract": texts(),
    "authors": st.lists(texts(), max_size=3).map(tuple),
    "categories": st.lists(texts(), max_size=3).map(tuple),
}
FOLLOW_FIELDS = {
    "known": st.builds(Version, **VERSION_FIELDS),
    "is_asked": st.booleans(),
    "savers": st.lists(texts(), max_size=3).map(tuple),
}
RECORD_FIELDS = {
    "paper": st.builds(Paper, **PAPER_FIELDS),
    "changed": st.dates(),
    "created": st.dates(),
    "comment": texts(),
    "is_deleted": st.booleans(),
}

NUMBERS = st.floats(allow_nan=False)
REASON_FIELDS = {
    "topic": texts(),
    "fields": st.lists(texts(), max_size=3).map(tuple),
    "points": NUMBERS,
    "kind": st.sampled_from(ReasonKind),
    "count": st.integers(0, 99),
}
SCORE_FIELDS = {
    "points": NUMBERS,
    "reasons": st.lists(st.builds(Reason, **REASON_FIELDS), max_size=3).map(tuple),
    "excluded_by": texts(),
    "half": st.floats(0, 1e6),
}
LINES = st.lists(texts(), max_size=2).map(tuple)
SUMMARY_FIELDS = {
    "id": texts().map(ArxivId),
    "version": st.integers(1, 99),
    **dict.fromkeys(("language", "model", "prompt", "tldr", "code_url"), texts()),
    "source": st.sampled_from(TextSource),
    "made_at": INSTANTS,
    **dict.fromkeys(("contributions", "methods", "results", "conclusions", "limitations"), LINES),
    "removed": st.integers(0, 99),
}
SHOWN_FIELDS = {
    "place": st.integers(1, 100),
    "announced": st.builds(AnnouncedPaper, st.builds(Paper, **PAPER_FIELDS), st.sampled_from(AnnounceType), st.dates()),
    "score": st.builds(Score, **SCORE_FIELDS),
    "summary": st.none() | st.builds(Summary, **SUMMARY_FIELDS),
    "also": st.lists(st.builds(Paper, **PAPER_FIELDS), max_size=2).map(tuple),
}
DIGEST_FIELDS = {
    "day": st.dates(),
    "categories": st.lists(texts(), max_size=3).map(tuple),
    "papers": st.lists(st.builds(DigestPaper, **SHOWN_FIELDS), max_size=3).map(tuple),
    "left_out": st.dictionaries(st.sampled_from(LeftOut), st.integers(1, 9999)),
    "is_sample": st.booleans(),
    "since": st.none() | st.dates(),
}
PAGE_FIELDS = {
    "id": texts(),
    "at": INSTANTS,
    "language": texts(),
    "digest": st.builds(Digest, **DIGEST_FIELDS),
}


@pytest.fixture(params=["tinydb", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Makes a storage in which nothing is, again and again."""
    if request.param == "tinydb":
        numbers = count()
        return lambda: TinyDBStorage(tmp_path / f"data {next(numbers)}")
    url = request.getfixturevalue("database_url")

    def empty() -> Storage:
        empty_database(url)
        return PostgresStorage(url)

    return empty


def test_the_round_trip_covers_every_field() -> None:
    """A field added to the model must be added to the round trip below."""
    assert {each.name for each in fields(Subscription)} == {"chat", *SUBSCRIPTION_FIELDS}
    assert {each.name for each in fields(Paper)} == set(PAPER_FIELDS)
    assert {each.name for each in fields(MarkedPaper)} == set(MARKED_FIELDS)
    assert {each.name for each in fields(Pause)} == set(PAUSE_FIELDS)
    assert {each.name for each in fields(Round)} == set(ROUND_FIELDS)
    assert {each.name for each in fields(Progress)} == set(PROGRESS_FIELDS)
    assert {each.name for each in fields(Version)} == set(VERSION_FIELDS)
    assert {each.name for each in fields(Follow)} == set(FOLLOW_FIELDS)
    assert {each.name for each in fields(Record)} == set(RECORD_FIELDS)
    assert {each.name for each in fields(Delivery)} == {"chat", *DELIVERY_FIELDS}
    assert {each.name for each in fields(Reason)} == set(REASON_FIELDS)
    assert {each.name for each in fields(Score)} == set(SCORE_FIELDS)
    assert {each.name for each in fields(Summary)} == set(SUMMARY_FIELDS)
    assert {each.name for each in fields(DigestPaper)} == set(SHOWN_FIELDS)
    assert {each.name for each in fields(Digest)} == set(DIGEST_FIELDS)
    assert {each.name for each in fields(Page)} == {"chat", *PAGE_FIELDS}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHATS, st.lists(st.builds(Page, chat=st.just(CHAT), **PAGE_FIELDS), max_size=4))
def test_whatever_page_is_kept_comes_back(fresh: Fresh, chat: Chat, pages: list[Page]) -> None:
    """Any pages of any chat survive closing and opening again."""
    last = {each.id: replace(each, chat=chat) for each in pages}

    async def round_trip(storage: Storage) -> None:
        await storage.open()
        await storage.change_subscription(chat, lambda _: Subscription(chat, datetime.now(UTC)))
        for each in pages:
            await storage.save_page(replace(each, chat=chat))
        await storage.close()
        await storage.open()
        assert {each.id: each for each in await storage.get_pages(chat, 9)} == last
        for identifier, page in last.items():
            assert await storage.get_page(identifier) == page
        await storage.forget_chat(chat)
        assert await storage.get_pages(chat, 9) == ()
        await storage.close()

    asyncio.run(round_trip(fresh()))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(Subscription, CHATS, **SUBSCRIPTION_FIELDS), st.lists(BATCHES, max_size=3), st.lists(texts().map(ArxivId))
)
def test_whatever_is_saved_comes_back(
    fresh: Fresh, subscription: Subscription, batches: list[Batch], ids: list[ArxivId]
) -> None:
    """Any subscription, batches and seen ids survive saving, closing and opening again."""

    async def round_trip(storage: Storage) -> None:
        await storage.open()
        await storage.change_subscription(subscription.chat, lambda _: subscription)
        for batch in batches:
            await storage.save_batch(batch)
        await storage.add_seen(subscription.chat, ids, DAY)
        await storage.close()
        await storage.open()
        assert await storage.get_subscription(subscription.chat) == subscription
        assert await storage.get_subscriptions() == (subscription,)
        last = {(each.day, each.category): each for each in batches}
        assert await storage.get_announcements(date.min) == merge_batches(last[key] for key in sorted(last))
        assert await storage.get_seen(subscription.chat) == dict.fromkeys(ids, DAY)
        await storage.close()

    asyncio.run(round_trip(fresh()))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHATS, st.lists(st.builds(Follow, **FOLLOW_FIELDS), max_size=4), st.builds(Record, **RECORD_FIELDS))
def test_whatever_is_followed_or_looked_up_comes_back(
    fresh: Fresh, chat: Chat, follows: list[Follow], record: Record
) -> None:
    """Any follows of any chat, and any record, survive closing and opening again."""

    async def round_trip(storage: Storage) -> None:
        await storage.open()
        for each in follows:
            await storage.change_follow(chat, each.known.id, lambda _, each=each: each)
        await storage.save_records([record], DAY)
        await storage.close()
        await storage.open()
        assert await storage.get_follows(chat) == {each.known.id: each for each in follows}
        for each in follows:
            assert list(await storage.get_followers(each.known.id)) == [chat]
        assert await storage.get_record(record.paper.id, record.paper.version) == record
        await storage.forget_chat(chat)
        assert await storage.get_followed() == {}
        await storage.close()

    asyncio.run(round_trip(fresh()))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHATS, texts(), st.lists(st.builds(MarkedPaper, **MARKED_FIELDS), max_size=5), texts(), texts())
def test_whatever_is_marked_or_noted_comes_back(
    fresh: Fresh, chat: Chat, person: str, marked: list[MarkedPaper], key: str, note: str
) -> None:
    """Any marks of any person in any chat, and any note, survive closing and opening again."""

    async def round_trip(storage: Storage) -> None:
        await storage.open()
        for each in marked:
            await storage.change_marks(chat, person, each.id, each.title, lambda _, each=each: each.marks, each.day)
        await storage.set_note(key, note)
        await storage.close()
        await storage.open()
        last = {each.id: each for each in marked}
        assert await storage.get_marks(chat, person) == last
        assert await storage.get_note(key) == (note or None)
        await storage.forget_chat(chat)
        assert await storage.get_marks(chat, person) == {}
        await storage.close()

    asyncio.run(round_trip(fresh()))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(Subscription, CHATS, **SUBSCRIPTION_FIELDS),
    st.builds(Progress, **PROGRESS_FIELDS),
    st.lists(st.fixed_dictionaries(DELIVERY_FIELDS), max_size=5, unique_by=lambda each: (each["day"], each["part"])),
    st.builds(Chat, st.just("telegram"), st.just("new")),
)
def test_whatever_is_planned_comes_back(
    fresh: Fresh, subscription: Subscription, progress: Progress, planned: list[dict[str, Any]], new: Chat
) -> None:
    """Any progress and deliveries survive closing and opening again, also as another chat's."""
    chat = subscription.chat
    deliveries = sorted((Delivery(chat, **each) for each in planned), key=lambda each: (each.day, each.part))
    expected = [each if each.is_repeatable else replace(each, body="") for each in deliveries]

    async def check(storage: Storage, chat: Chat) -> None:
        await storage.close()
        await storage.open()
        assert await storage.get_progress(chat) == progress
        assert await storage.get_all_progress() == {chat: progress}
        assert await storage.get_deliveries(chat) == tuple(replace(each, chat=chat) for each in expected)
        assert await storage.get_open_chats() == ((chat,) if any(each.is_open for each in expected) else ())
        assert sum((await storage.count_deliveries(date.min)).values()) == len(planned)

    async def round_trip(storage: Storage) -> None:
        await storage.open()
        await storage.change_subscription(chat, lambda _: subscription)
        await storage.plan(chat, progress, deliveries)
        await check(storage, chat)
        await storage.move_chat(chat, new)
        await check(storage, new)
        await storage.close()

    asyncio.run(round_trip(fresh()))


async def test_a_folder_from_before_deliveries_opens(tmp_path: Path) -> None:
    """A subscription written without schedule, time zone, notices and pause takes their defaults, and can be delivered to."""
    journal = JournalFiles(tmp_path, "chats", SCHEMA.version, Disk())
    document = subscription_to_document(Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC), ("cs.CL",)))
    for name in ("schedule", "timezone", "quiet_notice", "failure_notice", "pause"):
        del document[name]
    journal.append(encode_record(b"[%b]" % encode_operation("subscriptions", CHAT.key, encode_document(document))))
    journal.close()
    storage = TinyDBStorage(tmp_path)
    await storage.open()
    assert await storage.get_subscriptions() == (Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC), ("cs.CL",)),)
    assert (await storage.get_deliveries(CHAT), await storage.get_all_progress()) == ((), {})
    planned = Delivery(CHAT, DAY, 1, 1, datetime(2026, 8, 3, tzinfo=UTC), datetime(2026, 8, 3, tzinfo=UTC))
    await storage.plan(CHAT, Progress(DAY, datetime(2026, 8, 3, tzinfo=UTC)), [planned])
    assert await storage.get_deliveries(CHAT) == (planned,)
    await storage.close()


async def test_half_a_surrogate_pair_is_refused(fresh: Fresh) -> None:
    """It raises StorageError and changes nothing, in memory or on the disk."""
    storage = fresh()
    await storage.open()
    broken = Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC), topics=("\ud83d",))
    with pytest.raises(StorageError, match="cannot be stored"):
        await storage.change_subscription(CHAT, lambda _: broken)
    assert await storage.get_subscription(CHAT) is None
    await storage.close()


async def test_a_part_that_cannot_be_stored_leaves_nothing_of_its_plan(fresh: Fresh) -> None:
    """Neither the progress nor the parts before it are kept, in memory or on the disk."""
    storage = fresh()
    await storage.open()
    now = datetime(2026, 8, 3, tzinfo=UTC)
    await storage.change_subscription(CHAT, lambda _: Subscription(CHAT, now))
    parts = [Delivery(CHAT, DAY, part, 1, now, now, body) for part, body in ((1, "fine"), (2, "\ud83d"))]
    with pytest.raises(StorageError, match="cannot be stored"):
        await storage.plan(CHAT, Progress(DAY, now), parts)
    for _ in range(2):
        assert (await storage.get_deliveries(CHAT), await storage.get_progress(CHAT)) == ((), None)
        assert await storage.get_open_chats() == ()
        await storage.close()
        await storage.open()
    await storage.close()


async def test_a_list_forgets_a_change_that_failed(tmp_path: Path) -> None:
    """A list that was asked for while a write was under way does not outlive the failure of that write."""
    disk = BrokenDisk()
    storage = TinyDBStorage(tmp_path, disk=disk)
    await storage.open()
    subscription = Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC))
    await storage.change_subscription(CHAT, lambda _: subscription)
    disk.is_full = True
    write = asyncio.create_task(storage.change_subscription(CHAT, lambda _: replace(subscription, max_papers=99)))
    await asyncio.sleep(0)
    await storage.get_subscriptions()
    with pytest.raises(StorageError):
        await write
    assert await storage.get_subscriptions() == (subscription,)
    await storage.close()


async def test_a_change_of_state_writes_no_body(tmp_path: Path) -> None:
    """A part of ten kilobytes costs its bytes once: when it is planned."""
    storage = TinyDBStorage(tmp_path)
    await storage.open()
    now = datetime(2026, 8, 3, tzinfo=UTC)
    await storage.change_subscription(CHAT, lambda _: Subscription(CHAT, now))
    parts = [Delivery(CHAT, DAY, part, 1, now, now, "x" * 10_000) for part in (1, 2)]
    await storage.plan(CHAT, Progress(DAY, now), parts)
    (journal,) = files(tmp_path, "chats.*.journal")
    before = journal.stat().st_size
    for state in (DeliveryState.SENDING, DeliveryState.PLANNED, DeliveryState.UNCERTAIN, DeliveryState.SENT):
        await storage.record(replace(parts[0], state=state))
    assert journal.stat().st_size - before < 4 * 700
    await storage.close()


async def test_a_url_names_the_folder(tmp_path: Path) -> None:
    """`open_storage` finds the folder that `tinydb_url` named, odd characters in it, and makes nothing before opening."""
    folder = tmp_path / "daten & säcke #1"
    storage = open_storage(tinydb_url(folder))
    assert not folder.exists()
    await storage.open()
    await storage.check()
    await storage.close()
    assert files(folder, "chats.*.journal")


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "secret", "tinydb://host/secret", "tinydb://", ""])
def test_other_urls_are_refused(url: str) -> None:
    """An unknown form is answered with the supported one, and a password in it is not repeated."""
    with pytest.raises(ConfigError, match="tinydb:///absolute/folder") as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


async def test_a_stored_detail_of_a_former_name_is_read_as_todays(fresh: Fresh) -> None:
    """Chats that had chosen short go on with tldr, which is the same under its new name."""
    storage = fresh()
    await storage.open()
    await storage.change_subscription(
        CHAT, lambda _: Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC), detail="short")
    )
    found = await storage.get_subscription(CHAT)
    assert found is not None
    assert found.detail == "tldr"
    await storage.close()
