"""How long to wait for a model server before asking again, and when not to ask at all. Pure: time and chance come in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

TRIES = 3
"""How often one request is made, where it may pass another time."""
LONGEST_WAIT = 30.0
"""Seconds that a request waits for the next try; where the server asks for more, it is given up."""
_FIRST_WAIT = 1.0
_LONGEST_ASKED = 86_400.0


def wait_after(tries: int, asked: float, chance: Random) -> float:
    """Seconds until the next try: what the server asked for, or twice as long each time; with some chance in both."""
    jitter = 0.5 + chance.random() / 2
    return asked + chance.random() if asked else _FIRST_WAIT * 2 ** (tries - 1) * jitter


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that these headers (in small letters, or any case) ask to wait, 0 if they do not. `now` is aware.

    https://datatracker.ietf.org/doc/html/rfc9110#name-retry-after
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, now)
    return min(max(seconds, 0.0), _LONGEST_ASKED) if seconds == seconds else 0.0  # noqa: PLR0124 - float("nan") is read, too


def _until(value: str, now: datetime) -> float:
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return (instant.replace(tzinfo=instant.tzinfo or UTC) - now).total_seconds()


class Breaker:
    """Keeps calls from a server that fails: after `most` failures in a row for `first` seconds, then twice as long each time.

    `now` is any clock that never goes back, in seconds.
    """

    def __init__(self, most: int = 5, first: float = 60.0, longest: float = 1800.0) -> None:
        self._most, self._first, self._longest = most, first, longest
        self._failures = self._pauses = 0
        self._until = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a call may be made; 0 where it may now."""
        return max(self._until - now, 0.0)

    def succeed(self) -> None:
        """The server answered as it should."""
        self._failures = self._pauses = 0

    def fail(self, now: float, asked: float = 0.0, *, is_certain: bool = False) -> float:
        """A call failed, and the server asked for so many seconds. Gives the seconds until the next call makes sense.

        `is_certain`: the next call would fail as well, as with a wrong key.
        """
        self._failures += 1
        # Calls that were under way together fail together: while a pause lasts, none is added.
        if (self._failures >= self._most or is_certain) and not self.wait(now):
            asked = max(asked, min(self._first * 2**self._pauses, self._longest))
            self._pauses += 1
        self._until = max(self._until, now + asked)
        return self.wait(now)
