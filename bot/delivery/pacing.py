"""Keeps within a platform's limits by pacing, so that it never has to tell us off; replies to people go first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.model.chat import Chat
from bot.ports import Limits

_SPAN = 1.0
_MINUTE = 60.0
_SPREAD = 0.97
"""The part of their mean distance that two messages keep at least: a crowd of them would leave a gap behind it, in which
a reply to a person waits."""
_SWEEP = 1000


@dataclass(slots=True)
class _Bucket:
    """What one chat, or a forum with all its topics, took: when answers came, and how many requests are under way."""

    answers: deque[float] = field(default_factory=deque)
    under_way: int = 0


@dataclass(slots=True)
class Pacer:
    """Lets messages go so that a platform never counts more than its limits, wherever in a request it looks at its clock.

    A message counts from the moment it is let go to a second (in a crowd, a minute) after its answer came: message *i*
    waits for the answer to message *i*-30 and a second more. Used within one event loop, by whose clock it goes.
    """

    limits: Limits
    _answers: deque[float] = field(default_factory=deque)
    _under_way: int = 0
    _let_go: float = float("-inf")
    _urgent: deque["asyncio.Future[None]"] = field(default_factory=deque)
    _ordinary: deque["asyncio.Future[None]"] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _turns: int = 0

    @asynccontextmanager
    async def turn(self, chat: Chat, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait until a message may go to `chat`; inside the block it is sent and its answer awaited.

        What is `urgent` goes before all that is not.
        """
        bucket = await self._enter_bucket(chat)
        try:
            await self._enter(urgent=urgent)
            try:
                yield
            finally:
                self._under_way -= 1
                self._answers.append(self._now())
                self._pump()
        finally:
            bucket.under_way -= 1
            bucket.answers.append(self._now())

    def wait_for(self, chat: Chat) -> float:
        """Seconds until the chat's own limits let a message go, 0 for now; if one is under way, as if it were answered now."""
        bucket = self._buckets.get(self.limits.bucket(chat))
        return 0.0 if bucket is None else self._bucket_wait(chat, bucket)

    def _bucket_wait(self, chat: Chat, bucket: _Bucket) -> float:
        now, wait = self._now(), 0.0
        while bucket.answers and bucket.answers[0] <= now - max(_MINUTE, self.limits.chat_interval):
            bucket.answers.popleft()
        if bucket.under_way:
            wait = self.limits.chat_interval
        elif bucket.answers:
            wait = bucket.answers[-1] + self.limits.chat_interval - now
        most = self.limits.crowd_minute
        if most and self.limits.is_crowd(chat):
            excess = len(bucket.answers) + bucket.under_way - most
            if excess >= 0:
                wait = max(wait, bucket.answers[excess] + _MINUTE - now if bucket.answers else _MINUTE)
        return max(wait, 0.0)

    async def _enter_bucket(self, chat: Chat) -> _Bucket:
        self._sweep()
        bucket = self._buckets.setdefault(self.limits.bucket(chat), _Bucket())
        while (wait := self._bucket_wait(chat, bucket)) > 0:
            await asyncio.sleep(wait)
            # An idle bucket may have been swept away meanwhile, and another made.
            bucket = self._buckets.setdefault(self.limits.bucket(chat), bucket)
        bucket.under_way += 1
        return bucket

    async def _enter(self, *, urgent: bool) -> None:
        waiter = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._ordinary).append(waiter)
        self._pump()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._under_way -= 1
                self._pump()
            raise

    def _pump(self) -> None:
        """Let go whoever may; where somebody must wait, come back when that is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (waiters := self._urgent or self._ordinary) and self._under_way < self.limits.per_second:
            if waiters[0].done():
                waiters.popleft()
            elif (wait := self._wait()) > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._pump)
                return
            else:
                self._under_way += 1
                self._let_go = self._now()
                waiters.popleft().set_result(None)

    def _wait(self) -> float:
        now, most = self._now(), self.limits.per_second
        while self._answers and self._answers[0] <= now - _SPAN:
            self._answers.popleft()
        wait = self._let_go + _SPREAD * _SPAN / most - now
        if (excess := len(self._answers) + self._under_way - most) >= 0:
            wait = max(wait, self._answers[excess] + _SPAN - now)
        return wait

    def _sweep(self) -> None:
        self._turns += 1
        if self._turns % _SWEEP == 0:
            old = self._now() - max(_MINUTE, self.limits.chat_interval)
            self._buckets = {
                name: each
                for name, each in self._buckets.items()
                if each.under_way or (each.answers and each.answers[-1] > old)
            }

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
