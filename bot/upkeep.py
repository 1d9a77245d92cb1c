"""`paperround migrate`, `backup` and `restore`: what an operator does while the bot is stopped."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from bot.errors import UserError
from bot.moving import Origin, check_whole, copy
from bot.ports import MovableStorage
from storage import migrate_storage, open_storage
from storage.backups import check_backup, read_backup, write_backup

Write = Callable[[str], None]
"""Shows a line to the operator."""


async def migrate(url: str, write: Write) -> None:
    """Bring the schema of a PostgreSQL database to this program's version. Raises BotError."""
    before, after = await migrate_storage(url)
    moved = f"version {after}" if before == after else f"version {before} → {after}"
    write(f"The schema of the database: {moved}.")


async def move(source: str, target: str, write: Write) -> None:
    """Carry all that the storage with the url `source` holds to `target`, which is empty, and compare them.

    Run again, it goes on where it was cut short. Raises BotError.
    """
    if source == target:
        raise UserError("--from and --to name the same storage.")
    async with _opened(source) as old, _opened(target) as new:
        await old.require_idle()
        await new.require_idle()
        await check_whole(old)
        # The url itself may hold a password.
        origin = Origin(f"storage {sha256(source.encode()).hexdigest()}", old.dump)
        write(f"moved and compared: {_count(await copy(origin, new))}")
    write("The old storage is as it was. Let no bot run on it any more: it would send digests a second time.")


async def back_up(url: str, path: Path, write: Write) -> None:
    """Write all that a storage holds to a file. Raises BotError."""
    async with _opened(url) as storage:
        await check_whole(storage)
        rows = await write_backup(path, storage.dump())
    write(f"{path} holds {rows} rows. Keep it as safe as the bot itself: it says what every chat follows and got.")


async def restore(path: Path, url: str, write: Write) -> None:
    """Load a file that `back_up` wrote into an empty storage, and compare them. Raises BotError; can be run again."""
    digest = check_backup(path)
    async with _opened(url) as storage:
        write(
            f"restored and compared: {_count(await copy(Origin(f'file {digest}', lambda: read_backup(path)), storage))}"
        )


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[MovableStorage]:
    storage = open_storage(url)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


def _count(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "nothing, for nothing was there"
