"""Digests on the web: `/d/ID` for whoever has the address."""

import asyncio
import hmac
from dataclasses import dataclass, field

from aiohttp import web

from bot.model.chat import Chat
from bot.model.page import Page
from bot.ports import Storage
from bot.web.answers import Cache, Content, answer
from bot.web.templating import Templates
from bot.web.views import digest_view

_HEADERS = {
    # Whoever turns sharing off wants it to be off at once.
    "Cache-Control": "private, no-cache",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
Neighbours = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Rendered:
    chat: Chat
    neighbours: Neighbours
    content: Content


@dataclass(slots=True)
class DigestPages:
    """Renders each page once, and again when it has a new neighbour. `home`: whether there is a public page."""

    storage: Storage
    templates: Templates
    has_home: bool = False
    _cache: Cache[_Rendered] = field(default_factory=Cache)
    # One at a time: many who ask for one page at once wait for the same rendering, and the processor has other work.
    _rendering: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def show(self, request: web.Request) -> web.Response:
        """The page; 404 where there is none (any more), or its chat does not share its digests."""
        rendered = await self._find(request.match_info["id"])
        if rendered is None:
            raise web.HTTPNotFound
        return answer(request, rendered.content, _HEADERS)

    async def _find(self, identifier: str) -> _Rendered | None:
        rendered = await self._look_up(identifier)
        if rendered is not None:
            return rendered
        async with self._rendering:
            # Somebody else may have waited for the same.
            return await self._look_up(identifier) or await self._render(identifier)

    async def _look_up(self, identifier: str) -> _Rendered | None:
        """What was rendered, if it is still true."""
        rendered = self._cache.get(identifier)
        if rendered is None:
            return None
        is_true = rendered.neighbours == await self.storage.get_page_neighbours(rendered.chat, identifier)
        if is_true and await self._is_shared(rendered.chat):
            return rendered
        self._cache.drop(identifier)
        return None

    async def _is_shared(self, chat: Chat) -> bool:
        subscription = await self.storage.get_subscription(chat)
        return subscription is not None and subscription.pages

    async def _render(self, identifier: str) -> _Rendered | None:
        page = await self.storage.get_page(identifier)
        if page is None or not hmac.compare_digest(page.id, identifier) or not await self._is_shared(page.chat):
            return None
        neighbours = await self.storage.get_page_neighbours(page.chat, identifier)
        if neighbours is None:
            return None
        content = await asyncio.to_thread(self._write, page, neighbours)
        rendered = _Rendered(page.chat, neighbours, content)
        self._cache.put(identifier, rendered, content.size)
        return rendered

    def _write(self, page: Page, neighbours: Neighbours) -> Content:
        with self.templates.languages.speaking(page.language):
            home = f"{self.templates.base}/" if self.has_home else ""
            view = digest_view(page, *neighbours, home)
            text = self.templates.render("digest.html", page.language, **view)
        return Content.make(text.encode(), "text/html")


def routes(storage: Storage, templates: Templates, *, has_home: bool = False) -> list[web.RouteDef]:
    """The route of the digests."""
    pages = DigestPages(storage, templates, has_home)
    return [web.get("/d/{id:[A-Za-z0-9_-]{22}}", pages.show)]
