"""The town of a bot in several processes: everything is in PostgreSQL, and each process has a log of its own."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from aiohttp import ClientError, ClientSession, web
from psycopg.conninfo import conninfo_to_dict

from bot.errors import StorageError
from handlers.telegram.webhook import SECRET_HEADER
from storage.postgres import PostgresStorage
from tests.faults.process import run_process
from tests.faults.town import Town, open_town
from tests.places import Place


class Wire:
    """A way to the database that can be cut: then nothing passes, and nobody is told."""

    def __init__(self, socket):
        self._socket = socket
        self._whole = asyncio.Event()
        self._whole.set()
        self._ends = set()
        self.port = 0

    @asynccontextmanager
    async def laid(self):
        async with await asyncio.start_server(self._carry, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self
            self._whole.set()
            for each in list(self._ends):
                each.close()

    def cut(self):
        self._whole.clear()

    def mend(self):
        """What was on its way arrives."""
        self._whole.set()

    async def _carry(self, reader, writer):
        back_reader, back_writer = await asyncio.open_unix_connection(self._socket)
        self._ends |= {writer, back_writer}
        try:
            await asyncio.gather(self._pump(reader, back_writer), self._pump(back_reader, writer))
        finally:
            self._ends -= {writer, back_writer}

    async def _pump(self, reader, writer):
        with suppress(OSError):
            while content := await reader.read(65536):
                await self._whole.wait()
                writer.write(content)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def lay_wire(cluster, url):
    """A wire to the database of this url, and the url that goes by it."""
    async with Wire(str(cluster.folder / ".s.PGSQL.5432")).laid() as wire:
        database = conninfo_to_dict(url)["dbname"]
        yield wire, f"postgresql://postgres@127.0.0.1:{wire.port}/{database}?sslmode=disable&gssencmode=disable"


class Balancer:
    """What stands before several processes: everything that is posted to `url` goes to the one at `port`."""

    def __init__(self, port, own_port):
        self.port, self.url, self._own_port = port, f"http://127.0.0.1:{own_port}", own_port

    @asynccontextmanager
    async def at_work(self):
        app = web.Application()
        app.router.add_post("/{path:.*}", self._pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._own_port).start()
            yield self
        finally:
            await runner.cleanup()

    async def _pass_on(self, request):
        headers = {name: request.headers[name] for name in ("Content-Type", SECRET_HEADER)}
        address = f"http://127.0.0.1:{self.port}{request.path}"
        try:
            async with (
                ClientSession() as session,
                session.post(address, data=await request.read(), headers=headers) as answer,
            ):
                return web.Response(status=answer.status, body=await answer.read())
        except ClientError:
            return web.Response(status=502)


@dataclass
class SplitTown(Town):
    """`url` is where the database is."""

    url: str = ""
    _names: count = field(default_factory=count)
    logs: list = field(default_factory=list)

    def starting(self, command="run", **environment):
        """A process more; `DATABASE_URL` may name another way to the database."""
        log = f"stderr {next(self._names)} {command}"
        self.logs.append(self.place.folder / log)
        given = {"DATABASE_URL": self.url, "LOG_LEVEL": "INFO"} | environment
        return run_process(self.place, self.arxiv, self.telegram, self.discord, command, log, **given)

    @asynccontextmanager
    async def stored(self):
        storage = PostgresStorage(self.url)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()

    async def is_done(self):
        """Whether every round was held, and nothing waits any more; False where the database cannot say."""
        try:
            if await self.without_round():
                return False
            async with self.stored() as storage:
                return not await storage.get_open_chats()
        except StorageError:
            return False

    async def until_done(self, seconds=150.0):
        async with asyncio.timeout(seconds):
            while not await self.is_done():
                await asyncio.sleep(0.5)

    async def until_sending(self, parts=5, seconds=60.0):
        """Until so many parts were asked to be taken."""
        async with asyncio.timeout(seconds):
            while self.tries() < parts:
                await asyncio.sleep(0.02)

    def said(self):
        return "\n".join(each.read_text(encoding="utf-8") for each in self.logs)


@asynccontextmanager
async def open_split_town(folder, url):
    """A town without chats whose processes have their database at `url`."""
    async with AsyncExitStack() as stack:
        town = await stack.enter_async_context(open_town(Place(folder)))
        (folder / "stderr").touch()
        split = SplitTown(town.place, town.arxiv, town.telegram, town.discord, url=url)
        yield split
        assert "crashed" not in split.said()
        # Of its own jobs procrastinate says so, where the database was away when they ended.
        assert "was never awaited" not in split.said()
