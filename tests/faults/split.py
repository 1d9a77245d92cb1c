"""The town of a bot in several processes: everything is in PostgreSQL, and each process has a log of its own."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from bot.errors import StorageError
from storage.postgres import PostgresStorage
from tests.faults.process import run_process
from tests.faults.town import Town, open_town


@dataclass
class SplitTown(Town):
    """`url` is where the processes have their database, perhaps by a detour; `direct` where it is."""

    url: str = ""
    direct: str = ""
    _names: count = field(default_factory=count)
    logs: list = field(default_factory=list)

    def starting(self, command="run", **environment):
        """A process more."""
        log = f"stderr {next(self._names)} {command}"
        self.logs.append(self.folder / log)
        given = {"DATABASE_URL": self.url, "LOG_LEVEL": "INFO"} | environment
        return run_process(self.folder, self.arxiv, self.telegram, self.discord, command, log, **given)

    @asynccontextmanager
    async def stored(self):
        storage = PostgresStorage(self.direct)
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

    async def until_done(self, seconds=30.0):
        async with asyncio.timeout(seconds):
            while not await self.is_done():
                await asyncio.sleep(0.5)

    def said(self):
        return "\n".join(each.read_text(encoding="utf-8") for each in self.logs)


@asynccontextmanager
async def open_split_town(folder, url, by=None):
    """A town without chats whose processes reach their database by `by`, or directly."""
    async with AsyncExitStack() as stack:
        town = await stack.enter_async_context(open_town(folder))
        (folder / "stderr").touch()
        split = SplitTown(folder, town.arxiv, town.telegram, town.discord, url=by or url, direct=url)
        yield split
        assert "crashed" not in split.said()
        assert "was never" not in split.said()
