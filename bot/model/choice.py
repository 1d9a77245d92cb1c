"""What a person chose to act on for a while."""

from dataclasses import dataclass
from datetime import datetime

from bot.model.chat import Chat


@dataclass(frozen=True, slots=True)
class Choice:
    """The chat that what somebody says elsewhere acts on, until that instant."""

    chat: Chat
    until: datetime
