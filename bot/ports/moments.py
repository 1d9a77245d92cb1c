"""The door to what is known of people for minutes."""

from datetime import datetime
from typing import Protocol

from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.question import Question


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

    async def get_question(self, here: Chat, person: str) -> Question | None:
        """What the person was asked last in `here`, whether or not its time is over, or None."""
        ...

    async def set_question(self, here: Chat, person: str, question: Question) -> None:
        """Keep what the person was asked in `here`, whatever that was before.

        Anybody's questions that ended more than a day before this one does are dropped.
        """
        ...

    async def end_question(self, here: Chat, person: str, question: Question) -> bool:
        """End the question that the person was asked in `here`; False, and nothing is done, where it is another one, or none.

        Of all who end the same one, in however many processes, one is told True.
        """
        ...

    async def count_command(self, person: str, now: datetime) -> int:
        """Count a command of the person: which one it is in the minute that began with the first.

        A minute begins anew when it is over, and where the clock was set back before its begin. Counts need not survive a
        restart or a crash, and of more than ten thousand people those whose minute began first may begin anew.
        """
        ...
