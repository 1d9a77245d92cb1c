"""The addresses of chats' feeds: whoever has one can read what the chat is sent, until it is exchanged or taken away."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

import orjson

from bot.model.chat import Chat
from bot.ports import Clock, Storage

_SECRET_BYTES = 16
_MOST_GONE = 5
"""So many earlier addresses of a chat are known for what they are; older ones are like any that never was."""


@dataclass(frozen=True, slots=True)
class FeedAddress:
    """`secret` is 128 random bits as 22 url-safe characters. `made_at` is a UTC instant; `gone` are hashes of earlier secrets."""

    secret: str
    made_at: datetime
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Whose feed a secret opens, and since when; `is_gone`: it did once."""

    chat: Chat
    made_at: datetime
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Feeding:
    """Addresses as notes of the storage. They are looked up by the hash of the secret, so that how long it takes says nothing
    of any secret. `draw` gives so many random bytes.
    """

    storage: Storage
    clock: Clock
    draw: Callable[[int], bytes]

    async def get(self, chat: Chat) -> FeedAddress | None:
        """The chat's address, or None."""
        return _load(await self.storage.get_note(_of_chat(chat)))

    async def renew(self, chat: Chat) -> FeedAddress:
        """A new address; the one before it leads nowhere from now on."""
        secret = urlsafe_b64encode(self.draw(_SECRET_BYTES)).rstrip(b"=").decode()
        before = _parse(await self.storage.get_note(_of_chat(chat)))
        gone = ([*before.gone, hash_of(before.secret)] if before.secret else list(before.gone)) if before else []
        address = FeedAddress(secret, self.clock(), tuple(gone[-_MOST_GONE:]))
        # The chat's own note decides; what points to it comes first, so that a crash leaves no address without a way to it.
        await self.storage.set_note(_of_hash(hash_of(secret)), chat.key)
        await self.storage.set_note(_of_chat(chat), _dump(address))
        for each in gone[:-_MOST_GONE]:
            await self.storage.set_note(_of_hash(each), "")
        return address

    async def end(self, chat: Chat) -> bool:
        """Take the address away; False where there is none."""
        address = await self.get(chat)
        if address is None:
            return False
        ended = FeedAddress("", address.made_at, (*address.gone, hash_of(address.secret))[-_MOST_GONE:])
        await self.storage.set_note(_of_chat(chat), _dump(ended))
        return True

    async def find(self, secret: str) -> Found | None:
        """What the secret opens, or opened; None for one that was never given, or long ago."""
        hashed = hash_of(secret)
        key = await self.storage.get_note(_of_hash(hashed))
        note = await self.storage.get_note(_of_chat(Chat.from_key(key))) if key else None
        address = _parse(note)
        if key is None or address is None:
            return None
        is_current = bool(address.secret) and hash_of(address.secret) == hashed
        is_gone = hashed in address.gone
        return Found(Chat.from_key(key), address.made_at, is_gone) if is_current or is_gone else None

    async def move(self, old: Chat, new: Chat) -> None:
        """Let `new` have the feed of `old`; where it has one of its own, the old address leads nowhere."""
        address = _parse(await self.storage.get_note(_of_chat(old))) if old != new else None
        if address is None:
            return
        if await self.storage.get_note(_of_chat(new)) is not None:
            await self.forget(old)
            return
        await self.storage.set_note(_of_chat(new), _dump(address))
        for hashed in _hashes(address):
            await self.storage.set_note(_of_hash(hashed), new.key)
        await self.storage.set_note(_of_chat(old), "")

    async def forget(self, chat: Chat) -> None:
        """Erase every address of the chat. Fine if there is none."""
        address = _parse(await self.storage.get_note(_of_chat(chat)))
        for hashed in _hashes(address) if address else ():
            await self.storage.set_note(_of_hash(hashed), "")
        await self.storage.set_note(_of_chat(chat), "")


def hash_of(secret: str) -> str:
    """What is looked up in the place of a secret."""
    return sha256(secret.encode()).hexdigest()


def _hashes(address: FeedAddress) -> tuple[str, ...]:
    return (*address.gone, hash_of(address.secret)) if address.secret else address.gone


def _load(note: str | None) -> FeedAddress | None:
    address = _parse(note)
    return address if address is not None and address.secret else None


def _parse(note: str | None) -> FeedAddress | None:
    if not note:
        return None
    values = orjson.loads(note)
    return FeedAddress(values["secret"], datetime.fromisoformat(values["made_at"]), tuple(values["gone"]))


def _dump(address: FeedAddress) -> str:
    return orjson.dumps(asdict(address)).decode()


def _of_chat(chat: Chat) -> str:
    return f"feed of {chat.key}"


def _of_hash(hashed: str) -> str:
    return f"feed at {hashed}"
