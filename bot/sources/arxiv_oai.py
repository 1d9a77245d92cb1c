"""arXiv's OAI-PMH as a source of records. https://info.arxiv.org/help/oa/index.html"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from urllib.parse import urlencode

from bot.errors import SourceError, SourceFault
from bot.model.listing import Record
from bot.model.paper import ArxivId
from bot.sources.http import PoliteClient
from bot.sources.oai import Page, set_of

log = logging.getLogger(__name__)

_ACCEPT = ("xml",)
_FORMAT = "arXivRaw"
_SILENCE = 180.0
"""It has been seen to think for more than a minute before it answers."""
_MAX_PAGES = 300
_MAX_RECORDS = 200_000
"""More than arXiv changes in a quarter."""


class _ExpiredError(Exception):
    """arXiv does not know the token any more; they live for a day."""


@dataclass(frozen=True, slots=True)
class ArxivOaiSource:
    """Harvests from `url`, page by page, each awaited `patience` seconds at most, holds included: it may take minutes."""

    client: PoliteClient
    url: str = "https://oaipmh.arxiv.org/oai"
    patience: float = 3600.0

    async def harvest(self, archive: str, since: date, until: date) -> Sequence[Record]:
        try:
            return await self._harvest(archive, since, until)
        except _ExpiredError:
            log.warning("harvested set=%s status=token_expired, beginning again", set_of(archive))
        try:
            return await self._harvest(archive, since, until)
        except _ExpiredError as error:
            raise SourceError("its tokens expire at once", where=self.url, fault=SourceFault.INVALID) from error

    async def _harvest(self, archive: str, since: date, until: date) -> tuple[Record, ...]:
        request = {"metadataPrefix": _FORMAT, "set": set_of(archive), "from": f"{since}", "until": f"{until}"}
        found: dict[ArxivId, Record] = {}
        tokens: set[str] = set()
        for number in range(1, _MAX_PAGES + 1):
            page = await self._fetch(request)
            found |= {each.paper.id: each for each in page.records}
            log.info("harvested set=%s page=%d records=%d total=%d", set_of(archive), number, len(found), page.total)
            if not page.token:
                return tuple(found.values())
            if page.token in tokens or len(found) > _MAX_RECORDS:
                break
            tokens.add(page.token)
            request = {"resumptionToken": page.token}
        raise SourceError(f"no end after {number} pages", where=self.url, fault=SourceFault.INVALID)

    async def _fetch(self, request: dict[str, str]) -> Page:
        url = f"{self.url}?{urlencode({'verb': 'ListRecords', **request})}"
        answer = await self.client.get(url, accept=_ACCEPT, patience=self.patience, silence=_SILENCE)
        if answer.status != HTTPStatus.OK:
            raise SourceError(f"HTTP {answer.status} instead of records", where=url, fault=SourceFault.INVALID)
        page = await self.client.parser.parse_records(answer.content, where=url)
        if page.is_expired:
            raise _ExpiredError
        return page
