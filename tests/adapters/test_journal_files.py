"""The files of the TinyDB storage: torn, damaged, foreign, older and newer ones."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import StorageError
from bot.model.announcement import Batch
from bot.model.chat import Chat
from storage.schemas import Schema, Tables
from storage.tinydb import TinyDBStorage
from tests.storage_folder import CHAT, DAY, BrokenDisk, add, contents, files, identifier, refusal, seen, write


async def test_opening_alone_writes_nothing(tmp_path: Path) -> None:
    """A start that writes nothing leaves no file but the lock."""
    await write(tmp_path)
    assert contents(tmp_path) == {}


async def test_a_torn_last_record_is_dropped(tmp_path: Path) -> None:
    """Wherever the last record is cut off, all before it is found, and the next write is found as well."""
    await write(tmp_path / "whole", 1, 2)
    (journal,) = (tmp_path / "whole").glob("chats.*.journal")
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for size in range(last, len(whole)):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / journal.name).write_bytes(whole[:size])
        assert await seen(folder) == {1}
        await write(folder, 3)
        assert await seen(folder) == {1, 3}


async def test_a_journal_torn_at_its_header_is_begun_again(tmp_path: Path) -> None:
    """A crash while a journal was being made leaves a bad header, and loses nothing."""
    await write(tmp_path, 1)
    (tmp_path / "chats.00000002.journal").write_bytes(b"01234567 {")
    assert await seen(tmp_path) == {1}
    await write(tmp_path, 2)
    assert await seen(tmp_path) == {1, 2}


async def test_zeros_in_the_last_record_are_a_torn_write(tmp_path: Path) -> None:
    """A power cut may leave the middle of the last write empty; it is dropped like any torn write."""
    await write(tmp_path, 1, 2)
    (journal,) = files(tmp_path, "chats.*.journal")
    content = journal.read_bytes()
    journal.write_bytes(content[:-20] + bytes(10) + content[-10:])
    assert await seen(tmp_path) == {1}


async def test_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    """A bad record before a good one is not a torn write: the refusal names file and offset, and touches nothing."""
    await write(tmp_path, 1, 2, 3)
    (journal,) = files(tmp_path, "chats.*.journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"00002", b"00009")
    journal.write_bytes(b"".join(lines))
    message = await refusal(tmp_path)
    assert f"{journal} is damaged at byte {len(lines[0] + lines[1])}" in message


async def test_an_older_journal_cut_off_is_refused(tmp_path: Path) -> None:
    """The next journal knows how long this one was; losing its end is damage, not a torn write."""
    await write(tmp_path, 1)
    await write(tmp_path, 2)
    journal = tmp_path / "chats.00000001.journal"
    content = journal.read_bytes()
    journal.write_bytes(content[: content.rstrip().rindex(b"\n") + 1])
    assert f"{journal} is damaged" in await refusal(tmp_path)


async def test_a_missing_journal_is_refused(tmp_path: Path) -> None:
    """A gap between journals is named."""
    await write(tmp_path, 1)
    await write(tmp_path, 2)
    (tmp_path / "chats.00000001.journal").unlink()
    assert "chats.00000001.journal is missing" in await refusal(tmp_path)


async def test_a_snapshot_cut_off_is_refused(tmp_path: Path) -> None:
    """A snapshot got its name when it was whole: without its end it is damaged."""
    await write(tmp_path, *range(50), compact_after=300)
    (snapshot,) = files(tmp_path, "chats.*.snapshot")
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[: content.rstrip().rindex(b"\n") + 1])
    assert f"{snapshot} is cut off" in await refusal(tmp_path)
    snapshot.write_bytes(content[:-4])
    assert f"{snapshot} is damaged" in await refusal(tmp_path)


@pytest.mark.parametrize("content", [b"{}\n", b'5adbf3a2 {"format":"other"}\n', b"08f4a6fd []\n"])
async def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file under our name that is not ours is left alone."""
    (tmp_path / "chats.00000002.snapshot").write_bytes(content)
    assert "chats.00000002.snapshot" in await refusal(tmp_path)


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """Files of a newer program are named with both versions, the way out is to upgrade, and nothing is touched."""
    storage = TinyDBStorage(tmp_path, chats=Schema(3))
    await storage.open()
    await add(storage, 1)
    await storage.close()
    message = await refusal(tmp_path)
    assert "schema version 3" in message
    assert "up to 1: upgrade paperround" in message


async def test_mixed_schema_versions_are_refused(tmp_path: Path) -> None:
    """Journals of two versions in one folder were put together by hand; they are left alone."""
    await write(tmp_path, 1)
    storage = TinyDBStorage(tmp_path / "new", chats=Schema(2))
    await storage.open()
    await add(storage, 1)
    await storage.close()
    (journal,) = files(tmp_path / "new", "chats.*.journal")
    journal.rename(tmp_path / "chats.00000002.journal")
    assert "mixes schema versions" in await refusal(tmp_path, Schema(2, {1: lambda tables: tables}))


async def test_an_older_schema_is_migrated_with_a_backup(tmp_path: Path) -> None:
    """Every step between the versions is taken once, over all documents, and the old files are kept."""
    await write(tmp_path, *range(30), compact_after=300)
    before = {name: content for name, content in contents(tmp_path).items() if name.startswith("chats")}
    taken: list[int] = []

    def step(version: int) -> Callable[[Tables], Tables]:
        def take(tables: Tables) -> Tables:
            taken.append(version)
            return {
                name: {key: document | {"v": version} for key, document in table.items()}
                for name, table in tables.items()
            }

        return take

    schema = Schema(3, {1: step(1), 2: step(2)})
    for _ in range(2):
        storage = TinyDBStorage(tmp_path, chats=schema)
        await storage.open()
        assert set(await storage.get_seen(CHAT)) == {identifier(number) for number in range(30)}
        await storage.check()
        await storage.forget_chat(Chat("telegram", "2"))
        await storage.close()
    assert taken == [1, 2]
    assert contents(tmp_path / "backup-chats-v1") == before
    assert stat.S_IMODE((tmp_path / "backup-chats-v1").stat().st_mode) == 0o700
    assert b'"v":2' in next(iter(files(tmp_path, "chats.*.snapshot"))).read_bytes()
    assert "upgrade" in await refusal(tmp_path)


async def test_a_migration_that_fails_leaves_the_old_files(tmp_path: Path) -> None:
    """Where the migrated snapshot cannot be written, the older program still reads everything."""
    await write(tmp_path, 1, 2)
    disk = BrokenDisk()
    disk.is_full = True
    with pytest.raises(StorageError, match="No space left"):
        await TinyDBStorage(tmp_path, chats=Schema(2, {1: lambda tables: tables}), disk=disk).open()
    assert await seen(tmp_path) == {1, 2}


async def test_a_schema_without_a_step_is_refused(tmp_path: Path) -> None:
    """A version that no step leads away from is too old, and stays as it is."""
    await write(tmp_path, 1)
    assert "too old" in await refusal(tmp_path, Schema(3, {2: lambda tables: tables}))


async def test_one_newer_database_keeps_the_other_unmigrated(tmp_path: Path) -> None:
    """Nothing is migrated where anything is refused."""
    storage = TinyDBStorage(tmp_path, announcements=Schema(2))
    await storage.open()
    await add(storage, 1)
    await storage.save_batch(Batch("cs.LG", DAY, ()))
    await storage.close()
    assert "upgrade" in await refusal(tmp_path, Schema(2, {1: lambda tables: tables}))
