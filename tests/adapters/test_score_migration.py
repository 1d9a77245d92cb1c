"""A folder from before scores were numbers from 0 to 100: its points are read as scores, once."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.model.chat import Chat
from bot.model.delivery import Progress, Round
from bot.model.subscription import Subscription
from storage.schemas import Schema
from storage.tinydb import TinyDBStorage

NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
MONDAY = date(2026, 8, 3)
CHAT, OTHER = Chat("telegram", "1"), Chat("discord", "2")


async def keep(folder: Path, chat: Chat, points: Any, progress: Progress | None = None, **fields: Any) -> None:
    """Write what the program before wrote: a minimum in points, with JSON's want of infinity."""
    storage = TinyDBStorage(folder, chats=Schema(1))
    await storage.open()
    await storage.change_subscription(chat, lambda _: Subscription(chat, NOON, min_score=points, **fields))
    if progress is not None:
        await storage.plan(chat, progress)
    await storage.close()


async def read(folder: Path, chat: Chat) -> tuple[Subscription | None, Progress | None]:
    storage = TinyDBStorage(folder)
    await storage.open()
    try:
        return await storage.get_subscription(chat), await storage.get_progress(chat)
    finally:
        await storage.close()


@pytest.mark.parametrize(
    ("points", "topics", "score"),
    [
        (0.0, ("kv cache",), 0),
        (1.8, ("kv cache",), 50),
        (0.001, ("kv cache",), 1),
        (900.0, ("kv cache",), 100),
        ("inf", (), 100),
        ("-inf", (), 0),
        (-0.0, (), 0),
        (3.6, ("kv cache^2",), 50),
        (3.6, ("kv cache^2", "-survey", "((", ""), 50),
        (3.6, ("kv cache^2", "quant*^9"), 50),
    ],
)
async def test_a_minimum_of_points_becomes_a_score(
    tmp_path: Path, points: Any, topics: tuple[str, ...], score: int
) -> None:
    """About as strict for the chat's own topics, without those that are muted; none of them has to be readable."""
    await keep(tmp_path, CHAT, points, topics=topics, muted=("quant*^9",))
    for _ in range(2):
        subscription, _ = await read(tmp_path, CHAT)
        assert subscription is not None
        assert (subscription.min_score, type(subscription.min_score)) == (score, int)
        assert subscription.topics == topics


async def test_each_chat_has_its_own_and_what_is_kept_of_rounds_follows(tmp_path: Path) -> None:
    """The best score of the last round is read so, too; a chat without progress, and one without topics, stay as they are."""
    last = Round(NOON, MONDAY, announced=40, best=1.8)
    await keep(tmp_path, CHAT, 2.5, Progress(MONDAY, NOON, last=last, last_digest=None), topics=("kv cache",))
    await keep(tmp_path, OTHER, 2.5, topics=tuple(f"topic{number}" for number in range(15)))
    subscription, progress = await read(tmp_path, CHAT)
    assert subscription is not None
    assert progress is not None
    assert progress.last is not None
    assert (subscription.min_score, progress.last.best, progress.last_digest) == (58, 50, None)
    subscription, progress = await read(tmp_path, OTHER)
    assert subscription is not None
    assert (subscription.min_score, progress) == (47, None)


async def test_a_score_of_today_is_left_alone(tmp_path: Path) -> None:
    """What was set after the change is what it says, however often the program starts."""
    storage = TinyDBStorage(tmp_path)
    await storage.open()
    await storage.change_subscription(CHAT, lambda _: Subscription(CHAT, NOON, min_score=45, topics=("kv cache",)))
    await storage.close()
    for _ in range(2):
        subscription, _ = await read(tmp_path, CHAT)
        assert subscription is not None
        assert subscription.min_score == 45
