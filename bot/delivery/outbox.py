"""The outbox loop: all that is planned is sent, each chat's parts in order, and no chat waits for another."""

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from bot.delivery.lane import Lane
from bot.errors import StorageError
from bot.model.chat import Chat
from bot.ports import Ledger, Storage

log = logging.getLogger(__name__)

_LONGEST_LOOK = 30.0
"""Seconds after which a chat that waits is looked at again: the wall clock, by which it waits, may have been changed."""
_RETRY_SECONDS = 5.0
SETTLE_SECONDS = 16.0
"""A request takes fifteen seconds at most."""
LOOK_SECONDS = 1.0
"""How often what other processes planned is looked for."""


@dataclass(slots=True)
class Carrier:
    """One platform's lanes: those that are ready, those that wait for an instant, and those under way."""

    name: str
    lane: Lane
    _ready: deque[Chat] = field(default_factory=deque)
    _waiting: list[tuple[float, int, Chat]] = field(default_factory=list)
    _known: set[Chat] = field(default_factory=set)
    _woken: set[Chat] = field(default_factory=set)
    _tasks: dict[asyncio.Task[None], Chat] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _held_until: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self, chat: Chat) -> None:
        """There is something to do for the chat."""
        if chat in self._known:
            # It may be under way just now, and have looked already.
            self._woken.add(chat)
        else:
            self._known.add(chat)
            self._ready.append(chat)
            self._news.set()

    def follow(self, old: Chat, new: Chat) -> None:
        """`old` goes on as `new`; what is under way for it is finished first."""
        self.lane.moved[old] = new
        if old not in self._tasks.values():
            self.wake(new)

    def begin(self, ledger: Ledger) -> None:
        """Forget what was known of chats, and write to `ledger` from now on; while nothing is under way here.

        What another process had under way may still arrive for as long as a request takes.
        """
        self.lane.storage = ledger
        self.lane.settle_until = asyncio.get_running_loop().time() + SETTLE_SECONDS
        self._ready.clear()
        self._waiting.clear()
        self._known.clear()
        self._woken.clear()

    async def run(self) -> None:
        """Send until cancelled; then `finish` waits for what is under way."""
        while True:
            self._news.clear()
            now = asyncio.get_running_loop().time()
            while self._waiting and self._waiting[0][0] <= now:
                self._ready.append(heapq.heappop(self._waiting)[2])
            while self._ready and self._held_until <= now and len(self._tasks) < self._most:
                self._begin(self._ready.popleft())
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_next(now)):
                    await self._news.wait()

    async def finish(self, seconds: float) -> None:
        """Give what is under way so many seconds; what takes longer is cancelled, and known for unanswered at the next start."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    @property
    def _most(self) -> int:
        """So many lanes at once keep the pacer busy; more would only wait there."""
        return 1 if self.lane.is_down else 2 * self.lane.pacer.limits.per_second

    def _until_next(self, now: float) -> float:
        ends = [self._waiting[0][0]] if self._waiting else []
        if self._ready and self._held_until > now:
            ends.append(self._held_until)
        return max(min(ends, default=now + _LONGEST_LOOK) - now, 0.0)

    def _begin(self, chat: Chat) -> None:
        wait = self.lane.pacer.wait_for(chat)
        if wait > 0:
            self._wait(chat, wait)
            return
        self._woken.discard(chat)
        task = asyncio.create_task(self._go(chat), name=f"deliver {self.name}")
        self._tasks[task] = chat
        task.add_done_callback(self._ended)

    async def _go(self, chat: Chat) -> None:
        step = await self.lane.step(chat)
        now = asyncio.get_running_loop().time()
        if step.platform_pause:
            self._held_until = max(self._held_until, now + step.platform_pause)
        if step.again_in is None and chat not in self._woken:
            self._known.discard(chat)
        elif not step.again_in:
            self._ready.append(chat)
        else:
            self._wait(chat, step.again_in)

    def _wait(self, chat: Chat, seconds: float) -> None:
        at = asyncio.get_running_loop().time() + min(seconds, _LONGEST_LOOK)
        heapq.heappush(self._waiting, (at, next(self._numbers), chat))

    def _ended(self, task: asyncio.Task[None]) -> None:
        chat = self._tasks.pop(task)
        self._news.set()
        if (new := self.lane.moved.get(chat)) is not None:
            self.wake(new)


@dataclass(slots=True)
class Outbox:
    """The carriers of all platforms by name. What they send is whatever the storage has open.

    `rename` lets a chat go on as another in the storage.
    """

    storage: Storage
    rename: Callable[[Chat, Chat], Awaitable[None]]
    carriers: dict[str, Carrier] = field(default_factory=dict)

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """What the lanes of each platform have in common, by its name."""
        return {name: each.lane for name, each in self.carriers.items()}

    def wake(self, chat: Chat) -> None:
        """There is something in the storage for this chat."""
        if chat.platform in self.carriers:
            self.carriers[chat.platform].wake(chat)

    async def move(self, old: Chat, new: Chat) -> None:
        """Let `new` go on as `old`, with what waits for it and what is under way; moving twice is the same as once."""
        await self.rename(old, new)
        if old.platform in self.carriers:
            self.carriers[old.platform].follow(old, new)

    async def run(self) -> None:
        """Go on where the last process stopped, and send until cancelled."""
        self._wake_all(await self._open_chats())
        tasks = [asyncio.create_task(each.run(), name=f"outbox {each.name}") for each in self.carriers.values()]
        try:
            await asyncio.gather(*tasks)
            # Without any platform nothing will ever come.
            await asyncio.Event().wait()
        finally:
            for task in tasks:
                task.cancel()

    async def run_one(self, name: str, ledger: Ledger, look_every: float = LOOK_SECONDS) -> None:
        """Send for one platform until cancelled, as one process among others: what those plan is looked for again and again.

        `ledger` is where it is written down.
        """
        carrier = self.carriers[name]
        carrier.begin(ledger)
        carrying = asyncio.create_task(carrier.run(), name=f"outbox {name}")
        try:
            while not carrying.done():
                self._wake_all(each for each in await self._open_chats() if each.platform == name)
                await asyncio.wait({carrying}, timeout=look_every)
            await carrying
        finally:
            carrying.cancel()

    async def finish(self, seconds: float) -> None:
        """After `run` was cancelled: let what is under way end, for at most so many seconds."""
        await asyncio.gather(*(each.finish(seconds) for each in self.carriers.values()))

    async def _open_chats(self) -> tuple[Chat, ...]:
        while True:
            try:
                return await self.storage.get_open_chats()
            except StorageError as error:
                log.warning("outbox status=not-read error=%r", str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    def _wake_all(self, chats: Iterable[Chat]) -> None:
        for chat in chats:
            self.wake(chat)
