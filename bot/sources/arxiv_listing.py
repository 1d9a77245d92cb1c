"""arXiv's lists of a day's papers as a listing source."""

import logging
from dataclasses import dataclass, replace
from urllib.parse import quote

from bot.errors import SourceError, SourceFault
from bot.model.listing import Listing
from bot.sources.answers import check_status
from bot.sources.http import PoliteClient

log = logging.getLogger(__name__)

_ACCEPT = ("html",)
_SHOW = 2000
"""Entries on one page; arXiv shows no more."""
_MAX_PAGES = 5


@dataclass(frozen=True, slots=True)
class ArxivListingSource:
    """`/list/{category}/new` below `base_url`: one page, or more where it is longer, each awaited `patience` seconds at most."""

    client: PoliteClient
    base_url: str = "https://arxiv.org"
    patience: float = 900.0

    async def fetch_listing(self, category: str) -> Listing:
        listing = await self._fetch_page(category, 0)
        for number in range(1, _MAX_PAGES):
            if listing.is_whole:
                break
            page = await self._fetch_page(category, number)
            listing = _join(listing, page, self._address(category, number))
        log.info(
            "listed category=%s day=%s entries=%d total=%d",
            category, listing.day, len(listing.entries), listing.total,
        )  # fmt: skip
        return listing

    async def _fetch_page(self, category: str, number: int) -> Listing:
        url = self._address(category, number)
        answer = await self.client.get(url, accept=_ACCEPT, patience=self.patience)
        check_status(answer, "a list", category, url)
        return await self.client.parser.parse_listing(answer.content, category, where=url)

    def _address(self, category: str, number: int) -> str:
        return f"{self.base_url.rstrip('/')}/list/{quote(category, safe='')}/new?skip={number * _SHOW}&show={_SHOW}"


def _join(listing: Listing, page: Listing, where: str) -> Listing:
    """Both pages as one. Raises SourceError where they are not of one list: it changed in between, or does not go on."""
    entries = tuple(dict.fromkeys((*listing.entries, *page.entries)))
    if (listing.day, listing.total) != (page.day, page.total) or len(entries) == len(listing.entries):
        raise SourceError("this page does not go on where the last one ended", where=where, fault=SourceFault.INVALID)
    return replace(listing, entries=entries)
