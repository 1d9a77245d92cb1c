"""What feeds lack of papers, such as comments and the names of authors one by one: looked up when there is time, and kept."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.errors import SourceError
from bot.model.listing import Record
from bot.model.paper import ArxivId
from bot.ports import Clock, PaperLookup, Storage

log = logging.getLogger(__name__)

SLICE = 100
"""arXiv is asked for so many papers at a time, at most."""
_MOST_WANTED = 5_000
_MOST_AT_HAND = 500
_ASK_AGAIN = timedelta(hours=6)
"""How long arXiv is not asked for a version again that it did not know, or knew a later one of."""


@dataclass(slots=True)
class Backfill:
    """Records of papers. Without `lookup` there are those that are kept.

    What is wanted but was not looked up before the process ended is wanted again when somebody next sees the paper.
    """

    storage: Storage
    clock: Clock
    lookup: PaperLookup | None = None
    _wanted: dict[tuple[ArxivId, int], None] = field(default_factory=dict)
    _asked: dict[tuple[ArxivId, int], datetime] = field(default_factory=dict)
    _at_hand: dict[ArxivId, Record] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, paper: ArxivId, version: int) -> Record | None:
        """What is kept of this version; what is not is wanted from now on."""
        record = await self.storage.get_record(paper, version)
        if record is None:
            self.want([(paper, version)])
        return record

    def want(self, papers: Iterable[tuple[ArxivId, int]]) -> None:
        """Let these versions be looked up by the next `run`, but for those that were not found lately."""
        now = self.clock()
        for each in papers:
            asked = self._asked.get(each)
            if len(self._wanted) < _MOST_WANTED and not (asked and timedelta() <= now - asked < _ASK_AGAIN):
                self._wanted[each] = None

    async def run(self) -> int:
        """Look up what is wanted, a slice at a time; how many records that brought. What fails stays wanted, and is logged."""
        brought = 0
        async with self._asking:
            while self._wanted and self.lookup is not None:
                chosen = list(self._wanted)[:SLICE]
                try:
                    brought += len(await self.fetch_all([paper for paper, _ in chosen]))
                except SourceError as error:
                    log.warning("backfill papers=%d status=failed error=%r", len(chosen), str(error))
                    break
                self._note_asked(chosen)
        return brought

    async def get(self, papers: Mapping[ArxivId, int], seconds: float) -> Mapping[ArxivId, Record]:
        """The records of these versions that are kept, or that arXiv gives within so many seconds. Never raises SourceError."""
        self.want([pair for pair in papers.items() if await self.storage.get_record(*pair) is None])
        urgent = [pair for pair in papers.items() if pair in self._wanted]
        if urgent:
            self._wanted = dict.fromkeys(urgent) | self._wanted
            try:
                async with asyncio.timeout(seconds):
                    await self.run()
            except TimeoutError:
                log.warning("backfill papers=%d status=late", len(papers))
        found = {paper: await self.storage.get_record(paper, version) for paper, version in papers.items()}
        return {paper: record for paper, record in found.items() if record is not None}

    async def fetch(self, paper: ArxivId) -> Record | None:
        """The newest version of a paper, which arXiv is asked for; None where it has none. Raises SourceError."""
        return (await self.fetch_all([paper])).get(paper)

    async def fetch_once(self, paper: ArxivId) -> Record | None:
        """The same, but arXiv is not asked again about those last got here, so that buttons below a card need not wait."""
        record = self._at_hand.pop(paper, None) or await self.fetch(paper)
        if record is not None:
            self._at_hand[paper] = record
            if len(self._at_hand) > _MOST_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
        return record

    async def fetch_all(self, papers: Sequence[ArxivId]) -> Mapping[ArxivId, Record]:
        """The newest versions of those that arXiv has. Raises SourceError."""
        if self.lookup is None:
            return {}
        found = await self.lookup.fetch_papers(tuple(dict.fromkeys(papers)))
        shown = {paper: record for paper, record in found.items() if not record.is_deleted}
        await self.storage.save_records(tuple(shown.values()), self.clock().date())
        return shown

    def _note_asked(self, papers: Iterable[tuple[ArxivId, int]]) -> None:
        now = self.clock()
        self._asked = {each: at for each, at in self._asked.items() if timedelta() <= now - at < _ASK_AGAIN}
        for each in papers:
            self._asked[each] = now
            self._wanted.pop(each, None)
