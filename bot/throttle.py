"""How many commands one person may give in a minute, to however many processes."""

from dataclasses import dataclass
from enum import Enum

from bot.errors import StorageError
from bot.ports import Clock, MomentStore

MOST_COMMANDS = 20
"""A person's commands in one minute; buttons count."""


class Admission(Enum):
    """What to do with a command: obey it, say that it was too many, or stay silent because that was said."""

    OBEY = "obey"
    TELL = "tell"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Throttle:
    """Counts everybody's commands from the first of a minute on. Where they cannot be counted, nobody is refused."""

    store: MomentStore
    clock: Clock

    async def admit(self, person: str) -> Admission:
        """Count one command of `person`, whose name is unique over all platforms."""
        try:
            number = await self.store.count_command(person, self.clock())
        except StorageError:
            return Admission.OBEY
        if number <= MOST_COMMANDS:
            return Admission.OBEY
        return Admission.TELL if number == MOST_COMMANDS + 1 else Admission.IGNORE
