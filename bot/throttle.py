"""How many commands one person may give in a minute."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from bot.ports import Clock

MOST_COMMANDS = 20
"""A person's commands in one minute; buttons count."""
_SPAN = timedelta(minutes=1)
_MOST_PEOPLE = 10_000


class Admission(Enum):
    """What to do with a command: obey it, say that it was too many, or stay silent because that was said."""

    OBEY = "obey"
    TELL = "tell"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class _Minute:
    start: datetime
    commands: int = 0


@dataclass(slots=True)
class Throttle:
    """Counts everybody's commands from the first of a minute on; it remembers at most ten thousand people."""

    clock: Clock
    _minutes: OrderedDict[str, _Minute] = field(default_factory=OrderedDict)

    def admit(self, person: str) -> Admission:
        """Count one command of `person`, whose name is unique over all platforms."""
        now = self.clock()
        self._forget_past(now)
        minute = self._minutes.get(person, _Minute(now))
        minute = self._minutes[person] = replace(minute, commands=minute.commands + 1)
        if minute.commands <= MOST_COMMANDS:
            return Admission.OBEY
        return Admission.TELL if minute.commands == MOST_COMMANDS + 1 else Admission.IGNORE

    def _forget_past(self, now: datetime) -> None:
        """Minutes are in the order of their start, so only the first ones can be over; a clock set back ends them all."""
        while self._minutes:
            first = next(iter(self._minutes.values()))
            if timedelta() <= now - first.start < _SPAN and len(self._minutes) < _MOST_PEOPLE:
                return
            self._minutes.popitem(last=False)
