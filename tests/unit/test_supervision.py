"""Platforms fail one by one, come back, and their owner hears of it once."""

import asyncio
from datetime import timedelta
from random import Random

import pytest

from bot.errors import PlatformError, PlatformRefusedError
from bot.model.chat import Chat
from bot.supervision import LONGEST_PAUSE, Owners, Supervisor
from tests.build import NOW

OWNERS = (Chat("telegram", "1"), Chat("discord", "user:2"))


class FakeMessenger:
    def __init__(self, error=None):
        self.error = error
        self.said = []

    async def send(self, chat, text):
        if self.error:
            raise self.error
        self.said.append((chat, text))


class FakePlatform:
    """Ends each run as told: with an error, or after serving for so many seconds; then serves for ever."""

    last_contact = None

    def __init__(self, name, world, *endings):
        self.name, self.world, self.endings, self.runs = name, world, list(endings), 0

    async def run(self):
        self.runs += 1
        if not self.endings:
            await asyncio.Event().wait()
        ending = self.endings.pop(0)
        if isinstance(ending, Exception):
            raise ending
        self.world.now += timedelta(seconds=ending)


class World:
    def __init__(self, **messengers):
        self.now = NOW
        self.pauses = []
        self.messengers = messengers or {"telegram": FakeMessenger(), "discord": FakeMessenger()}
        self.supervisor = Supervisor(
            Owners(OWNERS, self.messengers, self.sleep_aside), lambda: self.now, Random(1), self.sleep
        )

    async def sleep(self, seconds):
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def sleep_aside(self, seconds):
        await asyncio.sleep(0)

    async def keep(self, platform):
        """Supervise until the platform serves for ever, or is given up."""
        task = asyncio.create_task(self.supervisor.keep(platform))
        while platform.endings and not task.done():
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        is_over = task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return is_over

    def said(self, platform):
        return [text for _, text in self.messengers[platform].said]


async def test_a_refused_platform_is_switched_off_and_its_owner_told():
    """A bad token ends one platform for good; the owner hears of it on the other."""
    world = World()
    platform = FakePlatform("telegram", world, PlatformRefusedError("the token is not valid"))
    assert await world.keep(platform)
    assert platform.runs == 1
    assert world.said("discord") == ["telegram is switched off: the token is not valid"]
    assert world.said("telegram") == []


async def test_an_outage_is_retried_with_growing_pauses_and_told_once():
    """Failures in a row cost ever longer pauses, bounded, and one message."""
    world = World()
    platform = FakePlatform("discord", world, *[PlatformError("no route")] * 12)
    assert not await world.keep(platform)
    assert platform.runs == 13
    planned = [min(2.0**failure, LONGEST_PAUSE) for failure in range(12)]
    assert all(plan <= pause <= plan * 1.25 for plan, pause in zip(planned, world.pauses, strict=True))
    assert world.said("telegram") == ["discord stopped and is being restarted: no route"]


async def test_after_a_healthy_time_a_failure_is_news_again():
    """A platform that recovered starts with short pauses, and its owner is told anew."""
    world = World()
    await world.keep(FakePlatform("discord", world, PlatformError("a"), PlatformError("b"), 700.0, PlatformError("c")))
    assert len(world.said("telegram")) == 2
    assert world.pauses[2] < world.pauses[1]


async def test_a_crash_is_logged_and_its_text_is_not_spread(caplog):
    """A bug restarts the platform; the trace is in the log, not in the message."""
    world = World()
    assert not await world.keep(FakePlatform("discord", world, RuntimeError("secret")))
    assert "secret" in caplog.text
    assert "secret" not in world.said("telegram")[0]


async def test_an_owner_is_told_once_the_other_platform_is_up():
    """A token refused at the start is told as soon as there is a platform to tell it by."""
    late = FakeMessenger(PlatformError("not connected"))
    world = World(discord=late)
    keeping = asyncio.create_task(world.keep(FakePlatform("telegram", world, PlatformRefusedError("no"))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late.error = None
    assert await keeping
    assert world.said("discord") == ["telegram is switched off: no"]


@pytest.mark.parametrize("error", [PlatformError("down"), TimeoutError()])
async def test_an_owner_who_cannot_be_reached_stops_nothing(error):
    """Where the message fails too, the platform is restarted all the same."""
    world = World(telegram=FakeMessenger(error))
    platform = FakePlatform("discord", world, PlatformError("down"))
    assert not await world.keep(platform)
    assert platform.runs == 2
