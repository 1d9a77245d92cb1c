"""Feeds: `/f/SECRET.atom|rss|json` of a chat, `/feeds/cs.LG.…` of a category, `/feeds/all.…` of all that are read by default.

A reader that polls costs a look at what is newest: nothing is written for who has it, and what is written is kept, compressed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus

from aiohttp import web

from bot import __version__
from bot.feeding import Feeding, Found, hash_of
from bot.model.announcement import Announcement
from bot.model.chat import Chat
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId
from bot.pipeline import Pipeline
from bot.summarising import Summaries
from bot.web.answers import Cache, Content, answer
from bot.web.feed_views import category_feed, chat_feed
from bot.web.syndication import FORMS, Feed
from bot.web.templating import Templates

MOST_DIGESTS = 14
MOST_PAPERS = 300
"""Papers of a category's feed; those of its newest day are there however many they are."""
FRESH_SECONDS = 600.0
"""How long the document of a category stands although nothing was announced: summaries may have come."""
_ALL = "all"
_FOUND = frozenset({AnnounceType.NEW, AnnounceType.CROSS})
_MOST_NEWEST = 100_000
_SECRET = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex, nofollow, noarchive"}
_PUBLIC = {"Cache-Control": "public, max-age=300"}


@dataclass(frozen=True, slots=True)
class _Version:
    """What tells a reader whether it has a document already: known without writing it."""

    etag: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class _Written:
    """The document of a category, with the announcements it was written from, and when."""

    content: Content
    source: Sequence[Announcement]
    made: float
    changed: datetime


@dataclass(slots=True)
class ChatFeeds:
    """The feeds of chats; `public_url` is where the world finds us."""

    pipeline: Pipeline
    feeding: Feeding
    templates: Templates
    public_url: str
    _newest: Cache[tuple[str, datetime]] = field(default_factory=lambda: Cache(most_entries=_MOST_NEWEST))
    _contents: Cache[Content] = field(default_factory=Cache)
    # One at a time: many who ask for one feed at once wait for the same document, and the processor has other work.
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def show(self, request: web.Request) -> web.Response:
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
        newest, at = await self._find_newest(found.chat)
        name = f"{hash_of(secret)}.{form}"
        says = f"{name} {newest} {at} {subscription.language} {subscription.pages} {__version__}"
        version = _Version(f'W/"{sha256(says.encode()).hexdigest()[:22]}"', max(found.made_at, at or found.made_at))
        if _has(request, version):
            return _unchanged(version, _SECRET)
        content = self._get(name, version)
        if content is None:
            async with self._writing:
                content = self._get(name, version)
                if content is None:
                    shared = f"{self.public_url}/d/{newest}" if newest and subscription.pages else ""
                    content = await self._write(found, secret, form, subscription.language, shared)
                    content = replace(content, etag=version.etag)
                    self._contents.put(name, content, content.size)
        return answer(request, content, _SECRET | _dated(version))

    def _get(self, name: str, version: _Version) -> Content | None:
        content = self._contents.get(name)
        return content if content is not None and content.etag == version.etag else None

    async def _find_newest(self, chat: Chat) -> tuple[str, datetime | None]:
        """The id of the chat's newest page, and when it was planned; nothing where there is none."""
        storage, known = self.pipeline.storage, self._newest.get(chat.key)
        if known is not None:
            neighbours = await storage.get_page_neighbours(chat, known[0])
            if neighbours is not None and not neighbours[1]:
                return known
        pages = await storage.get_pages(chat, 1)
        if not pages:
            return "", None
        self._newest.put(chat.key, (pages[0].id, pages[0].at), 0)
        return pages[0].id, pages[0].at

    async def _write(self, found: Found, secret: str, form: str, language: str, shared: str) -> Content:
        pages = await self.pipeline.storage.get_pages(found.chat, MOST_DIGESTS)
        address = f"{self.public_url}/f/{secret}"

        def make() -> Feed:
            with self.templates.languages.speaking(language):
                lang = _lang(self.templates, language)
                return chat_feed(address, found.made_at, pages, lang, shared)

        return await asyncio.to_thread(_write, form, make)


