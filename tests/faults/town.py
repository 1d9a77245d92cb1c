"""A town to deliver to: a fake arXiv with one day's papers, both strict servers, and chats of every kind that are stored in one place."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.calendar import feed_of, latest_day, previous_day
from bot.model.chat import Chat
from bot.model.delivery import Progress
from handlers.discord.markup import unbroken
from handlers.telegram.text import without_joiners
from tests.adapters.arxiv_server import ArxivServer, make_feed, make_item
from tests.build import make_subscription
from tests.faults.process import ADA, run_process
from tests.places import Place
from tests.servers import discord, telegram
from tests.servers.discord_data import FORUM_TYPE, NEWS_TYPE, make_channel, make_thread
from tests.servers.discord_rules import texts_of
from tests.servers.telegram import BOT, Room, TelegramServer

TODAY = latest_day(datetime.now(UTC))
IDS = [f"2608.{number:05}" for number in range(1, 7)]
ABSTRACT = "We count teapots, and then we count them again, with <care> & _rigour_. " * 18
FEED = make_feed(
    "cs.CL",
    *(make_item(each, title=f"Teapots, part {each}", abstract=ABSTRACT, day=TODAY) for each in IDS),
    day=TODAY,
)
"""Papers enough for three parts on both platforms."""
FORUM_ROOM, NEWS_ROOM = "5200", "5300"
OWNER = Chat("telegram", str(ADA))
STATUS = "This chat:"
"""How the answer to /status begins."""


def make_private(person):
    """Somebody's private chat with the bot."""
    return Room(person, members={person: "member", BOT["id"]: "member"})


def settle_telegram(server):
    """Private chats, groups, two topics of a forum, and channels; 25 chats."""
    for number in range(1001, 1017):
        server.rooms[number] = make_private(number)
    for number in range(-2005, -2000):
        server.group(number, {ADA: "creator"}, kind="group")
    server.group(-100300, {ADA: "creator"}, threads=(7, 8))
    for number in (-100401, -100400):
        server.channel(number, {ADA: "creator"})
    rooms = [Chat("telegram", str(number)) for number in server.rooms if number != -100300]
    return (*rooms, Chat("telegram", "-100300", "7"), Chat("telegram", "-100300", "8"))


def settle_discord(server):
    """Text channels, direct messages, a thread, two forums, and announcement channels; 25 chats."""
    channels = [make_channel(str(number)) for number in range(5001, 5016)]
    channels += [
        make_channel(FORUM_ROOM, FORUM_TYPE),
        make_channel("5201", FORUM_TYPE, tags=("arxiv",), requires_tag=True),
    ]
    channels += [make_channel(NEWS_ROOM, NEWS_TYPE), make_channel("5301", NEWS_TYPE)]
    server.add(make_channel("5100"))
    places = [server.add(each) for each in (*channels, make_thread("5101", "5100"))]
    places += [server.dm_channel(person) for person in range(601, 606)]
    return tuple(Chat("discord", each) for each in places)


@dataclass
class Town:
    """Each `running` is another process in the same place; what is `stored` can be read while none runs."""

    place: Place
    arxiv: ArxivServer
    telegram: TelegramServer
    discord: discord.DiscordServer
    chats: tuple[Chat, ...] = ()

    def running(self, **environment):
        return run_process(self.place, self.arxiv, self.telegram, self.discord, **environment)

    @asynccontextmanager
    async def stored(self):
        storage = self.place.storage()
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()

    async def subscribe(self, *chats):
        """As if the chats had subscribed yesterday, and were waiting for today's announcement."""
        self.chats = chats
        yesterday = previous_day(TODAY)
        progress = Progress(yesterday, feed_of(yesterday))
        created = datetime.now(UTC) - timedelta(days=1)
        async with self.stored() as storage:
            for chat in chats:
                made = make_subscription(chat=chat, created=created, detail="full")
                await storage.change_subscription(chat, lambda _, made=made: made)
                await storage.plan(chat, progress)

    async def without_round(self):
        """The chats that may still get today's digest, and for which it is not planned."""
        async with self.stored() as storage:
            progress = await storage.get_all_progress()
            paused = [each.chat for each in await storage.get_subscriptions() if each.pause]
        return [
            chat for chat in self.chats if chat not in paused and chat in progress and progress[chat].covered < TODAY
        ]

    def tries(self):
        """How many parts the servers were asked to take."""
        asked = [path for method, path, _ in self.discord.requests if method == "POST"]
        return len(self.telegram.called("sendMessage")) + sum(path.endswith("/messages") for path in asked)

    def arrived(self, chat):
        """The texts of all that arrived in the chat unasked, in order, its threads and posts included."""
        if chat.platform == "telegram":
            thread = int(chat.thread) if chat.thread else None
            texts = [without_joiners(each.text) for each in self.telegram.sent(int(chat.id), thread)]
            return [text for text in texts if not text.startswith(STATUS)]
        inner = [each["id"] for each in self.discord.places.values() if each.get("parent_id") == chat.id]
        messages = [each for place in (chat.id, *inner) for each in self.discord.messages(place)]
        ordered = sorted(messages, key=lambda each: int(each["id"]))
        return [unbroken("\n".join(texts_of(each))) for each in ordered]

    async def drain(self, asked=(), seconds=90.0):
        """Run a process until every round is held and nothing waits any more, by its own account; it ends in order.

        What /status then says in each of the `asked`: private chats on Telegram, channels on Discord.
        """
        without = await self.without_round()
        async with asyncio.timeout(seconds), self.running(LOG_LEVEL="INFO") as bot:
            for chat in without:
                await bot.until_said(f"round chat={chat.key} ", seconds)
            while "Outbox: empty." not in await self.ask(OWNER, "/owner status"):
                # Twenty commands a minute are what a person may say.
                await asyncio.sleep(3.1)
            told = {chat: await self.ask(chat, "/status") for chat in asked}
            assert await bot.stop() == 0
        return told

    async def ask(self, chat, line):
        """What the chat, private on Telegram or a channel on Discord, is answered."""
        if chat.platform == "discord":
            return (await self.discord.command(chat.id, "11", line.removeprefix("/"))).text
        person = int(chat.id)
        room = self.telegram.rooms.setdefault(person, make_private(person))
        before = len(room.messages)
        await self.telegram.say(person, person, line)
        await self.telegram.until(lambda: len(room.messages) > before, 15)
        return room.messages[-1].text


@asynccontextmanager
async def open_town(place):
    """A town without chats. When it closes its servers found no mistake, and no process crashed or told a token."""
    async with (
        ArxivServer(feeds={"cs.CL": FEED}) as arxiv,
        TelegramServer(is_strict=True) as on_telegram,
        discord.serve() as on_discord,
    ):
        on_discord.is_strict = True
        yield Town(place, arxiv, on_telegram, on_discord)
        assert on_telegram.complaints == []
        assert on_discord.refusals == []
        said = (place.folder / "stderr").read_text(encoding="utf-8")
        assert "crashed" not in said
        assert "was never" not in said
        assert telegram.TOKEN not in said
        assert discord.TOKEN not in said
