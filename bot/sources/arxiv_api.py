"""arXiv's API as a lookup of papers by id."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from bot.errors import SourceError, SourceFault
from bot.model.listing import Record
from bot.model.paper import ArxivId
from bot.sources.http import PoliteClient

log = logging.getLogger(__name__)

_ACCEPT = ("atom+xml", "application/xml", "text/xml")
_SLICE = 100
"""So the address stays below 2,000 bytes; arXiv refuses more than 4,094."""


@dataclass(frozen=True, slots=True)
class ArxivApiLookup:
    """`/query` below `base_url`, a hundred ids at a time, each answer awaited `patience` seconds at most."""

    client: PoliteClient
    base_url: str = "https://export.arxiv.org/api"
    patience: float = 900.0

    async def fetch_papers(self, ids: Sequence[ArxivId]) -> Mapping[ArxivId, Record]:
        wanted = tuple(dict.fromkeys(ids))
        found: dict[ArxivId, Record] = {}
        for start in range(0, len(wanted), _SLICE):
            chosen = wanted[start : start + _SLICE]
            found |= {each.paper.id: each for each in await self._fetch(chosen) if each.paper.id in chosen}
        log.info("looked_up ids=%d found=%d", len(wanted), len(found))
        return found

    async def _fetch(self, ids: Sequence[ArxivId]) -> tuple[Record, ...]:
        url = f"{self.base_url.rstrip('/')}/query?id_list={quote(','.join(ids), safe=',/')}&max_results={len(ids)}"
        answer = await self.client.get(url, accept=_ACCEPT, patience=self.patience)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST):
            raise SourceError(f"HTTP {answer.status} instead of papers", where=url, fault=SourceFault.INVALID)
        records = await self.client.parser.parse_answer(answer.content, where=url)
        if answer.status != HTTPStatus.OK:
            raise SourceError(f"HTTP {answer.status} instead of papers", where=url, fault=SourceFault.INVALID)
        return records
