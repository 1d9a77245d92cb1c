"""What a model server does for ranking, in the background: so many at once, within the day's budget, resting after failures."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from bot.errors import LLMError
from bot.model.summary import Usage
from bot.ports import Clock, Storage

Result = TypeVar("Result")

log = logging.getLogger(__name__)

SHARE = 0.5
"""Only as long as no more of the day's budget is used up, by whatever, may ranking take of it: summaries have the rest."""
REST, LONG_REST = timedelta(minutes=1), timedelta(hours=1)
"""How long a server is left alone that failed, and what makes no sense to be asked again soon."""


@dataclass(slots=True)
class Purse:
    """What ranking may take of `budget`, in tokens a day (UTC). `group` is what it is counted as in the owner's accounts."""

    storage: Storage
    clock: Clock
    budget: int
    group: str
    _spent_on: date | None = None
    _open: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_empty(self) -> bool:
        """Whether nothing more may be taken today."""
        return self._spent_on == self.today

    @property
    def today(self) -> date:
        """The UTC day."""
        return self.clock().astimezone(UTC).date()

    async def pay(self, tokens: int, model: str, call: Callable[[], Awaitable[tuple[Result, Usage]]]) -> Result | None:
        """What `call` brings, with at most so many tokens set aside before it; None, and it is empty, where they are not left.

        Where what is set aside for other calls lacks here, it waits for what they leave. A call that ends in anything but
        LLMError counts with all that was set aside. Raises what `call` raises, and StorageError.
        """
        day = await self._reserve(tokens)
        if day is None:
            return None
        try:
            try:
                result, used = await call()
            except LLMError as error:
                await self._settle(day, tokens, model, Usage(error.spent))
                raise
            await self._settle(day, tokens, model, used)
            return result
        finally:
            self._open -= 1
            self._settled.set()

    async def _reserve(self, tokens: int) -> date | None:
        day = self.today
        while True:
            self._settled.clear()
            if await self.storage.reserve_tokens(day, tokens, int(self.budget * SHARE)):
                self._open += 1
                return day
            if not self._open:
                break
            await self._settled.wait()
        if not self.is_empty:
            log.warning("ranking status=no-budget for=%s tokens=%d", self.group, tokens)
        self._spent_on = day
        return None

    async def _settle(self, day: date, reserved: int, model: str, used: Usage) -> None:
        await self.storage.settle_tokens(day, reserved, model, {self.group: used})


@dataclass(slots=True)
class Rest:
    """Leaves a server alone after a failure. What is wrong is logged once, until it works again."""

    name: str
    clock: Clock
    fault: str = ""
    _until: datetime | None = None

    @property
    def holds(self) -> bool:
        """Whether it is not over yet."""
        return self._until is not None and self.clock() < self._until

    def fail(self, error: Exception) -> None:
        """Begin to rest: for as long as the server asks, a minute at least."""
        asked = timedelta(seconds=error.retry_after) if isinstance(error, LLMError) else LONG_REST
        self._until = self.clock() + max(REST, asked)
        if not self.fault:
            log.warning("%s status=failed error=%r: the order stays without", self.name, str(error))
        self.fault = str(error)

    def succeed(self) -> None:
        """It works."""
        if self.fault:
            log.info("%s status=ok again", self.name)
        self.fault, self._until = "", None


@dataclass(slots=True)
class Crew:
    """Goes on with `step`, at most `at_once` times at a time, until it returns False; then, if nobody is left, calls `rest`."""

    name: str
    at_once: int
    step: Callable[[], Awaitable[bool]]
    rest: Callable[[], None]
    _working: int = 0
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    def call(self) -> None:
        """There is something to do."""
        while self._working < self.at_once:
            self._working += 1
            task = asyncio.create_task(self._work(), name=self.name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def dismiss(self) -> None:
        """Stop at once."""
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        try:
            while await self.step():
                pass
        finally:
            # In the same step as the last look, so that whoever comes next starts another.
            self._working -= 1
            if not self._working:
                self.rest()
