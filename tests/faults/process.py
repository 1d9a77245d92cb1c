"""The real process, `python -m bot run`, between three servers on loopback; it can be ended in every way there is."""

import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

from tests.servers import discord, telegram

ROOT = Path(__file__).parents[2]
ADA = 501
"""The owner, on both platforms."""


class Bot:
    """A running `python -m bot run` between the three servers; `log` is what it said on standard error."""

    def __init__(self, process, log, on_telegram, on_discord):
        self.process, self.log, self.telegram, self.discord = process, log, on_telegram, on_discord

    def said(self):
        return self.log.read_text(encoding="utf-8")

    async def until_said(self, text, seconds=15.0):
        async with asyncio.timeout(seconds):
            while text not in self.said():
                await asyncio.sleep(0.02)

    async def quickest(self, ask, tries=5):
        """Seconds that the quickest of several answers took: a busy machine must not decide."""
        times = []
        for _ in range(tries):
            begun = time.perf_counter()
            await ask()
            times.append(time.perf_counter() - begun)
        return min(times)

    async def stop(self, signal_number=signal.SIGTERM):
        self.process.send_signal(signal_number)
        async with asyncio.timeout(60):
            return await self.process.wait()


@asynccontextmanager
async def run_process(place, arxiv, on_telegram, on_discord, command="run", log="stderr", **environment):
    """Starts the program in this place, in whose folder its log goes on; `environment` replaces what it would have. What still runs at
    the end is killed.
    """
    ours = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "ARXIV_RSS_URL": arxiv.url,
        "ARXIV_API_URL": arxiv.url,
        "ARXIV_OAI_URL": arxiv.url,
        "ARXIV_SITE_URL": arxiv.url,
        "ARXIV_MIN_INTERVAL": "0",
        "TELEGRAM_BOT_TOKEN": telegram.TOKEN,
        "TELEGRAM_API_URL": on_telegram.url,
        "DISCORD_BOT_TOKEN": discord.TOKEN,
        "DISCORD_API_URL": f"{on_discord.base}/api/v10",
        "OWNER_IDS": f"telegram:{ADA},discord:{ADA}",
        "LOG_LEVEL": "DEBUG",
    }
    log = place.folder / log
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", command, cwd=place.folder, env=ours | place.environment | environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        yield Bot(process, log, on_telegram, on_discord)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
