"""Feeds: `/f/SECRET.atom|rss|json` of a chat, `/feeds/cs.LG.…` of a category, `/feeds/all.…` of all that are read by default.

A reader that polls costs a look at what is newest: documents are written once, compressed, and kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus

from aiohttp import web

from bot.feeding import Feeding, Found, hash_of
from bot.model.announcement import Announcement
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId
from bot.model.summary import Summary
from bot.pipeline import Pipeline
from bot.summarising import Summaries
from bot.web.answers import Cache, Content, answer
from bot.web.feed_views import category_feed, chat_feed
from bot.web.syndication import FORMS, Feed
from bot.web.templating import Templates

MOST_DIGESTS = 30
MOST_PAPERS = 300
"""Papers of a category's feed; those of its newest day are there however many they are."""
FRESH_SECONDS = 600.0
"""How long a document stands although nothing was announced: summaries may have come."""
_ALL = "all"
_FOUND = frozenset({AnnounceType.NEW, AnnounceType.CROSS})
_SECRET = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex, nofollow, noarchive"}
_PUBLIC = {"Cache-Control": "public, max-age=300"}


@dataclass(frozen=True, slots=True)
class _Written:
    """A document, what it was written from and when; `changed`: since when it reads as it does."""

    content: Content
    source: object
    made: float
    changed: datetime


@dataclass(slots=True)
class Feeds:
    """`public_url` is where the world finds us, `categories` those that have feeds, `language` that in which they speak.

    `now` is a clock in seconds that never goes back.
    """

    pipeline: Pipeline
    feeding: Feeding
    templates: Templates
    public_url: str
    categories: Sequence[str]
    language: str
    now: Callable[[], float]
    summaries: Summaries | None = None
    _cache: Cache[_Written] = field(default_factory=Cache)
    # One at a time: many who ask for one feed at once wait for the same document, and the processor has other work.
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def show_chat(self, request: web.Request) -> web.Response:
        """A chat's feed; 410 where its address was exchanged or taken away, 404 where there never was one."""
        secret, form = request.match_info["secret"], request.match_info["form"]
        found = await self.feeding.find(secret)
        if found is None:
            raise web.HTTPNotFound
        if found.is_gone:
            raise web.HTTPGone
        subscription = await self.pipeline.storage.get_subscription(found.chat)
        if subscription is None:
            raise web.HTTPNotFound
        source = subscription.language, subscription.pages
        name = f"{hash_of(secret)}.{form}"

        async def is_true(written: _Written) -> bool:
            if not isinstance(written.source, tuple) or written.source[1:] != source:
                return False
            newest = written.source[0]
            if not newest:
                return not await self.pipeline.storage.get_pages(found.chat, 1)
            neighbours = await self.pipeline.storage.get_page_neighbours(found.chat, newest)
            return neighbours is not None and not neighbours[1]

        async def gather() -> tuple[object, Callable[[], Feed]]:
            pages = await self.pipeline.storage.get_pages(found.chat, MOST_DIGESTS)
            newest = pages[0].id if pages else ""
            shared = f"{self.public_url}/d/{newest}" if newest and subscription.pages else ""
            return (newest, *source), lambda: self._write_chat(found, secret, pages, subscription.language, shared)

        return _conditional(request, await self._find(name, form, is_true, gather), _SECRET)

    async def show_category(self, request: web.Request) -> web.Response:
        """The feed of one of the categories, or of all; 404 for any other."""
        category, form = request.match_info["category"], request.match_info["form"]
        if category != _ALL and category not in self.categories:
            raise web.HTTPNotFound
        chosen = tuple(self.categories) if category == _ALL else (category,)

        async def is_true(written: _Written) -> bool:
            return written.source is await self.pipeline.announcements()

        async def gather() -> tuple[object, Callable[[], Feed]]:
            announcements = await self.pipeline.announcements()
            papers = newest_papers(announcements, chosen)
            wanted = [each.paper for each in papers]
            summaries = await self.summaries.find_all(wanted, self.language) if self.summaries else {}
            return announcements, lambda: self._write_category(category, papers, summaries)

        return _conditional(request, await self._find(f"{category}.{form}", form, is_true, gather), _PUBLIC)

    async def _find(
        self,
        name: str,
        form: str,
        is_true: Callable[[_Written], Awaitable[bool]],
        gather: Callable[[], Awaitable[tuple[object, Callable[[], Feed]]]],
    ) -> _Written:
        """The document of this name: as it was written, if that is fresh and true, else anew."""
        written = await self._look_up(name, is_true)
        if written is not None:
            return written
        async with self._writing:
            if (written := await self._look_up(name, is_true)) is not None:
                return written
            before = self._cache.get(name)
            source, make = await gather()
            content = await asyncio.to_thread(lambda: Content.make(FORMS[form].write(make()), FORMS[form].kind))
            is_same = before is not None and before.content.etag == content.etag
            now = self.pipeline.clock().replace(microsecond=0)
            changed = before.changed if before is not None and is_same else now
            written = _Written(content, source, self.now(), changed)
            self._cache.put(name, written, content.size)
            return written

    async def _look_up(self, name: str, is_true: Callable[[_Written], Awaitable[bool]]) -> _Written | None:
        written = self._cache.get(name)
        if written is None or self.now() - written.made >= FRESH_SECONDS or not await is_true(written):
            return None
        return written

    def _write_chat(self, found: Found, secret: str, pages: Sequence[Page], language: str, shared: str) -> Feed:
        with self.templates.languages.speaking(language):
            return chat_feed(f"{self.public_url}/f/{secret}", found.made_at, pages, self._lang(language), shared)

    def _write_category(
        self, category: str, papers: Sequence[AnnouncedPaper], summaries: Mapping[ArxivId, Summary]
    ) -> Feed:
        with self.templates.languages.speaking(self.language):
            name = "" if category == _ALL else category
            address = f"{self.public_url}/feeds/{category}"
            return category_feed(address, name, papers, summaries, self._lang(self.language))

    def _lang(self, language: str) -> str:
        return language if self.templates.languages.has(language) else "en"


