"""The doors to arXiv."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from bot.model.announcement import Batch
from bot.model.listing import Listing, Record
from bot.model.paper import ArxivId, Paper
from bot.model.summary import FullText


class PaperSource(Protocol):
    """Where announcements come from."""

    async def fetch(self, category: str) -> Batch:
        """The batch that `category` shows now, whole; empty on a quiet day.

        Raises SourceError where it cannot be read or is not certainly whole. Never blocks the event loop.
        """
        ...


class ListingSource(Protocol):
    """arXiv's own lists, by which a feed is checked."""

    async def fetch_listing(self, category: str) -> Listing:
        """The newest list of a category, its pages put together. Raises SourceError. Never blocks the event loop."""
        ...


class PaperLookup(Protocol):
    """Papers by their ids."""

    async def fetch_papers(self, ids: Sequence[ArxivId]) -> Mapping[ArxivId, Record]:
        """The newest version of each of these papers that arXiv knows, in requests of at most 100 ids.

        Raises SourceError where a request fails; never blocks the event loop.
        """
        ...


class RecordSource(Protocol):
    """The repository, for what was announced while nobody looked."""

    async def harvest(self, archive: str, since: date, until: date) -> Sequence[Record]:
        """Every record of an archive or category that was changed from `since` to `until`, both included (UTC days).

        Raises SourceError where it could not be read whole. Never blocks the event loop.
        """
        ...


class FullTexts(Protocol):
    """The texts of papers."""

    async def fetch(self, paper: Paper) -> FullText:
        """The best text there is of this version: its HTML page, its PDF, or else the abstract, which always is there.

        Never raises SourceError; never blocks the event loop; bounded in time, size and memory.
        """
        ...
