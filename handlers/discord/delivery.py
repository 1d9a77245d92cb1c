"""How a rendered message reaches Discord: each request bounded in time, refused markup sent once more without."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import aiohttp
import discord

from handlers.discord.commands import Interaction
from handlers.discord.render import DiscordMessage, to_plain
from handlers.discord.view import to_arguments, to_files

log = logging.getLogger(__name__)

REQUEST_SECONDS = 15.0
"""How long one request to Discord may take."""
NETWORK_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
"""What a request can fail with."""
_REFUSED = 400

T = TypeVar("T")
Send = Callable[[DiscordMessage], Awaitable[object]]


async def bounded(request: Awaitable[T]) -> T:
    """Await one request to Discord. Raises one of NETWORK_ERRORS, TimeoutError after 15 seconds."""
    async with asyncio.timeout(REQUEST_SECONDS):
        return await request


async def send_to(channel: discord.abc.Messageable, messages: Sequence[DiscordMessage]) -> tuple[discord.Message, ...]:
    """Messages of their own, in this order; what was sent."""
    sent: list[discord.Message] = []

    async def send(message: DiscordMessage) -> None:
        sent.append(await channel.send(**to_arguments(message), files=to_files(message), suppress_embeds=True))

    for message in messages:
        await _deliver(message, send, send, send)
    return tuple(sent)


async def open_post(
    forum: discord.ForumChannel,
    messages: Sequence[DiscordMessage],
    title: str,
    tags: Sequence[discord.ForumTag],
) -> tuple[discord.Message, ...]:
    """A new post of a forum with these messages, in this order; what was sent."""
    opened: list[discord.channel.ThreadWithMessage] = []
    rest: list[discord.Message] = []

    async def begin(message: DiscordMessage) -> None:
        arguments = to_arguments(message) | {"files": to_files(message), "suppress_embeds": True}
        opened.append(await forum.create_thread(name=title, applied_tags=tags, **arguments))

    async def go_on(message: DiscordMessage) -> None:
        rest.extend(await send_to(opened[0].thread, (message,)))

    first, *others = messages
    await _deliver(first, begin, begin, go_on)
    for message in others:
        await go_on(message)
    return opened[0].message, *rest


async def edit(interaction: Interaction, message: DiscordMessage, *, is_hidden: bool) -> None:
    """Fill the announced answer, or replace the message whose button was pressed."""

    async def put(part: DiscordMessage) -> None:
        await interaction.edit_original_response(**to_arguments(part), attachments=to_files(part))

    async def send(part: DiscordMessage) -> None:
        await follow_up(interaction, (part,), is_hidden=is_hidden)

    # The message with the button is made of components, and never takes plain text again.
    await _deliver(message, put, send if interaction.type is discord.InteractionType.component else put, send)


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
