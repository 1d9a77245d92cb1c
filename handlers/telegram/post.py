"""Messages on their way out: markup that is refused goes out plain, chats that moved are followed."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import Bot, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, Message
from telegram import ReplyParameters as ReplyTo
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated

from bot.delivery.pacing import Pacer
from bot.model.chat import Chat
from bot.ports import Limits
from handlers.telegram.client import Result, patiently
from handlers.telegram.render import Keyboard, TelegramMessage

log = logging.getLogger(__name__)

PLATFORM = "telegram"
OnMigration = Callable[[Chat, Chat], Awaitable[None]]
"""Told that the first chat goes on as the second; told again, it finds nothing left to do."""

# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this names private chats and groups; channels
# are counted like groups: https://github.com/python-telegram-bot/python-telegram-bot/wiki/Avoiding-flood-limits.
LIMITS = Limits(
    per_second=30,
    chat_interval=1.0,
    crowd_minute=20,
    # "You may go over this limit for short bursts": https://core.telegram.org/bots/faq
    burst=5,
    is_crowd=lambda chat: chat.id.startswith("-"),
    bucket=lambda chat: chat.id,
)

# "Bad Request: can't parse entities: Unsupported start tag …", "ENTITY_TEXTURL_INVALID" and their like.
_MARKUP_WORDS = ("entit", "start tag", "end tag")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: a chat, and in a forum the thread of one of its topics."""

    chat_id: int
    thread_id: int | None = None

    @classmethod
    def of(cls, chat: Chat) -> "Place":
        """The place of a chat of ours."""
        return cls(int(chat.id), int(chat.thread) if chat.thread else None)

    @property
    def chat(self) -> Chat:
        """The place as the rest of the bot knows it."""
        return Chat(PLATFORM, str(self.chat_id), "" if self.thread_id is None else str(self.thread_id))


@dataclass(frozen=True, slots=True)
class Post:
    """Sends and edits through `bot`. Every method raises TelegramError where the message did not, or may not, arrive.

    What is sent goes out in its turn, ahead of what nobody asked for; edits count towards no limit.
    """

    bot: Bot
    on_migration: OnMigration
    pacer: Pacer

    async def send(
        self, place: Place, message: TelegramMessage, *, reply_to: int | None = None, asks: bool = False
    ) -> Message:
        """Send a message; `reply_to` is the one it answers, `asks`: the person's client opens a reply to it."""
        try:
            return await self._send(place, message, reply_to, asks=asks)
        except ChatMigrated as error:
            await self.move(place.chat_id, error.new_chat_id)
            return await self._send(Place(error.new_chat_id), message, None, asks=asks)

    async def move(self, old_id: int, new_id: int) -> None:
        """A basic group became a supergroup."""
        log.info("chat moved old=%d new=%d", old_id, new_id)
        await self.on_migration(Place(old_id).chat, Place(new_id).chat)

    async def _send(self, place: Place, message: TelegramMessage, reply_to: int | None, *, asks: bool) -> Message:
        markup: InlineKeyboardMarkup | ForceReply | None = make_keyboard(message.keyboard)
        if markup is None and asks:
            markup = ForceReply(selective=True)

        answered = None if reply_to is None else ReplyTo(reply_to, allow_sending_without_reply=True)

        async def send(text: str, mode: str | None) -> Message:
            async with self.pacer.turn(place.chat, urgent=True):
                return await send_message(self.bot, place, text, mode, answered, markup)

        file = message.file

        async def send_file(text: str, mode: str | None) -> Message:
            assert file is not None  # noqa: S101 - it is called where there is one
            async with self.pacer.turn(place.chat, urgent=True):
                return await self.bot.send_document(
                    place.chat_id,
                    InputFile(file.text.encode(), file.name),
                    text,
                    parse_mode=mode,
                    message_thread_id=place.thread_id,
                    reply_parameters=answered,
                    reply_markup=markup,
                )

        return await _marked_up(message, send_file if file else send)

    async def edit(self, place: Place, message_id: int, message: TelegramMessage) -> None:
        """Put `message` in the place of one of ours; one that says the same already is fine."""

        async def edit(text: str, mode: str | None) -> object:
            return await self.bot.edit_message_text(
                text,
                place.chat_id,
                message_id,
                parse_mode=mode,
                link_preview_options=_NO_PREVIEW,
                reply_markup=make_keyboard(message.keyboard),
            )

        try:
            await _marked_up(message, edit)
        except BadRequest as error:
            if "not modified" not in str(error).lower():
                raise


async def send_message(  # noqa: PLR0913, PLR0917 - what, where, and how it looks there
    bot: Bot,
    place: Place,
    text: str,
    mode: str | None,
    answered: ReplyTo | None = None,
    markup: InlineKeyboardMarkup | ForceReply | None = None,
) -> Message:
    """One request that sends one message."""
    return await bot.send_message(
        place.chat_id,
        text,
        mode,
        message_thread_id=place.thread_id,
        link_preview_options=_NO_PREVIEW,
        reply_parameters=answered,
        reply_markup=markup,
    )


async def _marked_up(message: TelegramMessage, send: Callable[[str, str | None], Awaitable[Result]]) -> Result:
    try:
        return await patiently(lambda: send(message.html, ParseMode.HTML))
    except BadRequest as error:
        if not any(word in str(error).lower() for word in _MARKUP_WORDS):
            raise
        log.warning("markup refused; sending this part as plain text error=%r", str(error))
        return await patiently(lambda: send(message.plain, None))


def make_keyboard(rows: Keyboard) -> InlineKeyboardMarkup | None:
    """The rows as Telegram's buttons; None for none."""
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(button.label, callback_data=button.line) for button in row] for row in rows]
    )
