"""Channels that are managed from a private chat: found by name, with the rights of both sides asked of Telegram each time."""

import re

from telegram import Bot, ChatFullInfo, ChatMember, ChatMemberAdministrator
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.errors import UserError
from bot.language import tr
from bot.managing import Located
from handlers.telegram.client import patiently
from handlers.telegram.post import Place

ADMINISTRATORS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
_NAME = re.compile(r"@\w{4,32}|-100\d{1,13}")


async def locate_channel(bot: Bot, user_id: int, name: str) -> Located:
    """The channel `@name`, or with this id, which the person may manage and the bot may post in. Raises UserError if not so."""
    name = name.removeprefix("https://t.me/")
    name = name if name.startswith(("@", "-")) else f"@{name}"
    if not _NAME.fullmatch(name):
        raise UserError(tr("A channel is named as in /manage @channel, or by its id, such as -1001234567890."))
    try:
        channel = await patiently(lambda: bot.get_chat(int(name) if name.startswith("-") else name))
        person = await patiently(lambda: bot.get_chat_member(channel.id, user_id))
        us = await patiently(lambda: bot.get_chat_member(channel.id, bot.id))
    except (BadRequest, Forbidden) as error:
        raise UserError(
            tr(
                "I cannot look into {name}, or you are not in it. Only an administrator of it can manage it, and I must be "
                "one, too, with the right to post messages.",
                name=name,
            )
        ) from error
    except TelegramError as error:
        raise UserError(tr("Telegram did not say what your rights there are. Please try again.")) from error
    _check(channel, name, person, us)
    return Located(Place(channel.id).chat, f"@{channel.username}" if channel.username else channel.title or name)


def _check(channel: ChatFullInfo, name: str, person: ChatMember, us: ChatMember) -> None:
    if person.status not in ADMINISTRATORS:
        raise UserError(tr("Only an administrator of {name} can manage it.", name=name))
    if channel.type != ChatType.CHANNEL:
        raise UserError(tr("{name} is no channel. In a group, use the commands in the group itself.", name=name))
    if not (isinstance(us, ChatMemberAdministrator) and us.can_post_messages):
        raise UserError(
            tr("I lack the right to post messages in {name}. Give it to me among its administrators.", name=name)
        )
