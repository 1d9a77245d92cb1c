"""Unasked remarks on Telegram."""

from dataclasses import dataclass, field

from telegram.error import InvalidToken, TelegramError

from bot.errors import PlatformError, PlatformRefusedError
from bot.model.chat import Chat
from handlers.command import Reply
from handlers.telegram.client import open_bot
from handlers.telegram.post import OnMigration, Place, Post
from handlers.telegram.render import render_reply


@dataclass(frozen=True, slots=True)
class TelegramMessenger:
    """The Messenger of Telegram: a connection of its own for each remark, so that it works when the platform does not run."""

    token: str = field(repr=False)
    api_url: str
    on_migration: OnMigration

    async def send(self, chat: Chat, text: str) -> None:
        try:
            async with open_bot(self.api_url, self.token) as bot:
                for message in render_reply(Reply(text)):
                    await Post(bot, self.on_migration).send(Place.of(chat), message)
        except InvalidToken as error:
            raise PlatformRefusedError("Telegram refuses the bot's token") from error
        except TelegramError as error:
            raise PlatformError(f"not certainly delivered to {chat.key}: {error}") from error
