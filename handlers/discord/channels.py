"""Channels that are managed from elsewhere in their server, with the rights of both sides checked each time."""

from typing import Any

import discord

from bot.errors import UserError
from bot.language import later, tr
from bot.managing import Located
from bot.model.chat import Chat
from handlers.discord.commands import Interaction
from handlers.discord.delivery import NETWORK_ERRORS, bounded

_UNSEEN = later(
    "I cannot see that channel in this server. An administrator of it can give me View Channel and Send Messages there."
)


async def locate_channel(interaction: Interaction, identifier: str) -> Located:
    """The channel with this id, which the person may manage and the bot may write in. Raises UserError if not so.

    Roles are those of the gateway's events; the channel, and the bot's own membership, are asked for.
    """
    person, guild, me = interaction.user, interaction.guild, interaction.client.user
    if (
        me is None
        or guild is None
        or guild.unavailable
        or guild.default_role is None
        or not isinstance(person, discord.Member)
    ):
        raise UserError(tr("I am no member of this server. Its administrator can add me to it."))
    channel, parent, us = await _fetch(interaction, guild, me.id, identifier)
    if getattr(parent, "guild", None) != guild:
        raise UserError(tr(_UNSEEN))
    if not isinstance(parent, discord.TextChannel | discord.ForumChannel):
        raise UserError(
            tr("This is no channel that I can write to: choose a text, announcement or forum channel, or a thread.")
        )
    if not parent.permissions_for(person).manage_channels:
        raise UserError(
            tr("Only an administrator of #{channel} (Manage Channels there) can manage it.", channel=channel)
        )
    if lacking := _lacking(channel, parent.permissions_for(us)):
        rights = ", ".join(lacking)
        raise UserError(
            tr(
                "I lack {rights} in #{channel}. Give it to me in the channel's permissions.",
                rights=rights,
                channel=channel,
            )
        )
    return Located(Chat("discord", identifier), f"#{channel}")


async def _fetch(
    interaction: Interaction, guild: discord.Guild, me: int, identifier: str
) -> tuple[discord.abc.GuildChannel | discord.Thread, object, discord.Member]:
    """The channel, the one whose permissions count (a thread has its parent's), and the bot as a member."""
    fetch = interaction.client.fetch_channel
    try:
        channel: Any = await bounded(fetch(int(identifier)))
        parent = await bounded(fetch(channel.parent_id)) if isinstance(channel, discord.Thread) else channel
        return channel, parent, await bounded(guild.fetch_member(me))
    except (discord.Forbidden, discord.NotFound, discord.InvalidData) as error:
        raise UserError(tr(_UNSEEN)) from error
    except NETWORK_ERRORS as error:
        raise UserError(tr("Discord did not say what your rights there are. Please try again.")) from error


def _lacking(channel: object, ours: discord.Permissions) -> list[str]:
    """What the bot needs in this kind of channel and has not, as Discord's settings name it."""
    is_forum, is_thread = isinstance(channel, discord.ForumChannel), isinstance(channel, discord.Thread)
    needed = [("View Channel", ours.view_channel)]
    if not is_thread:
        # One right with two names: https://docs.discord.com/developers/topics/threads#forums
        needed.append(("Create Posts" if is_forum else "Send Messages", ours.send_messages))
    if is_forum or is_thread:
        needed.append(("Send Messages in Threads", ours.send_messages_in_threads))
    return [name for name, has in needed if not has]
