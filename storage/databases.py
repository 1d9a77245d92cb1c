"""The databases of one folder, opened together and closed together, for one process at a time."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from bot.errors import StorageError
from storage.disk import Disk
from storage.journal import JournalTinyDB
from storage.lock import FolderLock
from storage.schemas import Schema

P = ParamSpec("P")
Result = TypeVar("Result")


class Databases:
    """A database by the name of each schema. They are in the order of the schemas."""

    def __init__(self, folder: Path, schemas: Mapping[str, Schema], *, compact_after: int, disk: Disk | None) -> None:
        self._folder = folder
        self._schemas = schemas
        self._lock = FolderLock(folder)
        self._open_one = partial(JournalTinyDB, folder, compact_after=compact_after, disk=disk)
        self._opened: dict[str, JournalTinyDB] = {}

    def __getitem__(self, name: str) -> JournalTinyDB:
        if name not in self._opened:
            raise StorageError(f"{self._folder} is not open")
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schemas)

    async def open(self) -> None:
        """Make the folder where it is missing, and read it. Raises StorageError. Opening twice is fine."""
        if not self._opened:
            self._opened = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """Wait for what is under way. Closing twice is fine."""
        opened, self._opened = self._opened, {}
        try:
            for database in opened.values():
                await database.journal.finish()
        finally:
            self._lock.release()

    async def write(
        self, name: str, change: Callable[Concatenate[JournalTinyDB, P], Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """What `change` of this database returns, as `JournalStorage.commit` does."""
        database = self[name]
        return await database.journal.commit(partial(change, database, *args, **kwargs))

    def _load(self) -> dict[str, JournalTinyDB]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
            databases = {name: self._open_one(name, schema) for name, schema in self._schemas.items()}
            # All must be readable before any is rewritten.
            for database in databases.values():
                database.journal.load()
            for database in databases.values():
                database.journal.migrate()
        except OSError as error:
            self._lock.release()
            raise StorageError(f"cannot use {self._folder}: {error}") from error
        except BaseException:
            self._lock.release()
            raise
        return databases
