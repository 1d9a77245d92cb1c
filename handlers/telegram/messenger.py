"""Unasked messages on Telegram: each part in one request, whose answer is told for what it means."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from telegram import Bot
from telegram.constants import ParseMode
from telegram.error import InvalidToken, TelegramError

from bot.delivery.pacing import Pacer
from bot.errors import DeliveryError, PlatformError, PlatformRefusedError, Remedy
from bot.model.chat import Chat
from bot.model.message import Button, Message, Outgoing, Part, Receipt
from bot.ports import Limits
from handlers.command import Reply
from handlers.telegram.client import READ_SECONDS, open_bot
from handlers.telegram.failures import explain
from handlers.telegram.post import LIMITS, OnMigration, Place, Post, make_keyboard, send_message
from handlers.telegram.render import TelegramMessage, render_reply

log = logging.getLogger(__name__)

# What an answer that is none, such as a page of HTML with status 200, makes python-telegram-bot stumble over.
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError)


@dataclass(slots=True)
class TelegramMessenger:
    """The Messenger of Telegram. `pacer` is shared with all that sends there; `send` keeps to it by itself.

    While entered it holds one client, of which nothing is asked before there is something to send. `send` works also
    before and after, with a client of its own.
    """

    token: str = field(repr=False)
    api_url: str
    on_migration: OnMigration
    pacer: Pacer = field(default_factory=lambda: Pacer(LIMITS), repr=False)
    _bot: Bot | None = field(default=None, init=False, repr=False)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, init=False, repr=False)

    @property
    def limits(self) -> Limits:
        return LIMITS

    async def __aenter__(self) -> Self:
        self._bot = await self._stack.enter_async_context(open_bot(self.api_url, self.token))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bot = None
        await self._stack.aclose()

    def compose(self, chat: Chat, message: Message) -> tuple[Part, ...]:  # noqa: ARG002 - all chats are of one kind
        reply = Reply(message.text, message.digest, message.detail, buttons=message.buttons, link=message.link)
        return tuple(Part(_pack(each), each.papers) for each in render_reply(reply))

    async def deliver(self, chat: Chat, outgoing: Outgoing) -> Receipt:
        if outgoing.unanswered_for is not None:
            raise DeliveryError(Remedy.UNCERTAIN, "the answer was lost, and Telegram cannot be asked for it")
        message = _unpack(outgoing.body)
        try:
            return await self._send_one(chat, message, message.html, ParseMode.HTML)
        except DeliveryError as error:
            if error.remedy is not Remedy.PLAIN:
                raise
            log.warning("markup refused; sending this part as plain text chat=%s error=%r", chat.key, str(error))
        try:
            return await self._send_one(chat, message, message.plain, None)
        except DeliveryError as error:
            if error.remedy is not Remedy.PLAIN:
                raise
            raise DeliveryError(Remedy.DROP, f"refused as plain text, too: {error}") from error

    async def _send_one(self, chat: Chat, message: TelegramMessage, text: str, mode: str | None) -> Receipt:
        place, markup = Place.of(chat), make_keyboard(message.keyboard)
        try:
            async with asyncio.timeout(READ_SECONDS), self._opened() as bot:
                sent = await send_message(bot, place, text, mode, markup=markup)
        except TelegramError as error:
            raise explain(error) from error
        except TimeoutError as error:
            raise DeliveryError(Remedy.UNCERTAIN, f"no answer within {READ_SECONDS:g} seconds") from error
        except _UNREADABLE as error:
            raise DeliveryError(Remedy.UNCERTAIN, f"an answer that is none: {type(error).__name__}") from error
        return Receipt(str(sent.message_id))

    async def publish(self, chat: Chat, message_id: str) -> None:
        """Nothing: Telegram's channels need no second step."""

    async def send(self, chat: Chat, text: str) -> None:
        try:
            async with self._opened() as bot:
                for message in render_reply(Reply(text)):
                    await Post(bot, self.on_migration, self.pacer).send(Place.of(chat), message)
        except InvalidToken as error:
            raise PlatformRefusedError("Telegram refuses the bot's token") from error
        except TelegramError as error:
            raise PlatformError(f"not certainly delivered to {chat.key}: {error}") from error

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Bot]:
        """The client that is held, else one for this once."""
        if self._bot is not None:
            yield self._bot
            return
        async with open_bot(self.api_url, self.token) as bot:
            yield bot


def _pack(message: TelegramMessage) -> str:
    """The message as a body that any later version reads."""
    rows = [[[button.label, button.line] for button in row] for row in message.keyboard]
    body = {"html": message.html, "plain": message.plain, **({"keyboard": rows} if rows else {})}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _unpack(body: str) -> TelegramMessage:
    packed = json.loads(body)
    keyboard = tuple(tuple(Button(*button) for button in row) for row in packed.get("keyboard", ()))
    return TelegramMessage(packed["html"], packed["plain"], keyboard)
