"""The real process is killed between the press on 💾 and Zotero's answer: the paper arrives, and once."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.tinydb import TinyDBStorage
from tests.adapters.arxiv_server import ArxivServer
from tests.build import make_batch, make_paper
from tests.servers.zotero import TOKEN, Fault, serve

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Terminal:
    """The program with its terminal: what is typed, and what it has said so far."""

    def __init__(self, process, output):
        self.process, self.output = process, output

    async def say(self, line, answer):
        self.process.stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(PATIENCE):
            while answer not in self.output.read_text(encoding="utf-8"):
                await asyncio.sleep(0.02)

    async def kill(self):
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running(folder, arxiv, zotero):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **dict.fromkeys(("ARXIV_RSS_URL", "ARXIV_API_URL", "ARXIV_OAI_URL", "ARXIV_SITE_URL"), arxiv.url),
        "ARXIV_MIN_INTERVAL": "0",
        "SECRET_KEY": "a secret of more than thirty-two letters".replace(" ", "-"),
        "ZOTERO_API_URL": zotero.url,
        "LOG_LEVEL": "DEBUG",
    }
    output = folder / "output"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=folder, env=environment,
            stdin=asyncio.subprocess.PIPE, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield Terminal(process, output)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def announce(folder):
    """A paper was announced yesterday."""
    storage = TinyDBStorage(folder)
    await storage.open()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    await storage.save_batch(make_batch(make_paper("2608.00001", "Small KV caches"), day=yesterday))
    await storage.close()


@pytest.mark.parametrize("is_done", [False, True], ids=["before it was added", "after it was added"])
async def test_killed_before_the_answer_nothing_is_lost_or_doubled(tmp_path, is_done):
    """What was pressed is kept before it is sent, and sent again under the same name."""
    async with serve() as zotero, ArxivServer() as arxiv:
        await announce(tmp_path / "data")
        async with running(tmp_path, arxiv, zotero) as terminal:
            await terminal.say(f"/zotero connect {TOKEN}", "Connected to the library of Ada")
            zotero.faults.append(Fault(holds=True, is_done=is_done))
            await terminal.say("/mark save 2608.00001", "It goes to your Zotero library.")
            await zotero.until(lambda: zotero.posts, PATIENCE)
            await terminal.kill()
        assert len(zotero.items) == is_done
        async with running(tmp_path, arxiv, zotero) as terminal:
            await zotero.until(lambda: len(zotero.posts) == 2, PATIENCE)
            await zotero.until(lambda: zotero.items, PATIENCE)
            await terminal.say("/zotero", "adds papers to the library of Ada")
            await terminal.say("/mark save 2608.00001", "No longer saved. Your Zotero library keeps it.")
            await terminal.say("/mark save 2608.00001", "It is in your Zotero library already.")
        assert zotero.titles == ["Small KV caches"]
        for each in tmp_path.rglob("*"):
            assert not each.is_file() or TOKEN.encode() not in each.read_bytes(), each
