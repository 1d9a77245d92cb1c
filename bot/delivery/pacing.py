"""Keeps within a platform's limits by pacing, so that it never has to tell us off; replies to people go first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, islice

from bot.model.chat import Chat
from bot.ports import Limits

_CLOSEST, _FARTHEST = 0.5, 1.5
"""How near and how far apart messages go that nobody waits for, in parts of their mean distance: a crowd of them would
leave a gap behind it, in which a reply to a person waits; but to keep each at the mean distance would cost speed."""
_SWEEP = 1000


@dataclass(slots=True)
class _Bucket:
    """What one chat, or a forum with all its topics, took and wants: when answers came, how many requests are under way,
    and who waits. `unasked`: when the last answer came to what was no reply.
    """

    is_crowd: bool
    answers: deque[float] = field(default_factory=deque)
    under_way: int = 0
    unasked: float = float("-inf")
    waiting: "list[_Waiter]" = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    def first(self) -> "_Waiter | None":
        """Who is next, those left out who gave up."""
        while self.waiting and self.waiting[0].place.done():
            heappop(self.waiting)
        return self.waiting[0] if self.waiting else None


@dataclass(slots=True, order=True)
class _Waiter:
    """Somebody who wants to send; the smaller of two goes first. `is_called`: it stands in the line of all buckets."""

    rank: tuple[bool, int]
    bucket: _Bucket = field(compare=False)
    place: "asyncio.Future[None]" = field(compare=False)
    is_called: bool = field(default=False, compare=False)

    @property
    def is_urgent(self) -> bool:
        """Whether a person waits for it."""
        return not self.rank[0]


@dataclass(slots=True)
class Pacer:
    """Lets messages go so that a platform never counts more than its limits, wherever in a request it looks at its clock.

    A message counts from the moment it is let go to a `second` (in a crowd, a `minute`) after its answer came: message *i*
    waits for the answer to message *i*-30 and a second more. What nobody waits for is spread within that, evenly enough that
    a reply soon finds its place. Used within one event loop, by whose clock it goes.
    """

    limits: Limits
    second: float = 1.0
    minute: float = 60.0
    _answers: deque[float] = field(default_factory=deque)
    _under_way: int = 0
    _last: float = float("-inf")
    # The first of each bucket that could take a message when it was last looked at.
    _line: list[_Waiter] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _tickets: "count[int]" = field(default_factory=count)

    @asynccontextmanager
    async def turn(self, chat: Chat, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait until a message may go to `chat`; inside the block it is sent and its answer awaited.

        What is `urgent` goes before all that is not; besides, whoever came first, of those whose chat takes a message.
        """
        bucket = self._bucket(chat)
        await self._wait_for_place(bucket, urgent=urgent)
        try:
            yield
        finally:
            now = self._now()
            self._answers.append(now)
            bucket.answers.append(now)
            self._leave(bucket, urgent=urgent)

    def wait_for(self, chat: Chat) -> float:
        """Seconds until the chat's own limits let a message go, 0 for now; if one is under way, as if it were answered now."""
        bucket = self._buckets.get(self.limits.bucket(chat))
        return 0.0 if bucket is None else self._bucket_wait(bucket, urgent=False)

    async def _wait_for_place(self, bucket: _Bucket, *, urgent: bool) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(bucket.waiting, _Waiter((not urgent, next(self._tickets)), bucket, place))
        self._wake(bucket)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._wake(bucket)
            else:
                self._leave(bucket, urgent=urgent)
            raise

    def _leave(self, bucket: _Bucket, *, urgent: bool) -> None:
        self._under_way -= 1
        bucket.under_way -= 1
        if not urgent:
            bucket.unasked = self._now()
        self._wake(bucket)

    def _wake(self, bucket: _Bucket) -> None:
        self._call(bucket)
        self._pump()

    def _call(self, bucket: _Bucket) -> None:
        """Put the bucket's first into the line, now or when its chat takes a message."""
        if bucket.timer is not None:
            bucket.timer.cancel()
            bucket.timer = None
        waiter = bucket.first()
        if waiter is None or waiter.is_called:
            return
        if (wait := self._bucket_wait(bucket, urgent=waiter.is_urgent)) <= 0:
            waiter.is_called = True
            heappush(self._line, waiter)
        elif not bucket.under_way:
            bucket.timer = asyncio.get_running_loop().call_later(wait, self._wake, bucket)

    def _pump(self) -> None:
        """Let go whoever may; where somebody must wait, come back when that is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._line and self._under_way < self.limits.per_second:
            waiter = self._line[0]
            if waiter.place.done() or self._bucket_wait(waiter.bucket, urgent=waiter.is_urgent) > 0:
                # It gave up, or somebody urgent went before it in its chat.
                heappop(self._line).is_called = False
                self._call(waiter.bucket)
            elif (wait := self._wait(urgent=waiter.is_urgent)) > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._pump)
                return
            else:
                self._let_go(heappop(self._line))

    def _let_go(self, waiter: _Waiter) -> None:
        heappop(waiter.bucket.waiting)
        self._under_way += 1
        waiter.bucket.under_way += 1
        if not waiter.is_urgent:
            waiter.bucket.unasked = float("inf")
        self._last = self._now()
        waiter.place.set_result(None)
        self._call(waiter.bucket)

    def _wait(self, *, urgent: bool) -> float:
        now, most = self._now(), self.limits.per_second
        _forget(self._answers, now - self.second)
        excess = len(self._answers) + self._under_way - most
        at = self._answers[excess] + self.second if excess >= 0 else now
        return (at if urgent else max(at, self._even(excess))) - now

    def _even(self, excess: int) -> float:
        """The instant from which a message is neither too near to the last nor too far from those that must come after it."""
        mean = self.second / self.limits.per_second
        next_ones = enumerate(islice(self._answers, max(excess + 1, 0), None), start=max(1, -excess))
        farthest = (answer + self.second - number * _FARTHEST * mean for number, answer in next_ones)
        return max(self._last + _CLOSEST * mean, max(farthest, default=self._last))

    def _bucket_wait(self, bucket: _Bucket, *, urgent: bool) -> float:
        now, interval = self._now(), self.limits.chat_interval
        _forget(bucket.answers, now - self._memory)
        wait = self._reply_wait(bucket) if urgent else _until(bucket.answers, bucket.under_way, 1, interval, now)
        if self.limits.crowd_minute and bucket.is_crowd:
            wait = max(wait, _until(bucket.answers, bucket.under_way, self.limits.crowd_minute, self.minute, now))
        return wait

    def _reply_wait(self, bucket: _Bucket) -> float:
        """A person who says several things at once gets as many replies at once; but not together with a digest."""
        now, most, interval = self._now(), self.limits.burst, self.limits.chat_interval
        after_digest = min(bucket.unasked + interval - now, interval)
        return max(after_digest, _until(bucket.answers, bucket.under_way, most, most * interval, now), 0.0)

    def _bucket(self, chat: Chat) -> _Bucket:
        name = self.limits.bucket(chat)
        if name not in self._buckets:
            self._sweep()
            self._buckets[name] = _Bucket(self.limits.is_crowd(chat))
        return self._buckets[name]

    def _sweep(self) -> None:
        """Forget chats that took nothing lately, once in a while."""
        if len(self._buckets) % _SWEEP == _SWEEP - 1:
            old = self._now() - self._memory
            self._buckets = {
                name: each
                for name, each in self._buckets.items()
                if each.under_way or each.waiting or (each.answers and each.answers[-1] > old)
            }

    @property
    def _memory(self) -> float:
        return max(self.minute, self.limits.chat_interval)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _forget(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()


def _until(answers: deque[float], under_way: int, most: int, span: float, now: float) -> float:
    """Seconds until fewer than `most` were answered within a span, or are under way; those count as answered now."""
    excess = len(answers) + under_way - most
    if excess < 0 or not span:
        return 0.0
    oldest = answers[excess] if excess < len(answers) else now
    return max(oldest + span - now, 0.0)
