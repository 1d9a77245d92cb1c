"""Which chat a person manages from another one, such as a channel from a private chat."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2s

from bot.model.chat import Chat
from bot.ports import Clock

SPAN = timedelta(minutes=10)
"""For how long a choice holds, from the moment it was made."""
_MOST_CHOICES = 10_000


@dataclass(frozen=True, slots=True)
class Located:
    """A chat that a person may manage at this moment, and what people call it."""

    chat: Chat
    title: str


Locate = Callable[[str], Awaitable[Located]]
"""The chat with this name or id, seen from where a person is, with both the person's and the bot's rights just checked.

Raises UserError that says who may manage it, or what the bot lacks there.
"""


@dataclass(frozen=True, slots=True)
class _Choice:
    chat: Chat
    until: datetime


@dataclass(slots=True)
class Managing:
    """Remembers the choices of at most ten thousand people, the latest; none survives a restart."""

    clock: Clock
    _choices: OrderedDict[tuple[Chat, str], _Choice] = field(default_factory=OrderedDict)

    def choose(self, here: Chat, person: str, chat: Chat) -> None:
        """Let what the person says `here` act on `chat` for ten minutes, instead of any other one."""
        self.end(here, person)
        self._choices[here, person] = _Choice(chat, self.clock() + SPAN)
        if len(self._choices) > _MOST_CHOICES:
            self._choices.popitem(last=False)

    def get(self, here: Chat, person: str) -> Chat | None:
        """The chat that what the person says `here` acts on now, None for this one."""
        choice = self._choices.get((here, person))
        # A clock that was set back must not stretch the time.
        if choice is not None and not timedelta() < choice.until - self.clock() <= SPAN:
            self.end(here, person)
            return None
        return choice.chat if choice else None

    def end(self, here: Chat, person: str) -> None:
        """Let what the person says `here` act on this chat again. Fine if it does already."""
        self._choices.pop((here, person), None)


def mark_of(chat: Chat) -> str:
    """`~1a2b`, short enough for a button: it says for which chat the button was drawn."""
    return "~" + blake2s(chat.key.encode(), digest_size=2).hexdigest()
