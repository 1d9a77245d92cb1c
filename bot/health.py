"""How the bot does at this moment, for machines that watch it: no secret, no chat, no text of anybody."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from bot.calendar import latest_day
from bot.days import begin_day
from bot.delivery.watch import DOWN_FOR, OLD_AFTER, PlatformState, oldest_open
from bot.errors import StorageError
from bot.model.day import DayState
from bot.model.delivery import DeliveryState
from bot.pipeline import Pipeline

log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
"""For how long one look is shown to everybody who asks: whoever asks a thousand times a second costs no more."""
CHECKED_SECONDS = 60.0
"""For how long a durable write that succeeded is believed in: a card in a small computer wears out by them."""
LOOK_SECONDS = 10.0
"""How long the storage may take to be read and written."""
_COUNTED = timedelta(days=7)
_WAITING = (DeliveryState.PLANNED, DeliveryState.SENDING)
_BROKEN = (StorageError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look found at `at` (UTC).

    `stalled`: what should go on by itself and does not. `trouble`: why the storage cannot be used, empty where it can. The
    rest is empty where it cannot be read. `chats`: how many have a subscription, by platform and by whether they are paused.
    `waiting`: parts in the outbox by platform; `oldest`: when the one that has waited longest was planned, which is a reason
    only for who `sends`. `days`: how each
    category that is followed stands on the newest announcement day, `last`: on the newest one that brought papers. `tokens`:
    what summaries used on this UTC day, by kind.
    """

    at: datetime
    platforms: tuple[PlatformState, ...]
    stalled: tuple[str, ...] = ()
    trouble: str = ""
    chats: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    days: tuple[DayState, ...] = ()
    last: tuple[DayState, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    sends: bool = True

    def reasons(self) -> tuple[str, ...]:
        """Why the bot cannot do all its work, in words for its operator; nothing where it can."""
        found = [f"{name} does not go on" for name in self.stalled]
        if self.trouble:
            found.append(f"storage: {self.trouble}")
        for each in self.platforms:
            if each.last_contact is None:
                found.append(f"{each.name} has not answered yet")
            elif self.at - each.last_contact >= DOWN_FOR:
                found.append(f"{each.name} has not answered for {self.seconds_since(each.last_contact):.0f} seconds")
        if self.sends and self.oldest is not None and self.at - self.oldest >= OLD_AFTER:
            found.append(f"a part has waited in the outbox for {self.seconds_since(self.oldest):.0f} seconds")
        return tuple(found)

    def seconds_since(self, moment: datetime) -> float:
        """How long before the look that was; 0 where the clock was set back since."""
        return max((self.at - moment).total_seconds(), 0.0)


@dataclass(slots=True)
class Health:
    """Looks at the whole bot, for as many as ask, once in `KEPT_SECONDS`.

    `stalled` names what should go on by itself and does not, once it is set. `sends`: whether this process is one of those
    that send what waits. `timer` is monotonic seconds.
    """

    pipeline: Pipeline
    platforms: Callable[[], Sequence[PlatformState]]
    stalled: Callable[[], Sequence[str]] = tuple
    sends: bool = True
    timer: Callable[[], float] = monotonic
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _kept: Snapshot | None = None
    _kept_until: float = 0.0
    _checked_until: float = float("-inf")

    async def look(self) -> Snapshot:
        """How the bot does now, or did a moment ago. Never raises for a storage that fails."""
        async with self._looking:
            if self._kept is None or self.timer() >= self._kept_until:
                self._kept = await self._look()
                self._kept_until = self.timer() + KEPT_SECONDS
            return self._kept

    async def _look(self) -> Snapshot:
        now, platforms, stalled = self.pipeline.clock(), tuple(self.platforms()), tuple(self.stalled())
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if self.timer() >= self._checked_until:
                    await self.pipeline.storage.check()
                    self._checked_until = self.timer() + CHECKED_SECONDS
                return await self._read(Snapshot(now, platforms, stalled, sends=self.sends))
        except _BROKEN as error:
            log.warning("health storage=failed error=%r", str(error))
            # Its own words may hold an address with a password.
            trouble = "it takes no durable writes" if isinstance(error, StorageError) else "it does not answer"
            return Snapshot(now, platforms, stalled, trouble, sends=self.sends)

    async def _read(self, found: Snapshot) -> Snapshot:
        storage, clock = self.pipeline.storage, found.at
        subscriptions = await storage.get_subscriptions()
        counts = await storage.count_deliveries(clock.date() - _COUNTED)
        oldest = await oldest_open(self.pipeline)
        waiting: Counter[str] = Counter()
        for (platform, state), count in counts.items():
            waiting[platform] += count if state in _WAITING else 0
        spent = [each for each in await storage.get_spending(clock.date()) if each.day == clock.date()]
        used = [usage for each in spent for usage in each.used.values()]
        states, followed = await self.pipeline.states(), await self.pipeline.followed_categories()
        day = latest_day(clock)
        brought = [each for each in states.values() if each.papers and each.category in followed]
        return Snapshot(
            clock,
            found.platforms,
            found.stalled,
            chats=Counter((each.chat.platform, each.is_paused(clock)) for each in subscriptions),
            waiting=waiting,
            oldest=oldest.planned_at if oldest else None,
            days=tuple(states.get((code, day)) or begin_day(code, day) for code in followed),
            last=tuple({each.category: each for each in sorted(brought, key=lambda each: each.day)}.values()),
            tokens={
                "prompt": sum(each.prompt for each in used),
                "completion": sum(each.completion for each in used),
                "reserved": sum(each.reserved for each in spent),
            },
            sends=found.sends,
        )
