"""Work side by side, and what belongs together one after the other."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

MOST_WAITING = 20
"""How much may wait in one lane; what comes on top is turned away, so that nobody can fill the memory."""
MOST_TASKS = 1000


@dataclass(slots=True)
class Lanes:
    """Runs work of different lanes at the same time, and that of one lane in the order it came."""

    _last: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _waiting: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, lane: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin the work as soon as its lane is free. Waits only where very much is under way already."""
        while len(self._tasks) >= MOST_TASKS:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if not self.offer(lane, work):
            log.warning("dropped an update, too many wait lane=%s", lane)

    def offer(self, lane: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Begin the work as soon as its lane is free; False, and nothing is begun, where too much waits already."""
        if self._waiting[lane] >= MOST_WAITING or len(self._tasks) >= MOST_TASKS:
            return False
        self._waiting[lane] += 1
        task = asyncio.create_task(self._run(self._last.get(lane), work))
        self._last[lane] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._leave(lane, done))
        return True

    async def _run(self, before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        await work()

    def _leave(self, lane: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._waiting[lane] -= 1
        if not self._waiting[lane]:
            del self._waiting[lane]
        if self._last.get(lane) is task:
            del self._last[lane]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work failed lane=%s", lane, exc_info=error)

    async def finish(self, seconds: float) -> None:
        """Give what is under way so many seconds, then cancel it."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("stopped with unfinished work count=%d", len(late))
            await asyncio.wait(late)
