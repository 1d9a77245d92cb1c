"""What happens again and again does so by the wall clock, also where that is changed."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.clockwork import Clockwork


class Work:
    """Something to do; `done` counts how often it was."""

    def __init__(self):
        self.done = 0

    async def do(self):
        self.done += 1

    async def until_done(self, times):
        async with asyncio.timeout(5):
            while self.done < times:
                await asyncio.sleep(0.01)


async def test_every_job_is_done_at_once():
    """Any callable that gives something to await will do: a method, or a function made on the spot."""
    method, lambdas = Work(), Work()
    jobs = {"a": (timedelta(hours=1), method.do), "b": (timedelta(hours=1), lambda: lambdas.do())}  # noqa: PLW0108
    async with Clockwork(lambda: datetime.now(UTC), jobs):
        await method.until_done(1)
        await lambdas.until_done(1)


async def test_a_job_that_fails_is_done_again(caplog):
    """What one call raises is logged, and the next call is made all the same."""
    work = Work()

    async def fail():
        await work.do()
        raise ValueError("a bug")

    async with Clockwork(lambda: datetime.now(UTC), {"a": (timedelta(seconds=0.05), fail)}):
        await work.until_done(2)
    assert "a bug" in caplog.text


async def test_a_changed_clock_wakes_everything():
    """Set back an hour, and ahead again: that is noticed at the next look, and what is due hourly is done at once."""
    work, shift = Work(), timedelta()
    jobs = {"a": (timedelta(hours=1), work.do)}
    async with Clockwork(lambda: datetime.now(UTC) + shift, jobs, look_seconds=0.05):
        await work.until_done(1)
        shift = timedelta(hours=-1)
        await work.until_done(2)
        shift = timedelta()
        await work.until_done(3)
        await asyncio.sleep(0.2)
    assert work.done == 3


def test_the_clock_is_looked_at_often():
    """What is due follows a changed clock within a minute."""
    assert Clockwork(lambda: datetime.now(UTC), {}).look_seconds < 60


async def test_a_job_that_does_not_end_is_stalled():
    """It is named once its call took too long, alone; what fails, ends."""
    work, gate = Work(), asyncio.Event()

    async def fail():
        await work.do()
        raise ValueError("a bug")

    jobs = {"stuck": (timedelta(hours=1), gate.wait), "failing": (timedelta(hours=1), fail)}
    async with Clockwork(lambda: datetime.now(UTC), jobs, busy_seconds=0.2) as clockwork:
        await work.until_done(1)
        for names in (("stuck",), ()):
            async with asyncio.timeout(30):
                while clockwork.stalled() != names:
                    await asyncio.sleep(0.01)
            gate.set()


async def test_jobs_that_do_not_begin_are_stalled():
    """Where the scheduler stands still, every job is named; the look at the clock goes on."""
    work = Work()
    async with Clockwork(
        lambda: datetime.now(UTC), {"a": (timedelta(seconds=0.01), work.do)}, look_seconds=0.01, idle_seconds=1.0
    ) as clockwork:
        await work.until_done(2)
        clockwork._scheduler.pause()
        async with asyncio.timeout(30):
            while clockwork.stalled() != ("a",):
                await asyncio.sleep(0.05)
