"""Which chat a person manages from another one, such as a channel from a private chat."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2s

from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.ports import Clock, MomentStore

SPAN = timedelta(minutes=10)
"""For how long a choice holds, from the moment it was made."""


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
class Managing:
    """Remembers what people chose, through restarts and for all processes on one storage. Any method may raise StorageError."""

    store: MomentStore
    clock: Clock

    async def choose(self, here: Chat, person: str, chat: Chat) -> None:
        """Let what the person says `here` act on `chat` for ten minutes, instead of any other one."""
        await self.store.set_choice(here, person, Choice(chat, self.clock() + SPAN))

    async def get(self, here: Chat, person: str) -> Chat | None:
        """The chat that what the person says `here` acts on now, None for this one."""
        choice = await self.store.get_choice(here, person)
        # A clock that was set back must not stretch the time.
        holds = choice is not None and timedelta() < choice.until - self.clock() <= SPAN
        return choice.chat if choice is not None and holds else None

    async def end(self, here: Chat, person: str) -> None:
        """Let what the person says `here` act on this chat again. Fine if it does already."""
        await self.store.set_choice(here, person, None)


def mark_of(chat: Chat) -> str:
    """`~1a2b`, short enough for a button: it says for which chat the button was drawn."""
    return "~" + blake2s(chat.key.encode(), digest_size=2).hexdigest()
