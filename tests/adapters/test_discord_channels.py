"""Channels managed from elsewhere, and channels of every kind as destinations, against a strict Discord on loopback."""

import json

import pytest

from bot.model.chat import Chat
from handlers.command import Command, Reply
from handlers.discord.conversation import MOST_MESSAGES
from tests.adapters.test_discord import ADMIN, MEMBER, ROOM, Rig
from tests.build import make_batch, make_paper
from tests.servers.discord import MANAGE_CHANNELS, serve
from tests.servers.discord_data import (
    BOT,
    BOT_ROLE,
    FORUM_TYPE,
    MANAGE,
    NEWS_TYPE,
    SEND,
    SEND_IN_THREADS,
    VIEW,
    Answer,
    make_channel,
    make_thread,
)
from tests.servers.discord_rules import texts_of
from tests.world import World

FORUM, NEWS = "5100", "5200"
MANAGER = {ADMIN: (MANAGE, 0)}
FORUM_CHAT, NEWS_CHAT = Chat("discord", FORUM), Chat("discord", NEWS)


@pytest.fixture
async def rig():
    world = World(
        make_batch(make_paper("2611.00001", "Small KV Caches", "The kv cache.")), make_batch(category="cs.AI")
    )
    await world.storage.open()
    async with serve() as server:
        yield Rig(server, world)
        assert server.refusals == []


@pytest.fixture
async def server(rig):
    async with rig.running() as server:
        server.add(make_channel(FORUM, FORUM_TYPE, overwrites=MANAGER))
        server.add(make_channel(NEWS, NEWS_TYPE, overwrites=MANAGER))
        yield server


async def use(server, name, options=None, user=ADMIN, **kind):
    return (await server.command(ROOM, user, name, options, **kind)).text


async def topics(rig, chat):
    return (await rig.world.services.subscriptions.get(chat)).topics


async def test_a_forum_is_managed_from_a_channel(server, rig):
    """The channel is an option; what follows acts on the forum and says so, until the button ends it."""
    [option] = next(each for each in server.commands if each["name"] == "manage")["options"]
    assert (option["type"], option["required"]) == (7, False)
    managed = await server.command(ROOM, ADMIN, "manage", {"channel": FORUM})
    assert managed.text.startswith(r"For \#room5100: ")
    assert managed.is_hidden
    assert (await use(server, "topics add", {"query": "kv cache"})).startswith(r"For \#room5100: Following kv cache.")
    assert (await use(server, "digest")).startswith(r"For \#room5100:")
    assert (await topics(rig, FORUM_CHAT), await topics(rig, Chat("discord", ROOM))) == (("kv cache",), ())
    exported = await use(server, "export")
    assert exported.startswith("For \\#room5100:\n```json\n")
    assert json.loads(exported.split("```")[1].removeprefix("json"))["topics"] == ["kv cache"]
    assert "about this chat" in (await server.press(managed.messages[-1], ADMIN, "/manage off")).text
    assert "No topics" in await use(server, "topics list")


async def test_only_those_with_manage_channels_there_manage_it(server, rig):
    """That they have it in the channel they write in does not count."""
    refused = await server.command(ROOM, MEMBER, "manage", {"channel": FORUM}, MANAGE_CHANNELS)
    assert r"administrator of \#room5100" in refused.text
    assert "administrator" in await use(server, "topics add", {"query": "x"}, user=MEMBER)
    assert await topics(rig, FORUM_CHAT) == ()


@pytest.mark.parametrize(
    ("kind", "denied", "lacking"),
    [
        (FORUM_TYPE, SEND, "Create Posts"),
        (FORUM_TYPE, SEND_IN_THREADS, "Send Messages in Threads"),
        (NEWS_TYPE, SEND, "Send Messages"),
        (NEWS_TYPE, VIEW, "View Channel, Send Messages"),
    ],
)
async def test_what_the_bot_lacks_is_named(server, kind, denied, lacking):
    """As Discord's own settings call it, whether a role or the bot itself is denied it."""
    for target in (BOT, BOT_ROLE):
        server.add(make_channel("5300", kind, overwrites=MANAGER | {target: (0, denied)}))
        assert f"I lack {lacking} in" in await use(server, "manage", {"channel": "5300"})


