"""The public page `/`: the latest digests of the chats that the owner chose, and figures of what is announced for them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from aiohttp import web

from bot.language import tr, tr_n
from bot.model.announcement import Announcement
from bot.model.chat import Chat
from bot.model.page import Page
from bot.model.paper import AnnounceType, ArxivId
from bot.model.subscription import Subscription
from bot.pipeline import Pipeline
from bot.rendering.clean import clean_line
from bot.rendering.text import format_day, format_instant, format_share
from bot.web.answers import Content, answer
from bot.web.plot import Bar, Plot, columns, rows
from bot.web.prose import title_html
from bot.web.templating import Templates
from bot.web.views import heading_of

FRESH_SECONDS = 30.0
"""How long the page stands before it is made anew."""
_DIGESTS_A_CHAT, _MOST_DIGESTS, _TITLES, _MOST_CATEGORIES = 5, 20, 3, 20
_FOUND = frozenset({AnnounceType.NEW, AnnounceType.CROSS})
"""What counts as found: a replacement is no new paper."""
_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}


@dataclass(frozen=True, slots=True)
class Figures:
    """How many papers were found, by day and by category; a paper counts once for each, and once in `total`."""

    by_day: Mapping[date, int]
    by_category: Mapping[str, int]
    total: int


def count_papers(announcements: Sequence[Announcement], categories: Sequence[str]) -> Figures:
    """The new and crossed papers of these categories."""
    by_day: dict[date, int] = {}
    by_category: Counter[str] = Counter(dict.fromkeys(categories, 0))
    total: set[ArxivId] = set()
    for announcement in announcements:
        ids: set[ArxivId] = set()
        for category in categories:
            found = {paper for paper, kind in announcement.listings.get(category, ()) if kind in _FOUND}
            by_category[category] += len(found)
            ids |= found
        if ids:
            by_day[announcement.day] = len(ids)
        total |= ids
    return Figures(by_day, by_category, len(total))


@dataclass(slots=True)
class Home:
    """Shows what `chats` share. `now` is a clock in seconds that never goes back."""

    pipeline: Pipeline
    templates: Templates
    chats: Sequence[Chat]
    now: Callable[[], float]
    _made: dict[str, tuple[float, Content]] = field(default_factory=dict)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def show(self, request: web.Request) -> web.Response:
        """The page in the language that the request asks for."""
        language = self.templates.choose_language(request.headers.get("Accept-Language", ""))
        content = self._fresh(language)
        if content is None:
            async with self._making:
                content = self._fresh(language) or await self._make(language)
        return answer(request, content, _HEADERS | {"Content-Language": language})

    def _fresh(self, language: str) -> Content | None:
        made = self._made.get(language)
        return made[1] if made is not None and self.now() - made[0] < FRESH_SECONDS else None

    async def _make(self, language: str) -> Content:
        shared = await self._shared()
        pages = [page for each in shared for page in await self.pipeline.storage.get_pages(each.chat, _DIGESTS_A_CHAT)]
        pages.sort(key=lambda page: page.at, reverse=True)
        categories = sorted({code for each in shared for code in self.pipeline.categories_of(each)})
        announcements = await self.pipeline.announcements()
        states = await self.pipeline.states()
        came = [state.came for (code, _), state in states.items() if code in categories and state.came is not None]

        def write() -> Content:
            with self.templates.languages.speaking(language):
                figures = count_papers(announcements, categories)
                view = home_view(pages[:_MOST_DIGESTS], figures, max(came, default=None))
                text = self.templates.render("home.html", language, **view)
            return Content.make(text.encode(), "text/html")

        content = await asyncio.to_thread(write)
        self._made[language] = self.now(), content
        return content

    async def _shared(self) -> list[Subscription]:
        found = [await self.pipeline.storage.get_subscription(chat) for chat in self.chats]
        return [each for each in found if each is not None and each.pages]


def home_view(pages: Sequence[Page], figures: Figures, updated: datetime | None) -> dict[str, object]:
    """The values of `home.html`, in the language spoken now."""
    days = sorted(figures.by_day)
    categories = sorted(figures.by_category, key=lambda code: (-figures.by_category[code], code))
    return {
        "heading": tr("arXiv papers, picked each announcement day"),
        "numbers": (
            (tr("Last updated"), format_instant(updated) if updated else tr("not yet")),
            (tr("Papers found, last 30 days"), figures.total),
            (tr("Papers found, latest day"), figures.by_day[days[-1]] if days else 0),
            (tr("Categories monitored"), len(figures.by_category)),
        ),
        "digests": [_digest_view(each) for each in pages],
        "per_day": _per_day(figures, days),
        "per_category": _per_category(figures, categories[:_MOST_CATEGORIES]),
        "words": {
            "digests": tr("Latest digests"),
            "none": tr("No digest has been sent yet."),
            "figures": tr("Papers announced"),
            "numbers": tr("The numbers"),
            "thanks": tr("Thank you to arXiv for use of its open access interoperability."),
        },
    }


def _digest_view(page: Page) -> dict[str, object]:
    papers = page.digest.papers
    titles = [title_html(each.announced.paper.raw_title, each.announced.paper.title) for each in papers[:_TITLES]]
    more = len(papers) - len(titles)
    return {
        "id": page.id,
        "heading": heading_of(page.digest),
        "categories": [clean_line(each) for each in page.digest.categories],
        "count": format_share(len(papers), page.digest.total),
        "titles": titles,
        "more": tr_n("and {count} more", "and {count} more", more) if more else "",
    }


def _per_day(figures: Figures, days: Sequence[date]) -> dict[str, object]:
    bars = [_bar(f"{day.day}.{day.month}.", figures.by_day[day], format_day(day)) for day in days]
    title = tr("Papers per day")
    description = tr("New and crossed papers on each of the last {count} announcement days.", count=len(days))
    return {"title": title, "bars": bars, "svg": columns(Plot("per-day", title, description, bars)) if bars else ""}


def _per_category(figures: Figures, categories: Sequence[str]) -> dict[str, object]:
    bars = [_bar(code, figures.by_category[code], code) for code in categories]
    title = tr("Papers per category")
    description = tr("New and crossed papers of the last 30 days in each category.")
    return {"title": title, "bars": bars, "svg": rows(Plot("per-category", title, description, bars)) if bars else ""}


def _bar(label: str, value: int, name: str) -> Bar:
    return Bar(label, value, tr_n("{name}: {count} paper", "{name}: {count} papers", value, name=name))


def routes(
    pipeline: Pipeline, templates: Templates, chats: Sequence[Chat], now: Callable[[], float]
) -> list[web.RouteDef]:
    """The route of the public page; none where no chat is public."""
    return [web.get("/", Home(pipeline, templates, chats, now).show)] if chats else []
