"""The door to what is known of people for minutes."""

from datetime import datetime
from typing import Protocol

from bot.model.chat import Chat
from bot.model.choice import Choice


class MomentStore(Protocol):
    """What is known of people for minutes, in whichever process they are heard. It is not carried to another storage."""

    async def get_choice(self, here: Chat, person: str) -> Choice | None:
        """The chat that the person chose from `here`, for whatever time, or None."""
        ...

    async def set_choice(self, here: Chat, person: str, choice: Choice | None) -> None:
        """Keep what the person chose from `here`, whatever that was before; None takes it back.

        Anybody's choices that ended more than a day before this one does are dropped.
        """
        ...

    async def count_command(self, person: str, now: datetime) -> int:
        """Count a command of the person: which one it is in the minute that began with the first.

        A minute begins anew when it is over, and where the clock was set back before its begin. Counts need not survive a
        restart or a crash, and of more than ten thousand people those whose minute began first may begin anew.
        """
        ...
