"""The files of one database: journals that are appended to, and the snapshots that shorten them.

`chats.00000003.snapshot` holds what the journals before number 3 said; `chats.00000003.journal` and later ones go on
from there. A snapshot gets its name when it is whole and on the disk, so whatever happens, the newest snapshot
and the journals from its number on are the truth, and older files are rubbish.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import orjson

from bot.errors import StorageError
from storage.disk import Disk
from storage.memory import Documents, encode_operation
from storage.records import encode_record, read_records

_FORMAT = "paperround 1"
_END = {"end": True}
_RECORD_BYTES = 1 << 15
_BREATH = 0.0003
_COST_OF_A_FILE = 1 << 16

log = logging.getLogger(__name__)


class JournalFiles:
    """One database's files. Its methods block, and raise OSError; `load` raises StorageError too.

    `fresh` counts the bytes that no snapshot holds yet; whoever begins a snapshot sets it back.
    """

    def __init__(self, folder: Path, name: str, version: int, disk: Disk) -> None:
        self._folder = folder
        self._name = name
        self._version = version
        self._disk = disk
        self._journal: int | None = None
        self._generation = 0
        self._size = 0
        self.fresh = 0
        self.snapshot_size = 0

    def load(self) -> tuple[Documents, int]:
        """All documents and the schema version they are in. Changes no file.

        Raises StorageError where a file is damaged or missing, or newer than this program.
        """
        base = max(self._numbers("snapshot"), default=0)
        headers = self._journal_headers(max(base, 1))
        version = self._check_versions([*headers, self._header(base, "snapshot")] if base else headers)
        documents = Documents()
        if base:
            self._replay_snapshot(base, documents)
        self._generation, self._size, self.fresh = max(base - 1, 0), 0, 0
        for _, following in pairwise([*headers, None]):
            self._generation += 1
            self._replay_journal(documents, following["previous"] if following else None)
        return documents, version

    def append(self, record: bytes) -> None:
        """Add a record to the journal and wait until it is on the disk. Where this raises, it is not in the journal."""
        if self._journal is None:
            self.rotate()
        journal = cast("int", self._journal)
        try:
            self._disk.write(journal, record)
            self._disk.sync(journal)
        except BaseException:
            self._take_back(journal)
            raise
        self._size += len(record)
        self.fresh += len(record)

    def rotate(self) -> int:
        """Begin the next journal and return its number. Where this raises, `append` tries again first."""
        # From here on the journal before must not grow: the header of the next one, once written, says where it ends.
        self.close()
        number = self._generation + 1
        header = {"format": _FORMAT, "schema": self._version, "previous": self._size}
        record = encode_record(orjson.dumps(header))
        journal = self._disk.create(self._path(number, "journal"))
        try:
            self._disk.write(journal, record)
            self._disk.sync(journal)
            self._disk.sync_folder(self._folder)
        except BaseException:
            os.close(journal)
            raise
        self._journal, self._generation, self._size = journal, number, len(record)
        return number

    def write_snapshot(self, number: int, documents: Documents) -> None:
        """Keep the documents as what all journals before `number` said, and delete those. May run beside `append`."""
        temporary = self._folder / f"{self._name}.snapshot.tmp"
        descriptor = self._disk.create(temporary)
        try:
            for record in self._snapshot_records(documents):
                self._disk.write(descriptor, record)
                # Python lets a busy thread keep the interpreter for 5 ms at a time; the event loop shall not wait so long.
                time.sleep(_BREATH)
            self._disk.sync(descriptor)
            self.snapshot_size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        self._disk.replace(temporary, self._path(number, "snapshot"))
        for kind in ("journal", "snapshot"):
            for older in self._numbers(kind):
                if older < number:
                    self._disk.remove(self._path(older, kind))

    def migrate(self, documents: Documents, old_version: int) -> None:
        """Copy all files to `backup-NAME-vVERSION`, then keep `documents`, which are in today's schema, instead."""
        backup = self._folder / f"backup-{self._name}-v{old_version}"
        backup.mkdir(mode=0o700, exist_ok=True)
        for kind in ("journal", "snapshot"):
            for number in self._numbers(kind):
                self._back_up(self._path(number, kind), backup)
        self._disk.sync_folder(backup)
        self._disk.sync_folder(self._folder)
        self.write_snapshot(self._generation + 1, documents)
        self._size = 0

    def close(self) -> None:
        """Let go of the journal; the next `append` begins a new one."""
        journal, self._journal = self._journal, None
        if journal is not None:
            os.close(journal)

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"{self._name}.{number:08}.{kind}"

    def _numbers(self, kind: str) -> list[int]:
        return sorted(int(path.name.split(".")[-2]) for path in self._folder.glob(f"{self._name}.*[0-9].{kind}"))

    def _journal_headers(self, first: int) -> list[dict[str, Any]]:
        numbers = [each for each in self._numbers("journal") if each >= first]
        for number, expected in zip(numbers, range(first, first + len(numbers)), strict=True):
            if number != expected:
                raise StorageError(f"{self._path(expected, 'journal')} is missing; restore a backup of the folder")
        headers = [self._header(number, "journal") for number in numbers]
        # Without a header: the process ended while this journal was being made; nothing in it was ever acknowledged.
        return headers[:-1] if headers and not headers[-1] else headers

    def _header(self, number: int, kind: str) -> dict[str, Any]:
        path = self._path(number, kind)
        header, _ = next(read_records(path), ({}, 0))
        newest = self._numbers("journal")[-1:] == [number] and kind == "journal"
        if not (isinstance(header, dict) and header.get("format") == _FORMAT) and not (newest and not header):
            raise StorageError(f"{path} does not begin as a {kind} of paperround; restore a backup of the folder")
        return header

    def _check_versions(self, headers: list[dict[str, Any]]) -> int:
        versions: set[int] = {header["schema"] for header in headers} or {self._version}
        if max(versions) > self._version:
            raise StorageError(
                f"{self._folder}: {self._name} has schema version {max(versions)}, this program knows versions "
                f"up to {self._version}: upgrade paperround",
            )
        if len(versions) > 1:
            raise StorageError(f"{self._folder}: {self._name} mixes schema versions; restore a backup of the folder")
        return max(versions)

    def _replay_snapshot(self, number: int, documents: Documents) -> None:
        path = self._path(number, "snapshot")
        self.snapshot_size = path.stat().st_size
        record: Any = None
        for record, _ in read_records(path, until=self.snapshot_size):
            if isinstance(record, list):
                documents.replay(record)
        if record != _END:
            raise StorageError(f"{path} is cut off at byte {self.snapshot_size}; restore a backup of the folder")

    def _replay_journal(self, documents: Documents, until: int | None) -> None:
        path = self._path(self._generation, "journal")
        for record, end in read_records(path, until):
            self._size = end
            if isinstance(record, list):
                documents.replay(record)
        self.fresh += max(self._size, _COST_OF_A_FILE)
        torn = path.stat().st_size - self._size
        if torn:
            log.warning("journal torn file=%s kept=%d dropped=%d", path.name, self._size, torn)

    def _take_back(self, journal: int) -> None:
        with suppress(OSError):
            self._disk.truncate(journal, self._size)
            self._disk.sync(journal)
        # Never appended to again: after a failed fsync the kernel calls lost pages written.
        self.close()

    def _snapshot_records(self, documents: Documents) -> Iterator[bytes]:
        yield encode_record(orjson.dumps({"format": _FORMAT, "schema": self._version}))
        operations: list[bytes] = []
        size = 0
        for table in documents.names():
            for document_id, document in documents.table(table).items():
                operations.append(encode_operation(table, document_id, document))
                size += len(document)
                if size > _RECORD_BYTES:
                    yield encode_record(b"[%b]" % b",".join(operations))
                    operations, size = [], 0
        yield encode_record(b"[%b]" % b",".join(operations))
        yield encode_record(orjson.dumps(_END))

    def _back_up(self, path: Path, folder: Path) -> None:
        temporary = folder / f"{path.name}.tmp"
        descriptor = self._disk.create(temporary)
        try:
            self._disk.write(descriptor, path.read_bytes())
            self._disk.sync(descriptor)
        finally:
            os.close(descriptor)
        self._disk.replace(temporary, folder / path.name)
