"""The gateway's events, handed to those who care: a conversation, and whoever keeps subscriptions."""

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.model.chat import Chat
from bot.model.subscription import PauseReason
from handlers.discord.commands import Interaction
from handlers.discord.conversation import Conversation

OnGone = Callable[[Chat, PauseReason], Awaitable[None]]
OnBack = Callable[[Chat], Awaitable[None]]

_LONGEST_WAIT = 60.0


class Client(discord.Client):
    """discord.py's client without caches and privileged intents, its events handed to a conversation."""

    def __init__(
        self,
        conversation: Conversation,
        on_contact: Callable[[], None],
        on_gone: OnGone,
        on_back: OnBack,
        **options: Any,  # noqa: ANN401 - discord.py's own
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, dm_messages=True),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=_LONGEST_WAIT,
            enable_debug_events=True,  # the only door through which heartbeat answers are seen
            **options,
        )
        self._conversation = conversation
        self._on_contact = on_contact
        self._on_gone, self._on_back = on_gone, on_back

    async def on_socket_raw_receive(self, _: str) -> None:
        self._on_contact()

    async def on_interaction(self, interaction: Interaction) -> None:
        """Presses and forms; discord.py's command tree takes the rest."""
        if interaction.type is discord.InteractionType.component:
            await self._conversation.on_press(interaction)
        elif interaction.type is discord.InteractionType.modal_submit:
            await self._conversation.on_form(interaction)

    async def on_message(self, message: discord.Message) -> None:
        await self._conversation.on_message(message)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """We were removed; an outage of the server is another event."""
        for each in (*guild.channels, *guild.threads):
            await self._on_gone(_chat(each.id), PauseReason.REMOVED)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        for each in (*guild.channels, *guild.threads):
            await self._on_back(_chat(each.id))

    async def on_guild_channel_update(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        """Threads have the permissions of their channel."""
        if before.overwrites != after.overwrites:
            for each in (after, *getattr(after, "threads", ())):
                await self._on_back(_chat(each.id))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._on_gone(_chat(channel.id), PauseReason.GONE)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self._on_gone(_chat(payload.thread_id), PauseReason.GONE)

    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """discord.py forgets archived threads, so that what was locked before is not known."""
        if payload.data.get("thread_metadata", {}).get("locked"):
            await self._on_gone(_chat(payload.thread_id), PauseReason.CLOSED)
        else:
            await self._on_back(_chat(payload.thread_id))


class ShardedClient(Client, discord.AutoShardedClient):
    """The same with a gateway connection for each shard in `shard_ids`, out of `shard_count`."""


def _chat(identifier: int) -> Chat:
    return Chat("discord", str(identifier))
