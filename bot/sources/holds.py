"""Hosts that asked us to wait, remembered over restarts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.errors import BotError
from bot.ports import Clock

log = logging.getLogger(__name__)

LoadNote = Callable[[str], Awaitable[str | None]]
SaveNote = Callable[[str, str], Awaitable[None]]

_FIRST, _LONGEST, LONGEST_RETRY_AFTER = 60.0, 600.0, 3600.0


@dataclass(frozen=True, slots=True)
class _Hold:
    until: float
    times: int
    reason: str


@dataclass(slots=True)
class Holds:
    """Which hosts are left alone, and for how long: a minute, doubling each time in a row to ten.

    `clock` is monotonic seconds, `now` the present for what outlives this process. With `load` and `save` one small note for
    each host is kept (the empty text forgets it), read when the host is first asked for.
    """

    clock: Callable[[], float]
    now: Clock
    load: LoadNote | None = None
    save: SaveNote | None = None
    _holds: dict[str, _Hold] = field(init=False, default_factory=dict)
    _recalled: set[str] = field(init=False, default_factory=set)
    _recalling: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def left(self, host: str) -> float:
        """Seconds for which the host is still left alone."""
        return max(0.0, self._holds[host].until - self.clock()) if host in self._holds else 0.0

    def reason(self, host: str) -> str:
        """What the host said, if it is left alone."""
        return self._holds[host].reason if host in self._holds else ""

    async def recall(self, host: str, *, anew: bool = False) -> None:
        """Read the note of this host, once; `anew`: again, as another process may have written it."""
        async with self._recalling:
            if (anew or host not in self._recalled) and self.load is not None:
                try:
                    self._read(host, await self.load(_key(host)) or "")
                except BotError as error:
                    log.warning("recalled host=%s status=failed reason=%r", host, str(error))
            self._recalled.add(host)

    async def begin(self, host: str, reason: str, asked: float) -> None:
        """Leave the host alone, for `asked` seconds if that is more."""
        times = self._holds[host].times + 1 if host in self._holds else 1
        seconds = max(min(_FIRST * 2 ** (times - 1), _LONGEST), asked)
        self._holds[host] = _Hold(self.clock() + seconds, times, reason)
        until = self.now() + timedelta(seconds=seconds)
        await self._note(host, f"{until.isoformat(timespec='seconds')} {times} {reason}")

    async def end(self, host: str) -> None:
        """The host answers again."""
        if self._holds.pop(host, None):
            await self._note(host, "")

    def _read(self, host: str, note: str) -> None:
        try:
            until, times, reason = note.split(" ", 2)
            seconds = (datetime.fromisoformat(until) - self.now()).total_seconds()
            hold = _Hold(self.clock() + min(seconds, LONGEST_RETRY_AFTER), min(int(times), 10), reason)
        except (ValueError, TypeError, OverflowError):
            return
        # What ended long ago says nothing of today.
        if seconds > -_LONGEST:
            self._holds[host] = hold

    async def _note(self, host: str, text: str) -> None:
        if self.save is None:
            return
        try:
            await self.save(_key(host), text)
        except BotError as error:
            log.warning("noted host=%s status=failed reason=%r", host, str(error))


def _key(host: str) -> str:
    return f"hold {host}"
