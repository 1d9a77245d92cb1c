"""What can be cited of papers, from wherever something is known of them: the use case behind exports and BibTeX."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.archive import Archive
from bot.backfill import Backfill
from bot.errors import SourceError
from bot.exports import Reference
from bot.model.card import MarkedPaper
from bot.model.paper import ArxivId, Paper
from bot.pipeline import Pipeline

log = logging.getLogger(__name__)

LOOKUP_SECONDS = 60.0
"""How long an export waits for arXiv; what does not come is cited by id and title."""


@dataclass(frozen=True, slots=True)
class Citing:
    """References of papers. Those that are kept no longer are looked up, or come with id and title alone."""

    pipeline: Pipeline
    backfill: Backfill
    archive: Archive | None = None
    lookup_seconds: float = LOOKUP_SECONDS

    async def get(self, marked: Sequence[MarkedPaper]) -> list[Reference]:
        """One for each, in their order. Those that nothing is known of any more are bare."""
        known = await self._find([each.id for each in marked])
        return [
            Reference(known[each.id], each.day) if each.id in known else Reference.bare(each.id, each.title, each.day)
            for each in marked
        ]

    async def get_one(self, paper: Paper) -> Reference:
        """The reference of a paper that is here, with the authors one by one where they were looked up."""
        return Reference(await self._complete(paper))

    async def _find(self, ids: Sequence[ArxivId]) -> Mapping[ArxivId, Paper]:
        found: dict[ArxivId, Paper] = {}
        wanted = set(ids)
        for announcement in await self.pipeline.announcements():
            for identifier in wanted & announcement.papers.keys():
                found[identifier] = announcement.papers[identifier]
        found = {identifier: await self._complete(paper) for identifier, paper in found.items()}
        if self.archive is not None:
            archived = await self.archive.find_all(wanted - found.keys())
            found |= {identifier: await self._complete(each.paper) for identifier, each in archived.items()}
        missing = [identifier for identifier in dict.fromkeys(ids) if identifier not in found]
        return found | await self._look_up(missing)

    async def _complete(self, paper: Paper) -> Paper:
        record = await self.backfill.find(paper.id, paper.version)
        if record is None:
            return paper
        authors, journal = record.paper.authors or paper.authors, paper.journal_ref or record.paper.journal_ref
        return replace(paper, authors=authors, journal_ref=journal)

    async def _look_up(self, ids: Sequence[ArxivId]) -> dict[ArxivId, Paper]:
        if not ids:
            return {}
        try:
            async with asyncio.timeout(self.lookup_seconds):
                records = await self.backfill.fetch_all(ids)
        except (SourceError, TimeoutError) as error:
            log.warning("citing papers=%d status=incomplete error=%r", len(ids), str(error) or type(error).__name__)
            return {}
        return {identifier: each.paper for identifier, each in records.items()}
