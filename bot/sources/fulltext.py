"""The texts of papers, from arXiv's site: the HTML page, else the PDF, else the abstract that we have anyway."""

import asyncio
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote

from bot.errors import SourceError, SourceFault
from bot.model.paper import Paper
from bot.model.summary import FullText, Section, TextSource
from bot.sources.apart import Parser
from bot.sources.http import PoliteClient
from bot.sources.outline import find_links
from bot.sources.text_cache import TextCache

log = logging.getLogger(__name__)

HTML_BYTES = 10 * 1024 * 1024
PDF_BYTES = 40 * 1024 * 1024
PARSE_SECONDS = 45.0
"""For one text; the parser of PDFs stops by itself long before, unless one page takes so long."""
PATIENCE = 180.0
"""Seconds for one request, the site's crawl delay included."""
LONGEST = 1800.0
"""Seconds for one text in all, the wait for those before it included."""


@dataclass(frozen=True, slots=True)
class _Form:
    """One of the forms in which arXiv has a text."""

    source: TextSource
    accept: tuple[str, ...]
    max_bytes: int


_FORMS = (
    _Form(TextSource.HTML, ("text/html", "application/xhtml+xml"), HTML_BYTES),
    _Form(TextSource.PDF, ("application/pdf",), PDF_BYTES),
)


@dataclass(frozen=True, slots=True)
class ArxivFullTexts:
    """Reads `base_url` one paper at a time, and each version once, as long as `cache` keeps it."""

    client: PoliteClient
    cache: TextCache
    base_url: str = "https://arxiv.org"
    patience: float = PATIENCE
    parse_seconds: float = PARSE_SECONDS
    longest: float = LONGEST
    # More than one request in the client's queue would hold up whoever waits there for a feed.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def fetch(self, paper: Paper) -> FullText:
        # Looked for before waiting, too: what is here need not wait for what is not.
        if text := await self._recall(paper):
            return text
        try:
            async with asyncio.timeout(self.longest), self._turn:
                return await self._recall(paper) or await self._obtain(paper) or from_abstract(paper)
        except TimeoutError:
            log.warning("text paper=%s form=abstract reason='not here within %.0f s'", paper.versioned_id, self.longest)
            return from_abstract(paper)

    async def _recall(self, paper: Paper) -> FullText | None:
        return await asyncio.to_thread(self.cache.get, paper)

    async def _obtain(self, paper: Paper) -> FullText | None:
        if text := await self._read(paper):
            await asyncio.to_thread(self.cache.put, paper, text)
        return text

    async def _read(self, paper: Paper) -> FullText | None:
        for form in _FORMS:
            try:
                text = await self._read_form(paper, form)
            except SourceError as error:
                log.warning(
                    "text paper=%s form=%s status=failed reason=%r", paper.versioned_id, form.source, str(error)
                )
                if error.fault is SourceFault.REFUSED or not error.reached:
                    return None  # The other form is on the same host.
            else:
                if text is not None:
                    log.info("text paper=%s form=%s sections=%d", paper.versioned_id, form.source, len(text.sections))
                    return text
        log.warning("text paper=%s form=abstract reason='no HTML or PDF could be used'", paper.versioned_id)
        return None

    async def _read_form(self, paper: Paper, form: _Form) -> FullText | None:
        """None: arXiv has no such form of this paper. Raises SourceError where it has, but it cannot be used."""
        url = f"{self.base_url.rstrip('/')}/{form.source}/{quote(paper.versioned_id)}"
        answer = await self.client.get(url, accept=form.accept, patience=self.patience, max_bytes=form.max_bytes)
        if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return None
        if answer.status != HTTPStatus.OK:
            raise SourceError(f"HTTP {answer.status}", where=url, fault=SourceFault.INVALID)
        if quote(paper.versioned_id) not in answer.url:
            raise SourceError(
                f"redirected to {answer.url}, which is another paper", where=url, fault=SourceFault.INVALID
            )
        async with Parser(seconds=self.parse_seconds) as parser:
            text = await parser.parse_text(answer.content, form.source, where=url)
        if sum(len(section.text) for section in text.sections) < len(paper.abstract):
            raise SourceError("there is less text than in the abstract", where=url, fault=SourceFault.INVALID)
        return text


def from_abstract(paper: Paper) -> FullText:
    """What there is of every paper."""
    links = dict.fromkeys(find_links(paper.raw_abstract or paper.abstract))
    return FullText(TextSource.ABSTRACT, (Section("Abstract", paper.abstract),), tuple(links))
