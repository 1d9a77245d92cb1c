"""Moving, backing up and restoring: everything arrives as it was, or it is said what did not."""

import asyncio
import gzip
import os
import signal
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import ports, upkeep
from bot.errors import BotError, StorageError, UserError
from bot.model.chat import Chat
from bot.model.subscription import Subscription
from bot.moving import Origin, check_whole, copy
from storage import tinydb_url
from storage.backups import check_backup, read_backup, write_backup
from storage.postgres import PostgresStorage
from storage.postgres.moving import DERIVED
from storage.rows import KINDS, decode_row, encode_row
from storage.tinydb import TinyDBStorage
from tests.everything import ANYTHING, NOON, READS, WRITES, answers_of, live, one_of_each, rows_of
from tests.storage_folder import BrokenDisk, contents

ROOT = Path(__file__).parents[2]
NOT_CONTENT = {"open", "close", "check", "prune", "forget_chat", "move_chat", "plan_after", "record_after"}
NOT_CONTENT |= {"get_revisions", "prune_archive", "get_choice", "set_choice", "count_command"}
NOT_CONTENT |= {"get_question", "set_question", "end_question"}
NOT_CONTENT |= {"gather", "get_gathered", "drop_gathered"}
"""Methods of the port that tell nothing, add nothing that another does not, or tell of a moment alone."""


@pytest.fixture
async def home(tmp_path):
    """A storage that holds something of every kind."""
    storage = TinyDBStorage(tmp_path / "home")
    await storage.open()
    await one_of_each(storage)
    yield storage
    await storage.close()


@pytest.fixture
async def away(tmp_path):
    """An empty storage."""
    storage = TinyDBStorage(tmp_path / "away")
    await storage.open()
    yield storage
    await storage.close()


def test_every_method_of_the_port_is_thought_of():
    """Whoever adds one to the port is sent to tests/everything.py, and so to the rows that it needs."""
    methods = {each for each in dir(ports.Storage) if not each.startswith("_")}
    assert methods - NOT_CONTENT == WRITES.keys() | READS.keys()


async def test_something_of_every_kind_is_dumped(home):
    """Every method that writes leaves a row; rows come in the order of their kinds, and then of their keys."""
    rows = await rows_of(home)
    assert {each.kind for each in rows} == set(KINDS)
    places = [(KINDS.index(each.kind), each.key) for each in rows]
    assert all(one < other for one, other in pairwise(places))
    assert [decode_row(encode_row(each)) for each in rows] == rows


async def test_a_table_that_nobody_thought_of_is_not_left_behind(home):
    """What a newer or mended program kept in a table of its own stops the dump."""
    chats = home._databases["chats"]
    await chats.journal.commit(lambda: chats.table("laurels 2026-08-03").replace("x", {}))
    with pytest.raises(StorageError, match="laurels DAY"):
        await rows_of(home)


async def move(folder, history, way):
    """Live in one storage, and carry that to the next ones; it is the same everywhere."""
    archives, answers = [], []
    for number, make in enumerate(way):
        storage = make(folder / str(number))
        await storage.open()
        try:
            if archives:
                await copy(Origin("file", lambda path=archives[-1]: read_backup(path)), storage)
            else:
                await live(storage, history)
            archives.append(folder / f"archive {number}")
            await write_backup(archives[-1], storage.dump())
            answers.append(await answers_of(storage))
        finally:
            await storage.close()
    contents = [each.read_bytes() for each in archives]
    assert contents == contents[:1] * len(way)
    for each in answers[1:]:
        assert each == answers[0]


