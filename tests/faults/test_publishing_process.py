"""The real process publishes what a config.json of the original asks for, and survives its death."""

import asyncio
import json
import signal
from datetime import UTC, datetime

from bot.calendar import latest_day
from storage.tinydb import TinyDBStorage
from tests.adapters.arxiv_server import ArxivServer
from tests.build import make_batch, make_paper
from tests.faults.process import run_process
from tests.places import Place
from tests.servers import discord, telegram

TODAY = latest_day(datetime.now(UTC))


async def test_pages_over_a_death(tmp_path):
    """They are written without any chat; after kill -9 the next process finds them and touches nothing."""
    storage = TinyDBStorage(tmp_path / "data")
    await storage.open()
    await storage.save_batch(make_batch(make_paper(title="Small KV caches"), day=TODAY))
    await storage.close()
    papers = tmp_path / "papers"
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"categories": ["cs.CL"], "keywords": ["caches"], "max_papers": 5}), encoding="utf-8")
    environment = {"PUBLISH_DIR": str(papers), "PUBLISH_CONFIG": str(config), "LOG_LEVEL": "INFO"}
    async with (
        ArxivServer() as arxiv,
        telegram.TelegramServer() as on_telegram,
        discord.serve() as on_discord,
    ):
        async with run_process(Place(tmp_path), arxiv, on_telegram, on_discord, **environment) as bot:
            await bot.until_said("published files=3", 90)
            await bot.stop(signal.SIGKILL)
        readme = (papers / "README.md").read_text(encoding="utf-8")
        assert "Small KV caches" in readme
        files = {each: each.stat().st_mtime_ns for each in papers.rglob("*") if each.is_file()}
        assert {each.name for each in files} == {"README.md", f"{TODAY}.md"}
        async with run_process(Place(tmp_path), arxiv, on_telegram, on_discord, **environment) as bot:
            await on_telegram.until(lambda: len(on_telegram.called("getMe")) >= 2, 60)
            await asyncio.sleep(1)
            assert await bot.stop() == 0
        assert {each: each.stat().st_mtime_ns for each in papers.rglob("*") if each.is_file()} == files


async def test_a_config_that_cannot_be_used(tmp_path):
    """It is a mistake of the settings: the file and what is wrong with it are named, and the exit code is 2."""
    config = tmp_path / "config.json"
    config.write_text('{"categories": ["cs.XX"]}', encoding="utf-8")
    environment = {"PUBLISH_DIR": str(tmp_path), "PUBLISH_CONFIG": str(config)}
    async with (
        ArxivServer() as arxiv,
        telegram.TelegramServer() as on_telegram,
        discord.serve() as on_discord,
        run_process(Place(tmp_path), arxiv, on_telegram, on_discord, **environment) as bot,
    ):
        async with asyncio.timeout(60):
            assert await bot.process.wait() == 2
        assert f"PUBLISH_CONFIG {config}: " in bot.said()
        assert "cs.XX" in bot.said()