def newest_papers(announcements: Sequence[Announcement], categories: Sequence[str]) -> tuple[AnnouncedPaper, ...]:
    """What these categories announced as new or crossed: the newest day whole, then as many earlier ones as there is room."""
    papers: dict[ArxivId, AnnouncedPaper] = {}
    for announcement in reversed(announcements):
        of_day = [
            each
            for each in announcement.papers_for(categories)
            if each.announce_type in _FOUND and each.paper.id not in papers
        ]
        if papers and len(papers) + len(of_day) > MOST_PAPERS:
            break
        papers |= {each.paper.id: each for each in of_day}
    return tuple(papers.values())


def _conditional(request: web.Request, written: _Written, headers: dict[str, str]) -> web.Response:
    """The document, or that it is as the client knows it: by its ETag, else by its date."""
    headers = headers | {"Last-Modified": format_datetime(written.changed.astimezone(UTC), usegmt=True)}
    since = request.headers.get("If-Modified-Since", "")
    if since and "If-None-Match" not in request.headers and _is_as_new(since, written.changed):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers | {"ETag": written.content.etag})
    return answer(request, written.content, headers)


def _is_as_new(since: str, changed: datetime) -> bool:
    try:
        told = parsedate_to_datetime(since)
        return changed <= (told if told.tzinfo else told.replace(tzinfo=UTC))
    except (ValueError, TypeError, OverflowError):
        return False


def routes(  # noqa: PLR0913, PLR0917 - what feeds are made of
    pipeline: Pipeline,
    feeding: Feeding,
    templates: Templates,
    public_url: str,
    language: str,
    now: Callable[[], float],
    summaries: Summaries | None = None,
) -> list[web.RouteDef]:
    """The routes of the feeds."""
    feeds = Feeds(pipeline, feeding, templates, public_url, pipeline.default_categories, language, now, summaries)
    return [
        web.get("/f/{secret:[A-Za-z0-9_-]{22}}.{form:atom|rss|json}", feeds.show_chat),
        web.get("/feeds/{category:[A-Za-z.-]{1,30}}.{form:atom|rss|json}", feeds.show_category),
    ]
