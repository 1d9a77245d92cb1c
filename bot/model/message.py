"""What is said, as data that every platform can show."""

from dataclasses import dataclass

from bot.model.digest import Digest
from bot.model.paper import ArxivId


@dataclass(frozen=True, slots=True)
class Button:
    """Something to tap: the same as typing `line`, which has at most 64 bytes (Telegram's limit for callback data)."""

    label: str
    line: str


@dataclass(frozen=True, slots=True)
class File:
    """A text as a file of this name, in UTF-8."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """Something to say in a chat without having been asked; a platform makes as many parts of it as it takes.

    `link`: where the digest can be read on the web; empty for nowhere.
    """

    text: str = ""
    digest: Digest | None = None
    detail: str = "tldr"
    buttons: tuple[Button, ...] = ()
    link: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a platform, rendered. `body` means something to that platform's messenger alone, also after a restart.

    `papers` are those it shows.
    """

    body: str
    papers: tuple[ArxivId, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A part on its way.

    `nonce` is the same whenever the same part is sent again, and no other part's: at most 25 ASCII characters with at
    least 100 bits. `root` is the message id of the first part of what this part belongs to; empty where it is that one.
    `unanswered_for`: seconds since a try began whose answer never came, so that the part may be there already; None
    where there was no such try.
    """

    body: str
    nonce: str
    root: str = ""
    unanswered_for: float | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A part that arrived. `pause`: seconds for which the platform takes nothing more in this chat.

    `has_to_be_published`: it is to be handed on by `Messenger.publish`, as in Discord's announcement channels.
    """

    message_id: str
    pause: float = 0.0
    has_to_be_published: bool = False
