"""What the contract suite of messengers needs of a platform; one stage per platform, in a file of its own."""

from collections import Counter
from enum import Enum, auto
from typing import ClassVar

from bot.errors import Remedy
from bot.model.message import Outgoing

FLOOD_SECONDS = 7
"""For how long the flood asks us to wait."""


class Refusal(Enum):
    """How the next request of `stage.messenger` to deliver something goes wrong."""

    MARKUP = auto()
    """Refused because of its markup; the request after it is taken."""
    BLOCKED = auto()
    """This chat does not want to hear us any more."""
    UNKNOWN_CHAT = auto()
    """Nobody knows a chat like this."""
    FLOOD = auto()
    """429, to be tried again after FLOOD_SECONDS."""
    FLOOD_UNTOLD = auto()
    """429, without a word on how long."""
    FAILING = auto()
    """500."""
    PROXY = auto()
    """502, and a page of HTML."""
    UNREACHABLE = auto()
    """The connection is refused; from now on, until the stage is left."""
    LOST = auto()
    """It is delivered, and the connection breaks before the answer."""
    GARBLED = auto()
    """It is delivered, and the answer, 200, is not JSON."""
    TOKEN = auto()
    """401: the token is not valid any more."""


class Stage:
    """A messenger, a chat that it can reach, and people who read there.

    `async with Stage()` gives it ready: the server listens, `messenger` is entered, and `chat` takes messages. On leaving
    it checks that the server has nothing to complain of, and lets everything go.

    `secret`: the token, which no error may tell. `lost`: what may be said of a part whose answer was lost.
    """

    name: ClassVar[str]
    secret: ClassVar[str] = ""
    lost: ClassVar[frozenset[Remedy]] = frozenset({Remedy.UNCERTAIN})
    has_buttons: ClassVar[bool] = True
    messenger = None
    chat = None

    async def __aenter__(self):
        raise NotImplementedError

    async def __aexit__(self, *_):
        raise NotImplementedError

    async def refuse(self, refusal: Refusal) -> None:
        """Let the next request that delivers something go wrong."""
        raise NotImplementedError

    def received(self) -> list[str]:
        """What people read in `chat`, one text per message, oldest first, without invisible characters."""
        raise NotImplementedError

    def labels(self) -> list[str]:
        """The labels of all buttons below the messages in `chat`, in their order."""
        return []

    async def deliver(self, *parts, unanswered_for=None):
        """Deliver the parts one after the other; the receipts. Each has a nonce of its own, the same at every call."""
        counts = Counter()
        receipts = []
        for part in parts:
            counts[part.body] += 1
            nonce = f"nonce-{abs(hash((part.body, counts[part.body]))) % 10**15:015}"
            root = receipts[0].message_id if receipts else ""
            receipts.append(
                await self.messenger.deliver(self.chat, Outgoing(part.body, nonce, root, unanswered_for=unanswered_for))
            )
        return receipts
