"""A process to be killed or starved: `storage_child.py kill|deliver|full FOLDER FIRST`. Prints what was acknowledged."""

import asyncio
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from itertools import count
from pathlib import Path

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from storage.tinydb import TinyDBStorage

WRITES = 200
WRITERS = 4
CHATS = 7
DAY = date(2026, 8, 3)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
FILE_LIMIT = 20_000


def chat_of(number: int) -> Chat:
    return Chat("telegram", str(number % CHATS))


def id_of(number: int) -> ArxivId:
    return ArxivId(f"2608.{number:05}")


async def write_many(storage: TinyDBStorage, numbers: range) -> None:
    for number in numbers:
        await storage.add_seen(chat_of(number), [id_of(number)], DAY)
        os.write(1, b"%d\n" % number)


async def deliver_many(storage: TinyDBStorage, numbers: range) -> None:
    """One part after the other, with two papers each; the progress names the last body that was planned."""
    for number in numbers:
        chat = chat_of(number)
        await storage.change_subscription(chat, lambda old, chat=chat: old or Subscription(chat, NOON))
        planned = Delivery(
            chat, DAY, number + 1, 1, NOON, NOON, f"body {number}", (id_of(number), id_of(number + 50_000))
        )
        await storage.plan(chat, Progress(DAY, NOON, (planned.body,)), [planned])
        await storage.record(replace(planned, state=DeliveryState.SENDING))
        await storage.record(replace(planned, state=DeliveryState.SENT))
        os.write(1, b"%d\n" % number)


async def be_killed(
    folder: Path, first: int, work: Callable[[TinyDBStorage, range], Awaitable[None]] = write_many
) -> None:
    """Four writers at once, and compaction every few writes."""
    storage = TinyDBStorage(folder, compact_after=1_000)
    await storage.open()
    os.write(1, b"open\n")
    await asyncio.gather(*(work(storage, range(first + each, first + WRITES, WRITERS)) for each in range(WRITERS)))
    await storage.close()


async def be_full(folder: Path, first: int) -> None:
    """Write until files may grow no more, see that memory agrees, write again when they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, hard))
    storage = TinyDBStorage(folder)
    await storage.open()
    for number in count(first):
        before = await storage.get_seen(chat_of(number))
        try:
            await write_many(storage, range(number, number + 1))
        except StorageError as error:
            os.write(1, f"failed {number} {error}\n".encode())
            assert await storage.get_seen(chat_of(number)) == before
            break
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await write_many(storage, range(number + 1, number + 6))
    await storage.close()


if __name__ == "__main__":
    be_delivering = partial(be_killed, work=deliver_many)
    asyncio.run(
        {"kill": be_killed, "deliver": be_delivering, "full": be_full}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    )
