"""What happens again and again. The scheduler only wakes us; what is due follows from the storage and the wall clock."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.logs import begin_trace
from bot.ports import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""How often the wall clock is compared with the time that has passed."""
_JUMP = timedelta(seconds=5)
IDLE_SECONDS, BUSY_SECONDS = 300.0, 7200.0
"""For how long a job may be late, and how long one call may take, before it counts as stalled."""


@dataclass(slots=True)
class Clockwork:
    """Calls each of `jobs` (by name: how often, and what) at once and then again and again, while entered.

    The scheduler's defaults drop late jobs (https://github.com/agronholm/apscheduler/issues/292), and it waits for an
    instant of the wall clock: where that clock is set back an hour, it would sleep for an hour. So changes of the clock are
    looked for every `look_seconds`, and wake everything. `idle_seconds` and `busy_seconds`: when a job counts as stalled.
    """

    clock: Clock
    jobs: Mapping[str, tuple[timedelta, Callable[[], Awaitable[object]]]]
    look_seconds: float = LOOK_SECONDS
    idle_seconds: float = IDLE_SECONDS
    busy_seconds: float = BUSY_SECONDS
    _scheduler: AsyncIOScheduler = field(default_factory=lambda: AsyncIOScheduler(timezone=UTC))
    _watching: "asyncio.Task[None] | None" = None
    # When each job, or the look at the clock, last began or ended, in the loop's seconds; and the jobs under way.
    _turned: dict[str, float] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)

    def stalled(self) -> tuple[str, ...]:
        """The jobs that should have begun minutes ago, or have not ended for hours; while entered."""
        now = asyncio.get_running_loop().time()
        return tuple(name for name, at in self._turned.items() if now - at > self._longest(name))

    def _longest(self, name: str) -> float:
        if name in self._busy:
            return self.busy_seconds
        every = self.jobs[name][0].total_seconds() if name in self.jobs else self.look_seconds
        return every + self.idle_seconds

    def _turn(self, name: str) -> None:
        self._turned[name] = asyncio.get_running_loop().time()

    async def __aenter__(self) -> Self:
        for name, (every, _) in self.jobs.items():
            self._turn(name)
            self._scheduler.add_job(
                self._do,
                "interval",
                (name,),
                id=name,
                seconds=every.total_seconds(),
                next_run_time=_scheduler_now(),
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch(), name="clock watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._scheduler.shutdown(wait=False)

    async def _do(self, name: str) -> None:
        """One job once; what goes wrong is logged, and the next time comes all the same."""
        _, work = self.jobs[name]
        begin_trace()
        self._turn(name)
        self._busy.add(name)
        try:
            await work()
        except Exception:
            log.exception("job name=%s status=failed", name)
        finally:
            self._busy.discard(name)
            self._turn(name)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        start, since = self.clock(), loop.time()
        while True:
            self._turn("clock watch")
            await asyncio.sleep(self.look_seconds)
            expected = start + timedelta(seconds=loop.time() - since)
            if abs(self.clock() - expected) > _JUMP:
                log.warning("clock status=changed expected=%s now=%s", expected, self.clock())
                self.wake()
                start, since = self.clock(), loop.time()

    def wake(self) -> None:
        """Do everything now, whatever was planned."""
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=_scheduler_now())


def _scheduler_now() -> datetime:
    """The scheduler knows no clock but the system's."""
    return datetime.now(UTC)
