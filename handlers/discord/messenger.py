"""Unasked messages on Discord."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import discord

from bot.errors import PlatformError
from bot.model.chat import Chat
from handlers.command import Reply
from handlers.discord.delivery import NETWORK_ERRORS, bounded
from handlers.discord.destination import Sleep, post
from handlers.discord.render import render_reply

_PERSON = "user:"


async def _no_tag(_: Chat) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class DiscordMessenger:
    """Sends to a channel, thread, forum or direct message by its id, or to a person where the id is `user:123`.

    `get_client` gives the client that is logged in now, None if there is none; `get_tag` the name of the tag that posts in
    this forum get, or nothing. A post's title is the first line of its text.
    """

    get_client: Callable[[], discord.Client | None]
    get_tag: Callable[[Chat], Awaitable[str]] = _no_tag
    sleep: Sleep = asyncio.sleep

    async def send(self, chat: Chat, text: str) -> None:
        client = self.get_client()
        if client is None:
            raise PlatformError("Discord is not connected")
        title = next((line for line in text.splitlines() if line.strip()), "")
        tag = await self.get_tag(chat)
        try:
            channel_id = await _find(client, chat.id)
            await post(client, channel_id, render_reply(Reply(text)), title=title, tag=tag, sleep=self.sleep)
        except NETWORK_ERRORS as error:
            raise PlatformError(f"Discord did not take a message: {error or type(error).__name__}") from error


async def _find(client: discord.Client, identifier: str) -> int:
    """The channel's id; a person's direct messages are opened first."""
    name = identifier.removeprefix(_PERSON)
    if not (name.isascii() and name.isdigit()):
        raise PlatformError(f"{identifier!r} is no Discord id")
    if not identifier.startswith(_PERSON):
        return int(name)
    return (await bounded(client.create_dm(discord.Object(int(name))))).id
