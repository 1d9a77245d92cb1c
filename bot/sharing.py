"""Sets of topics that one chat hands to others by a link."""

import json
from dataclasses import dataclass
from secrets import token_urlsafe

from bot.chat_config import ChatConfig, read_config
from bot.errors import UserError
from bot.language import tr
from bot.model.chat import Chat
from bot.model.subscription import Subscription
from bot.ports import Storage

_ID_BYTES = 12
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Sharing:
    """Shared sets as notes in the storage: at most one for each chat, under an id that cannot be guessed."""

    storage: Storage

    async def share(self, subscription: Subscription) -> str:
        """Keep the chat's topics and categories as they are now; the id of the set, the same at every call.

        Raises UserError where there is nothing to share.
        """
        if not (subscription.topics or subscription.categories):
            raise UserError(tr("There is nothing to share yet. /start sets this chat up."))
        chosen = {"categories": subscription.categories, "topics": subscription.topics}
        identifier = await self.storage.get_note(_of_chat(subscription.chat)) or token_urlsafe(_ID_BYTES)
        await self.storage.set_note(_of_id(identifier), json.dumps(chosen, ensure_ascii=False))
        await self.storage.set_note(_of_chat(subscription.chat), identifier)
        return identifier

    async def get(self, identifier: str) -> ChatConfig | None:
        """The set with this id, or None."""
        note = await self.storage.get_note(_of_id(identifier)) if 0 < len(identifier) <= _LONGEST_ID else None
        return read_config(note) if note else None

    async def move(self, old: Chat, new: Chat) -> None:
        """Let `new` be the chat whose link that is; where it shared something itself, the old link leads nowhere."""
        identifier = await self.storage.get_note(_of_chat(old)) if old != new else None
        if identifier and await self.storage.get_note(_of_chat(new)):
            await self.forget(old)
        elif identifier:
            await self.storage.set_note(_of_chat(new), identifier)
            await self.storage.set_note(_of_chat(old), "")

    async def forget(self, chat: Chat) -> None:
        """Make the chat's links lead nowhere. Fine if it shared nothing."""
        identifier = await self.storage.get_note(_of_chat(chat))
        if identifier:
            await self.storage.set_note(_of_id(identifier), "")
            await self.storage.set_note(_of_chat(chat), "")


def _of_id(identifier: str) -> str:
    return f"share {identifier}"


def _of_chat(chat: Chat) -> str:
    return f"shared by {chat.key}"
