"""What people send, read from Telegram's updates: who, where, and which words."""

import re
from dataclasses import dataclass

from telegram import CallbackQuery, Document, Message
from telegram.constants import ChatType

from bot.language import base_language
from bot.model.paper import parse_arxiv_id
from handlers.telegram.post import Place
from handlers.telegram.text import without_joiners

_COMMAND = re.compile(r"/(?P<name>\w+)(?:@(?P<to>\w+))?(?:\s+(?P<rest>.*))?", re.DOTALL)


@dataclass(slots=True)
class Arrival:
    """A person's words, or a button they pressed.

    `user_id` None: an administrator who speaks as the group itself, or a channel; `is_group` tells which.
    `message_id` is theirs, or the one with the button. `replied_id`: ours that theirs replies to.
    `language`: their client's, as ISO 639-1 code, or empty.
    """

    place: Place
    person: str
    user_id: int | None
    is_private: bool
    text: str
    message_id: int
    is_group: bool = False
    document: Document | None = None
    replied_id: int | None = None
    query: CallbackQuery | None = None
    is_answered: bool = False
    language: str = ""


def from_message(message: Message, our_id: int) -> Arrival | None:
    """What the message says to us, whose user id is `our_id`; None where it says nothing, or a bot does."""
    text = without_joiners((message.text or message.caption or "").strip())
    speaker = message.sender_chat
    if not (text or message.document) or (speaker is None and (message.from_user is None or message.from_user.is_bot)):
        return None
    replied = message.reply_to_message
    user_id = message.from_user.id if message.from_user and speaker is None else None
    return Arrival(
        place_of(message),
        str(speaker.id if speaker else user_id),
        user_id,
        message.chat.type == ChatType.PRIVATE,
        text,
        message.message_id,
        is_group=speaker is not None and speaker.id == message.chat.id,
        document=message.document or (replied.document if replied else None),
        replied_id=replied.message_id if replied and replied.from_user and replied.from_user.id == our_id else None,
        language=base_language((message.from_user.language_code if message.from_user else None) or ""),
    )


def place_of(message: Message) -> Place:
    """Where it was said. A thread of replies outside a forum has a number too, and is no chat of its own."""
    return Place(message.chat.id, message.message_thread_id if message.is_topic_message else None)


def from_press(query: CallbackQuery) -> Arrival | None:
    """The line of a pressed button; None where the message is too old to tell which topic of a forum it is in."""
    message = query.message
    # Date 0 marks what Telegram no longer shows us; python-telegram-bot makes an ordinary Message of it.
    is_readable = isinstance(message, Message) and message.date.timestamp() > 0
    if message is None or (message.chat.is_forum and not is_readable):
        return None
    place = place_of(message) if isinstance(message, Message) else Place(message.chat.id)
    is_private = message.chat.type == ChatType.PRIVATE
    user = query.from_user.id
    language = base_language(query.from_user.language_code or "")
    return Arrival(
        place, str(user), user, is_private, query.data or "", message.message_id, query=query, language=language
    )


def command_in(text: str) -> tuple[str, str, str] | None:
    """The name, the bot it is meant for (or nobody), and the rest of a text that is a command."""
    found = _COMMAND.fullmatch(text)
    return (found["name"], found["to"] or "", (found["rest"] or "").strip()) if found else None


def paper_in(text: str) -> str:
    """The first arXiv id or link in the text, without version; empty if there is none."""
    named = (parse_arxiv_id(word.strip("()[],;\"'")) for word in text.split())
    return next((each[0] for each in named if each), "")
