"""Parts and replies on their way through the strict Bot API server, at Telegram's own pace."""

import asyncio

import pytest

from bot.delivery.pacing import Pacer
from bot.errors import DeliveryError, Remedy
from bot.model.chat import Chat
from bot.model.message import Button, Message, Outgoing
from bot.model.subscription import PauseReason
from handlers.telegram.messenger import TelegramMessenger
from handlers.telegram.post import LIMITS
from tests.adapters.test_telegram import ADA, BOB, FORUM, GROUP, opened
from tests.servers.telegram import BOT, TOKEN, Fault, Room, TelegramServer
from tests.servers.telegram_floods import Floods

TOPIC = Chat("telegram", str(FORUM), "7")
CHANNEL = -1009


@pytest.fixture
async def server():
    async with TelegramServer() as server:
        server.group(GROUP, {ADA: "administrator"})
        server.group(FORUM, {ADA: "creator"}, threads=(7, 8))
        server.channel(CHANNEL, {ADA: "creator"})
        for person in (ADA, BOB):
            server.rooms[person] = Room(person, members={person: "member", BOT["id"]: "member"})
        yield server
        assert server.complaints == []


async def ignore_move(old, new):
    pass


@pytest.fixture
async def messenger(server):
    async with TelegramMessenger(TOKEN, server.url, ignore_move) as messenger:
        yield messenger


def at(chat):
    return chat if isinstance(chat, Chat) else Chat("telegram", str(chat))


async def deliver(messenger, chat, text="Hello.", **fields):
    [part] = messenger.compose(at(chat), Message(text))
    return await messenger.deliver(at(chat), Outgoing(part.body, "nonce", **fields))


async def refusal(messenger, chat):
    with pytest.raises(DeliveryError) as caught:
        await deliver(messenger, chat)
    return caught.value


async def test_a_topic_gets_what_is_meant_for_it(messenger, server):
    """The part goes to the thread, and the receipt names the message there."""
    receipt = await deliver(messenger, TOPIC)
    [sent] = server.sent(FORUM, thread=7)
    assert receipt.message_id == str(sent.id)


async def test_a_part_that_is_not_repeated_makes_one_request(messenger, server):
    """Neither a flood nor a failure is waited for here: whoever planned the part decides."""
    server.script_for(ADA, "sendMessage", Fault(429, retry_after=30), Fault(500))
    assert (await refusal(messenger, ADA)).retry_after == 30
    assert (await refusal(messenger, ADA)).remedy is Remedy.RETRY
    await deliver(messenger, BOB)
    assert len(server.called("sendMessage")) == 3


async def test_a_part_that_may_be_there_is_not_asked_about(messenger, server):
    """Telegram cannot say whether it took a message, so nothing is sent."""
    with pytest.raises(DeliveryError) as caught:
        await deliver(messenger, ADA, unanswered_for=0.5)
    assert caught.value.remedy is Remedy.UNCERTAIN
    assert server.calls == []


async def test_a_plain_repeat_keeps_its_own_answer(messenger, server):
    """What becomes of the plain text is what became of the part, and its buttons stay."""
    markup = Fault(400, "Bad Request: can't parse entities: x")
    server.script("sendMessage", markup, Fault(429, retry_after=9))
    error = await refusal(messenger, ADA)
    assert (error.remedy, error.retry_after) == (Remedy.RETRY, 9)
    [part] = messenger.compose(at(ADA), Message("Hello.", buttons=(Button("Yes", "/yes"),)))
    server.script("sendMessage", markup)
    await messenger.deliver(at(ADA), Outgoing(part.body, "nonce"))
    [sent] = server.sent(ADA)
    assert (sent.is_html, sent.labels) == (False, [["Yes"]])


async def test_what_ails_a_chat(messenger, server):
    """Deleted, closed, moved, silenced, left: each has its remedy and reason."""
    server.rooms[GROUP].moved_to = -10077
    server.rooms[FORUM].closed.add(7)
    server.rooms[FORUM].threads.discard(8)
    server.rooms[ADA].is_deleted = True
    server.rooms[BOB].members[BOT["id"]] = "kicked"
    server.rooms[CHANNEL].rights[BOT["id"]] = {"can_post_messages": False}
    moved = await refusal(messenger, GROUP)
    assert (moved.remedy, moved.moved_to) == (Remedy.MOVE, "-10077")
    for chat, reason in (
        (TOPIC, PauseReason.CLOSED),
        (Chat("telegram", str(FORUM), "8"), PauseReason.CLOSED),
        (ADA, PauseReason.GONE),
        (BOB, PauseReason.BLOCKED),
        (CHANNEL, PauseReason.NO_RIGHTS),
    ):
        error = await refusal(messenger, chat)
        assert (error.remedy, error.pause) == (Remedy.PAUSE, reason)


