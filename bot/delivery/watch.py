"""Tells the owner what a machine cannot mend: once when it begins, not every minute."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.calendar import feed_of, latest_day, previous_day
from bot.model.delivery import Delivery
from bot.pipeline import Pipeline
from bot.ports import Platform
from bot.rendering.text import format_day, format_instant

log = logging.getLogger(__name__)

DOWN_FOR = timedelta(minutes=10)
OLD_AFTER = timedelta(minutes=30)
_NOTE = "alerted: no announcement on"


@dataclass(frozen=True, slots=True)
class PlatformState:
    """How a platform does: when it last answered (UTC, None: never), and what was not sent at once since the start, by kind."""

    name: str
    last_contact: datetime | None
    outcomes: Mapping[str, int]


async def oldest_open(pipeline: Pipeline) -> Delivery | None:
    """The delivery that has waited longest in the outbox, None where it is empty."""
    for chat in await pipeline.storage.get_open_chats():
        waiting = [each for each in await pipeline.storage.get_deliveries(chat) if each.is_open]
        # What was open a moment ago may have been sent since; then the next chat's is the oldest.
        if waiting:
            return min(waiting, key=lambda each: each.planned_at)
    return None


@dataclass(slots=True)
class Watch:
    """What is looked at every minute. `tell` reaches the owner; what has been told is told again only after it was over.

    `platforms` are those that this process serves, some of them only `since` an instant after it `started`.
    """

    pipeline: Pipeline
    platforms: Sequence[Platform]
    tell: Callable[[str, str], Awaitable[None]]
    started: datetime
    since: dict[str, datetime] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    async def look(self) -> None:
        """Tell what is newly wrong."""
        await self._tell(dict(self._find_silent()) | {name: text async for name, text in self._find()})

    async def look_at_platforms(self) -> None:
        """As `look`, for a process that serves platforms while another one keeps time."""
        await self._tell(dict(self._find_silent()), {each.name for each in self.platforms})

    async def _tell(self, trouble: Mapping[str, str], looked_at: AbstractSet[str] | None = None) -> None:
        for name, text in trouble.items():
            if name not in self._told:
                self._told.add(name)
                await self.tell(text, name)
        self._told &= trouble.keys() if looked_at is None else trouble.keys() | (self._told - looked_at)

    def _find_silent(self) -> Iterator[tuple[str, str]]:
        for platform in self.platforms:
            since = self.since.get(platform.name, self.started)
            heard = max(platform.last_contact or since, since)
            if self.pipeline.clock() - heard >= DOWN_FOR:
                yield platform.name, f"{platform.name} has not answered since {format_instant(heard)}"

    async def _find(self) -> AsyncIterator[tuple[str, str]]:
        now = self.pipeline.clock()
        oldest = await oldest_open(self.pipeline)
        if oldest is not None and now - oldest.planned_at >= OLD_AFTER:
            since = format_instant(oldest.planned_at)
            yield (
                "outbox",
                f"a digest for {oldest.chat.key} has waited in the outbox since {since}; /owner status says more",
            )
        missed = await self._missed_day(now)
        if missed:
            yield "announcement", missed

    async def _missed_day(self, now: datetime) -> str:
        """That a weekday went by without any paper in any category that is followed; said once for each day."""
        day = previous_day(latest_day(now))
        categories = await self.pipeline.followed_categories()
        if not categories or feed_of(day) < self.started:
            return ""
        if any(each.papers for each in await self.pipeline.announcements() if each.day >= day):
            return ""
        if await self.pipeline.storage.get_note(_NOTE) == day.isoformat():
            return ""
        await self.pipeline.storage.set_note(_NOTE, day.isoformat())
        return (
            f"{format_day(day)} went by without an announcement; a holiday, or arXiv could not be read: /owner status"
        )
