"""Unasked remarks in the terminal."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.model.chat import Chat


@dataclass(frozen=True, slots=True)
class ConsoleMessenger:
    """The Messenger of the one chat there is."""

    write: Callable[[str], None]

    async def send(self, chat: Chat, text: str) -> None:  # noqa: ARG002 - there is only one
        self.write(text)
