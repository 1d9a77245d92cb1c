"""The Discord platform: one gateway connection, commands in step with the catalogue, and an eye on silence."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import discord
import discord.gateway
import discord.http
import yarl
from discord import app_commands
from discord.abc import PrivateChannel

from bot.errors import PlatformError, PlatformRefusedError, StorageError
from bot.ports import Clock
from handlers.command import Catalogue, Services
from handlers.discord.client import Client, OnBack, OnGone, ShardedClient
from handlers.discord.commands import CatalogueTranslator, build_tree, definitions_hash
from handlers.discord.conversation import Conversation
from handlers.discord.delivery import NETWORK_ERRORS
from handlers.discord.rest import is_token

log = logging.getLogger(__name__)

NOTE = "discord commands"
"""The key of the note that holds the hash of the commands Discord was last told of."""
SILENCE_SECONDS = 120.0
_LOGIN_SECONDS = 45.0
_SYNC_SECONDS = 60.0
_DRAIN_SECONDS = 7.0
_CLOSE_SECONDS = 1.0
_UNAUTHORIZED = 401
# https://docs.discord.com/developers/topics/opcodes-and-status-codes: token, sharding, version and intents
_REFUSALS = frozenset({4004, 4010, 4011, 4012, 4013, 4014})


async def _ignore(*_: object) -> None:
    """Nobody wants to know."""


@dataclass(slots=True, eq=False)
class DiscordPlatform:
    """Serves slash commands, buttons and direct messages through one bot account; a process has one such platform.

    `owners` are user ids. `load_note` and `save_note` keep one small text under a key. `silence_seconds`: how long the
    gateway may say nothing, heartbeats included, before it counts as dead. `on_gone` is told of a chat that we cannot reach
    any more, and why; `on_back` of one that we may be able to reach again. `shards`: those of this process, out of how many;
    None: there are none.
    """

    token: str = field(repr=False)
    api_url: str
    catalogue: Catalogue
    services: Services
    owners: frozenset[str]
    clock: Clock
    load_note: Callable[[str], Awaitable[str | None]]
    save_note: Callable[[str, str], Awaitable[None]]
    silence_seconds: float = SILENCE_SECONDS
    on_gone: OnGone = _ignore
    on_back: OnBack = _ignore
    shards: tuple[tuple[int, ...], int] | None = None
    name: str = field(default="discord", init=False)
    last_contact: datetime | None = field(default=None, init=False)
    _heard: float = field(default=0.0, init=False)
    _client: discord.Client | None = field(default=None, init=False)

    def get_kind(self, channel: str) -> int | None:
        """The type of a channel where the gateway told it, for the messenger."""
        known = self._client.get_channel(int(channel)) if self._client else None
        return None if known is None or isinstance(known, PrivateChannel) else known.type.value

    async def run(self) -> None:
        _keep_quiet()
        conversation = Conversation(self.services, self.catalogue, self.owners)
        client = self._make_client(conversation)
        tree = build_tree(client, self.catalogue, conversation.on_command, conversation.suggest)
        try:
            with _explained():
                await self._log_in(client)
                self._client = client
                await self._serve(client, tree)
        finally:
            self._client = None
            await _let_go(client, conversation)

    def _make_client(self, conversation: Conversation) -> Client:
        told = (conversation, self._note_contact, self.on_gone, self.on_back)
        if self.shards is None:
            return Client(*told)
        ids, count = self.shards
        return ShardedClient(*told, shard_ids=list(ids), shard_count=count)

    async def _log_in(self, client: discord.Client) -> None:
        # discord.py has no other door for these two: https://github.com/Rapptz/discord.py/blob/v2.7.1/discord/http.py
        discord.http.Route.BASE = self.api_url.rstrip("/")
        if not is_token(self.token):
            raise PlatformRefusedError("DISCORD_BOT_TOKEN is not a token")
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                await client.login(self.token)
                _, address, _ = await client.http.get_bot_gateway()
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(address)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlatformError("DISCORD_API_URL answers, but not as Discord does") from error
        self._note_contact()

    async def _serve(self, client: discord.Client, tree: app_commands.CommandTree[discord.Client]) -> None:
        tasks = [
            asyncio.create_task(client.connect(), name="discord gateway"),
            asyncio.create_task(self._mind(tree), name="discord watch"),
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise PlatformError("the connection to Discord ended")

    async def _mind(self, tree: app_commands.CommandTree[discord.Client]) -> None:
        """Tell Discord our commands where they changed; then watch that the gateway goes on speaking."""
        await self._sync(tree)
        loop = asyncio.get_running_loop()
        while (silent := loop.time() - self._heard) < self.silence_seconds:  # noqa: ASYNC110 - time passing is the event
            await asyncio.sleep(self.silence_seconds - silent + 0.01)
        raise PlatformError(f"Discord's gateway has been silent for {silent:.0f} s")

    async def _sync(self, tree: app_commands.CommandTree[discord.Client]) -> None:
        if self.services.languages.catalogues:
            await tree.set_translator(CatalogueTranslator(self.services.languages))
        wanted = await definitions_hash(tree)
        try:
            if await self.load_note(NOTE) == wanted:
                return
            async with asyncio.timeout(_SYNC_SECONDS):
                synced = await tree.sync()
            await self.save_note(NOTE, wanted)
        except (*NETWORK_ERRORS, StorageError) as error:
            log.warning("commands status=not-synced error=%r", str(error) or type(error).__name__)
        else:
            log.info("commands status=synced count=%d", len(synced))

    def _note_contact(self) -> None:
        self.last_contact = self.clock()
        self._heard = asyncio.get_running_loop().time()


@contextmanager
def _explained() -> Iterator[None]:
    """discord.py's and the network's errors as ours."""
    try:
        yield
    except discord.LoginFailure as error:
        raise PlatformRefusedError("Discord refuses the token; set DISCORD_BOT_TOKEN") from error
    except discord.PrivilegedIntentsRequired as error:
        raise PlatformRefusedError("Discord refuses the intents we ask for") from error
    except discord.ConnectionClosed as error:
        kind = PlatformRefusedError if error.code in _REFUSALS else PlatformError
        raise kind(f"Discord closed the gateway with code {error.code}") from error
    except discord.HTTPException as error:
        kind = PlatformRefusedError if error.status == _UNAUTHORIZED else PlatformError
        raise kind(f"Discord answered {error.status} (code {error.code})") from error
    except NETWORK_ERRORS as error:
        raise PlatformError(f"Discord cannot be reached: {type(error).__name__}") from error


async def _let_go(client: discord.Client, conversation: Conversation) -> None:
    """Let what is being answered finish, but not for long; then close every connection."""
    await asyncio.sleep(0)
    if conversation.in_flight:
        await asyncio.wait(conversation.in_flight, timeout=_DRAIN_SECONDS)
    for task in (late := list(conversation.in_flight)):
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=_CLOSE_SECONDS)
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await client.close()
    except NETWORK_ERRORS as error:
        log.warning("discord close status=failed error=%s", type(error).__name__)
        await client.http.close()


def _keep_quiet() -> None:
    """At DEBUG, discord.py writes whole messages, and the tokens that answer interactions, to the log."""
    for chatty in ("discord.gateway", "discord.http", "discord.webhook.async_", "discord.client"):
        logging.getLogger(chatty).setLevel(logging.INFO)
