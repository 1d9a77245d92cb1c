"""A page: a digest as it was planned for a chat, under an address that nobody can guess."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.model.chat import Chat
from bot.model.digest import Digest

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Page:
    """The digest of one round. Whoever knows `id` may read it.

    `id` is 128 random bits as 22 url-safe characters. `at` is the UTC instant at which the digest was planned, `language`
    the one that the chat spoke then.
    """

    id: str
    chat: Chat
    at: datetime
    language: str
    digest: Digest


def make_id(draw: Callable[[int], bytes]) -> str:
    """A new id; `draw` gives so many random bytes."""
    return urlsafe_b64encode(draw(ID_BYTES)).rstrip(b"=").decode()
