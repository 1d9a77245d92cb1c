"""arXiv's RSS feeds as a paper source. https://info.arxiv.org/help/rss.html"""

import logging
from dataclasses import dataclass, replace
from urllib.parse import quote

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.sources.answers import check_status
from bot.sources.http import PoliteClient

log = logging.getLogger(__name__)

_ACCEPT = ("rss+xml", "atom+xml", "rdf+xml", "application/xml", "text/xml")
_LIMIT = 2000
"""Papers in one feed, at most; beyond it arXiv leaves out the new ones first."""


@dataclass(frozen=True, slots=True)
class ArxivRssSource:
    """One request per category to `base_url`, waiting at most `patience` seconds for it."""

    client: PoliteClient
    base_url: str = "https://rss.arxiv.org"
    patience: float = 900.0

    async def fetch(self, category: str) -> Batch:
        url = f"{self.base_url.rstrip('/')}/rss/{quote(category, safe='+')}"
        answer = await self.client.get(url, accept=_ACCEPT, patience=self.patience)
        check_status(answer, "a feed", category, url)
        batch = await self.client.parser.parse_feed(answer.content, where=url)
        if _parts(batch.category) != _parts(category):
            message = f"this is the feed of {batch.category}, not of {category}"
            raise SourceError(message, where=url, fault=SourceFault.INVALID)
        if len(batch.papers) >= _LIMIT:
            log.warning("fetched category=%s papers=%d status=maybe_cut", category, len(batch.papers))
        return replace(batch, category=category)


def _parts(category: str) -> set[str]:
    """arXiv joins categories with `+` and minds neither their order nor their case."""
    return set(category.casefold().split("+"))
