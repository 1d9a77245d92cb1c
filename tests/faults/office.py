"""The whole bot in this process: real messengers, strict servers and a storage on a disk, under a clock that can be set."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random

from bot.calendar import feed_of, latest_day, previous_day
from bot.delivery.lane import Lane
from bot.delivery.outbox import Carrier
from bot.delivery.pacing import Pacer
from bot.model.chat import Chat
from bot.model.delivery import Progress
from handlers.discord.messenger import DiscordMessenger
from handlers.discord.rest import DiscordRest
from handlers.telegram.messenger import TelegramMessenger
from storage.postgres import PostgresStorage
from tests.build import make_batch, make_paper, make_subscription
from tests.faults.town import IDS, make_private
from tests.servers import discord, telegram
from tests.servers.discord_data import make_channel
from tests.world import World

STEP, TURNS = 4.0, 30
"""Seconds that are skipped at once, and turns of the loop in between: a request must not run out of time by it."""


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop whose time can be moved on: whoever sleeps or waits until then wakes."""

    skipped = 0.0

    def time(self):
        return super().time() + self.skipped


class Office(World):
    """Its clock goes with the loop's; `now` can be set all the same."""

    def __init__(self, storage, on_telegram, on_discord):
        super().__init__(storage=storage)
        self.telegram, self.discord = on_telegram, on_discord
        today = latest_day(datetime.now(UTC))
        papers = (make_paper(each, f"Teapots, part {each}", "We count teapots. " * 80) for each in IDS)
        self.source.batches["cs.CL"] = make_batch(*papers, day=today)
        self.now = datetime.now(UTC)

    @property
    def now(self):
        return self._set_to + timedelta(seconds=asyncio.get_running_loop().time() - self._set_at)

    @now.setter
    def now(self, instant):
        self._set_to, self._set_at = instant, asyncio.get_running_loop().time()

    def connect(self, name, messenger, pacer):
        """Let digests for this platform go out by `messenger`."""
        self.rounds.messengers = {**self.rounds.messengers, name: messenger}
        lane = Lane(
            self.storage, messenger, pacer, lambda: self.now, Random(1), self.services.subscriptions.pause_for,
            self.outbox.move,
        )  # fmt: skip
        self.outbox.carriers[name] = Carrier(name, lane)

    async def settle(self, people=(), channels=()):
        """Chats that wait for today's announcement."""
        for person in people:
            self.telegram.rooms[person] = make_private(person)
        for channel in channels:
            self.discord.add(make_channel(channel))
        chats = [*(Chat("telegram", str(each)) for each in people), *(Chat("discord", each) for each in channels)]
        yesterday = previous_day(latest_day(self.now))
        for chat in chats:
            made = make_subscription(chat=chat, created=self.now - timedelta(days=1), detail="full")
            await self.storage.change_subscription(chat, lambda _, made=made: made)
            await self.storage.plan(chat, Progress(yesterday, feed_of(yesterday)))
        return chats

    @asynccontextmanager
    async def sending(self):
        """The outbox goes on meanwhile."""
        task = asyncio.create_task(self.outbox.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.outbox.finish(5.0)

    async def let_pass(self, seconds, until=lambda: False):
        """Time goes by, in steps between which everybody has their turn; no longer than `until` holds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not until():
            await asyncio.sleep(0.005)
            # However slow the machine, a request takes so many turns of the loop, and not so much time.
            for _ in range(TURNS):
                await asyncio.sleep(0)
            await self._let_the_database_answer()
            loop.skipped += STEP

    async def _let_the_database_answer(self, seconds=1.0):
        """What a server takes for its answers is time that cannot be skipped."""
        end = time.monotonic() + seconds
        while isinstance(self.storage, PostgresStorage) and time.monotonic() < end:
            connections = self.storage._database._pool.get_stats()
            if connections["pool_available"] == connections["pool_size"]:
                break
            await asyncio.sleep(0.001)

    async def drain(self, seconds=30.0):
        """Time goes by until nothing waits any more; so many seconds by the clock on the wall at most."""
        end = time.monotonic() + seconds
        while await self.storage.get_open_chats():
            assert time.monotonic() < end
            await self.let_pass(STEP)

    def arrived(self, chat):
        """How many messages did, those in threads included."""
        if chat.platform == "telegram":
            return len(self.telegram.sent(int(chat.id)))
        inner = [each["id"] for each in self.discord.places.values() if each.get("parent_id") == chat.id]
        return sum(len(self.discord.messages(place)) for place in (chat.id, *inner))

    async def states(self, chat):
        return [str(each.state) for each in await self.storage.get_deliveries(chat)]


@asynccontextmanager
async def open_office(storage):
    """An office whose servers refused nothing for its form when it closes."""
    await storage.open()
    async with telegram.TelegramServer(is_strict=True) as on_telegram, discord.serve() as on_discord:
        office = Office(storage, on_telegram, on_discord)
        by_telegram = TelegramMessenger(telegram.TOKEN, on_telegram.url, office.outbox.move)
        rest = DiscordRest(discord.TOKEN, f"{on_discord.base}/api/v10")
        by_discord = DiscordMessenger(rest, clock=lambda: office.now)
        async with by_telegram, by_discord:
            office.connect("telegram", by_telegram, by_telegram.pacer)
            office.connect("discord", by_discord, Pacer(by_discord.limits))
            yield office
        assert on_telegram.complaints == []
        assert on_discord.refusals == []
    await storage.close()
