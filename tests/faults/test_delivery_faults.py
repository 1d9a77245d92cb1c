"""The real process on platforms that refuse, hang, lose answers and change under it: every part ends as what became of it."""

import asyncio
import signal

import pytest

from bot.model.chat import Chat
from bot.model.delivery import DeliveryState
from bot.model.subscription import PauseReason
from tests.faults.process import ADA
from tests.faults.town import (
    FORUM_ROOM,
    IDS,
    NEWS_ROOM,
    OWNER,
    make_private,
    open_town,
    settle_discord,
    settle_telegram,
)
from tests.faults.verdict import check_chat, check_chats, check_status
from tests.servers.discord_data import Answer
from tests.servers.telegram import Fault

VIA = {"Via": "1.1 google"}
GROUP, SUPERGROUP = -2001, -1002001
LETTERS = {
    DeliveryState.SENT: "S",
    DeliveryState.UNCERTAIN: "U",
    DeliveryState.FAILED: "F",
    DeliveryState.DEAD: "D",
}
UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"
# By chat: what happens to its first requests, how its parts end, and which of them arrive.
ON_TELEGRAM = {
    "1001": ([Fault(429, "Too Many Requests: retry after 2", retry_after=2)], "SSS", [1, 2, 3]),
    "1002": ([Fault(429, "Too Many Requests")], "SSS", [1, 2, 3]),
    "1003": ([Fault(502), Fault(500), Fault(503)], "SSS", [1, 2, 3]),
    "1004": ([Fault(), Fault(502, body="<html>Bad Gateway</html>")], "SSS", [1, 2, 3]),
    "1005": ([Fault(is_lost=True)], "USS", [1, 2, 3]),
    "1006": ([Fault(), Fault(pause=60.0)], "SUS", [1, 3]),
    "1007": ([Fault(), Fault(403, "Forbidden: bot was blocked by the user")], "SFD", [1]),
    "-2001": ([Fault(), Fault(400, UPGRADED, migrate_to=SUPERGROUP)], "SSS", [1, 2, 3]),
}
ON_DISCORD = {
    "5001": ([Answer(429, {"message": "Slow down", "retry_after": 2.0, "global": False}, VIA)], "SSSS", [1, 2, 3, 4]),
    "5002": ([Answer(429, {"message": "Slow down"}, VIA)], "SSSS", [1, 2, 3, 4]),
    "5003": ([Answer(502), Answer(500), Answer(503)], "SSSS", [1, 2, 3, 4]),
    "5004": ([Answer(lost=True)], "SSSS", [1, 2, 3, 4]),
    "5005": ([Answer(unheard=True)], "SSSS", [1, 2, 3, 4]),
    "5006": ([Answer(delay=16.0)], "SSSS", [1, 2, 3, 4]),
    "5007": ([Answer(page="<html>Welcome to this hotel's network</html>")], "SSSS", [1, 2, 3, 4]),
    "5008": ([Answer(), Answer(403, {"code": 50001, "message": "Missing Access"})], "SFDD", [1]),
    FORUM_ROOM: ([Answer(lost=True)], "SSSS", [1, 2, 3, 4]),
    "5201": ([Answer(unheard=True)], "SSSS", [1, 2, 3, 4]),
    NEWS_ROOM: ([Answer(lost=True)], "SSSS", [1, 2, 3, 4]),
}


@pytest.fixture
async def town(each_place):
    async with open_town(each_place) as town:
        yield town


async def test_each_trouble_ends_as_what_it_was(town):
    """One broadcast in which every chat meets trouble of its own: what is certain is repeated, what is not is told."""
    await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
    town.telegram.group(SUPERGROUP, {1: "creator"})
    town.telegram.rooms[GROUP].moved_to = 0
    for chat, (faults, *_) in ON_TELEGRAM.items():
        town.telegram.script_for(int(chat), "sendMessage", *faults)
    for chat, (answers, *_) in ON_DISCORD.items():
        town.discord.plan("POST", f"/channels/{chat}/(messages|threads)$", *answers)
    town.discord.plan("POST", "/channels/5008/messages/.*/threads$", Answer(403, {"code": 50013, "message": "No"}))
    town.discord.plan("POST", f"/channels/{NEWS_ROOM}/.*/crosspost$", Answer(500), Answer(lost=True))
    asked = [Chat("telegram", chat) for chat in ("1001", "1005", "1006", "1007")] + [Chat("discord", "5008")]
    told = await town.drain(asked)
    for platform, table in (("telegram", ON_TELEGRAM), ("discord", ON_DISCORD)):
        digest = max((town.arrived(chat) for chat in town.chats if chat.platform == platform), key=len)
        for name, (_, ends, numbers) in table.items():
            chat = Chat(platform, name)
            deliveries, texts = await look(town, chat)
            arrived = [digest.index(text) + 1 for text in texts]
            assert "".join(LETTERS[each.state] for each in deliveries) == ends, chat.key
            assert arrived == numbers, chat.key
            check_chat(chat, deliveries, arrived)
            if chat in told:
                check_status(told[chat], deliveries)
    assert "paused because the bot was blocked" in told[Chat("telegram", "1007")].lower()
    assert "Missing Access" in told[Chat("discord", "5008")]
    assert len(town.discord.crossposted) == len(set(town.discord.crossposted)) == 2


