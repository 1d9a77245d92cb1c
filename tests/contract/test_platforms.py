"""One suite over every chat platform: the same words get the same answers in the terminal, on Telegram and on Discord."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.app import load_languages
from bot.delivery.pacing import Pacer
from bot.ports import Limits
from handlers.commands import COMMANDS
from handlers.console.bot import ConsoleBot
from handlers.console.render import render_reply
from handlers.discord.bot import DiscordPlatform
from handlers.discord.markup import unbroken
from handlers.telegram.bot import TelegramPlatform
from handlers.telegram.text import without_joiners
from tests.build import make_batch, make_paper
from tests.servers import discord, telegram
from tests.servers.discord_rules import texts_of
from tests.world import World

ADA = 501
PAPERS = (
    make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache of language models."),
    make_paper("2611.00002", "A Survey of KV Caches", "This survey lists them."),
    make_paper("2611.00003", "On Worlds", "The world is wide."),
)


class Console:
    """Lines typed in a terminal."""

    def __init__(self, world):
        self.bot = ConsoleBot(world.services, COMMANDS, print, print)

    async def say(self, text):
        return render_reply(await self.bot.answer(text), width=100, colour=False)


class OnTelegram:
    """Messages in a private chat."""

    def __init__(self, server):
        self.server = server

    async def say(self, text):
        before = len(self.server.sent(ADA)) if ADA in self.server.rooms else 0
        await self.server.say(ADA, ADA, text)
        await self.server.until(lambda: len(self.server.sent(ADA)) > before)
        return "\n".join(without_joiners(each.text) for each in self.server.sent(ADA)[before:])


class OnDiscord:
    """Direct messages."""

    def __init__(self, server):
        self.server = server

    async def say(self, text):
        messages = await self.server.dm(str(ADA), text)
        said = "\n".join(part for each in messages for part in texts_of(each))
        return unbroken(said if "```" in said else said.replace("\\", ""))


@asynccontextmanager
async def serving(platform, is_ready):
    task = asyncio.create_task(platform.run())
    try:
        async with asyncio.timeout(10):
            while not is_ready():
                await asyncio.sleep(0.005)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def in_terminal(world):
    yield Console(world)


@asynccontextmanager
async def on_telegram(world):
    async with telegram.TelegramServer() as server:
        platform = TelegramPlatform(
            telegram.TOKEN, server.url, COMMANDS, world.services, frozenset(), lambda: world.now,
            world.services.subscriptions.move, poll_seconds=1, pacer=Pacer(Limits(per_second=1000)),
        )  # fmt: skip
        async with serving(platform, lambda: server.called("getUpdates")):
            yield OnTelegram(server)
        assert server.complaints == []


@asynccontextmanager
async def on_discord(world):
    async with discord.serve() as server:
        platform = DiscordPlatform(
            discord.TOKEN, f"{server.base}/api/v10", COMMANDS, world.services, frozenset(), lambda: world.now,
            world.storage.get_note, world.storage.set_note,
        )  # fmt: skip
        async with serving(platform, lambda: server.sockets and server.syncs):
            yield OnDiscord(server)
        assert server.refusals == []


@pytest.fixture(params=[in_terminal, on_telegram, on_discord], ids=["console", "telegram", "discord"])
async def place(request):
    """One person alone with the bot."""
    world = World(make_batch(*PAPERS), make_batch(category="cs.AI"))
    world.services = replace(world.services, languages=load_languages())
    await world.storage.open()
    async with request.param(world) as place:
        yield place


async def test_a_subscription_and_its_digest(place):
    """A category, a topic and an exclusion make the same ranked digest everywhere, with reasons and counts."""
    assert "Reading cs.CL (Computation and Language)." in await place.say("/categories add cs.CL")
    assert "Following kv cache." in await place.say("/topics add kv cache")
    assert "Leaving out papers on survey." in await place.say("/topics add -survey")
    digest = await place.say("/digest")
    for part in (
        "Friday 20 November 2026",
        "1 of 3 papers",
        "Small KV Caches",
        "Ada Vale",
        "cs.CL · new · 2611.00001v1",
    ):
        assert part in digest
    assert "title and abstract: kv cache" in digest
    assert "1 left out by a - topic, 1 matched no topic" in digest
    assert "On Worlds" not in digest


async def test_every_paper_is_explained(place):
    """/why answers for a shown, an excluded and an unmatched paper."""
    for line in ("/categories add cs.CL", "/topics add kv cache", "/topics add -survey"):
        await place.say(line)
    assert "in place 1" in await place.say("/why 2611.00001")
    assert "left out by the topic -survey" in await place.say("/why https://arxiv.org/abs/2611.00002v1")
    assert "matched no topic" in await place.say("/why 2611.00003")


async def test_the_guided_set_up(place):
    """Three answers in plain text lead to the first digest; a command in between is never taken for an answer."""
    assert "1 of 3" in await place.say("/start")
    assert "2 of 3" in await place.say("computation and language")
    assert "3 of 3" in await place.say("kv cache, -survey")
    assert "3 of 3" in await place.say("berlin")
    digest = await place.say("mon-fri 8:30")
    assert "Digests now come by this schedule: mon-fri 08:30." in digest
    assert "Small KV Caches" in digest
    assert "Monday 23 November 2026, 08:30 (Europe/Berlin)" in await place.say("/schedule")
    await place.say("/start")
    assert "This chat follows:" in await place.say("/topics")
    assert "I act on commands" in await place.say("stat.ML")


async def test_an_hour_without_a_place_asks_for_one(place):
    """Whoever says an hour, and lives by UTC so far, is asked where it is; then the digest comes."""
    for line in ("/start", "cs.CL", "kv cache"):
        await place.say(line)
    assert "Where is that hour?" in await place.say("9am")
    assert "Did you mean Europe/Berlin" in await place.say("Berln")
    assert "Small KV Caches" in await place.say("Berlin")
    assert "09:00 (Europe/Berlin)" in await place.say("/schedule")


async def test_digests_are_scheduled_and_paused(place):
    """Hours, a pause with an end, and going on."""
    await place.say("/categories add cs.CL")
    assert "Monday 23 November 2026, 18:30 (Asia/Tokyo)" in await place.say("/schedule mon,thu 18:30 Tokyo")
    assert "Thursday 24 December 2026, 00:00 (Asia/Tokyo)" in await place.say("/pause 24 Dec")
    assert "Resumed. The next digest: Monday 23 November 2026" in await place.say("/resume")
    assert "not paused" in await place.say("/resume")


async def test_a_configuration_goes_out_and_comes_back(place):
    """What /export wrote is taken by /import after everything was erased on a yes."""
    await place.say("/categories add cs.CL")
    await place.say('/topics add "kv cache" OR quant*')
    said = await place.say("/export")
    exported = said[said.index("{") : said.rindex("}") + 1]
    assert "Type yes" in await place.say("/forgetme")
    assert "erased" in await place.say("yes")
    assert "No topics yet" in await place.say("/topics")
    assert "1 category, 1 topic" in await place.say(f"/import {exported}")
    assert '1. "kv cache" OR quant*' in await place.say("/topics")


async def test_mistakes_are_met_kindly(place):
    """A wrong category, query, setting and command each say what to do, and change nothing."""
    assert "Did you mean cs.LG" in await place.say("/categories add cs.Ml")
    assert "This works:" in await place.say("/topics add ((")
    assert "from 1 to 100" in await place.say("/settings max_papers many")
    assert "Did you mean /topics?" in await place.say("/topcs")
    assert "No topics yet" in await place.say("/topics")


async def test_papers_are_followed(place):
    """By link and by id, listed, and no longer; what is no paper is explained."""
    await place.say("/categories add cs.CL")
    await place.say("/digest")
    assert "follows no paper yet" in await place.say("/follow")
    assert 'Following "Small KV Caches" (2611.00001)' in await place.say("/follow https://arxiv.org/abs/2611.00001v1")
    assert "On Worlds" in await place.say("/follow 2611.00003")
    listed = await place.say("/follow")
    assert "This chat follows 2 papers" in listed
    assert "2. Small KV Caches (2611.00001v1)" in listed.replace("2\\.", "2.")
    assert 'No longer following "Small KV Caches"' in await place.say("/follow 2611.00001")
    assert "This chat follows 1 paper:" in await place.say("/follow")
    assert "not an arXiv id or link" in await place.say("/follow attention")


async def test_the_language_is_the_chats(place):
    """After /settings language zh everything is said in Chinese."""
    assert "language" in await place.say("/settings language zh")
    assert "还没有主题" in await place.say("/topics")
    assert "没有" in await place.say("/topcs")
