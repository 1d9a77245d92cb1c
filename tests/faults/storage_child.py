"""A process to be killed or starved: `storage_child.py kill|full FOLDER FIRST`. Prints what was acknowledged."""

import asyncio
import os
import resource
import sys
from datetime import date
from itertools import count
from pathlib import Path

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from storage.tinydb import TinyDBStorage

WRITES = 200
WRITERS = 4
CHATS = 7
DAY = date(2026, 8, 3)
FILE_LIMIT = 20_000


def chat_of(number: int) -> Chat:
    return Chat("telegram", str(number % CHATS))


def id_of(number: int) -> ArxivId:
    return ArxivId(f"2608.{number:05}")


async def write_many(storage: TinyDBStorage, numbers: range) -> None:
    for number in numbers:
        await storage.add_seen(chat_of(number), [id_of(number)], DAY)
        os.write(1, b"%d\n" % number)


async def be_killed(folder: Path, first: int) -> None:
    """Four writers at once, and compaction every few writes."""
    storage = TinyDBStorage(folder, compact_after=1_000)
    await storage.open()
    os.write(1, b"open\n")
    await asyncio.gather(
        *(write_many(storage, range(first + each, first + WRITES, WRITERS)) for each in range(WRITERS))
    )
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
    asyncio.run({"kill": be_killed, "full": be_full}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
