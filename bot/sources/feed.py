"""arXiv's feeds (RSS 2.0, Atom, and RSS 1.0 of old) as batches of papers. Pure.

https://info.arxiv.org/help/rss_specifications.html
"""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import chain
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.rendering.latex import to_readable
from bot.sources.papers import Texts, make_paper, read_versioned_id
from bot.sources.xml_guard import MalformedFeedError, read_feed

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

_ATOM, _DC, _ARXIV, _RSS_1 = (
    "{http://www.w3.org/2005/Atom}",
    "{http://purl.org/dc/elements/1.1/}",
    "{http://arxiv.org/schemas/atom}",
    "{http://purl.org/rss/1.0/}",
)


@dataclass(frozen=True, slots=True)
class _Format:
    """Where a format has its channel and its papers, and how it calls what we read."""

    channel: str
    papers: str
    names: Mapping[str, str]


_SHARED = {
    "author": f"{_DC}creator",
    "rights": f"{_DC}rights",
    "type": f"{_ARXIV}announce_type",
    "doi": f"{_ARXIV}DOI",
    "journal": f"{_ARXIV}journal_reference",
}
_RSS_NAMES = {"id": "guid", "summary": "description", "date": "pubDate", "updated": "lastBuildDate"}
_ATOM_NAMES = {name: f"{_ATOM}{name}" for name in ("id", "title", "link", "summary", "category", "updated")}
_RDF_NAMES = {"summary": "description", "date": "pubDate"}
_FORMATS = {
    "rss": _Format(
        "channel", "channel/item", {**_SHARED, "title": "title", "link": "link", "category": "category", **_RSS_NAMES}
    ),
    f"{_ATOM}feed": _Format(".", f"{_ATOM}entry", {**_SHARED, **_ATOM_NAMES, "date": f"{_ATOM}published"}),
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF": _Format(
        f"{_RSS_1}channel",
        f"{_RSS_1}item",
        {
            **_SHARED,
            **{
                name: f"{_RSS_1}{written}"
                for name, written in (("title", "title"), ("link", "link"), *_RDF_NAMES.items())
            },
            "updated": f"{_DC}date",
        },
    ),
}


def parse_feed(content: bytes, *, where: str = "") -> Batch:
    """The batch in the bytes of a feed, every paper once with the strongest type the feed gives it, in feed order.

    `category` is what the feed says it is about. Without papers it is a quiet day. Blocks for as long as it takes,
    about a tenth of a millisecond a paper. Raises SourceError with `where` for anything that is not one whole feed of arXiv:
    nothing of a broken, hostile or partly understood feed is ever returned.
    """
    try:
        root, expected = read_feed(content)
        form = _FORMATS[root.tag]
        items = [_Part(each, form.names) for each in root.iterfind(form.papers)]
        if len(items) != expected:
            raise MalformedFeedError(f"{expected} papers are in the feed, but {len(items)} could be read")
        found = root.find(form.channel)
        channel = _Part(root if found is None else found, form.names)
        make = _make_rdf_paper if form.papers.startswith(_RSS_1) else _make_paper
        return Batch(_read_category(channel), _read_day(channel, items), _once_each(map(make, items)))
    except MalformedFeedError as error:
        is_missing = isinstance(error, _UnknownCategoryError)
        fault = SourceFault.MISSING if is_missing else SourceFault.INVALID
        raise SourceError(str(error), where=where, retry=not is_missing, fault=fault) from error


class _UnknownCategoryError(MalformedFeedError):
    """arXiv's own answer to a category it does not have."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A channel or a paper of any of the formats."""

    element: Element
    names: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The text of what we call `name`; empty where there is none."""
        found = self.element.find(self.names[name])
        if found is None:
            return ""
        if len(found):
            raise MalformedFeedError(f"{name} is no text")
        return (found.text or "").strip()

    def get_all(self, name: str, attribute: str) -> Iterable[str]:
        """What each of several such elements says, in Atom by an attribute."""
        for each in self.element.iterfind(self.names.get(name, name)):
            yield (each.get(attribute) or each.text or "").strip()


def _read_category(channel: _Part) -> str:
    title = " ".join(channel["title"].split())
    if title.startswith(_ERROR_TITLE):
        raise _UnknownCategoryError(f"arXiv answered: {to_readable(title)[:200]}")
    if found := _TITLE.match(title):
        return found["category"]
    for link in chain(channel.get_all("link", "href"), channel.get_all(f"{_ATOM}link", "href")):
        if found := _ADDRESS.search(link):
            return found[1]
    raise MalformedFeedError(f"it does not say which category it is about (its title is {title[:100]!r})")


def _read_day(channel: _Part, items: Iterable[_Part]) -> date:
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


def _make_paper(item: _Part) -> tuple[Paper, AnnounceType]:
    named = read_versioned_id(item["id"])
    found = _DESCRIPTION.fullmatch(item["summary"])
    if found is None:
        raise MalformedFeedError(f"{named[0]} has no abstract")
    texts = Texts(item["title"], found["abstract"], item["author"])
    categories = tuple(filter(None, item.get_all("category", "term")))
    paper = make_paper(named, texts, categories, item["rights"], item["doi"], item["journal"])
    return paper, _read_type(item["type"] or found["type"], named[0])


def _make_rdf_paper(item: _Part) -> tuple[Paper, AnnounceType]:
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
