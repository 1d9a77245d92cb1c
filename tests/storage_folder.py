"""A TinyDB storage's folder as its tests see it, and disks that misbehave."""

import time
from datetime import date
from pathlib import Path

import pytest

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from storage.disk import Disk
from storage.schemas import Schema
from storage.tinydb import TinyDBStorage

DAY = date(2026, 8, 3)
CHAT = Chat("telegram", "1")


class SlowDisk(Disk):
    """Counts what it waits for, and takes its time over it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.syncs = 0

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        time.sleep(self.seconds)
        super().sync(descriptor)


class BrokenDisk(Disk):
    """Fails to write while it is full."""

    def __init__(self) -> None:
        self.is_full = False

    def write(self, descriptor: int, content: bytes) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().write(descriptor, content)


def identifier(number: int) -> ArxivId:
    return ArxivId(f"2608.{number:05}")


async def add(storage: TinyDBStorage, *numbers: int) -> None:
    for number in numbers:
        await storage.add_seen(CHAT, [identifier(number)], DAY)


async def seen(folder: Path) -> set[int]:
    """The numbers a fresh start finds."""
    storage = TinyDBStorage(folder)
    await storage.open()
    found = await storage.get_seen(CHAT)
    await storage.close()
    return {int(each.partition(".")[2]) for each in found}


async def write(folder: Path, *numbers: int, compact_after: int = 1 << 20) -> None:
    storage = TinyDBStorage(folder, compact_after=compact_after)
    await storage.open()
    await add(storage, *numbers)
    await storage.close()


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return sorted(folder.glob(pattern))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "lock"}


async def refusal(folder: Path, schema: Schema | None = None) -> str:
    """The message with which opening is refused; no file has changed."""
    before = contents(folder)
    storage = TinyDBStorage(folder, **({"chats": schema} if schema else {}))
    with pytest.raises(StorageError) as caught:
        await storage.open()
    await storage.close()
    assert contents(folder) == before
    return str(caught.value)
