"""`paperround digest`: one digest to standard output, without storage."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from bot.app import PATIENCE, load_taxonomy, make_client, make_rankers, make_source
from bot.chat_config import ChatConfig, read_config
from bot.digests import compose, has_interests, rank
from bot.errors import SourceError, UserError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.chat import Chat
from bot.model.digest import Digest
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId
from bot.model.subscription import Subscription
from bot.preferences import find_preference
from bot.rendering.html import render_html
from bot.rendering.json import render_json
from bot.rendering.markdown import render_markdown
from bot.similar import find_similar
from bot.sources.apart import parse_feed_apart
from bot.sources.http import MAX_BYTES, PoliteClient
from bot.topics import compile_topic, quote_keyword
from config.settings import Settings
from handlers.console.render import render_digest

_WIDTH = 100
_UNLIMITED = 1_000_000_000
_DEFAULT_TOP = 10

FORMS: dict[str, Callable[[Digest], str]] = {
    "text": lambda digest: render_digest(digest, "tldr", width=_WIDTH, colour=False) + "\n",
    "markdown": render_markdown,
    "html": render_html,
    "json": render_json,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for; empty or None where it did not say."""

    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    types: tuple[AnnounceType, ...] = ()
    feeds: tuple[str, ...] = ()
    top: int | None = None
    config: Path | None = None
    ranker: str | None = None
    form: str = "text"


async def make_digest(wish: Wish, settings: Settings) -> str:
    """The digest, rendered. Raises UserError for a wish that cannot be, SourceError where a feed cannot be read."""
    config = _read_config(wish.config) if wish.config else ChatConfig((), (), {})
    subscription = _subscription(wish, config)
    if not subscription.categories and not wish.feeds:
        raise UserError("Say what to read: --category cs.CL, --feed FILE_OR_URL, or a --config with categories.")
    batches = await _read_batches(wish.feeds, subscription.categories, settings)
    announcements = tuple(_follow(each, subscription.categories) for each in merge_batches(batches))
    papers = _newest_first(announcements, subscription.categories)
    similar = find_similar(each.paper for each in papers)
    verdicts = rank(make_rankers()[subscription.ranker], subscription, papers, announcements, {}, similar=similar)
    days = [each.day for each in announcements] or [each.day for each in batches]
    shown = subscription.categories or tuple(dict.fromkeys(each.category for each in batches))
    return FORMS[wish.form](compose(max(days), shown, verdicts))


def _read_config(path: Path) -> ChatConfig:
    try:
        return read_config(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--config {path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}."
        ) from error


def _subscription(wish: Wish, config: ChatConfig) -> Subscription:
    """The wish as a subscription. What the command line says replaces what the file says about the same thing."""
    taxonomy = load_taxonomy()
    interests = wish.topics or tuple(each for each in config.topics if not compile_topic(each).is_exclusion)
    exclusions = tuple(_exclude(each) for each in wish.excludes)
    exclusions = exclusions or tuple(each for each in config.topics if compile_topic(each).is_exclusion)
    topics = (*interests, *exclusions)
    for topic in topics:
        compile_topic(topic)
    categories = tuple(dict.fromkeys(taxonomy.check(each) for each in wish.categories or config.categories))
    subscription = Subscription(Chat("stdout", "-"), datetime.now(UTC), categories, topics)
    stated = dict(config.settings)
    top = stated.pop("max_papers", None)
    for name, value in stated.items():
        subscription = find_preference(name).set(subscription, value)
    return replace(
        subscription,
        max_papers=_top(wish.top, top, topics),
        types=wish.types or subscription.types,
        ranker=wish.ranker or subscription.ranker,
    )


def _exclude(query: str) -> str:
    """The topic that leaves out what `query` matches."""
    if compile_topic(query).is_exclusion:
        return query
    return f"-{quote_keyword(query, always=True)}" if quote_keyword(query) == query else f"-({query})"


def _top(asked: int | None, configured: str | None, topics: Sequence[str]) -> int:
    """The limit: the command line's, else the file's, else ten for a ranked digest and none for a plain list."""
    if asked is None and configured is not None:
        if not (configured.isascii() and configured.isdigit()):
            raise UserError("max_papers must be a whole number, 0 for no limit.")
        asked = int(configured)
    if asked is None:
        asked = _DEFAULT_TOP if has_interests(topics) else 0
    return asked or _UNLIMITED


async def _read_batches(feeds: Sequence[str], categories: Sequence[str], settings: Settings) -> list[Batch]:
    async with make_client(settings) as client:
        if not feeds:
            source = make_source(client, settings)
            return [await source.fetch(category) for category in categories]
        return [await _read_feed(feed, client) for feed in feeds]


async def _read_feed(feed: str, client: PoliteClient) -> Batch:
    """The batch of a file or address."""
    if feed.startswith(("http://", "https://")):
        answer = await client.get(feed, accept=("xml",), patience=PATIENCE)
        if answer.status != HTTPStatus.OK:
            raise SourceError(f"HTTP {answer.status} instead of a feed", where=feed)
        return await parse_feed_apart(answer.content, where=feed)
    return await parse_feed_apart(await asyncio.to_thread(_read_file, Path(feed)), where=feed)


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"--feed {path} is larger than {MAX_BYTES // 1024 // 1024} MB; that is no feed of arXiv.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"--feed {path} cannot be read: {error.strerror}.") from error


def _follow(announcement: Announcement, categories: Sequence[str]) -> Announcement:
    """The announcement with a listing for each category: its own feed's, else what other feeds say of its papers."""
    listings = dict(announcement.listings)
    for category in categories:
        if category not in listings:
            listings[category] = tuple(
                (paper.id, kind)
                for listing in announcement.listings.values()
                for paper, kind in ((announcement.papers[identifier], kind) for identifier, kind in listing)
                if category in paper.categories
            )
    return replace(announcement, listings=listings)


def _newest_first(announcements: Sequence[Announcement], categories: Sequence[str]) -> list[AnnouncedPaper]:
    papers: dict[ArxivId, AnnouncedPaper] = {}
    for announcement in reversed(announcements):
        for each in announcement.papers_for(categories):
            papers.setdefault(each.paper.id, each)
    return list(papers.values())
