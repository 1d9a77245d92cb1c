"""The TinyDB storage below its port: groups, compaction, locks, TinyDB's own methods."""

import asyncio
import os
import stat
from datetime import date
from pathlib import Path

import pytest
from tinydb import where
from tinydb.table import Document

from bot.errors import StorageError
from bot.model.chat import Chat
from storage.disk import Disk
from storage.journal import JournalTinyDB
from storage.schemas import Schema
from storage.tinydb import TinyDBStorage
from tests.storage_folder import CHAT, DAY, BrokenDisk, SlowDisk, add, files, identifier, seen, write


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    """Nobody else can look into the folder or read a file in it, whatever the umask."""
    folder = tmp_path / "deep" / "data"
    before = os.umask(0)
    try:
        await write(folder, *range(50), compact_after=500)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert files(folder, "chats.*.snapshot")


async def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    """Who opens a folder in use is told so with the other's process id; once it is closed, they may."""
    first, second = TinyDBStorage(tmp_path), TinyDBStorage(tmp_path)
    await first.open()
    with pytest.raises(StorageError, match=rf"another paperround \(process {os.getpid()}\)"):
        await second.open()
    await add(first, 1)
    await first.close()
    await second.open()
    await second.close()
    assert await seen(tmp_path) == {1}


async def test_a_folder_that_cannot_be_is_a_storage_error(tmp_path: Path) -> None:
    """Where the folder's name is taken by a file, opening raises StorageError."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError, match="cannot use"):
        await TinyDBStorage(tmp_path / "data").open()


async def test_many_updates_cost_few_fsyncs(tmp_path: Path) -> None:
    """A thousand writes made at once share their fsyncs."""
    disk = SlowDisk()
    storage = TinyDBStorage(tmp_path, disk=disk)
    await storage.open()
    await asyncio.gather(*(storage.add_seen(CHAT, [identifier(number)], DAY) for number in range(1_000)))
    assert disk.syncs <= 4
    await storage.close()
    assert await seen(tmp_path) == set(range(1_000))


async def test_a_slow_disk_does_not_hold_the_loop(tmp_path: Path) -> None:
    """While an fsync takes half a second, other tasks run, and reads are answered."""
    storage = TinyDBStorage(tmp_path, disk=SlowDisk(0.5))
    await storage.open()
    writing = asyncio.create_task(add(storage, 1))
    ticks = 0
    while not writing.done():
        await asyncio.sleep(0.01)
        await storage.get_seen(CHAT)
        ticks += 1
    assert ticks >= 20
    await storage.close()


async def test_a_write_that_changes_nothing_waits_for_what_it_rests_on(tmp_path: Path) -> None:
    """Marking a paper that another write is just marking fails with that write."""
    disk = BrokenDisk()
    storage = TinyDBStorage(tmp_path, disk=disk)
    await storage.open()
    disk.is_full = True
    results = await asyncio.gather(add(storage, 1), add(storage, 1), return_exceptions=True)
    assert [type(each) for each in results] == [StorageError, StorageError]
    disk.is_full = False
    await add(storage, 2)
    assert set(await storage.get_seen(CHAT)) == {identifier(2)}
    await storage.close()
    assert await seen(tmp_path) == {2}


async def test_a_cancelled_writer_disturbs_nobody(tmp_path: Path) -> None:
    """A cancelled writer's fsync goes on, and those who share it are told."""
    storage = TinyDBStorage(tmp_path, disk=SlowDisk(0.05))
    await storage.open()
    tasks = [asyncio.create_task(add(storage, number)) for number in range(10)]
    await asyncio.sleep(0.02)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks[1::2])
    await storage.close()
    assert await seen(tmp_path) >= set(range(1, 10, 2))


async def test_closing_waits_for_writes_under_way(tmp_path: Path) -> None:
    """A write begun before closing is on the disk when closing returns."""
    storage = TinyDBStorage(tmp_path, disk=SlowDisk(0.05))
    await storage.open()
    writing = asyncio.create_task(add(storage, 7))
    await asyncio.sleep(0)
    await storage.close()
    await writing
    assert await seen(tmp_path) == {7}


async def test_compaction_keeps_everything(tmp_path: Path) -> None:
    """After much writing the folder holds one snapshot and a short journal that say the same."""
    await write(tmp_path, *range(500), compact_after=1_000)
    # The first write after a start makes up for what the last run did not get to.
    await write(tmp_path, 500, compact_after=1_000)
    assert await seen(tmp_path) == set(range(501))
    assert len(files(tmp_path, "chats.*.snapshot")) == 1
    assert sum(path.stat().st_size for path in files(tmp_path, "chats.*.journal")) < 1_000


async def test_a_large_snapshot_is_written_in_many_records(tmp_path: Path) -> None:
    """Documents of more than one record's size all come back."""
    storage = TinyDBStorage(tmp_path, compact_after=100_000)
    await storage.open()
    chats = [Chat("telegram", str(number)) for number in range(300)]
    many = [identifier(number) for number in range(60)]
    await asyncio.gather(*(storage.add_seen(chat, many, DAY) for chat in chats))
    await storage.close()
    (snapshot,) = files(tmp_path, "chats.*.snapshot")
    assert snapshot.read_bytes().count(b"\n") > 5
    await storage.open()
    for chat in chats:
        assert await storage.get_seen(chat) == dict.fromkeys(many, DAY)
    await storage.close()


