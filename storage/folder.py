"""A folder of text files for others to read, each replaced whole."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from bot.errors import StorageError
from storage.disk import Disk

_EVERYBODY = 0o644


class DiskFolder:
    """Files below `path`, which is made when something is written. Where we die in the middle, the old file is there."""

    def __init__(self, path: Path, disk: Disk | None = None) -> None:
        self._path, self._disk = path, disk or Disk()

    async def read(self, name: str) -> str | None:
        return await asyncio.to_thread(self._read, name)

    async def names(self, folder: str) -> tuple[str, ...]:
        return await asyncio.to_thread(self._names, folder)

    async def write(self, name: str, text: str) -> bool:
        return await asyncio.to_thread(self._write, name, text)

    def _read(self, name: str) -> str | None:
        try:
            return (self._path / name).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{self._path / name} cannot be read: {error.strerror}") from error

    def _names(self, folder: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(each.name for each in (self._path / folder).iterdir() if each.is_file()))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise StorageError(f"{self._path / folder} cannot be read: {error.strerror}") from error

    def _write(self, name: str, text: str) -> bool:
        if self._read(name) == text:
            return False
        target = self._path / name
        draft = target.with_name(f".{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fill(draft, text.encode())
            self._disk.replace(draft, target)
        except OSError as error:
            with suppress(OSError):
                self._disk.remove(draft)
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error
        return True

    def _fill(self, draft: Path, content: bytes) -> None:
        descriptor = self._disk.create(draft)
        try:
            self._disk.write(descriptor, content)
            draft.chmod(_EVERYBODY)
            self._disk.sync(descriptor)
        finally:
            os.close(descriptor)
