"""The papers the bot knows, for longer than digests need them: kept, searched, and found by their ids."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2s

from bot.errors import UserError
from bot.finding import Entry, Index
from bot.language import tr
from bot.model.announcement import Announcement
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.pipeline import Pipeline
from bot.topics import Topic, compile_topic

log = logging.getLogger(__name__)

ARCHIVE_DAYS = 90
MOST_RANKED = 300
"""Of all that match, so many of the likeliest are ranked and shown."""
_SETTLED_DAYS = 20
"""A day is archived once it is so old: nothing is added to it then, and its announcements are here for some days yet."""
_MOST_SEARCHES = 64
_MOST_WAITING = 20
_MOST_QUERIES = 1000
_IDLE, _LONG_IDLE = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Result:
    """A paper that was found, with the day it was last announced on."""

    id: ArxivId
    title: str
    day: date


@dataclass(frozen=True, slots=True)
class Results:
    """The best, best first; how many match in all, of how many papers."""

    best: tuple[Result, ...]
    count: int
    searched: int


@dataclass(slots=True)
class Archive:
    """Searches what is announced and archived, and keeps it for `days`. Without a search for a while it takes little memory,
    and then none.

    One search goes on at a time, in a thread.
    """

    pipeline: Pipeline
    days: int = ARCHIVE_DAYS
    _index: Index = field(default_factory=Index)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _used: datetime | None = None
    _queries: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _answers: OrderedDict[str, Results] = field(default_factory=OrderedDict)
    _answered_from: Sequence[Announcement] | None = None
    _answered_with: Sequence[date] = ()

    async def keep(self) -> None:
        """Archive the days that are about to be forgotten, and forget those that were kept for long enough.

        Before anything is pruned; whatever happens meanwhile, the next time does the rest.
        """
        today = self.pipeline.clock().date()
        since, until = today - timedelta(days=self.days), today - timedelta(days=_SETTLED_DAYS)
        storage = self.pipeline.storage
        done = set(await storage.get_archived_days())
        announcements = await self.pipeline.announcements()
        # Those that went by while the bot was down are read by nobody else.
        missed = {each.day for each in await storage.get_days(since) if each.day < self.pipeline.keeping.oldest} - done
        if missed:
            announcements = await storage.get_announcements(min(missed))
        for each in announcements:
            if since <= each.day <= until and each.day not in done and not each.is_sample:
                await storage.save_archive(each.day, each.papers_for())
                log.info("archived day=%s papers=%d", each.day, len(each.papers))
        if any(day < since for day in done):
            await storage.prune_archive(since)

    async def find(self, paper: ArxivId) -> AnnouncedPaper | None:
        """The paper as it was last announced, if it is archived."""
        return await self.pipeline.storage.find_archived(paper)

    async def find_all(self, papers: Collection[ArxivId]) -> Mapping[ArxivId, AnnouncedPaper]:
        """Those of the papers that are archived, each as it was last announced; for many at once."""
        found: dict[ArxivId, AnnouncedPaper] = {}
        for day in reversed(await self.pipeline.storage.get_archived_days()):
            if len(found) == len(papers):
                break
            for each in await self.pipeline.storage.get_archive(day):
                if each.paper.id in papers:
                    found.setdefault(each.paper.id, each)
        return found

    async def search(self, query: str) -> Results:
        """What the query finds. Raises UserError where it cannot be read, finds everything, or too many people ask at once."""
        topic = compile_topic(query)
        if topic.is_exclusion:
            raise UserError(
                tr("Say what to look for, too: this only says what to leave out. For example: kv cache -survey")
            )
        if self._waiting >= _MOST_WAITING:
            raise UserError(tr("Many people are searching now. Please try again in a minute."))
        self._waiting += 1
        try:
            async with self._turn:
                return await self._search(topic)
        finally:
            self._waiting -= 1

    def remember(self, query: str) -> str:
        """A tag of nine letters by which `recall` knows the query for a while, but not over restarts."""
        tag = "#" + blake2s(query.encode(), digest_size=4).hexdigest()
        self._queries[tag] = query
        self._queries.move_to_end(tag)
        if len(self._queries) > _MOST_QUERIES:
            self._queries.popitem(last=False)
        return tag

    def recall(self, tag: str) -> str:
        """The query, or nothing."""
        return self._queries.get(tag, "")

    async def rest(self) -> None:
        """Let go of most of what searching needs in memory, if nobody has searched for an hour, and of all after a day."""
        if self._used is None or self._turn.locked():
            return
        idle = self.pipeline.clock() - self._used
        if timedelta() <= idle < _IDLE:
            return
        async with self._turn:
            self._answers = OrderedDict()
            if timedelta() <= idle < _LONG_IDLE:
                await asyncio.to_thread(self._index.pack)
            else:
                self._index, self._used = Index(), None

    async def _search(self, topic: Topic) -> Results:
        self._used = self.pipeline.clock()
        announcements = await self.pipeline.announcements()
        await self._read(announcements)
        known = self._answers.pop(topic.key, None)
        if known is None:
            found, count, searched = await asyncio.to_thread(self._index.find, topic, MOST_RANKED)
            best = await asyncio.to_thread(self._rank, topic, found, announcements)
            known = Results(tuple(Result(each.id, each.title, each.day) for each in best), count, searched)
        self._answers[topic.key] = known
        if len(self._answers) > _MOST_SEARCHES:
            self._answers.popitem(last=False)
        return known

    async def _read(self, announcements: Sequence[Announcement]) -> None:
        """Bring the index up to date; what was answered before is true no longer, if there is anything new."""
        await asyncio.to_thread(self._index.unpack)
        since = self.pipeline.clock().date() - timedelta(days=self.days)
        recent = {each.day for each in announcements}
        archived = [
            day for day in await self.pipeline.storage.get_archived_days() if day >= since and day not in recent
        ]
        for day in archived:
            if not self._index.has(day):
                papers = await self.pipeline.storage.get_archive(day)
                await asyncio.to_thread(self._index.put, day, papers)
        for each in announcements:
            if not self._index.has(each.day, each):
                await asyncio.to_thread(self._index.put, each.day, each.papers_for(), each)
        self._index.keep([*archived, *recent])
        if announcements is not self._answered_from or archived != self._answered_with:
            self._answers.clear()
            self._answered_from, self._answered_with = announcements, archived

    def _rank(self, topic: Topic, found: Sequence[Entry], recent: Sequence[Announcement]) -> list[Entry]:
        """Best first by the ranker of digests; of those alike as they come."""
        scores = self.pipeline.rankers["rules"].rank([each.folded for each in found], [topic.text], recent)
        order = sorted(range(len(found)), key=lambda place: -scores[place].points)
        return [found[place] for place in order]
