"""Messages of their own, as each kind of channel wants them: a forum a post, an announcement channel a crosspost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import discord

from bot.errors import PlatformError
from handlers.discord.delivery import NETWORK_ERRORS, bounded, open_post, send_to
from handlers.discord.markup import label
from handlers.discord.render import DiscordMessage

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]
_TITLE_LIMIT = 100
_CROSSPOST_PAUSES = (2.0, 10.0)
_CROSSPOSTED_ALREADY = 40033


async def post(  # noqa: PLR0913 - what, where, and how it looks there
    client: discord.Client,
    channel_id: int,
    messages: Sequence[DiscordMessage],
    *,
    title: str,
    tag: str = "",
    sleep: Sleep = asyncio.sleep,
) -> tuple[discord.Message, ...]:
    """Send the messages, in this order, to a channel, thread or direct message; what was sent.

    In a forum they make a new post called `title`, with the tag of that name. Raises one of NETWORK_ERRORS where a message
    was not, or may not have been, sent, PlatformError where the channel takes none. A crosspost that fails is only logged.
    """
    channel = client.get_channel(channel_id) or await bounded(client.fetch_channel(channel_id))
    if isinstance(channel, discord.ForumChannel):
        return await open_post(channel, messages, label(title, _TITLE_LIMIT), choose_tags(channel, tag))
    if not isinstance(channel, discord.abc.Messageable):
        raise PlatformError(f"channel {channel_id} takes no messages")
    sent = await send_to(channel, messages)
    if isinstance(channel, discord.TextChannel) and channel.is_news():
        for message in sent:
            await crosspost(message, sleep)
    return sent


def choose_tags(forum: discord.ForumChannel, name: str) -> tuple[discord.ForumTag, ...]:
    """The tag with this name, else, where a post must have one, the first that needs no moderator; else none."""
    wanted = name.casefold()
    named = [each for each in forum.available_tags if wanted and each.name.casefold() == wanted]
    if not named and forum.flags.require_tag:
        named = sorted(forum.available_tags, key=lambda each: each.moderated)
    return tuple(named[:1])


async def crosspost(message: discord.Message, sleep: Sleep) -> None:
    """Publish a sent message to the channels that follow; tried three times, then given up."""
    for pause in (*_CROSSPOST_PAUSES, None):
        try:
            await bounded(message.publish())
        except NETWORK_ERRORS as error:
            if isinstance(error, discord.HTTPException) and error.code == _CROSSPOSTED_ALREADY:
                return
            log.warning("crosspost channel=%d status=failed error=%r", message.channel.id, str(error))
        else:
            return
        if pause is not None:
            await sleep(pause)