@settings(deadline=None, max_examples=40)
@given(ANYTHING)
def test_whatever_is_held_arrives(history):
    """Exported, imported and exported again it is the same, byte by byte, and every question has the same answer."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(move(Path(folder), history, [TinyDBStorage, TinyDBStorage]))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANYTHING, st.booleans())
def test_whatever_is_held_arrives_in_postgresql_and_back(cluster, history, begins_there):
    """The same, from a folder to PostgreSQL and back, and from PostgreSQL to a folder and back."""
    urls = []

    def postgres(_):
        urls.append(cluster.new_database())
        return PostgresStorage(urls[-1])

    way = [postgres, TinyDBStorage, postgres] if begins_there else [TinyDBStorage, postgres, TinyDBStorage]
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(move(Path(folder), history, way))
    finally:
        for each in urls:
            cluster.drop(each)


async def test_every_table_of_postgresql_is_thought_of(database_url):
    """Something of every kind is dumped, from every table; a table that nobody thought of stops the dump."""
    storage = PostgresStorage(database_url)
    await storage.open()
    await one_of_each(storage)
    assert {each.kind for each in await rows_of(storage)} == set(KINDS)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        cursor = await connection.execute("select tablename from pg_tables where schemaname = 'public'")
        for (table,) in await cursor.fetchall():
            if not table.startswith("procrastinate_") and table not in DERIVED:
                found = await connection.execute(f"select count(*) from {table}")  # noqa: S608 - its own name
                assert (await found.fetchone())[0], f"nothing was written to {table}"
        await connection.execute("create table laurels (x text)")
    with pytest.raises(StorageError, match="laurels"):
        await rows_of(storage)
    await storage.close()


async def test_nothing_is_moved_while_a_bot_runs_on_postgresql(database_url, away):
    """As long as some process holds a right there, the database is in use; and then it is not."""
    storage = PostgresStorage(database_url)
    await storage.open()
    lease = await storage.take("schedule", 20.0)
    with pytest.raises(StorageError, match="a bot is running"):
        await storage.require_idle()
    await storage.release(lease)
    await storage.require_idle()
    await storage.close()


async def test_a_second_storage_goes_on_as_the_first(home, away):
    """A copy counts its rows, leaves no trace of itself, and can be written to like any other."""
    counts = await copy(Origin("home", home.dump), away)
    assert counts == dict.fromkeys(KINDS, 1) | {"spending": 2, "note": 2}
    assert await rows_of(away) == await rows_of(home)
    await away.close()
    await away.open()
    assert await rows_of(away) == await rows_of(home)
    await check_whole(away)
    assert await copy(Origin("home", home.dump), away) == counts


async def test_nothing_is_mixed(home, away):
    """A storage that holds something else is refused, and stays as it is."""
    await away.set_note("mine", "!")
    before = await rows_of(away)
    with pytest.raises(UserError, match="There is something already: note mine"):
        await copy(Origin("home", home.dump), away)
    assert await rows_of(away) == before


class CutError(Exception):
    """The process ends here."""


def cut_short(storage, after):
    async def rows():
        number = 0
        async for row in storage.dump():
            if number == after:
                raise CutError
            number += 1
            yield row

    return rows


async def crowd(storage, chats=1200):
    for number in range(chats):
        chat = Chat("telegram", str(number))
        await storage.change_subscription(chat, lambda _, chat=chat: Subscription(chat, NOON))


async def test_a_copy_that_was_cut_short_goes_on(home, away):
    """Run again it finishes; until then no bot may run there, and nothing else be moved there."""
    await crowd(home)
    with pytest.raises(CutError):
        await copy(Origin("home", cut_short(home, 1100)), away)
    with pytest.raises(StorageError, match="again to finish"):
        await check_whole(away)
    with pytest.raises(UserError, match="Something else was being moved"):
        await copy(Origin("another", home.dump), away)
    assert (await copy(Origin("home", home.dump), away))["subscription"] == 1201
    assert await rows_of(away) == await rows_of(home)
    await check_whole(away)


async def test_what_was_changed_meanwhile_is_noticed(home, away):
    """A copy that goes on from another state than it began with differs in the end, and says in what."""
    await crowd(home)
    with pytest.raises(CutError):
        await copy(Origin("home", cut_short(home, 1100)), away)
    await home.forget_chat(Chat("telegram", "1"))
    with pytest.raises(StorageError, match=r"first in subscription telegram:1"):
        await copy(Origin("home", home.dump), away)
    with pytest.raises(StorageError, match="again to finish"):
        await check_whole(away)


async def test_any_damage_to_a_backup_is_noticed(home, tmp_path):
    """Each bit of the file matters, and so does its end: nothing is restored from a file that is not whole."""
    path, broken = tmp_path / "backup", tmp_path / "broken"
    await write_backup(path, home.dump())
    rows, content, digest = await rows_of(home), path.read_bytes(), check_backup(path)
    assert [each async for each in read_backup(path)] == rows
    for end in range(0, len(content), 7):
        broken.write_bytes(content[:end])
        with pytest.raises(BotError):
            check_backup(broken)
    harmless = 0
    for at in range(0, len(content), 3):
        broken.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        try:
            # The compressed form has some bits that mean nothing.
            assert check_backup(broken) == digest
            harmless += 1
        except BotError:
            pass
    assert harmless < 8


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        ([b'{"format":"paperround backup","version":2}'], StorageError, "newer paperround; upgrade"),
        ([b'{"format":"paperround backup","version":1}', b'["laurels",["x"],{}]'], StorageError, "newer paperround"),
        ([b'{"format":"paperround backup","version":1}', b"[1]"], StorageError, "damaged"),
        ([b'{"format":"paperround backup","version":1}'], StorageError, "damaged"),
        ([b'{"format":"another"}'], UserError, "no backup of paperround"),
        ([b"hello"], UserError, "no backup of paperround"),
    ],
)
def test_other_files_are_refused(tmp_path, lines, error, words):
    """What is no backup, or one that this program cannot read, is said so."""
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    with pytest.raises(error, match=words):
        check_backup(path)


async def test_what_is_no_file_is_refused(tmp_path, home):
    """A missing, a plain and an unreadable file, and a folder that cannot be written to."""
    plain = tmp_path / "plain"
    plain.write_text("hello")
    with pytest.raises(UserError, match="no backup of paperround"):
        check_backup(plain)
    with pytest.raises(UserError, match="is not there"):
        check_backup(tmp_path / "missing")
    with pytest.raises(UserError, match="cannot be read"):
        check_backup(tmp_path)
    with pytest.raises(UserError, match="cannot be written"):
        await write_backup(tmp_path / "missing" / "file", home.dump())


async def test_a_full_disk_leaves_the_backup_before(home, tmp_path):
    """A backup that cannot be finished replaces nothing and leaves nothing."""
    path, disk = tmp_path / "backup", BrokenDisk()
    await write_backup(path, home.dump())
    before, disk.is_full = path.read_bytes(), True
    await home.set_note("more", "!")
    with pytest.raises(UserError, match="No space left"):
        await write_backup(path, home.dump(), disk)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup", "home"]
    assert path.stat().st_mode & 0o777 == 0o600


async def run(*arguments, folder, kill_after=None):
    """The program; its exit code and what it said. With `kill_after` seconds it may not have finished."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if kill_after is not None:
        await asyncio.sleep(kill_after)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_command_line_moves_backs_up_and_restores(home, tmp_path):
    """With the bot stopped; while something runs in the folder, each is refused by name."""
    code, said = await run("migrate", "--from", tinydb_url(tmp_path / "home"), "--to", "tinydb:///x/y", folder=tmp_path)
    assert code == 1
    assert "is running with" in said
    expected = await rows_of(home)
    await home.close()
    urls = [tinydb_url(tmp_path / each) for each in ("home", "data")]
    code, said = await run("migrate", "--from", urls[0], "--to", urls[1], folder=tmp_path)
    assert (code, "subscription 1" in said, "spending 2" in said) == (0, True, True), said
    code, said = await run("backup", "file", folder=tmp_path)
    assert (code, f"{len(expected)} rows" in said) == (0, True), said
    code, said = await run("restore", "file", folder=tmp_path)
    assert (code, "restored and compared" in said) == (0, True), said
    code, said = await run("restore", "nothing", folder=tmp_path)
    assert (code, "nothing is not there" in said) == (2, True), said
    code, said = await run("migrate", "--from", urls[0], "--to", urls[0], folder=tmp_path)
    assert (code, "the same storage" in said) == (2, True), said
    before = contents(tmp_path / "home")
    (tmp_path / "data").rename(tmp_path / "old")
    code, said = await run("restore", "file", folder=tmp_path)
    assert code == 0, said
    assert contents(tmp_path / "home") == before
    restored = TinyDBStorage(tmp_path / "data")
    await restored.open()
    assert await rows_of(restored) == expected
    await restored.close()


