"""Tells chats of new versions of the papers they follow: the use case that runs whenever announcements came in."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bot.backfill import Backfill
from bot.delivery.letters import versions_message
from bot.delivery.rounds import Rounds
from bot.model.announcement import Announcement
from bot.model.chat import Chat
from bot.model.follow import Version
from bot.model.paper import ArxivId, Paper
from bot.pipeline import Pipeline

log = logging.getLogger(__name__)

COMMENT_SECONDS = 20.0
"""How long a line waits for the comments of its papers; it goes out without them."""

_Changed = tuple[Version, Version]


@dataclass(slots=True)
class Following:
    """What is told follows from what is stored: a version newer than the one that the chat knows.

    So it does not matter how often, or after which pull, anybody looks.
    """

    pipeline: Pipeline
    rounds: Rounds
    backfill: Backfill
    comment_seconds: float = COMMENT_SECONDS
    _looked_at: Sequence[Announcement] | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> int:
        """Plan what is to be told, one message a chat; how many chats that are. What fails for one chat is logged.

        Costs nothing where no announcement came since the last look.
        """
        async with self._looking:
            announcements = await self.pipeline.announcements()
            if announcements is self._looked_at:
                return 0
            news = await self._find_news(announcements)
            comments = await self._find_comments(news)
            told, is_done = 0, True
            for chat, changed in news.items():
                try:
                    told += await self._tell(chat, changed, comments)
                except Exception:
                    is_done = False
                    log.exception("following failed chat=%s", chat.key)
            self._looked_at = announcements if is_done else None
            return told

    async def _find_news(self, announcements: Sequence[Announcement]) -> Mapping[Chat, Sequence[_Changed]]:
        storage, news = self.pipeline.storage, dict[Chat, list[_Changed]]()
        for version in _newest_versions(announcements, await storage.get_followed()):
            for chat, follow in (await storage.get_followers(version.id)).items():
                if version.number > follow.known.number:
                    news.setdefault(chat, []).append((follow.known, version))
        return news

    async def _find_comments(self, news: Mapping[Chat, Sequence[_Changed]]) -> Mapping[ArxivId, str]:
        changed = {after.id: after.number for each in news.values() for _, after in each}
        records = await self.backfill.get(changed, self.comment_seconds) if changed else {}
        return {paper: record.comment for paper, record in records.items()}

    async def _tell(self, chat: Chat, changed: Sequence[_Changed], comments: Mapping[ArxivId, str]) -> bool:
        write = partial(versions_message, changed, comments)
        is_told = await self.rounds.tell(chat, write, [after for _, after in changed])
        log.info("followed chat=%s papers=%d status=%s", chat.key, len(changed), "told" if is_told else "passed-over")
        return is_told


def _newest_versions(
    announcements: Sequence[Announcement], followed: Mapping[ArxivId, Sequence[str]]
) -> Sequence[Version]:
    """Of the followed papers that were announced, the newest version each, but for first versions: those are no news."""
    newest: dict[ArxivId, Paper] = {}
    for announcement in announcements:
        for paper in followed.keys() & announcement.papers.keys():
            found = announcement.papers[paper]
            if found.version > 1 and (paper not in newest or newest[paper].version < found.version):
                newest[paper] = found
    return [Version.of(newest[paper]) for paper in sorted(newest)]
