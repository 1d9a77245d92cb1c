"""A disk that fails when it is told to."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from storage.disk import Disk


class FaultyDisk(Disk):
    """Fails the calls that `fails` picks by their number, half done where a call can be."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.calls = 0
        self.is_sound = False
        self._fails = fails

    def write(self, descriptor: int, content: bytes) -> None:
        try:
            self._step()
        except OSError:
            super().write(descriptor, content[: len(content) // 2])
            raise
        super().write(descriptor, content)

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def sync(self, descriptor: int) -> None:
        self._step()
        super().sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        self._step()
        super().truncate(descriptor, size)

    def replace(self, source: Path, target: Path) -> None:
        self._step()
        super().replace(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        self._step()
        super().sync_folder(folder)

    def _step(self) -> None:
        self.calls += 1
        if not self.is_sound and self._fails(self.calls):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
