"""arXiv's feeds (RSS 2.0, Atom, and RSS 1.0 of old) as batches of papers. Pure.

https://info.arxiv.org/help/rss_specifications.html
"""

import html
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.rendering.latex import to_readable
from bot.sources.feed_parts import Part, open_feed
from bot.sources.papers import Texts, make_paper, read_versioned_id
from bot.sources.xml_guard import MalformedFeedError

_TITLE = re.compile(r"(?P<category>\S+) updates on (?:the )?arXiv\.org\b")
_ERROR_TITLE = "Feed error for query"
_ADDRESS = re.compile(r"/(?:rss|atom)/([^/?#]+)$")
_DESCRIPTION = re.compile(
    r"arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<type>\S+)\s+Abstract:[ ]?(?P<abstract>.*)", re.DOTALL
)
_RDF_TITLE = re.compile(
    r"(?P<title>.*?)\.?\s*\(arXiv:(?P<id>\S+) \[(?P<category>[\w.-]+)\](?P<updated> UPDATED)?(?P<crossed> CROSS LISTED)?\)",
    re.DOTALL,
)
_RDF_TYPES = {
    (False, False): AnnounceType.NEW,
    (False, True): AnnounceType.CROSS,
    (True, False): AnnounceType.REPLACE,
    (True, True): AnnounceType.REPLACE_CROSS,
}
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_YEARS = range(1991, 2200)
"""arXiv's; dates outside them are nonsense that would overflow the calendar."""


def parse_feed(content: bytes, *, where: str = "") -> Batch:
    """The batch in the bytes of a feed, every paper once with the strongest type the feed gives it, in feed order.

    `category` is what the feed says it is about. Without papers it is a quiet day. Blocks for as long as it takes,
    about a tenth of a millisecond a paper. Raises SourceError with `where` for anything that is not one whole feed of arXiv:
    nothing of a broken, hostile or partly understood feed is ever returned.
    """
    try:
        feed = open_feed(content)
        make = _make_rdf_paper if feed.is_of_old else _make_paper
        return Batch(
            _read_category(feed.channel), _read_day(feed.channel, feed.papers), _once_each(map(make, feed.papers))
        )
    except MalformedFeedError as error:
        is_missing = isinstance(error, _UnknownCategoryError)
        fault = SourceFault.MISSING if is_missing else SourceFault.INVALID
        raise SourceError(str(error), where=where, retry=not is_missing, fault=fault) from error


class _UnknownCategoryError(MalformedFeedError):
    """arXiv's own answer to a category it does not have."""


def _read_category(channel: Part) -> str:
    title = " ".join(channel["title"].split())
    if title.startswith(_ERROR_TITLE):
        raise _UnknownCategoryError(f"arXiv answered: {to_readable(title)[:200]}")
    if found := _TITLE.match(title):
        return found["category"]
    for link in channel.get_links():
        if found := _ADDRESS.search(link):
            return found[1]
    raise MalformedFeedError(f"it does not say which category it is about (its title is {title[:100]!r})")


def _read_day(channel: Part, items: Iterable[Part]) -> date:
    """The announcement day. The papers' own wins over the channel's where they all agree."""
    stated = {_as_new_york_day(written) for each in items if (written := each["date"])}
    if len(stated) == 1:
        return stated.pop()
    for name in ("date", "updated"):
        if written := channel[name]:
            return _as_new_york_day(written)
    raise MalformedFeedError("it does not say of which day it is")


@lru_cache(maxsize=16)
def _as_new_york_day(written: str) -> date:
    """The papers of a feed mostly share one date."""
    moment = _read_moment(written)
    if moment is None or moment.year not in _YEARS:
        raise MalformedFeedError("a date in it is none")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(ZoneInfo("America/New_York")).date()


def _read_moment(written: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return read(written)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _once_each(papers: Iterable[tuple[Paper, AnnounceType]]) -> tuple[tuple[Paper, AnnounceType], ...]:
    kept: dict[ArxivId, tuple[Paper, AnnounceType]] = {}
    for paper, announce_type in papers:
        known, known_type = kept.get(paper.id, (paper, announce_type))
        newest = max(known, paper, key=lambda each: each.version)
        kept[paper.id] = newest, min(known_type, announce_type, key=lambda each: each.strength)
    return tuple(kept.values())


def _make_paper(item: Part) -> tuple[Paper, AnnounceType]:
    named = read_versioned_id(item["id"])
    found = _DESCRIPTION.fullmatch(item["summary"])
    if found is None:
        raise MalformedFeedError(f"{named[0]} has no abstract")
    texts = Texts(item["title"], found["abstract"], item["author"])
    categories = tuple(filter(None, item.get_categories()))
    paper = make_paper(named, texts, categories, item["rights"], item["doi"], item["journal"])
    return paper, _read_type(item["type"] or found["type"], named[0])


def _make_rdf_paper(item: Part) -> tuple[Paper, AnnounceType]:
    """RSS 1.0 has everything but the abstract in its title, and markup in its texts."""
    found = _RDF_TITLE.fullmatch(item["title"])
    if found is None:
        raise MalformedFeedError(f"a title does not end in its id: {item['title'][:100]!r}")
    texts = Texts(found["title"], _strip_html(item["summary"]), _strip_html(item["author"]))
    paper = make_paper(read_versioned_id(found["id"]), texts, (found["category"],))
    return paper, _RDF_TYPES[bool(found["updated"]), bool(found["crossed"])]


def _read_type(text: str, identifier: str) -> AnnounceType:
    try:
        return AnnounceType(text)
    except ValueError as error:
        raise MalformedFeedError(f"{identifier} is announced as {text[:50]!r}, which is no announce type") from error


def _strip_html(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()