async def test_an_answer_that_is_json_and_none_is_a_lost_one(messenger, server):
    """What cannot be read does not say that nothing arrived."""
    for body in ('{"ok": true}', "[]", '{"ok": true, "result": {"x": 1}}'):
        server.script("sendMessage", Fault(body=body))
        assert (await refusal(messenger, ADA)).remedy is Remedy.UNCERTAIN


async def test_the_client_outlives_an_outage(messenger, server):
    """After the server was away and came back, the same messenger delivers."""
    await server.hang_up()
    assert (await refusal(messenger, ADA)).is_everywhere
    await server.listen()
    await deliver(messenger, ADA)
    assert len(server.sent(ADA)) == 1


async def test_entering_asks_nothing(server):
    """A messenger can be had while Telegram is out of reach, and left again."""
    async with TelegramMessenger(TOKEN, "http://127.0.0.1:9", ignore_move):
        pass
    async with TelegramMessenger(TOKEN, server.url, ignore_move):
        pass
    assert server.calls == []


async def test_a_messenger_that_is_not_entered_delivers_all_the_same(server):
    """With a client for that once."""
    await deliver(TelegramMessenger(TOKEN, server.url, ignore_move), ADA)
    assert len(server.sent(ADA)) == 1


async def test_the_server_refuses_what_comes_too_fast(messenger, server):
    """A second message to a chat within a second is told off, as is the twenty-first in a group's minute."""
    server.is_strict = True
    await deliver(messenger, ADA)
    assert (await refusal(messenger, ADA)).retry_after == 1
    assert server.floods.refused == 1
    floods = Floods()
    assert [floods.admit(GROUP, 2.0 * second) for second in range(21)] == [0] * 20 + [20]
    assert [floods.admit(each, 100.0) for each in range(31)] == [0] * 30 + [1]


async def test_who_asks_several_things_at_once_is_answered_at_once(server):
    """An idle bot makes nobody wait, for Telegram takes short bursts; a longer one is kept within its mean."""
    loop = asyncio.get_running_loop()
    async with opened(server, pacer=Pacer(LIMITS)):
        started = loop.time()
        for command in ("/topics", "/categories", "/settings", "/help", "/schedule", "/saved"):
            await server.say(ADA, ADA, command)
        replies = await server.replies(ADA, 6, seconds=10.0)
        assert replies[4].at - started < 1.0
        assert replies[5].at - replies[0].at >= 5.0


async def test_a_reply_keeps_its_distance_from_a_digest(server):
    """A second after a part of a digest, and not before, a reply goes to the same chat: nothing is told off."""
    server.is_strict, pacer = True, Pacer(LIMITS)
    async with opened(server, pacer=pacer):
        await server.ask(ADA, ADA, "/topics")
        await asyncio.sleep(1.0)
        async with pacer.turn(Chat("telegram", str(ADA))):
            digest = asyncio.get_running_loop().time()
        reply = await server.ask(ADA, ADA, "/categories")
        assert 0.99 <= reply.at - digest < 1.5
        assert server.floods.refused == 0


async def test_people_are_answered_during_a_broadcast(messenger, server):
    """Digests to many chats and replies together keep Telegram's limits, and the replies do not wait for the digests."""
    server.is_strict, server.jitter = True, 0.01
    chats = range(1000, 1075)
    for each in chats:
        server.rooms[each] = Room(each, members={BOT["id"]: "member"})

    async def send(chat):
        async with messenger.pacer.turn(at(chat)):
            await deliver(messenger, chat)

    async with opened(server, pacer=messenger.pacer):
        broadcast = asyncio.gather(*map(send, chats))
        for person in (ADA, BOB, 1070):
            started = asyncio.get_running_loop().time()
            reply = await server.ask(person, person, "/topics")
            assert reply.at - started < 0.5
        assert not broadcast.done()
        await broadcast
    assert server.floods.refused == 0
    assert all(len(server.sent(each)) == 1 for each in chats if each != 1070)