async def test_both_rights_are_checked_at_each_command(server, rig):
    """Once one is gone nothing is done, whatever was allowed before."""
    await use(server, "manage", {"channel": FORUM})
    await use(server, "topics add", {"query": "kv cache"})
    server.add(make_channel(FORUM, FORUM_TYPE))
    assert "administrator" in await use(server, "topics clear")
    server.add(make_channel(FORUM, FORUM_TYPE, overwrites=MANAGER | {BOT: (0, SEND)}))
    assert "I lack Create Posts" in await use(server, "topics clear")
    server.places[FORUM]["is_hidden"] = True
    assert "cannot see" in await use(server, "topics clear")
    assert await topics(rig, FORUM_CHAT) == ("kv cache",)
    server.add(make_channel(FORUM, FORUM_TYPE, overwrites=MANAGER))
    server.plan("GET", f"/channels/{FORUM}", Answer(404, {"code": 10003, "message": "Unknown Channel"}))
    assert "cannot see" in await use(server, "topics clear")
    server.plan("GET", f"/members/{BOT}", Answer(400, {"code": 0, "message": "Bad Request"}))
    assert "try again" in await use(server, "topics clear")
    assert "Cleared 1" in await use(server, "topics clear")


async def test_a_thread_can_be_managed_and_another_servers_channel_cannot(server):
    """A thread's rights are those of its channel; what is in another server does not exist here."""
    server.add(make_thread("5201", NEWS))
    assert (await use(server, "manage", {"channel": "5201"})).startswith(r"For \#thread: ")
    server.add(make_channel("5301") | {"guild_id": "9999"})
    assert "cannot see" in await use(server, "manage", {"channel": "5301"})
    server.add(make_channel("5302", 4, overwrites=MANAGER))
    assert "no channel that I can write to" in await use(server, "manage", {"channel": "5302"})


async def test_a_share_is_redeemed_by_an_option_of_start(server, rig):
    """What /share gave, with or without the command before it, makes another channel follow the same."""
    for name, option in (("topics add", {"query": "kv cache"}), ("categories add", {"category": "cs.CL"})):
        await server.command(ROOM, ADMIN, name, option, MANAGE_CHANNELS)
    line = next(word for word in (await use(server, "share")).replace("\\", "").split() if word.startswith("topics_"))
    assert "administrator" in (await server.command(NEWS, MEMBER, "start", {"share": line})).text
    taken = await server.command(NEWS, ADMIN, "start", {"share": f"/start {line}"}, MANAGE_CHANNELS)
    assert "Following kv cache" in taken.text
    assert await topics(rig, NEWS_CHAT) == ("kv cache",)
    await server.command("5205", ADMIN, "start", {"share": line}, MANAGE_CHANNELS)
    assert await topics(rig, Chat("discord", "5205")) == ("kv cache",)
    assert "Welcome" in (await server.command("5206", ADMIN, "start", None, MANAGE_CHANNELS)).text


async def endless(services, request):
    """Far more than fits."""
    return Reply("a line of words\n" * 4000)


async def test_an_answer_has_an_end(rig):
    """Beyond a dozen messages the last says how many are left out; where the bot is a guest it says so sooner."""
    rig.catalogue = (Command("endless", "Much.", endless),)
    async with rig.running() as server:
        exchange = await server.command(ROOM, MEMBER, "endless")
        assert len(exchange.messages) == MOST_MESSAGES
        assert "more messages" in texts_of(exchange.messages[-1])[0]
        server.is_guest = True
        exchange = await server.command(ROOM, MEMBER, "endless")
        assert len(exchange.messages) == 6


async def test_nothing_is_managed_where_the_bot_is_no_member(rig):
    """A person who installed it for themselves uses it in any server, and is told that it must be added first."""
    async with rig.running() as server:
        refused = await server.command(ROOM, ADMIN, "manage", {"channel": FORUM}, guild="9876")
        assert "no member of this server" in refused.text
        private = await server.dm(ADMIN, "/manage #forum")
        assert "nothing to manage" in private[0]["content"]
