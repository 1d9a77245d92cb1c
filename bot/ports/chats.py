"""The doors to chat platforms, and to what people use beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from bot.model.chat import Chat
from bot.model.library import Account
from bot.model.message import Message, Outgoing, Part, Receipt
from bot.model.paper import ArxivId, Paper


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform takes: so many messages in any second over all chats; in one chat one message in `chat_interval`
    seconds, and in those for which `is_crowd` holds no more than `crowd_minute` in any minute. 0: no such limit.

    `burst`: so many replies to people may come at once in a chat, as long as the mean stays within `chat_interval`.
    `bucket` names what a chat shares its limits with, such as a forum for its topics.
    """

    per_second: int
    chat_interval: float = 0.0
    crowd_minute: int = 0
    burst: int = 1
    is_crowd: Callable[[Chat], bool] = lambda _: False
    bucket: Callable[[Chat], str] = lambda chat: chat.key


class Messenger(Protocol):
    """A way to say something in a chat without having been asked, also while the platform itself is not running.

    Used between `async with` and its end.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def limits(self) -> Limits:
        """What the platform takes at most."""
        ...

    def compose(self, chat: Chat, message: Message) -> tuple[Part, ...]:
        """The parts, in order, that say all of `message` in this kind of chat, in the language spoken now. Pure."""
        ...

    async def deliver(self, chat: Chat, outgoing: Outgoing) -> Receipt:
        """Make one request that sends the part, within 15 seconds; or find out that an earlier one did.

        Raises DeliveryError where it did not, or may not have, arrived. With `unanswered_for`, it is sent again only where
        that cannot double it. Never waits for a limit: that is the caller's.
        """
        ...

    async def publish(self, chat: Chat, message_id: str) -> None:
        """Hand on a part whose receipt asked for it. Doing it twice is fine. Raises DeliveryError."""
        ...

    async def send(self, chat: Chat, text: str) -> None:
        """Show plain text in the chat at once, in as many messages as it takes: for owners in an emergency.

        Raises PlatformError where it could not be, or may not have been, delivered.
        """
        ...


class Platform(Protocol):
    """A chat platform on which people talk to the bot."""

    @property
    def name(self) -> str: ...

    @property
    def last_contact(self) -> datetime | None:
        """The UTC instant at which the platform last answered us, None if it never did."""
        ...

    async def run(self) -> None:
        """Serve people until cancelled, then stop taking in, finish what is in flight within ten seconds, and let go.

        Raises PlatformRefusedError where only the operator can help, PlatformError where trying again later may. It can
        be run again after either.
        """
        ...


class ReferenceLibrary(Protocol):
    """A reference manager in which people have libraries, each reached by its owner's key."""

    async def identify(self, key: str) -> Account:
        """Whose key it is. Raises LibraryError."""
        ...

    async def add(self, account: Account, key: str, item: str, paper: Paper) -> None:
        """Put the paper into the library as the item of this name; fine where that is there already, so that a lost answer
        doubles nothing. Raises LibraryError.
        """
        ...

    def name_item(self, account: Account, paper: ArxivId) -> str:
        """The name that the item of this paper has in this library: always the same."""
        ...


class Folder(Protocol):
    """Text files that others read. Names are relative, with slashes.

    Every method may raise StorageError and never blocks the event loop.
    """

    async def read(self, name: str) -> str | None:
        """The file's text, None where there is none."""
        ...

    async def names(self, folder: str) -> tuple[str, ...]:
        """The names of the files in this folder, sorted; none where there is no folder."""
        ...

    async def write(self, name: str, text: str) -> bool:
        """Put `text` in place of the whole file; False, and nothing is written, where it is that already.

        Whoever reads meanwhile, or after `kill -9`, finds the old text or the new one.
        """
        ...
