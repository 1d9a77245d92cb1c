"""Unasked messages in the terminal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Self

from bot.model.chat import Chat
from bot.model.message import Message, Outgoing, Part, Receipt
from bot.ports import Limits
from handlers.command import Reply
from handlers.console.bot import PIPE_WIDTH
from handlers.console.render import render_reply

_LIMITS = Limits(per_second=1000)


@dataclass(frozen=True, slots=True)
class ConsoleMessenger:
    """The Messenger of the one chat there is; `width` and `colour` are those of the terminal."""

    write: Callable[[str], None]
    width: Callable[[], int] = lambda: PIPE_WIDTH
    colour: bool = False
    _numbers: "count[int]" = field(default_factory=lambda: count(1), repr=False)

    @property
    def limits(self) -> Limits:
        return _LIMITS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A terminal is nothing to let go of."""

    def compose(self, chat: Chat, message: Message) -> tuple[Part, ...]:  # noqa: ARG002 - there is only one
        reply = Reply(message.text, message.digest, message.detail, link=message.link)
        papers = message.digest.papers if message.digest else ()
        text = render_reply(reply, width=self.width(), colour=self.colour)
        return (Part(text, tuple(each for shown in papers for each in shown.ids)),) if text else ()

    async def deliver(self, chat: Chat, outgoing: Outgoing) -> Receipt:  # noqa: ARG002 - there is only one
        self.write(outgoing.body)
        return Receipt(str(next(self._numbers)))

    async def publish(self, chat: Chat, message_id: str) -> None:
        """Nothing: what is written is read."""

    async def send(self, chat: Chat, text: str) -> None:  # noqa: ARG002 - there is only one
        self.write(text)
