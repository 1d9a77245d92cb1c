"""What becomes of the bot in a chat: blocked, removed, silenced, or back; and of a forum's topics: closed, open again.

https://core.telegram.org/bots/api#chatmemberupdated
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import ChatMember, ChatMemberAdministrator, ChatMemberRestricted, ChatMemberUpdated, Message
from telegram.constants import ChatMemberStatus, ChatType

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.subscription import PauseReason
from handlers.telegram.post import Place

log = logging.getLogger(__name__)

OnGone = Callable[[Chat, PauseReason], Awaitable[None]]
"""Told that nothing reaches this chat any more, and why; told again, it changes nothing."""
OnBack = Callable[[Chat], Awaitable[None]]
"""Told that this chat can be reached; told of one that always could, or that asked for a pause, it changes nothing."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Tells of chats that come and go."""

    on_gone: OnGone
    on_back: OnBack

    async def note(self, change: ChatMemberUpdated) -> None:
        """The bot's own place in a chat changed."""
        log.info("membership chat=%d status=%s", change.chat.id, change.new_chat_member.status)
        is_private, is_channel = change.chat.type == ChatType.PRIVATE, change.chat.type == ChatType.CHANNEL
        reason = _reason(change.new_chat_member, is_private=is_private, is_channel=is_channel)
        await self._tell(Place(change.chat.id).chat, reason)

    async def note_topic(self, message: Message) -> None:
        """A topic of a forum was closed, or opened again; the one without a number is no chat of its own."""
        if message.message_thread_id is not None:
            place = Place(message.chat.id, message.message_thread_id)
            await self._tell(place.chat, PauseReason.CLOSED if message.forum_topic_closed else None)

    async def _tell(self, chat: Chat, reason: PauseReason | None) -> None:
        try:
            await (self.on_back(chat) if reason is None else self.on_gone(chat, reason))
        except StorageError:
            # The next message that Telegram refuses, or takes, says the same.
            log.exception("membership not kept chat=%s", chat.key)


def _reason(us: ChatMember, *, is_private: bool, is_channel: bool) -> PauseReason | None:
    """Why nothing reaches the chat; None where it can be reached."""
    if us.status in (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED):
        return PauseReason.BLOCKED if is_private else PauseReason.REMOVED
    if isinstance(us, ChatMemberRestricted):
        if not us.is_member:
            return PauseReason.REMOVED
        return None if us.can_send_messages else PauseReason.NO_RIGHTS
    may_post = not is_channel or (isinstance(us, ChatMemberAdministrator) and us.can_post_messages)
    return None if may_post else PauseReason.NO_RIGHTS
