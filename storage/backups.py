"""A backup in one file: rows as lines of JSON, compressed, between a first line with the version and a last one with a checksum.

It gets its name when it is whole and on the disk. Equal rows make equal files.
"""

import gzip
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from bot.errors import StorageError, UserError
from bot.model.row import Row
from storage.disk import Disk
from storage.rows import KINDS, decode_row, encode_row

VERSION = 1
_FORMAT = "paperround backup"
_LONGEST_LINE = 1 << 28
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(slots=True)
class _Writer:
    disk: Disk
    descriptor: int
    rows: int = 0
    _sum: Any = field(default_factory=sha256)
    _packer: Any = field(default_factory=lambda: zlib.compressobj(wbits=_GZIP))

    def add(self, line: bytes) -> None:
        self._sum.update(line)
        self._sum.update(b"\n")
        self._write(line)

    def end(self) -> None:
        self._write(orjson.dumps({"rows": self.rows, "sha256": self._sum.hexdigest()}))
        self.disk.write(self.descriptor, self._packer.flush())
        self.disk.sync(self.descriptor)

    def _write(self, line: bytes) -> None:
        packed = self._packer.compress(line + b"\n")
        if packed:
            self.disk.write(self.descriptor, packed)


async def write_backup(path: Path, rows: AsyncIterator[Row], disk: Disk | None = None) -> int:
    """Write all rows to `path`, in place of any file there; how many there were. Blocks while it writes.

    Raises UserError where the file cannot be written; then there is what was there before.
    """
    disk = disk or Disk()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = disk.create(temporary)
        try:
            writer = _Writer(disk, descriptor)
            writer.add(orjson.dumps({"format": _FORMAT, "version": VERSION}))
            async for row in rows:
                writer.add(encode_row(row))
                writer.rows += 1
            writer.end()
        finally:
            os.close(descriptor)
        disk.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return writer.rows


def check_backup(path: Path) -> str:
    """Read all of it; its checksum. Raises as `read_backup`."""
    digest = ""
    for row in _read(path):
        if isinstance(row, str):
            digest = row
    return digest


async def read_backup(path: Path) -> AsyncIterator[Row]:
    """Its rows. Raises UserError where it cannot be read or is no backup, StorageError where it is damaged or too new."""
    for row in _read(path):
        if isinstance(row, Row):
            yield row


def _read(path: Path) -> Iterator[Row | str]:
    """Every row, and the checksum in the end, once it is known to be right."""
    damaged = f"{path} is damaged or cut off; nothing of it can be trusted, use another backup"
    total, number, digest = sha256(), 0, ""
    try:
        with gzip.open(path) as file:
            while line := file.readline(_LONGEST_LINE):
                if digest:
                    raise StorageError(damaged)
                if number == 0:
                    _check_header(path, line)
                elif line.startswith(b"{"):
                    digest = _check_end(line, number - 1, total.hexdigest(), damaged)
                    continue
                else:
                    yield _decode(path, line, damaged)
                total.update(line)
                number += 1
    except FileNotFoundError:
        raise UserError(f"{path} is not there.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        if number == 0:
            raise UserError(f"{path} is no backup of paperround.") from error
        raise StorageError(damaged) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if not digest:
        raise StorageError(damaged)
    yield digest


def _check_header(path: Path, line: bytes) -> None:
    try:
        header = orjson.loads(line)
        if header["format"] != _FORMAT:
            raise UserError(f"{path} is no backup of paperround.")
        version = int(header["version"])
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is no backup of paperround.") from error
    if version > VERSION:
        raise StorageError(_too_new(path))


def _check_end(line: bytes, rows: int, digest: str, damaged: str) -> str:
    try:
        end = orjson.loads(line)
    except ValueError as error:
        raise StorageError(damaged) from error
    if end != {"rows": rows, "sha256": digest} or not line.endswith(b"\n"):
        raise StorageError(damaged)
    return digest


def _decode(path: Path, line: bytes, damaged: str) -> Row:
    try:
        row = decode_row(line)
    except ValueError as error:
        raise StorageError(damaged) from error
    if row.kind not in KINDS:
        raise StorageError(_too_new(path))
    return row


def _too_new(path: Path) -> str:
    return f"{path} was made by a newer paperround; upgrade this one to read it"
