"""Who sends a broadcast in `bench.delivery`: Paperround, and what bots are made with otherwise."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import discord
from discord.http import HTTPClient, handle_message_parameters
from pydantic import SecretStr
from telegram import Update
from telegram.ext import AIORateLimiter, Application, CommandHandler, ContextTypes

from bot.app import App, open_app, utc_now
from bot.calendar import latest_day
from bot.delivery.planning import number_parts
from bot.model.chat import Chat
from bot.model.delivery import Progress
from bot.model.message import Message
from config.settings import Settings
from handlers.discord.messenger import DiscordMessenger

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"  # noqa: S105 - invented
TEXT = "\n".join(f"{number}. A paper that is worth your while, and why it is." for number in range(1, 21))
_RETRIES = 5
_LOOK_SECONDS = 1.0

Broadcast = Callable[[Sequence[str]], Awaitable[None]]
"""Sends TEXT to each of these chats, and returns when all that can be done is done."""
Sender = Callable[[str, str, Path], AbstractAsyncContextManager[Broadcast]]
"""Given a platform, the address of its server and a folder: somebody who broadcasts there, and on Telegram answers commands."""


@asynccontextmanager
async def paperround(platform: str, url: str, folder: Path) -> AsyncIterator[Broadcast]:
    """The bot as it runs; only Discord's gateway is missing."""
    tokens = {"telegram": "", "discord": "", platform: TOKEN}
    settings = Settings(
        telegram_bot_token=SecretStr(tokens["telegram"]),
        telegram_api_url=url,
        discord_bot_token=SecretStr(tokens["discord"]),
        discord_api_url=f"{url}/api/v10",
        data_dir=folder,
        port=None,
        owner_ids=(),
    )
    async with open_app(settings) as app:
        messenger = app.outbox.carriers[platform].lane.messenger
        if isinstance(messenger, DiscordMessenger):
            # What the gateway tells.
            messenger.learn_kinds(lambda _: discord.ChannelType.text.value)
        served = app.platforms if platform == "telegram" else ()
        tasks = [asyncio.create_task(each) for each in (app.outbox.run(), *(each.run() for each in served))]
        yield partial(_deliver, app, platform)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _deliver(app: App, platform: str, ids: Sequence[str]) -> None:
    storage, chats = app.services.pipeline.storage, [Chat(platform, each) for each in ids]
    parts = app.outbox.carriers[platform].lane.messenger.compose(chats[0], Message(TEXT))
    now = utc_now()
    day = latest_day(now)

    async def plan(chat: Chat) -> None:
        await app.services.subscriptions.add_topic(chat, "sparse attention")
        await storage.plan(chat, Progress(day, now), number_parts(chat, day, 1, parts, now))

    await asyncio.gather(*map(plan, chats))
    for chat in chats:
        app.outbox.wake(chat)
    while await storage.get_open_chats():  # noqa: ASYNC110 - the outbox tells nobody when it is empty
        await asyncio.sleep(_LOOK_SECONDS)


def has_rate_limiter() -> bool:
    """Whether python-telegram-bot's rate limiter, an extra of it, is installed."""
    return importlib.util.find_spec("aiolimiter") is not None


@asynccontextmanager
async def rate_limiter(_: str, url: str, __: Path) -> AsyncIterator[Broadcast]:
    """python-telegram-bot with its AIORateLimiter; the broadcast is one gather."""
    builder = (
        Application.builder().token(TOKEN).base_url(f"{url}/bot").rate_limiter(AIORateLimiter(max_retries=_RETRIES))
    )
    application = builder.concurrent_updates(True).build()

    async def reply(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        await update.message.reply_text(TEXT)

    async def broadcast(chats: Sequence[str]) -> None:
        sending = (application.bot.send_message(int(chat), TEXT) for chat in chats)
        await asyncio.gather(*sending, return_exceptions=True)

    application.add_handler(CommandHandler("status", reply))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling(timeout=timedelta(seconds=30))
        yield broadcast
        await application.updater.stop()
        await application.stop()


@asynccontextmanager
async def plain_discord(_: str, url: str, __: Path) -> AsyncIterator[Broadcast]:
    """discord.py's own client; the broadcast is one gather."""
    discord.http.Route.BASE = f"{url}/api/v10"
    http = HTTPClient(asyncio.get_running_loop())
    await http.static_login(TOKEN)

    async def send(channel: str) -> None:
        with handle_message_parameters(content=TEXT) as parameters:
            await http.send_message(int(channel), params=parameters)

    async def broadcast(chats: Sequence[str]) -> None:
        await asyncio.gather(*map(send, chats), return_exceptions=True)

    yield broadcast
    await http.close()
