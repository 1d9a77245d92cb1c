"""What happens again and again goes by the wall clock, also when that is changed."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.clockwork import Clockwork


class Clock:
    """The real time, changed by as much as a person changed the clock."""

    def __init__(self):
        self.change = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.change


async def until(is_so, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.005)


async def test_every_job_is_done_at_once_and_again():
    """Coroutines are awaited, a job that fails does not stop the others, nor itself."""
    done = []

    async def work():
        done.append("work")

    async def fail():
        done.append("fail")
        raise ValueError("a bug")

    every = timedelta(seconds=0.05)
    async with Clockwork(Clock(), {"work": (every, work), "fail": (every, fail)}):
        await until(lambda: done.count("work") >= 3 and done.count("fail") >= 3)
    count = len(done)
    await asyncio.sleep(0.15)
    assert len(done) == count


async def test_a_changed_clock_wakes_everything():
    """Set back or ahead by an hour, a job that is due once an hour is done at once, not after an hour."""
    clock, done = Clock(), []

    async def work():
        done.append(clock())

    async with Clockwork(clock, {"work": (timedelta(hours=1), work)}, look_seconds=0.05):
        await until(lambda: len(done) == 1)
        for number, change in enumerate((timedelta(hours=-1), timedelta(hours=2), timedelta(days=-3)), start=2):
            clock.change += change
            await until(lambda number=number: len(done) >= number)
