"""The bot is blocked, removed, silenced and let in again."""

import pytest

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.subscription import PauseReason
from tests.adapters.test_telegram import ADA, BOB, FORUM, GROUP, opened
from tests.servers.telegram import BOT, Room, TelegramServer

CHANNEL = -1009


@pytest.fixture
async def server():
    async with TelegramServer() as server:
        server.group(GROUP, {ADA: "administrator"})
        server.group(FORUM, {ADA: "creator"}, threads=(7, 8))
        server.channel(CHANNEL, {ADA: "creator"})
        server.rooms[ADA] = Room(ADA, members={ADA: "member", BOT["id"]: "member"})
        yield server


@pytest.fixture
async def telegram(server):
    async with opened(server) as telegram:
        yield telegram


@pytest.mark.parametrize(
    ("chat", "status", "rights", "reason"),
    [
        (ADA, "kicked", {}, PauseReason.BLOCKED),
        (ADA, "member", {}, None),
        (GROUP, "kicked", {}, PauseReason.REMOVED),
        (GROUP, "left", {}, PauseReason.REMOVED),
        (GROUP, "member", {}, None),
        (GROUP, "administrator", {}, None),
        (GROUP, "restricted", {"can_send_messages": False}, PauseReason.NO_RIGHTS),
        (GROUP, "restricted", {"can_send_messages": True}, None),
        (GROUP, "restricted", {"is_member": False}, PauseReason.REMOVED),
        (CHANNEL, "left", {}, PauseReason.REMOVED),
        (CHANNEL, "administrator", {"can_post_messages": False}, PauseReason.NO_RIGHTS),
        (CHANNEL, "administrator", {"can_post_messages": True}, None),
        (CHANNEL, "member", {}, PauseReason.NO_RIGHTS),
    ],
)
async def test_what_the_bot_may_in_a_chat_is_told(telegram, server, chat, status, rights, reason):
    """Each change tells whether the chat can be reached, and if not, why."""
    await server.set_member(chat, ADA, status, **rights)
    await server.until(lambda: telegram.changes)
    assert telegram.changes == [(Chat("telegram", str(chat)), reason)]


async def test_a_topic_is_closed_and_opened_again(telegram, server):
    """It is told for the topic alone; nobody is spoken to."""
    await server.close_topic(FORUM, ADA, 7)
    await server.reopen_topic(FORUM, ADA, 7)
    await server.until(lambda: len(telegram.changes) == 2)
    topic = Chat("telegram", str(FORUM), "7")
    assert telegram.changes == [(topic, PauseReason.CLOSED), (topic, None)]
    assert server.sent(FORUM) == []


async def test_the_topic_without_a_number_is_left_alone(telegram, server):
    """Closing a forum's General topic says nothing about the other topics."""
    await server.say(FORUM, ADA, forum_topic_closed={})
    await server.close_topic(FORUM, ADA, 8)
    await server.until(lambda: telegram.changes)
    assert telegram.changes == [(Chat("telegram", str(FORUM), "8"), PauseReason.CLOSED)]


async def test_coming_and_going_keeps_its_order(telegram, server):
    """Blocked and unblocked at once: what came last is told last."""
    for status in ("kicked", "member") * 3:
        await server.set_member(ADA, ADA, status)
    await server.until(lambda: len(telegram.changes) == 6)
    assert [reason for _, reason in telegram.changes] == [PauseReason.BLOCKED, None] * 3


async def test_a_full_disk_does_not_stop_the_talk(server, caplog):
    """What could not be kept is logged, and the next command is answered."""

    async def fail(*_):
        raise StorageError("no space left")

    async with opened(server) as telegram:
        telegram.platform.on_gone = fail
        await telegram.stop()
        await telegram.start()
        await server.set_member(GROUP, ADA, "kicked")
        await server.until(lambda: "membership not kept" in caplog.text)
        await server.ask(BOB, BOB, "/topics")
