"""A subscription: what one chat wants to read, and how much of it."""

from dataclasses import dataclass
from datetime import datetime

from bot.model.chat import Chat
from bot.model.paper import AnnounceType

DEFAULT_TYPES = (AnnounceType.NEW, AnnounceType.CROSS)
DETAILS = ("titles", "short", "full")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Chat + categories + topics + limits.

    `topics` are queries as typed; one that begins with `-` leaves papers out. `created` is an aware UTC instant.
    `days_back`: for how many days a paper that matched but did not fit stays a candidate.
    `detail`: how much of each paper is shown, one of `DETAILS`. `forum_tag`: the name of the tag that posts in a Discord
    forum get; empty for none.
    """

    chat: Chat
    created: datetime
    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    max_papers: int = 10
    min_score: float = 0.0
    types: tuple[AnnounceType, ...] = DEFAULT_TYPES
    days_back: int = 7
    ranker: str = "rules"
    language: str = "en"
    detail: str = "short"
    forum_tag: str = ""
