"""How a rendered message reaches Discord: each request bounded in time, refused markup sent once more without."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import aiohttp
import discord

from handlers.discord.commands import Interaction
from handlers.discord.render import DiscordMessage, to_plain
from handlers.discord.rest import REQUEST_SECONDS
from handlers.discord.view import to_arguments, to_files

log = logging.getLogger(__name__)

NETWORK_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
"""What a request can fail with."""
_REFUSED = 400

T = TypeVar("T")
Send = Callable[[DiscordMessage], Awaitable[object]]


async def bounded(request: Awaitable[T]) -> T:
    """Await one request to Discord. Raises one of NETWORK_ERRORS, TimeoutError after 15 seconds."""
    async with asyncio.timeout(REQUEST_SECONDS):
        return await request


async def send_to(channel: discord.abc.Messageable, messages: Sequence[DiscordMessage]) -> None:
    """Messages of their own, in this order."""

    async def send(message: DiscordMessage) -> None:
        await channel.send(**to_arguments(message), files=to_files(message), suppress_embeds=True)

    for message in messages:
        await _deliver(message, send, send, send)


async def send_in_thread(start: discord.Message, name: str, messages: Sequence[DiscordMessage]) -> bool:
    """The messages in a new thread that starts from a message; False, and none was sent, where Discord refuses that."""
    try:
        thread = await bounded(start.create_thread(name=name))
        await send_to(thread, messages[:1])
    except discord.HTTPException as error:
        log.info("thread channel=%d status=refused error=%r", start.channel.id, str(error))
        return False
    await send_to(thread, messages[1:])
    return True


async def edit(interaction: Interaction, message: DiscordMessage, *, is_hidden: bool) -> discord.Message | None:
    """Fill the announced answer, or replace the message whose button was pressed; what is there now."""
    edited: list[discord.Message] = []

    async def put(part: DiscordMessage) -> None:
        edited.append(await interaction.edit_original_response(**to_arguments(part), attachments=to_files(part)))

    async def send(part: DiscordMessage) -> None:
        await follow_up(interaction, (part,), is_hidden=is_hidden)

    # The message with the button is made of components, and never takes plain text again.
    await _deliver(message, put, send if interaction.type is discord.InteractionType.component else put, send)
    return edited[0] if edited else None


async def follow_up(interaction: Interaction, messages: Sequence[DiscordMessage], *, is_hidden: bool) -> None:
    """Further answers to the same interaction, seen by the person alone where `is_hidden`."""

    async def send(part: DiscordMessage) -> None:
        await interaction.followup.send(
            **to_arguments(part), files=to_files(part), ephemeral=is_hidden, suppress_embeds=True
        )

    for message in messages:
        await _deliver(message, send, send, send)


async def _deliver(message: DiscordMessage, send: Send, send_plain: Send, send_next: Send) -> None:
    try:
        await bounded(send(message))
    except discord.HTTPException as error:
        if error.status != _REFUSED or message.content:
            raise
        log.warning("markup status=refused code=%d, sent as plain text", error.code)
        first, *others = to_plain(message)
        await bounded(send_plain(first))
        for part in others:
            await bounded(send_next(part))
