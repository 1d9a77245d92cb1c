"""PostgreSQL that goes away, comes back, refuses writes, or leaves open whether it wrote: nothing is lost, nothing doubled."""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from storage.postgres import PostgresStorage
from tests.cluster import running_cluster

ANN = Chat("telegram", "1")
NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)
DAY = NOW.date()
SOCKET = ".s.PGSQL.5432"


class Wire:
    """Between a client and the server. `cut` says what becomes of the next commit, once.

    `before`: it never arrives. `after`: it is made, and its answer lost. `hang`: it never arrives, and the server is not told
    that the client has gone. While it is not `is_open`, nothing passes, and nobody is told.
    """

    def __init__(self, cluster, folder):
        self._there, self._here = cluster.folder / SOCKET, Path(folder) / SOCKET
        self._tasks = set()
        self.cut = ""
        self.cuts = 0
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def __aenter__(self):
        self._server = await asyncio.start_unix_server(self._carry, self._here)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self._here.unlink()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, from_client, to_client):
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        from_server, to_server = await asyncio.open_unix_connection(self._there)
        how = []
        ends = [
            asyncio.create_task(self._to_server(from_client, to_server, how)),
            asyncio.create_task(self._to_client(from_server, to_client, how)),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            to_client.close()
            if how == ["hang"]:
                await asyncio.wait(ends)
        finally:
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            to_client.close()
            to_server.close()

    async def _to_server(self, reader, writer, how):
        while data := await reader.read(65536):
            await self.is_open.wait()
            if self.cut and b"COMMIT" in data:
                how.append(self.cut)
                self.cut = ""
                self.cuts += 1
                if how != ["after"]:
                    return
            writer.write(data)
            await writer.drain()

    async def _to_client(self, reader, writer, how):
        while data := await reader.read(65536):
            if how == ["after"]:
                return
            writer.write(data)
            await writer.drain()


@pytest.fixture
async def wired(cluster, database_url):
    """A storage, and the wire to its server."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        async with Wire(cluster, folder) as wire:
            storage = PostgresStorage(database_url.replace(quote(str(cluster.folder), safe=""), quote(folder, safe="")))
            await storage.open()
            yield storage, wire
            await storage.close()


@asynccontextmanager
async def opened(url, **options):
    storage = PostgresStorage(url, **options)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


def end_sessions(cluster, url):
    assert cluster.end_sessions(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_commit_without_an_answer_counts_once(wired, caplog, cut):
    """Whether it was made or not is found out, and it is made if it was not; what was returned is what is there."""
    storage, wire = wired
    await storage.change_subscription(ANN, lambda _: Subscription(ANN, NOW, max_papers=0))

    def add_one(old):
        return Subscription(ANN, NOW, max_papers=old.max_papers + 1)

    for turn in range(1, 3):
        wire.cut = cut
        await storage.count_hits(DAY, 1)
        wire.cut = cut
        changed = await storage.change_subscription(ANN, add_one)
        assert changed.max_papers == turn
    [spent] = await storage.get_spending(DAY)
    assert (spent.hits, wire.cuts) == (2, 4)
    assert await storage.get_subscription(ANN) == changed
    assert "status=retried" in caplog.text


async def test_a_transaction_that_the_server_still_waits_for_is_waited_for(wired):
    """It is given up by the server after some seconds, and made again; meanwhile nobody knows, and nobody guesses."""
    storage, wire = wired
    wire.cut = "hang"
    await storage.count_hits(DAY, 1)
    [spent] = await storage.get_spending(DAY)
    assert (spent.hits, wire.cuts) == (1, 1)


async def test_a_process_that_was_held_up_begins_anew(database_url):
    """Where the whole process stood still in the middle of a transaction, the server gave that up; it is made again."""
    async with opened(database_url) as storage:
        seconds = iter([6.0, 0.0])

        def change(old):
            time.sleep(next(seconds))
            return Subscription(ANN, NOW)

        assert await storage.change_subscription(ANN, change) == await storage.get_subscription(ANN)


async def test_lost_connections_are_made_anew(cluster, database_url, caplog):
    """Reads and writes go on as if nothing had been; the log tells."""
    async with opened(database_url) as storage:
        await asyncio.gather(
            *(storage.add_seen(Chat("telegram", str(each)), [ArxivId("1")], DAY) for each in range(20))
        )
        end_sessions(cluster, database_url)
        assert await storage.get_seen(Chat("telegram", "7")) == {"1": DAY}
        end_sessions(cluster, database_url)
        assert await storage.reserve_tokens(DAY, 1, 1)
        end_sessions(cluster, database_url)
        assert await storage.get_subscriptions() == ()
    assert "status=retried" in caplog.text


async def test_a_database_that_takes_no_writes_says_so(cluster, database_url):
    """What was written can be read; each write raises, and changes nothing; when it takes them again, all goes on."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    async with opened(database_url) as storage:
        await storage.set_note("key", "first")
        cluster.execute(f"alter database {name} set default_transaction_read_only = on")
        end_sessions(cluster, database_url)
        for write in (storage.set_note("key", "second"), storage.check(), storage.reserve_tokens(DAY, 1, 1)):
            with pytest.raises(StorageError, match="read-only"):
                await write
        assert await storage.get_note("key") == "first"
        cluster.execute(f"alter database {name} set default_transaction_read_only = off")
        end_sessions(cluster, database_url)
        await storage.set_note("key", "second")
        assert await storage.get_note("key") == "second"


async def test_a_full_disk_says_so(database_url):
    """As a write that finds no room raises; nothing of its transaction stays, and afterwards all goes on."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            """create function refuse() returns trigger language plpgsql as $$ begin
            raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$"""
        )
        connection.execute("create trigger full_disk before insert on progress execute function refuse()")
        async with opened(database_url) as storage:
            await storage.change_subscription(ANN, lambda _: Subscription(ANN, NOW))
            await storage.add_seen(ANN, [ArxivId("1")], DAY)
            moved = Chat("telegram", "2")
            with pytest.raises(StorageError, match="No space left"):
                await storage.move_chat(ANN, moved)
            assert [each.chat for each in await storage.get_subscriptions()] == [ANN]
            assert await storage.get_seen(ANN) == {"1": DAY}
            connection.execute("drop trigger full_disk on progress")
            await storage.move_chat(ANN, moved)
            assert [each.chat for each in await storage.get_subscriptions()] == [moved]


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(cluster, database_url):
    """Connections stand, and no answer comes: a call raises after a while, and goes through when answers come again."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        url = database_url.replace(quote(str(cluster.folder), safe=""), quote(folder, safe=""))
        async with Wire(cluster, folder) as wire, opened(url, patience=0.5) as storage:
            await asyncio.wait_for(insist(storage.set_note, "key", "text"), 60)
            wire.is_open.clear()
            with pytest.raises(StorageError, match=r"does not answer|cannot be reached"):
                await asyncio.wait_for(storage.set_note("key", "other"), 60)
            wire.is_open.set()
            assert await asyncio.wait_for(insist(storage.get_note, "key"), 60) == "text"


async def test_a_server_that_stays_away_is_not_waited_for_for_ever(database_url, cluster):
    """After its patience each call raises; nothing hangs."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        url = database_url.replace(quote(str(cluster.folder), safe=""), quote(folder, safe=""))
        async with AsyncExitStack() as stack:
            async with Wire(cluster, folder):
                storage = await stack.enter_async_context(opened(url, patience=0.5))
                await asyncio.wait_for(insist(storage.set_note, "key", "text"), 60)
            for call in (storage.get_note("key"), storage.set_note("key", "other")):
                with pytest.raises(StorageError, match="cannot be reached"):
                    await asyncio.wait_for(call, 60)
            await stack.enter_async_context(Wire(cluster, folder))
            assert await asyncio.wait_for(insist(storage.get_note, "key"), 60) == "text"


async def insist(call, *arguments):
    """However slow the machine: half a second of patience may be too little there."""
    while True:
        try:
            return await call(*arguments)
        except StorageError:
            await asyncio.sleep(0.1)


async def test_a_server_that_crashes_loses_nothing_acknowledged():
    """Killed and started again among many writes: each that returned is there, and each is there once."""
    with running_cluster() as cluster:
        if cluster is None:
            pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        url = cluster.bare_database()
        async with opened(url) as storage:
            acknowledged, refused, is_over = 0, 0, False

            async def write(chat):
                nonlocal acknowledged, refused
                number = 0
                while not is_over:
                    number += 1
                    try:
                        await storage.count_hits(DAY, 1)
                        acknowledged += 1
                        await storage.add_seen(chat, [ArxivId(str(number))], DAY)
                        kept[chat].add(str(number))
                    except StorageError:
                        refused += 1

            chats = [Chat("telegram", str(each)) for each in range(4)]
            kept = {each: set() for each in chats}
            writers = [asyncio.create_task(write(each)) for each in chats]
            for mode in ("immediate", "fast", "immediate"):
                before = acknowledged
                while acknowledged < before + 20:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(cluster.stop, mode)
                await asyncio.to_thread(cluster.start)
            before = acknowledged
            while acknowledged < before + 20:
                await asyncio.sleep(0.01)
            is_over = True
            await asyncio.gather(*writers)
            for chat in chats:
                assert kept[chat] <= set(await storage.get_seen(chat))
            [spent] = await storage.get_spending(date.min)
            assert acknowledged <= spent.hits <= acknowledged + refused
