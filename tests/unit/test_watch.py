"""The owner is told what a machine cannot mend: once when it begins, and again only after it was over."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.delivery.watch import Watch, oldest_open
from bot.errors import DeliveryError, Remedy
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState
from bot.model.message import Message
from tests.build import CHAT, DAY, NOW, make_batch, make_paper, make_subscription
from tests.fakes import FakeStorage
from tests.world import World

MONDAY = date(2026, 11, 23)


@dataclass
class Platform:
    """A platform that last answered at `last_contact`."""

    name: str
    last_contact: datetime | None = None


class Watched(World):
    """A world with a watch; `alerts` are what the owner was told, with the platform it concerns."""

    def __init__(self):
        super().__init__(make_batch(make_paper()))
        self.alerts = []
        self.telegram, self.discord = Platform("telegram", NOW), Platform("discord", NOW)
        platforms = [self.telegram, self.discord]
        self.watch = Watch(self.services.pipeline, platforms, self.note, NOW)

    async def note(self, text, name):
        self.alerts.append((name, text))

    async def look(self, **delta):
        self.later(**delta)
        await self.watch.look()
        alerts, self.alerts = self.alerts, []
        return alerts


@pytest.fixture
async def watched():
    world = Watched()
    await world.ask("/categories add cs.CL")
    await world.tick()
    return world


async def test_a_platform_that_is_silent_for_ten_minutes(watched):
    """One alert, told elsewhere than on that platform; none while it lasts; another when it happens again."""
    watched.discord.last_contact = None
    assert await watched.look(minutes=9) == []
    watched.telegram.last_contact = watched.now
    [(name, text)] = await watched.look(minutes=1)
    assert name == "discord"
    assert "has not answered since Friday 20 November 2026, 12:00 UTC" in text
    watched.telegram.last_contact = watched.now + timedelta(minutes=20)
    assert await watched.look(minutes=20) == []
    watched.discord.last_contact = watched.now
    assert await watched.look(minutes=1) == []
    watched.telegram.last_contact = watched.now + timedelta(minutes=11)
    assert [name for name, _ in await watched.look(minutes=11)] == ["discord"]


async def test_an_old_part_in_the_outbox(watched):
    """A part that has waited for half an hour is told once, with its chat."""
    watched.messenger.script[CHAT.key].append(DeliveryError(Remedy.RETRY, "busy", retry_after=7200.0))
    await watched.rounds.say(CHAT, Message("hello"))
    await watched.send()
    for platform in (watched.telegram, watched.discord):
        platform.last_contact = NOW + timedelta(days=1)
    assert await watched.look(minutes=29) == []
    [(_, text)] = await watched.look(minutes=2)
    assert "a digest for console:local has waited in the outbox since" in text
    assert await watched.look(minutes=60) == []
    watched.later(hours=1)
    await watched.send()
    assert await watched.look() == []


async def test_a_weekday_without_an_announcement(watched):
    """Monday goes by and nothing came: told once, on Tuesday, also by the next process; not at weekends."""
    for platform in (watched.telegram, watched.discord):
        platform.last_contact = NOW + timedelta(days=30)
    watched.now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    assert await watched.look() == []
    [(_, text)] = await watched.look(days=1)
    assert "Monday 23 November 2026 went by without an announcement" in text
    assert await watched.look(hours=1) == []
    watched.watch = Watch(watched.services.pipeline, [], watched.note, NOW)
    assert await watched.look(hours=1) == []


async def test_a_week_with_announcements_is_silent(watched):
    """As long as papers come every weekday, nobody is told anything."""
    for platform in (watched.telegram, watched.discord):
        platform.last_contact = NOW + timedelta(days=30)
    for number in range(7):
        day = MONDAY + timedelta(days=number)
        watched.now = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        if day.weekday() < 5:
            watched.source.batches["cs.CL"] = make_batch(make_paper(f"2611.{number:05}"), day=day)
            await watched.tick()
        assert await watched.look() == []


async def test_a_platform_that_another_process_served_is_heard_of_later(watched):
    """It counts from when this process began to serve it; and looking at platforms alone forgets nothing else."""
    watched.telegram.last_contact = watched.discord.last_contact = None
    watched.watch._told.add("outbox")
    watched.watch.since = {"telegram": watched.now + timedelta(minutes=30), "discord": watched.now}
    watched.later(minutes=31)
    await watched.watch.look_at_platforms()
    assert [name for name, _ in watched.alerts] == ["discord"]
    await watched.watch.look_at_platforms()
    assert len(watched.alerts) == 1
    assert "outbox" in watched.watch._told


class SendingStorage(FakeStorage):
    """The chat that waits longest gets its part while somebody looks at the list of those that wait."""

    async def get_open_chats(self):
        chats = await super().get_open_chats()
        [part] = await self.get_deliveries(chats[0])
        await self.record(replace(part, state=DeliveryState.SENT))
        return chats


async def test_what_is_sent_meanwhile_hides_nothing():
    """The outbox is not called empty because the part that waited longest was sent just now."""
    world = World(storage=SendingStorage())
    await world.storage.open()
    for number, chat in enumerate((Chat("console", "1"), Chat("console", "2"))):
        await world.storage.change_subscription(chat, lambda _, chat=chat: make_subscription(chat=chat))
        planned = NOW + timedelta(seconds=number)
        await world.storage.plan(chat, None, [Delivery(chat, DAY, 1, 1, planned, planned, "text")])
    oldest = await oldest_open(world.services.pipeline)
    assert oldest is not None
    assert oldest.chat == Chat("console", "2")
