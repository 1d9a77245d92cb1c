"""TinyDB's storage as a durable journal: memory is changed at once, the disk by one fsync for all who wait."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from tinydb import TinyDB
from tinydb.storages import Storage

from bot.errors import StorageError
from storage.disk import Disk
from storage.files import JournalFiles
from storage.memory import Documents, Undo, encode_operation
from storage.records import encode_document, encode_record
from storage.schemas import Schema, Tables
from storage.table import DecodedTable, JournalTable

COMPACT_AFTER = 4 << 20
"""Bytes of journal that are worth a compaction; less than the snapshot's own size never is."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Group:
    """Operations that are kept together or not at all, and how to take them back."""

    waiter: "asyncio.Future[None] | None" = None
    operations: list[bytes] = field(default_factory=list)
    undos: list[Undo] = field(default_factory=list)

    def undo(self, documents: Documents) -> None:
        for undo in reversed(self.undos):
            undo(documents)


class JournalStorage(Storage):
    """Keeps a TinyDB in `folder` as files that begin with `name`. Nothing is read before `load`.

    Used from one event loop, after `load` and `migrate`, which block and belong in a thread.
    What is in memory may be on its way to the disk still: only `commit` tells that it has arrived.
    """

    def __init__(
        self, folder: Path, name: str, schema: Schema, *, compact_after: int = COMPACT_AFTER, disk: Disk | None = None
    ) -> None:
        self.documents = Documents()
        self._name = name
        self._schema = schema
        self._compact_after = compact_after
        self._files = JournalFiles(folder, name, schema.version, disk or Disk())
        self._version = schema.version
        self._writer = ThreadPoolExecutor(1, f"{name}-journal")
        self._compactor = ThreadPoolExecutor(1, f"{name}-compaction")
        self._group: _Group | None = None
        self._queued: list[_Group] = []
        self._writing: list[_Group] = []
        self._compaction: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Read everything; changes no file. Raises OSError, and StorageError as `JournalFiles.load`."""
        self.documents, self._version = self._files.load()
        missing = [each for each in range(self._version, self._schema.version) if each not in self._schema.steps]
        if missing:
            raise StorageError(f"{self._name} has schema version {self._version}, too old for this program")

    def migrate(self) -> None:
        """Bring an older schema up to date, keeping a backup. Raises OSError; then the files are as they were."""
        if self._version == self._schema.version:
            return
        tables: Tables = {name: dict(DecodedTable(self.documents.table(name))) for name in self.documents.names()}
        for version in range(self._version, self._schema.version):
            tables = self._schema.steps[version](tables)
        migrated = {
            name: {document_id: encode_document(document) for document_id, document in table.items()}
            for name, table in tables.items()
        }
        self._files.migrate(Documents(migrated), self._version)
        self.documents = Documents(migrated)
        log.info("migrated name=%s from=%d to=%d", self._name, self._version, self._schema.version)
        self._version = self._schema.version

    def read(self) -> dict[str, dict[str, Any]]:
        """All tables, for TinyDB."""
        return {name: DecodedTable(self.documents.table(name)) for name in self.documents.names()}  # type: ignore[misc]

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make the tables those of `data`, for TinyDB, which drops tables this way."""
        for name in self.documents.names():
            if not isinstance(data.get(name), DecodedTable):
                self._change(encode_operation(name), self.documents.drop(name))
        for name, table in data.items():
            if not isinstance(table, DecodedTable):
                for document_id, document in table.items():
                    self.put(name, document_id, encode_document(document))

    def put(self, table: str, document_id: str, document: bytes | None) -> None:
        """Replace one encoded document, or with None delete it, as part of the `commit` under way."""
        operation = encode_operation(table, document_id, document)
        self._change(operation, self.documents.put(table, document_id, document))

    async def commit(self, change: Callable[[], Result]) -> Result:
        """Call `change`, which changes tables, and return its result when all it did is on the disk: all or nothing.

        It waits for earlier changes too, as its result may rest on them. What `change` raises is passed on.
        Raises StorageError where the disk failed. A cancelled `commit` may still happen, whole.
        """
        group = self._group = _Group()
        try:
            result = change()
        except BaseException:
            group.undo(self.documents)
            raise
        finally:
            self._group = None
        if group.operations or self._writing:
            await self._arrival(group)
        return result

    async def finish(self) -> None:
        """Wait for writes and compaction under way, then let go of the files."""
        try:
            # Those who wrote have been told of a failure.
            with suppress(StorageError):
                await self.commit(lambda: None)
            if self._compaction is not None:
                await self._compaction
        finally:
            self.close()

    def close(self) -> None:
        """Let go of threads and files at once."""
        self._writer.shutdown()
        self._compactor.shutdown()
        self._files.close()

    def _change(self, operation: bytes, undo: Undo) -> None:
        if self._group is None:
            undo(self.documents)
            raise RuntimeError("tables are changed within commit() only")
        self._group.operations.append(operation)
        self._group.undos.append(undo)

    async def _arrival(self, group: _Group) -> None:
        group.waiter = asyncio.get_running_loop().create_future()
        self._queued.append(group)
        self._write()
        try:
            await group.waiter
        except OSError as error:
            raise StorageError(f"{self._name}: nothing was written: {error}") from error

    def _write(self) -> None:
        """Send everything queued to the disk as one record, unless a write is under way, which then calls this."""
        if self._writing or not self._queued:
            return
        self._writing, self._queued = self._queued, []
        # One record, not one per group: a power cut may lose the middle of a write and keep its end.
        record = encode_record(b"[%b]" % b",".join(each for group in self._writing for each in group.operations))
        loop = asyncio.get_running_loop()
        written = self._writer.submit(self._files.append, record)
        written.add_done_callback(lambda done: loop.call_soon_threadsafe(self._written, done))

    def _written(self, done: "Future[None]") -> None:
        error = done.exception()
        groups, self._writing = self._writing, []
        if error is not None:
            # What was queued meanwhile was built on what failed.
            groups, self._queued = groups + self._queued, []
            for group in reversed(groups):
                group.undo(self.documents)
        for group in groups:
            if group.waiter is not None and not group.waiter.done():
                group.waiter.set_exception(error) if error else group.waiter.set_result(None)
        self._compact_if_due()
        self._write()

    def _compact_if_due(self) -> None:
        if self._compaction or self._files.fresh < max(self._compact_after, self._files.snapshot_size):
            return
        self._files.fresh = 0
        durable = self.documents.copy()
        for group in reversed(self._queued):
            group.undo(durable)
        # The writer does one thing after the other, so all that is queued goes to the new journal.
        rotation = self._writer.submit(self._files.rotate)
        self._compaction = asyncio.get_running_loop().create_task(self._compact(durable, rotation))

    async def _compact(self, durable: Documents, rotation: "Future[int]") -> None:
        loop = asyncio.get_running_loop()
        try:
            number = await asyncio.wrap_future(rotation)
            await loop.run_in_executor(self._compactor, self._files.write_snapshot, number, durable)
            log.info("compacted name=%s bytes=%d", self._name, self._files.snapshot_size)
        except Exception:
            # The journals hold everything; after as many bytes more the next write tries again.
            log.exception("compaction failed name=%s", self._name)
        finally:
            self._compaction = None


class JournalTinyDB(TinyDB):
    """A TinyDB that takes the arguments of `JournalStorage`."""

    table_class = JournalTable
    default_storage_class = JournalStorage  # type: ignore[assignment]

    @property
    def journal(self) -> JournalStorage:
        """Where changes are committed."""
        return cast("JournalStorage", self.storage)

    def table(self, name: str, **options: Any) -> JournalTable:  # noqa: ANN401 TinyDB's signature
        """The table of this name, made by the first document in it."""
        return cast("JournalTable", super().table(name, **options))
