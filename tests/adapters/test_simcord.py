"""The real Discord client, tree and conversation in process, against SimCord's model of Discord."""

from contextlib import asynccontextmanager

import discord
import simcord

from handlers.commands import COMMANDS
from handlers.discord.client import Client
from handlers.discord.commands import build_tree
from handlers.discord.conversation import Conversation
from tests.build import make_batch, make_paper
from tests.world import World

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache.", categories=("cs.CL",))


async def ignore(*_):
    """Nobody wants to know who came or went."""


@asynccontextmanager
async def in_a_channel():
    """A channel with somebody who may manage it, somebody who may not, and the bot with its commands synced.

    No fixture: SimCord's clock belongs to one context, and pytest-asyncio ends a fixture in another than it began.
    """
    world = World(make_batch(CACHE), make_batch(category="cs.AI"))
    await world.storage.open()
    conversation = Conversation(world.services, COMMANDS, frozenset())
    client = Client(conversation, lambda: None, ignore, ignore)
    async with simcord.run(client) as env:
        # Only now: a tree keeps the HTTP client that its bot has when it is made.
        tree = build_tree(client, COMMANDS, conversation.on_command, conversation.suggest)
        guild = env.create_guild()
        channel = guild.create_text_channel("papers")
        keepers = guild.create_role("Keepers", permissions=discord.Permissions(manage_channels=True))
        await tree.sync()
        yield (
            channel,
            guild.add_member(env.create_user("ada"), roles=[keepers]),
            guild.add_member(env.create_user("bob")),
        )


def text_of(shown):
    """Everything a message says, plain or in components."""
    return shown.content + str(shown.components)


async def test_a_topic_is_added_muted_and_removed():
    """A slash command is answered to the person alone; its buttons change the list where it is."""
    async with in_a_channel() as (channel, ada, bob):
        added = await ada.slash(channel, "topics add", query="kv cache")
        assert (added.acknowledged, added.ephemeral) == (True, True)
        assert "Following kv cache." in text_of(added.response)
        listed = await ada.slash(channel, "topics list")
        await ada.click(listed.response.message, label="🔇 1")
        assert "kv cache (muted)" in text_of(listed.response)
        await ada.click(listed.response.message, label="✕ 1")
        assert "No topics yet" in text_of(listed.response)
        refused = await bob.slash(channel, "topics add", query="world")
        assert "administrator" in text_of(refused.response)


async def test_a_question_is_answered_in_a_form():
    """The button Answer opens a modal; what is typed there goes on with the question."""
    async with in_a_channel() as (channel, ada, _):
        asked = await ada.slash(channel, "start")
        form = await ada.click(asked.response.message, label="Answer")
        assert form.modal["title"] == "Your answer"
        answered = await ada.submit_modal(form, {"text": "cs.CL"})
        assert "Reading cs.CL" in text_of(answered.response)


async def test_suggestions_come_while_typing():
    """The chat's own topics are offered for removal."""
    async with in_a_channel() as (channel, ada, _):
        await ada.slash(channel, "topics add", query="kv cache")
        offered = await ada.autocomplete(channel, "topics remove", "topic", "kv")
        assert [each["value"] for each in offered] == ["kv cache"]
