"""What happens again and again. The scheduler only wakes us; what is due follows from the storage and the wall clock."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.ports import Clock

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""How often the wall clock is compared with the time that has passed."""
_JUMP = timedelta(seconds=5)


@dataclass(slots=True)
class Clockwork:
    """Calls each of `jobs` (by name: how often, and what) at once and then again and again, while entered.

    The scheduler's defaults drop late jobs (https://github.com/agronholm/apscheduler/issues/292), and it waits for an
    instant of the wall clock: where that clock is set back an hour, it would sleep for an hour. So changes of the clock are
    looked for every `look_seconds`, and wake everything.
    """

    clock: Clock
    jobs: Mapping[str, tuple[timedelta, Callable[[], Awaitable[object]]]]
    look_seconds: float = LOOK_SECONDS
    _scheduler: AsyncIOScheduler = field(default_factory=lambda: AsyncIOScheduler(timezone=UTC))
    _watching: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        for name, (every, _) in self.jobs.items():
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
        try:
            await work()
        except Exception:
            log.exception("job name=%s status=failed", name)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        start, since = self.clock(), loop.time()
        while True:
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
