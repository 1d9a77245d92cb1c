"""Unasked messages on Discord."""

from collections.abc import Callable
from dataclasses import dataclass

import discord

from bot.errors import PlatformError
from bot.model.chat import Chat
from handlers.command import Reply
from handlers.discord.delivery import NETWORK_ERRORS, bounded, send_to
from handlers.discord.render import render_reply

_PERSON = "user:"


@dataclass(frozen=True, slots=True)
class DiscordMessenger:
    """Sends to a channel, thread or direct message by its id, or to a person where the id is `user:123`.

    `get_client` gives the client that is logged in now, None if there is none.
    """

    get_client: Callable[[], discord.Client | None]

    async def send(self, chat: Chat, text: str) -> None:
        client = self.get_client()
        if client is None:
            raise PlatformError("Discord is not connected")
        try:
            await send_to(await _find(client, chat.id), render_reply(Reply(text)))
        except NETWORK_ERRORS as error:
            raise PlatformError(f"Discord did not take a message: {error or type(error).__name__}") from error


async def _find(client: discord.Client, identifier: str) -> discord.abc.Messageable:
    name = identifier.removeprefix(_PERSON)
    if not (name.isascii() and name.isdigit()):
        raise PlatformError(f"{identifier!r} is no Discord id")
    if not identifier.startswith(_PERSON):
        return client.get_partial_messageable(int(name))
    return await bounded(client.create_dm(discord.Object(int(name))))
