"""The real process with a language model: digests with summaries arrive on both platforms; without one nothing mentions them."""

import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.calendar import feed_of, latest_day, previous_day
from bot.model.chat import Chat
from bot.model.delivery import Progress
from bot.model.subscription import Subscription
from handlers.telegram.text import without_joiners
from tests.adapters.arxiv_server import ArxivServer, Canned, make_feed, make_item
from tests.servers import discord, openai, telegram

ROOT = Path(__file__).parents[2]
ADA, ROOM = 501, "5000"
TODAY = latest_day(datetime.now(UTC))
FEED = make_feed(
    "cs.CL",
    make_item("2608.00001", title="Small KV caches", day=TODAY),
    make_item("2608.00002", title="Large teapots", abstract="Nobody reads this far.", day=TODAY),
    day=TODAY,
)
PAGE = (
    b'<article class="ltx_document"><section class="ltx_section"><h2 class="ltx_title ltx_title_section">1 Introduction</h2>'
    b'<p class="ltx_p">Caches shrink by half when teapots are counted. The rest is tea.</p></section></article>'
)


async def subscribe_both(place):
    """A chat on each platform that was last served on the day before the newest announcement."""
    storage = place.storage()
    await storage.open()
    before = previous_day(TODAY)
    for chat in (Chat("telegram", str(ADA)), Chat("discord", ROOM)):
        subscription = Subscription(chat, feed_of(before) - timedelta(days=9), ("cs.CL",))
        await storage.change_subscription(chat, lambda _, new=subscription: new)
        await storage.plan(chat, Progress(before, feed_of(before)))
    await storage.close()


@dataclass
class Stage:
    """The servers, and how to start the process between them; `log` is what it said."""

    folder: Path
    telegram: telegram.TelegramServer
    discord: discord.DiscordServer
    environment: dict

    @property
    def log(self):
        return self.folder / "stderr"

    @asynccontextmanager
    async def running(self):
        """The process, killed in the end if it still runs."""
        with self.log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self.folder, env=self.environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def until_delivered(self):
        """Both platforms have a digest."""
        await self.telegram.until(lambda: self.telegram.sent(ADA), 45)
        await self.discord.wait_for(lambda: self.discord.messages(ROOM), 45)


@asynccontextmanager
async def set_stage(place, **environment):
    """Servers on loopback, and two chats that wait for today's digest."""
    await subscribe_both(place)
    arxiv = ArxivServer(feeds={"cs.CL": FEED})
    arxiv.pages["/html/2608.00001v1"] = Canned(PAGE, 200, "text/html")
    async with arxiv, telegram.TelegramServer() as on_telegram, discord.serve() as on_discord:
        on_telegram.rooms[ADA] = telegram.Room(ADA, members={ADA: "member", telegram.BOT["id"]: "member"})
        ours = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "ARXIV_RSS_URL": arxiv.url,
            "ARXIV_SITE_URL": arxiv.url,
            "ARXIV_API_URL": arxiv.url,
            "ARXIV_MIN_INTERVAL": "0",
            "TELEGRAM_BOT_TOKEN": telegram.TOKEN,
            "TELEGRAM_API_URL": on_telegram.url,
            "DISCORD_BOT_TOKEN": discord.TOKEN,
            "DISCORD_API_URL": f"{on_discord.base}/api/v10",
            "OWNER_IDS": f"telegram:{ADA}",
        }
        stage = Stage(place.folder, on_telegram, on_discord, ours | place.environment | environment)
        yield stage
    said = stage.log.read_text(encoding="utf-8")
    assert "ERROR" not in said
    for secret in (telegram.TOKEN, discord.TOKEN, openai.TOKEN):
        assert secret not in said


@asynccontextmanager
async def run_bot(place, **environment):
    """What was sent on Telegram and on Discord, once both have a digest."""
    async with set_stage(place, **environment) as stage, stage.running() as process:
        await stage.until_delivered()
        yield stage.telegram, stage.discord
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0


async def test_a_kill_repeats_the_calls_in_flight_alone(place):
    """`kill -9` while the second paper is being summarised: the next process asks for that one again, and for no other."""
    async with (
        openai.serve() as llm,
        set_stage(place, OPENAI_API_KEY=openai.TOKEN, OPENAI_BASE_URL=llm.url) as stage,
    ):
        llm.plans.extend(["good", "slow"])
        async with stage.running() as process:
            async with asyncio.timeout(45):
                while "status=ok tokens=" not in stage.log.read_text(encoding="utf-8") or len(llm.bodies) < 2:
                    await asyncio.sleep(0.02)
            process.kill()
            await process.wait()
        assert not stage.telegram.sent(ADA)
        async with stage.running():
            await stage.until_delivered()
        assert stage.telegram.sent(ADA)[0].text.count("TL;DR") == 2
        asked = Counter(each["messages"][1]["content"] for each in llm.bodies)
        assert sorted(asked.values()) == [1, 2]


async def test_a_digest_with_summaries_arrives_on_both_platforms(place):
    """Two papers are two calls, one from the full text and one from the abstract; the card and the accounts know them, too."""
    async with openai.serve() as llm:
        async with run_bot(place, OPENAI_API_KEY=openai.TOKEN, OPENAI_BASE_URL=llm.url) as (on_telegram, on_discord):
            [digest] = on_telegram.sent(ADA)
            text = without_joiners(digest.text)
            assert "TL;DR: We count teapots." in text
            assert "• Caches shrink by half when teapots are counted." in text
            assert "AI summary, from the full text, gpt-5.4-mini" in text
            assert "AI summary, from the abstract, gpt-5.4-mini" in text
            assert "TL;DR: We count teapots." in str(on_discord.messages(ROOM))
            card = await on_telegram.ask(ADA, ADA, "/paper 2608.00001")
            assert "Contributions:" in card.text
            await on_telegram.say(ADA, ADA, "/owner cost")
            await on_telegram.until(
                lambda: "Cache: 2 of 4 wishes cost nothing" in without_joiners(on_telegram.sent(ADA)[-1].text)
            )
        assert len(llm.bodies) == 2
    storage = place.storage()
    await storage.open()
    [spent] = await storage.get_spending(date.min)
    assert (spent.calls, spent.reserved, spent.total) == (2, 0, llm.tokens)
    await storage.close()


async def test_without_a_key_nothing_mentions_summaries(place):
    """The digests carry abstracts, at once, and no error is logged."""
    async with run_bot(place) as (on_telegram, on_discord):
        text = on_telegram.sent(ADA)[0].text + str(on_discord.messages(ROOM))
        assert text.count("Nobody reads this far.") == 2
        assert "ummar" not in text
        card = await on_telegram.ask(ADA, ADA, "/paper 2608.00001")
        assert "Summarise" not in card.labels
    assert "summar" not in (place.folder / "stderr").read_text(encoding="utf-8").lower()