async def test_kill_9_in_the_middle_loses_nothing(home, tmp_path):
    """Killed again and again and run once more, the copy is whole."""
    await crowd(home, 5000)
    expected = await rows_of(home)
    await home.close()
    urls = [tinydb_url(tmp_path / each) for each in ("home", "data")]
    for tenth in range(4, 9):
        await run("migrate", "--from", urls[0], "--to", urls[1], folder=tmp_path, kill_after=tenth / 10)
    code, said = await run("migrate", "--from", urls[0], "--to", urls[1], folder=tmp_path)
    assert code == 0, said
    moved = TinyDBStorage(tmp_path / "data")
    await moved.open()
    assert await rows_of(moved) == expected
    await moved.close()


async def test_no_bot_runs_on_half_of_what_there_was(home, away, tmp_path):
    """Until the copy is whole, the program says what to do instead of sending what it does not know was sent."""
    await crowd(home)
    with pytest.raises(CutError):
        await copy(Origin("home", cut_short(home, 1100)), away)
    await away.close()
    (tmp_path / "away").rename(tmp_path / "data")
    code, said = await run("run", folder=tmp_path)
    assert (code, "run the same `paperround migrate`" in said) == (1, True), said
    with pytest.raises(StorageError):
        await upkeep.back_up(tinydb_url(tmp_path / "data"), tmp_path / "file", lambda _: None)