async def test_closing_after_a_failed_write_is_fine(tmp_path: Path) -> None:
    """Closing while a write fails tells its writer alone, and lets go of the folder."""
    disk = BrokenDisk()
    storage = TinyDBStorage(tmp_path, disk=disk)
    await storage.open()
    disk.is_full = True
    writing = asyncio.create_task(add(storage, 1))
    await asyncio.sleep(0)
    await storage.close()
    with pytest.raises(StorageError, match="nothing was written"):
        await writing
    assert await seen(tmp_path) == set()


async def test_writes_go_on_beside_compaction(tmp_path: Path) -> None:
    """While snapshots are written slowly, changes of the same documents go on and win."""
    storage = TinyDBStorage(tmp_path, compact_after=200, disk=SlowDisk(0.005))
    await storage.open()
    await asyncio.gather(*(add(storage, *range(start, start + 40)) for start in range(0, 200, 40)))
    await storage.forget_chat(CHAT)
    await add(storage, 1, 2, 3)
    await storage.close()
    assert await seen(tmp_path) == {1, 2, 3}


async def test_a_failed_compaction_is_logged_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the snapshot cannot be written, writes go on, and a later write compacts."""

    class NoRenames(Disk):
        is_broken = True

        def replace(self, source: Path, target: Path) -> None:
            if self.is_broken:
                raise OSError(5, "Input/output error")
            super().replace(source, target)

    disk = NoRenames()
    storage = TinyDBStorage(tmp_path, compact_after=300, disk=disk)
    await storage.open()
    await add(storage, *range(50))
    assert "compaction failed name=chats" in caplog.text
    assert not files(tmp_path, "*.snapshot")
    disk.is_broken = False
    await add(storage, *range(50, 100))
    await storage.close()
    assert files(tmp_path, "chats.*.snapshot")
    assert await seen(tmp_path) == set(range(100))


async def test_many_restarts_do_not_leave_many_files(tmp_path: Path) -> None:
    """Each start begins a journal, and compaction tidies them up long before their bytes would ask for it."""
    for number in range(200):
        await write(tmp_path, number)
    assert len(files(tmp_path)) < 100
    assert await seen(tmp_path) == set(range(200))


async def test_tinydb_queries_work(tmp_path: Path) -> None:
    """Searching, updating and removing by query, dropping and truncating tables do what TinyDB's manual says."""
    database = JournalTinyDB(tmp_path, "notes", Schema(1))
    table = database.table("notes")

    def fill() -> None:
        table.insert(Document({"n": 1, "tag": "old"}, doc_id="a"))
        table.insert_multiple([Document({"n": 2}, doc_id="b"), Document({"n": 3}, doc_id="c")])
        database.table("others").replace("x", {"y": [1.5, None]})
        database.table("rest").replace("z", {})

    def change() -> None:
        table.update({"tag": "new"}, where("n") >= 2)
        table.upsert(Document({"n": 4}, doc_id="d"))
        table.upsert(Document({"n": 10}, doc_id="a"))
        table.remove(where("n") == 3)
        database.drop_table("others")
        database.table("rest").truncate()

    await database.journal.commit(fill)
    assert table.search(where("n") > 1) == [{"n": 2}, {"n": 3}]
    await database.journal.commit(change)
    await database.journal.finish()
    again = JournalTinyDB(tmp_path, "notes", Schema(1))
    again.journal.load()
    table = again.table("notes")
    assert {each.doc_id: dict(each) for each in table} == {
        "a": {"n": 10, "tag": "old"},
        "b": {"n": 2, "tag": "new"},
        "d": {"n": 4},
    }
    assert (len(table), table.contains(doc_id="c"), table.count(where("n") == 4)) == (3, False, 1)
    assert again.tables() == {"notes"}
    await again.journal.commit(again.drop_tables)
    assert again.tables() == set()
    again.close()


async def test_tables_change_within_commit_only(tmp_path: Path) -> None:
    """A change that nobody waits for is refused, and so is a document without an id; neither leaves a trace."""
    database = JournalTinyDB(tmp_path, "notes", Schema(1))
    table = database.table("notes")
    with pytest.raises(RuntimeError, match="commit"):
        table.insert(Document({"n": 1}, doc_id="a"))
    with pytest.raises(ValueError, match="own id"):
        await database.journal.commit(lambda: table.insert({"n": 1}))
    assert len(table) == 0
    database.close()


async def test_a_dropped_table_comes_back_when_the_drop_fails(tmp_path: Path) -> None:
    """Pruning on a full disk raises and forgets nothing."""
    disk = BrokenDisk()
    storage = TinyDBStorage(tmp_path, disk=disk)
    await storage.open()
    await add(storage, 1)
    disk.is_full = True
    with pytest.raises(StorageError, match="No space left"):
        await storage.prune(batches_before=date.max, seen_before=date.max)
    assert set(await storage.get_seen(CHAT)) == {identifier(1)}
    await storage.close()
    assert await seen(tmp_path) == {1}