async def look(town, chat):
    """The parts of digests for the chat and the texts that arrived in it, also where it went on under another id.

    Whoever asks for /status in a chat that was shut opens it again, and is told so in a part of its own.
    """
    texts = town.arrived(chat)
    if chat.id == str(GROUP):
        chat = Chat("telegram", str(SUPERGROUP))
        texts += town.arrived(chat)
    async with town.stored() as storage:
        deliveries = await storage.get_deliveries(chat)
        digests = {each.first for each in deliveries if each.papers}
        return [each for each in deliveries if each.first in digests], texts


async def test_a_chat_blocked_in_the_middle_comes_back_with_an_offer(town):
    """The rest is given up and the chat paused; unblocked it is offered the rest, and gets it, and only that, by a tap."""
    chat, person = settle_telegram(town.telegram)[0], 1001
    await town.subscribe(chat)
    town.telegram.script_for(person, "sendMessage", Fault(), Fault(403, "Forbidden: bot was blocked by the user"))
    await town.drain()
    async with town.stored() as storage:
        assert (await storage.get_subscription(chat)).pause.reason is PauseReason.BLOCKED
        seen = set(await storage.get_seen(chat))
    assert 0 < len(seen) < len(IDS)
    async with town.running() as bot:
        await town.telegram.set_member(person, person, "kicked")
        await town.telegram.set_member(person, person, "member")
        await town.telegram.until(lambda: len(town.telegram.sent(person)) == 2, 15)
        offer = town.telegram.sent(person)[-1]
        assert "1 announcement passed meanwhile" in offer.text
        await town.telegram.press(offer, "Catch up", person)
        await town.telegram.until(lambda: len(town.telegram.sent(person)) >= 4, 15)
        assert await bot.stop() == 0
    await town.drain()
    later = " ".join(town.arrived(chat)[2:])
    assert all((paper in later) != (paper in seen) for paper in IDS)
    async with town.stored() as storage:
        assert set(await storage.get_seen(chat)) == set(IDS)


async def test_sigterm_in_the_middle_of_a_broadcast(town):
    """The process ends in order within seconds; what was under way is finished, and the next one sends the rest, once each."""
    town.telegram.jitter = town.discord.jitter = 0.2
    await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
    async with town.running(LOG_LEVEL="INFO") as bot:
        await town.telegram.until(lambda: town.tries() > 30, 30)
        assert await bot.stop() == 0
    async with town.stored() as storage:
        assert await storage.get_open_chats()
    states = await check_chats(town, await town.drain())
    assert {state for _, state in states} == {DeliveryState.SENT}


async def test_sigterm_while_telegram_hangs(town):
    """Replies and parts under way share the time that is left: the process ends in order, and what hung is uncertain."""
    await town.subscribe(*settle_telegram(town.telegram))
    town.telegram.rooms[ADA] = make_private(ADA)
    town.telegram.script_for(ADA, "sendMessage", Fault(pause=600.0))
    async with town.running() as bot:
        await town.telegram.until(lambda: town.tries() > len(town.chats), 30)
        await town.telegram.say(ADA, ADA, "/help")
        await town.telegram.until(lambda: any(each["chat_id"] == ADA for each in town.telegram.called("sendMessage")))
        town.telegram.is_dead = True
        before = town.tries()
        await town.telegram.until(lambda: town.tries() > before)
        assert await bot.stop() == 0
    town.telegram.is_dead = False
    states = await check_chats(town, await town.drain())
    assert {state for _, state in states} == {DeliveryState.SENT, DeliveryState.UNCERTAIN}


async def test_a_kill_before_a_crosspost(town):
    """In an announcement channel the part that was sent is published by the next process, and not sent again."""
    chat = next(each for each in settle_discord(town.discord) if each.id == NEWS_ROOM)
    await town.subscribe(chat)
    town.discord.plan("POST", "crosspost$", Answer(delay=600.0))
    async with town.running() as bot:
        await town.discord.wait_for(lambda: any("crosspost" in path for _, path, _ in town.discord.requests), 30)
        await bot.stop(signal.SIGKILL)
    assert town.discord.crossposted == []
    states = await check_chats(town, await town.drain([chat]))
    assert states == {("discord", DeliveryState.SENT): 4}
    assert town.discord.crossposted == [town.discord.messages(NEWS_ROOM)[0]["id"]]


async def test_a_storage_without_room_stops_a_broadcast(town):
    """Nothing is sent that cannot be written down, the owner can ask why, and with room again all arrives, once each."""
    await town.subscribe(*settle_telegram(town.telegram), *settle_discord(town.discord))
    async with town.running(LOG_LEVEL="ERROR") as bot:
        await town.telegram.until(lambda: town.tries() > 30, 30)
        with town.place.without_writes(bot.process.pid):
            tries = -1
            while tries != town.tries():
                tries = town.tries()
                await asyncio.sleep(1.0)
            assert "Storage: failed" in await town.ask(OWNER, "/owner status")
        async with asyncio.timeout(150):
            # On a slow machine the disk is full before every round is planned: those come with the next minute.
            while not all(town.arrived(chat) for chat in town.chats) or not await is_empty(town):
                await asyncio.sleep(3.1)
        assert await bot.stop() == 0
    # Rounds that could not be planned are held again half a minute later.
    states = await check_chats(town, await town.drain())
    assert {state for _, state in states} == {DeliveryState.SENT}


async def is_empty(town):
    """Whether nothing waits in the outbox, by the bot's own account."""
    return "Outbox: empty." in await town.ask(OWNER, "/owner status")


async def test_the_first_round_is_soon_after_the_start(town):
    """What is due at the start is on its way within a minute, however slow the machine."""
    await town.subscribe(*settle_telegram(town.telegram))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with town.running():
        await town.telegram.until(lambda: town.tries() > len(town.chats), 60)
    assert loop.time() - begun < 60
