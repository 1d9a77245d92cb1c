"""Whatever the model can hold comes back from the folder that a url names."""

import asyncio
import tempfile
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ConfigError, StorageError
from bot.model.announcement import Batch, merge_batches
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription
from storage import open_storage, tinydb_url
from storage.tinydb import TinyDBStorage
from tests.storage_folder import CHAT, DAY, files


def texts() -> st.SearchStrategy[str]:
    return st.text(max_size=20)


SUBSCRIPTION_FIELDS = {
    "created": st.datetimes(timezones=st.just(UTC)),
    "categories": st.lists(texts(), max_size=3).map(tuple),
    "topics": st.lists(texts(), max_size=5).map(tuple),
    "max_papers": st.integers(-(2**63), 2**63 - 1),
    "min_score": st.floats(allow_nan=False),
    "types": st.lists(st.sampled_from(AnnounceType)).map(tuple),
    "days_back": st.integers(0, 400),
    "ranker": texts(),
    "language": texts(),
    "detail": texts(),
    "forum_tag": texts(),
    "muted": st.lists(texts(), max_size=3).map(tuple),
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


def test_the_round_trip_covers_every_field() -> None:
    """A field added to the model must be added to the round trip below."""
    assert {each.name for each in fields(Subscription)} == {"chat", *SUBSCRIPTION_FIELDS}
    assert {each.name for each in fields(Paper)} == set(PAPER_FIELDS)
    assert {each.name for each in fields(MarkedPaper)} == set(MARKED_FIELDS)


@settings(deadline=None, max_examples=60)
@given(
    st.builds(Subscription, CHATS, **SUBSCRIPTION_FIELDS), st.lists(BATCHES, max_size=3), st.lists(texts().map(ArxivId))
)
def test_whatever_is_saved_comes_back(subscription: Subscription, batches: list[Batch], ids: list[ArxivId]) -> None:
    """Any subscription, batches and seen ids survive saving, closing and opening again."""

    async def round_trip(folder: Path) -> None:
        storage = TinyDBStorage(folder)
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

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(round_trip(Path(folder)))


@settings(deadline=None, max_examples=40)
@given(CHATS, texts(), st.lists(st.builds(MarkedPaper, **MARKED_FIELDS), max_size=5), texts(), texts())
def test_whatever_is_marked_or_noted_comes_back(
    chat: Chat, person: str, marked: list[MarkedPaper], key: str, note: str
) -> None:
    """Any marks of any person in any chat, and any note, survive closing and opening again."""

    async def round_trip(folder: Path) -> None:
        storage = TinyDBStorage(folder)
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

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(round_trip(Path(folder)))


async def test_what_json_cannot_say_is_refused(tmp_path: Path) -> None:
    """Half a surrogate pair raises StorageError and changes nothing, in memory or on the disk."""
    storage = TinyDBStorage(tmp_path)
    await storage.open()
    broken = Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC), topics=("\ud83d",))
    with pytest.raises(StorageError, match="cannot be stored"):
        await storage.change_subscription(CHAT, lambda _: broken)
    assert await storage.get_subscription(CHAT) is None
    await storage.close()


@pytest.mark.parametrize("score", [float("inf"), float("-inf"), -0.0, 5e-324, 0.1])
async def test_any_number_is_kept(tmp_path: Path, score: float) -> None:
    """A minimum score comes back to the last bit, infinity too."""
    storage = TinyDBStorage(tmp_path)
    await storage.open()
    subscription = Subscription(CHAT, datetime(2026, 8, 3, tzinfo=UTC), min_score=score)
    await storage.change_subscription(CHAT, lambda _: subscription)
    await storage.close()
    await storage.open()
    kept = await storage.get_subscription(CHAT)
    await storage.close()
    assert kept is not None
    assert (kept.min_score.hex(), type(kept.min_score)) == (score.hex(), float)


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
