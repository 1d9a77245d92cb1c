"""What becomes of servers, channels and threads, and answers that need a thread: the platform on a strict Discord."""

import asyncio

import pytest

from bot.model.chat import Chat
from bot.model.message import Button
from bot.model.subscription import PauseReason
from handlers.command import Command, Reply
from handlers.discord.conversation import MOST_MESSAGES
from tests.adapters.test_discord import ADMIN, MEMBER, ROOM, Rig
from tests.adapters.test_discord_messenger import TITLE, make_digest
from tests.servers.discord import serve
from tests.servers.discord_data import FORUM_TYPE, GUILD, NEWS_TYPE, SEND, Answer, make_channel, make_thread
from tests.servers.discord_rules import COMPONENTS_V2, EPHEMERAL
from tests.world import World

FORUM, THREAD = "5100", "5001"
REFUSED = Answer(403, {"code": 50013, "message": "Missing Permissions"})


async def long_digest(services, request):
    """A digest that no single message holds."""
    papers = make_digest()
    buttons = tuple(Button(str(each.place), f"/paper {each.announced.paper.id}") for each in papers.papers)
    return Reply("Good morning.", papers, "full", buttons=buttons)


DIGEST = Command("digest", "The digest.", long_digest, is_public=True)
HIDDEN = Command("mine", "For one person.", long_digest)


class Place(Rig):
    """A rig that notes which chats went and came back."""

    def __init__(self, server, world):
        super().__init__(server, world)
        self.gone, self.back = [], []

    def make(self):
        platform = super().make()
        platform.on_gone, platform.on_back = self.on_gone, self.on_back
        return platform

    async def on_gone(self, chat, reason):
        assert chat == Chat("discord", chat.id)
        self.gone.append((chat.id, reason))

    async def on_back(self, chat):
        self.back.append(chat.id)


@pytest.fixture
async def rig():
    world = World()
    await world.storage.open()
    async with serve() as server:
        server.add(make_channel(ROOM))
        server.add(make_channel(FORUM, FORUM_TYPE))
        server.add(make_thread(THREAD, ROOM))
        rig = Place(server, world)
        rig.catalogue = (DIGEST, HIDDEN)
        yield rig
        assert server.refusals == []


@pytest.fixture
async def server(rig):
    async with rig.running() as server:
        await server.wait_for(lambda: rig.platform.get_kind(ROOM) == 0)
        yield server


async def test_a_server_that_removes_the_bot_takes_all_its_chats_along(rig, server):
    """Channels and threads; adding the bot again brings them back."""
    await server.wait_for(rig.platform._client.is_ready)
    await server.remove_bot()
    await server.wait_for(lambda: len(rig.gone) == 3)
    assert sorted(rig.gone) == sorted((each, PauseReason.REMOVED) for each in (THREAD, ROOM, FORUM))
    assert rig.back == []
    await server.add_bot()
    await server.wait_for(lambda: len(rig.back) == 3)
    assert sorted(rig.back) == sorted([ROOM, THREAD, FORUM])


async def test_an_outage_of_a_server_pauses_nobody(rig, server):
    """Discord says so in another way."""
    await server.lose_guild()
    await server.delete_channel(FORUM)
    await server.command(ROOM, MEMBER, "digest")
    assert rig.gone == [(FORUM, PauseReason.GONE)]
    assert rig.back == []


async def test_changed_permissions_bring_a_channel_back(rig, server):
    """With its threads, which have its permissions; a new name changes nothing."""
    await server.change_channel(ROOM, name="renamed")
    await asyncio.sleep(0.05)
    assert rig.back == []
    allowed = make_channel(ROOM, overwrites={GUILD: (SEND, 0)})
    await server.change_channel(ROOM, permission_overwrites=allowed["permission_overwrites"])
    await server.wait_for(lambda: len(rig.back) == 2)
    assert rig.back == [ROOM, THREAD]


async def test_deleted_channels_and_threads_are_gone(rig, server):
    """Threads go with their channel."""
    await server.delete_thread(THREAD)
    await server.wait_for(lambda: rig.gone)
    await server.delete_channel(FORUM)
    await server.wait_for(lambda: len(rig.gone) == 2)
    assert rig.gone == [(THREAD, PauseReason.GONE), (FORUM, PauseReason.GONE)]


async def test_the_threads_of_a_deleted_channel_are_gone_too(rig, server):
    """Discord tells of the channel alone."""
    await server.delete_channel(ROOM)
    await server.wait_for(lambda: len(rig.gone) == 2)
    assert sorted(rig.gone) == sorted([(ROOM, PauseReason.GONE), (THREAD, PauseReason.GONE)])


async def test_a_locked_thread_is_closed_until_it_is_unlocked(rig, server):
    """One that merely went to the archive is opened by the next message."""
    await server.change_thread(THREAD, archived=True, locked=True)
    await server.wait_for(lambda: rig.gone)
    assert rig.gone == [(THREAD, PauseReason.CLOSED)]
    await server.change_thread(THREAD)
    await server.wait_for(lambda: rig.back)
    await server.change_thread(THREAD, archived=True)
    await server.wait_for(lambda: len(rig.back) == 2)
    assert (len(rig.gone), rig.back) == (1, [THREAD] * 2)


async def test_the_gateway_tells_what_kind_a_channel_is(rig, server):
    """Threads and forums are told apart; nothing is known of channels elsewhere."""
    kinds = [rig.platform.get_kind(each) for each in (ROOM, FORUM, THREAD, "777")]
    assert kinds == [0, FORUM_TYPE, 11, None]


async def test_nothing_is_known_without_a_gateway(rig):
    """The messenger then asks for itself."""
    assert rig.make().get_kind(ROOM) is None


@pytest.mark.parametrize("kind", [0, NEWS_TYPE])
async def test_a_long_answer_goes_on_in_a_thread(rig, server, kind):
    """The header is the answer, with the buttons; the papers are in a thread that starts from it."""
    exchange = await server.command(ROOM, MEMBER, "digest")
    [header] = exchange.messages
    assert header["flags"] == COMPONENTS_V2
    assert len(exchange.buttons) == 12
    assert server.places[header["id"]]["name"] == TITLE
    assert len(server.messages(header["id"])) > 2
    assert server.messages(ROOM) == [header]


@pytest.mark.parametrize("refused", ["/threads$", "/channels/\\d+/messages$"])
async def test_without_the_right_to_a_thread_the_rest_follows(rig, server, refused):
    """Whether it cannot be made, or not be written in, the answer is whole."""
    server.plan("POST", refused, REFUSED)
    exchange = await server.command(ROOM, MEMBER, "digest")
    assert len(exchange.messages) > 3
    assert len(server.messages(ROOM)) == len(exchange.messages)


@pytest.mark.parametrize(
    "how",
    [{"channel": THREAD}, {"guild": None}, {"guild": "9876"}, {"name": "mine"}],
    ids=["thread", "private", "guest", "hidden"],
)
async def test_elsewhere_the_rest_follows(rig, server, how):
    """In threads, in private, where only the person installed the bot, and in answers that nobody else sees."""
    server.threads[THREAD] = ROOM
    server.is_guest = how.get("guild") == "9876"
    where, name = how.pop("channel", ROOM), how.pop("name", "digest")
    exchange = await server.command(where, ADMIN, name, **how)
    assert 1 < len(exchange.messages) <= MOST_MESSAGES
    assert all(bool(each["flags"] & EPHEMERAL) is (name == "mine") for each in exchange.messages)
    assert not any(path.endswith("/threads") for _, path, _ in server.requests)
