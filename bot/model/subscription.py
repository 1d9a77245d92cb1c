"""A subscription: what one chat wants to read, and how much of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.language import later
from bot.model.chat import Chat
from bot.model.paper import AnnounceType

DEFAULT_TYPES = (AnnounceType.NEW, AnnounceType.CROSS)
DETAILS = ("tldr", "full", "abstract", "titles")
FORMER_DETAILS = {"short": "tldr"}
"""Names that older configurations use, and what they are called now."""
_WITH_SUMMARIES = ("tldr", "full")

ON_ANNOUNCEMENT = "announcement"


class PauseReason(StrEnum):
    """Why a chat gets nothing; the value reads after "paused because"."""

    ASKED = later("somebody here asked for it")
    BLOCKED = later("the bot was blocked")
    REMOVED = later("the bot was removed")
    GONE = later("the chat was deleted")
    NO_RIGHTS = later("the bot may not write there")
    CLOSED = later("the topic or thread was closed")


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when, until when (None: until somebody resumes it), and why. Instants are UTC."""

    reason: PauseReason
    since: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is not over yet."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Subscription:
    """Chat + categories + topics + limits + schedule.

    `topics` are queries as typed; one that begins with `-` leaves papers out. Those in `muted` keep their place and count
    for nothing. `created` is an aware UTC instant.
    `days_back`: for how many days a paper that matched but did not fit stays a candidate.
    `detail`: how much of each paper is shown, one of `DETAILS`. `max_papers_to_summarize`: so many papers of a digest, from the
    first, get a summary where there is an LLM. `forum_tag`: the name of the tag that posts in a Discord
    forum get; empty for none. `schedule`: when the digest comes, in the form that `/schedule` shows; its hours are those of
    `timezone`, an IANA name. `quiet_notice` and `failure_notice`: whether a line is said on days without a digest, and when
    something went wrong. `pages`: whether its digests can be read on the web by whoever has the link.
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
    detail: str = "tldr"
    max_papers_to_summarize: int = 15
    forum_tag: str = ""
    schedule: str = ON_ANNOUNCEMENT
    timezone: str = "UTC"
    quiet_notice: bool = False
    failure_notice: bool = True
    pause: Pause | None = None
    muted: tuple[str, ...] = ()
    pages: bool = True

    @property
    def active_topics(self) -> tuple[str, ...]:
        """The topics that are not muted."""
        return tuple(each for each in self.topics if each not in self.muted)

    @property
    def most_summaries(self) -> int:
        """How many papers of a digest get a summary without being asked for."""
        return self.max_papers_to_summarize if self.detail in _WITH_SUMMARIES else 0

    def is_paused(self, now: datetime) -> bool:
        """Whether the chat gets nothing at this instant."""
        return self.pause is not None and self.pause.holds(now)
