"""A cache of small binary values in a folder: one file for each day, only ever added to, read once at the start.

A file is a mark, then records: the length of the value, 16 bytes that stand for its key, the value, and a check sum. What
follows a record that is cut off or damaged is cut off with it. The folder may be deleted at any time.
"""

import asyncio
import fcntl
import logging
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

log = logging.getLogger(__name__)

MAX_BYTES = 64 << 20
"""What the folder may hold; the oldest days go first."""
_MARK = b"paperround 1\n"
_HEAD, _SUM = struct.Struct("<I16s"), struct.Struct("<I")
_ENDING = ".blobs"


@dataclass(slots=True)
class FileBlobCache:
    """The `BlobCache` of one process, used after `open`; others may add to the same folder, which is seen when it is opened again.

    Files are for the bot's user only, as topics are in them as hashes.
    """

    folder: Path
    max_bytes: int = MAX_BYTES
    _blobs: dict[bytes, bytes] = field(default_factory=dict)
    _keys: dict[date, list[bytes]] = field(default_factory=dict)
    _sizes: dict[date, int] = field(default_factory=dict)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self) -> None:
        """Read what there is; what cannot be read is as if it had not been kept."""
        await asyncio.to_thread(self._load)
        async with self._changing:
            await self._keep_small()

    def get(self, key: str) -> bytes | None:
        return self._blobs.get(_hash(key))

    async def put(self, blobs: Mapping[str, bytes], day: date) -> None:
        hashed = {_hash(key): blob for key, blob in blobs.items()}
        if not hashed:
            return
        async with self._changing:
            self._blobs |= hashed
            self._keys.setdefault(day, []).extend(hashed)
            self._sizes[day] = self._sizes.get(day, 0) + sum(map(len, map(_encode, hashed, hashed.values())))
            try:
                await asyncio.to_thread(self._append, day, b"".join(map(_encode, hashed, hashed.values())))
            except OSError as error:
                log.warning("cache not kept folder=%s reason=%r", self.folder, str(error))
            await self._keep_small()

    async def prune(self, before: date) -> None:
        async with self._changing:
            await self._drop([day for day in self._sizes if day < before])

    async def _keep_small(self) -> None:
        size, dropped = sum(self._sizes.values()), []
        for day in sorted(self._sizes)[:-1]:
            if size <= self.max_bytes:
                break
            size -= self._sizes[day]
            dropped.append(day)
        await self._drop(dropped)

    async def _drop(self, days: Iterable[date]) -> None:
        days = tuple(days)
        for day in days:
            self._sizes.pop(day)
            keys = self._keys.pop(day, ())
            kept = {key for others in self._keys.values() for key in others}
            for key in set(keys) - kept:
                self._blobs.pop(key, None)
        await asyncio.to_thread(self._remove, days)

    def _remove(self, days: Iterable[date]) -> None:
        for day in days:
            with suppress(OSError):
                self._file(day).unlink()

    def _append(self, day: date, records: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._file(day), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0, os.SEEK_END)
            file.write(records if file.tell() else _MARK + records)
            file.flush()
            os.fsync(file.fileno())

    def _load(self) -> None:
        for file in sorted(self.folder.glob(f"*{_ENDING}")):
            try:
                day = date.fromisoformat(file.stem)
                with file.open("rb+") as opened:
                    # What another process adds is whole before it is read.
                    fcntl.flock(opened, fcntl.LOCK_EX)
                    self._read(day, file.name, opened)
            except (OSError, ValueError) as error:
                log.warning("cache not read file=%s reason=%r", file.name, str(error))

    def _read(self, day: date, name: str, file: BinaryIO) -> None:
        content, end = file.read(), len(_MARK)
        for key, blob, end in _decode(content):  # noqa: B007 - where the last good record ends
            self._blobs[key] = blob
            self._keys.setdefault(day, []).append(key)
        self._sizes[day] = end
        if end != len(content):
            log.warning("cache torn file=%s kept=%d dropped=%d", name, end, len(content) - end)
            # What is added later must not stand behind what cannot be read.
            with suppress(OSError):
                file.truncate(end if content.startswith(_MARK) else 0)

    def _file(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}{_ENDING}"


def _hash(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "replace"), digest_size=16).digest()


def _encode(key: bytes, blob: bytes) -> bytes:
    return _HEAD.pack(len(blob), key) + blob + _SUM.pack(crc32(key + blob))


def _decode(content: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value, and where the record ends, of every record before the first that is damaged."""
    place = len(_MARK)
    if not content.startswith(_MARK):
        return
    while place + _HEAD.size <= len(content):
        length, key = _HEAD.unpack_from(content, place)
        end = place + _HEAD.size + length + _SUM.size
        if end > len(content):
            return
        blob = content[place + _HEAD.size : end - _SUM.size]
        if _SUM.unpack_from(content, end - _SUM.size)[0] != crc32(key + blob):
            return
        yield key, blob, end
        place = end
