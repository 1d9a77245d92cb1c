"""The real process on both platforms: what happens to one never touches the other."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession

from bot.calendar import latest_day
from handlers.telegram.text import without_joiners
from tests.adapters.arxiv_server import ArxivServer, make_feed, make_item
from tests.faults.process import ADA, run_process
from tests.servers import discord, telegram

ROOM = "5000"
NOWHERE = "http://127.0.0.1:9"
TODAY = latest_day(datetime.now(UTC))
FEED = make_feed("cs.CL", make_item("2608.00001", title="Small KV caches", day=TODAY), day=TODAY)
WRONG_TOKEN = "987654321:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"


@pytest.fixture
async def start(place):
    """Starts the program in an empty place; `environment` replaces what it would have. What still runs is killed."""
    log = place.folder / "stderr"

    @asynccontextmanager
    async def start_bot(prepare=lambda on_telegram: None, **environment):
        async with (
            ArxivServer(feeds={"cs.CL": FEED}) as arxiv,
            telegram.TelegramServer() as on_telegram,
            discord.serve() as on_discord,
        ):
            prepare(on_telegram)
            async with run_process(place, arxiv, on_telegram, on_discord, **environment) as bot:
                yield bot

    yield start_bot
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    for secret in (telegram.TOKEN, discord.TOKEN, WRONG_TOKEN):
        assert secret not in text


async def test_one_process_serves_both(start):
    """Each chat has its own subscription, whatever the platform, and SIGTERM ends the process in order."""
    async with start() as bot:
        await bot.discord.wait_for(lambda: bot.discord.syncs, 15)
        await bot.telegram.say(ADA, ADA, "/categories add cs.CL")
        [reply] = await bot.telegram.replies(ADA, seconds=15)
        assert "Reading cs.CL" in without_joiners(reply.text)
        assert "Small KV caches" in (await bot.telegram.ask(ADA, ADA, "/digest")).text
        exchange = await bot.discord.command(ROOM, "11", "topics add", {"query": "kv cache"}, discord.MANAGE_CHANNELS)
        assert "Following kv cache." in exchange.text
        assert "Small KV caches" not in (await bot.discord.command(ROOM, "11", "topics list")).text
        assert bot.telegram.complaints == []
        assert bot.discord.refusals == []
        assert await bot.stop() == 0


@pytest.mark.parametrize(
    "environment",
    [{"TELEGRAM_API_URL": NOWHERE}, {"TELEGRAM_BOT_TOKEN": WRONG_TOKEN}],
    ids=["down", "refused"],
)
async def test_discord_answers_while_telegram_does_not(start, environment):
    """Whether Telegram is down or refuses the token: Discord answers within a second, and its owner is told."""
    async with start(**environment) as bot:
        await bot.discord.wait_for(lambda: bot.discord.syncs, 15)
        assert await bot.quickest(lambda: bot.discord.command(ROOM, "11", "status")) < 1.0
        told = bot.discord.messages(bot.discord.dm_channel(ADA))
        await bot.discord.wait_for(lambda: told, 15)
        assert "telegram" in str(told[0])
        assert await bot.stop() == 0


async def test_discord_answers_while_telegram_hangs(start):
    """A Telegram that takes every request and answers none holds nobody up."""
    async with start(lambda on_telegram: setattr(on_telegram, "is_dead", True)) as bot:
        await bot.discord.wait_for(lambda: bot.discord.syncs, 15)
        assert await bot.quickest(lambda: bot.discord.command(ROOM, "11", "help")) < 1.0


@pytest.mark.parametrize(
    "environment",
    [{"DISCORD_API_URL": f"{NOWHERE}/api/v10"}, {"DISCORD_BOT_TOKEN": WRONG_TOKEN}],
    ids=["down", "refused"],
)
async def test_telegram_answers_while_discord_does_not(start, environment):
    """Whether Discord is down or refuses the token: Telegram answers within a second, and its owner is told there."""
    async with start(**environment) as bot:
        await bot.telegram.say(ADA, ADA, "/help")
        await bot.telegram.replies(ADA, seconds=15)
        await bot.until_said("owner alert")
        await bot.telegram.until(lambda: any("discord" in each.text for each in bot.telegram.sent(ADA)), 15)

        async def ask():
            before = len(bot.telegram.sent(ADA))
            await bot.telegram.say(ADA, ADA, "/status")
            await bot.telegram.until(lambda: len(bot.telegram.sent(ADA)) > before)

        assert await bot.quickest(ask) < 1.0
        assert await bot.stop() == 0


async def test_a_platform_that_comes_back_is_served_again(start, unused_tcp_port):
    """After an outage Telegram is served again without a restart of the process."""
    address = f"http://127.0.0.1:{unused_tcp_port}"
    async with start(TELEGRAM_API_URL=address) as bot:
        await bot.until_said("platform name=telegram status=down")
        async with telegram.TelegramServer(port=unused_tcp_port) as back:
            await back.say(ADA, ADA, "/help")
            [reply] = await back.replies(ADA, seconds=30)
            assert "/topics" in reply.text
            assert await bot.stop() == 0


async def test_telegram_comes_by_webhook_where_the_process_is_public(start, unused_tcp_port):
    """With PUBLIC_URL and PORT nothing is polled, health is told, and after SIGTERM the webhook waits for us."""
    address = f"http://127.0.0.1:{unused_tcp_port}"
    async with start(PUBLIC_URL=address, PORT=str(unused_tcp_port)) as bot:
        await bot.telegram.until(lambda: bot.telegram.hook, 15)
        assert bot.telegram.hook.url.startswith(f"{address}/telegram/")
        assert "/topics" in (await bot.telegram.ask(ADA, ADA, "/help")).text
        async with ClientSession() as session, session.get(f"{address}/healthz") as answer:
            assert answer.status == 200
        secret = bot.telegram.hook.secret
        assert bot.telegram.called("getUpdates") == []
        assert await bot.stop() == 0
        assert bot.telegram.hook is not None
        assert bot.telegram.complaints == []
        assert secret not in bot.said()


async def test_a_port_in_use_is_told(start):
    """Two bots on one PORT: the second ends with exit code 2 and says which setting to change."""
    async with telegram.TelegramServer() as other:
        port = other.url.rpartition(":")[2]
        async with start(PORT=port) as bot:
            async with asyncio.timeout(15):
                assert await bot.process.wait() == 2
            assert f"PORT {port}" in bot.said()


async def test_without_any_platform_left_the_process_ends(start):
    """Where every token is refused there is nobody to serve: exit code 2, and the reasons in the log."""
    async with start(TELEGRAM_BOT_TOKEN=WRONG_TOKEN, DISCORD_BOT_TOKEN=WRONG_TOKEN) as bot:
        async with asyncio.timeout(30):
            assert await bot.process.wait() == 2
        assert "telegram is switched off" in bot.said()
        assert "discord is switched off" in bot.said()
        assert "every token was refused" in bot.said()