@dataclass(slots=True)
class CategoryFeeds:
    """The feeds of `categories`, in `language`. `now` is a clock in seconds that never goes back."""

    pipeline: Pipeline
    templates: Templates
    public_url: str
    categories: Sequence[str]
    language: str
    now: Callable[[], float]
    summaries: Summaries | None = None
    _cache: Cache[_Written] = field(default_factory=Cache)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def show(self, request: web.Request) -> web.Response:
        """The feed of one of the categories, or of all; 404 for any other."""
        category, form = request.match_info["category"], request.match_info["form"]
        if category != _ALL and category not in self.categories:
            raise web.HTTPNotFound
        written = await self._look_up(f"{category}.{form}")
        if written is None:
            async with self._writing:
                written = await self._look_up(f"{category}.{form}") or await self._write(category, form)
        version = _Version(written.content.etag, written.changed)
        if _has(request, version):
            return _unchanged(version, _PUBLIC)
        return answer(request, written.content, _PUBLIC | _dated(version))

    async def _look_up(self, name: str) -> _Written | None:
        written = self._cache.get(name)
        if written is None or self.now() - written.made >= FRESH_SECONDS:
            return None
        return written if written.source is await self.pipeline.announcements() else None

    async def _write(self, category: str, form: str) -> _Written:
        announcements = await self.pipeline.announcements()
        papers = newest_papers(announcements, tuple(self.categories) if category == _ALL else (category,))
        wanted = [each.paper for each in papers]
        summaries = await self.summaries.find_all(wanted, self.language) if self.summaries else {}
        address, name = f"{self.public_url}/feeds/{category}", "" if category == _ALL else category

        def make() -> Feed:
            with self.templates.languages.speaking(self.language):
                return category_feed(address, name, papers, summaries, _lang(self.templates, self.language))

        content = await asyncio.to_thread(_write, form, make)
        before = self._cache.get(f"{category}.{form}")
        is_same = before is not None and before.content.etag == content.etag
        changed = before.changed if before is not None and is_same else self.pipeline.clock()
        written = _Written(content, announcements, self.now(), changed)
        self._cache.put(f"{category}.{form}", written, content.size)
        return written


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


def _write(form: str, make: Callable[[], Feed]) -> Content:
    return Content.make(FORMS[form].write(make()), FORMS[form].kind)


def _lang(templates: Templates, language: str) -> str:
    return language if templates.languages.has(language) else "en"


def _dated(version: _Version) -> dict[str, str]:
    return {"Last-Modified": format_datetime(version.changed.astimezone(UTC).replace(microsecond=0), usegmt=True)}


def _has(request: web.Request, version: _Version) -> bool:
    """Whether the client has this version: by its ETag, else by its date."""
    if (etags := request.headers.get("If-None-Match")) is not None:
        return etags.strip() == "*" or version.etag in [each.strip() for each in etags.split(",")]
    try:
        told = parsedate_to_datetime(request.headers.get("If-Modified-Since", ""))
        return version.changed.replace(microsecond=0) <= (told if told.tzinfo else told.replace(tzinfo=UTC))
    except (ValueError, TypeError, OverflowError):
        return False


def _unchanged(version: _Version, headers: Mapping[str, str]) -> web.Response:
    kept = {**headers, **_dated(version), "ETag": version.etag, "Vary": "Accept-Encoding"}
    return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=kept)


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
    chats = ChatFeeds(pipeline, feeding, templates, public_url)
    categories = CategoryFeeds(pipeline, templates, public_url, pipeline.default_categories, language, now, summaries)
    return [
        web.get("/f/{secret:[A-Za-z0-9_-]{22}}.{form:atom|rss|json}", chats.show),
        web.get("/feeds/{category:[A-Za-z.-]{1,30}}.{form:atom|rss|json}", categories.show),
    ]
