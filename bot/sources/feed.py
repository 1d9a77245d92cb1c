"""arXiv's feeds (RSS 2.0, Atom, and RSS 1.0 of old) as batches of papers. Pure.

https://info.arxiv.org/help/rss_specifications.html
"""

import html
import io
import re
from calendar import timegm
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from time import struct_time
from typing import Any
from zoneinfo import ZoneInfo

import feedparser

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.model.paper import AnnounceType, ArxivId, Paper, parse_arxiv_id
from bot.rendering.latex import to_readable
from bot.sources.authors import split_authors
from bot.sources.xml_guard import MalformedFeedError, count_papers

_TITLE = re.compile(r"(?P<category>\S+) updates on (?:the )?arXiv\.org\b")
_ERROR_TITLE = "Feed error for query"
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

_Entry = Any
"""feedparser is untyped: its dictionaries hold strings, lists and times by name."""


def parse_feed(content: bytes, *, where: str = "") -> Batch:
    """The batch in the bytes of a feed, every paper once with the strongest type the feed gives it, in feed order.

    `category` is what the feed says it is about. Without papers it is a quiet day. Blocks for as long as it takes,
    about half a millisecond a paper. Raises SourceError with `where` for anything that is not one whole feed of arXiv: nothing of a
    broken, hostile or partly understood feed is ever returned.
    """
    try:
        expected = count_papers(content)
        parsed = _read(content)
        if len(parsed.entries) != expected:
            raise MalformedFeedError(f"{expected} papers are in the feed, but {len(parsed.entries)} could be read")
        category = _read_category(parsed.feed)
        make = _make_rdf_paper if parsed.version == "rss10" else _make_paper
        return Batch(category, _read_day(parsed), _once_each(map(make, parsed.entries)))
    except MalformedFeedError as error:
        is_missing = isinstance(error, _UnknownCategoryError)
        fault = SourceFault.MISSING if is_missing else SourceFault.INVALID
        raise SourceError(str(error), where=where, retry=not is_missing, fault=fault) from error


class _UnknownCategoryError(MalformedFeedError):
    """arXiv's own answer to a category it does not have."""


def _read(content: bytes) -> _Entry:
    try:
        # The stream, because bytes may be taken for a file name; the options, because both would eat "$a<b$".
        parsed = feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        # Whatever a well-formed but strange document does to feedparser, it is the document's fault.
        raise MalformedFeedError(f"feedparser cannot read it ({error!r})") from error
    if parsed.bozo:
        raise MalformedFeedError(f"feedparser reads it only in part ({parsed.get('bozo_exception')!r})")
    return parsed


def _text(entry: _Entry, name: str) -> str:
    """The text of an element; feedparser makes a dictionary of an unknown one that has attributes."""
    value = entry.get(name, "")
    if not isinstance(value, str):
        raise MalformedFeedError(f"{name} is no text")
    return value


def _read_category(channel: _Entry) -> str:
    title = " ".join(_text(channel, "title").split())
    if title.startswith(_ERROR_TITLE):
        raise _UnknownCategoryError(f"arXiv answered: {to_readable(title)[:200]}")
    if found := _TITLE.match(title):
        return found["category"]
    for link in channel.get("links", ()):
        if found := re.search(r"/(?:rss|atom)/([^/?#]+)$", _text(link, "href")):
            return found[1]
    raise MalformedFeedError(f"it does not say which category it is about (its title is {title[:100]!r})")


def _read_day(parsed: _Entry) -> date:
    """The announcement day. The papers' own wins over the channel's where they all agree."""
    stated = {_as_new_york_day(each.get("published_parsed")) for each in parsed.entries if "published" in each}
    if len(stated) == 1:
        return stated.pop()
    for name in ("published", "updated"):
        if name in parsed.feed:
            return _as_new_york_day(parsed.feed.get(f"{name}_parsed"))
    raise MalformedFeedError("it does not say of which day it is")


def _as_new_york_day(moment: struct_time | None) -> date:
    if moment is None or moment.tm_year not in _YEARS:
        raise MalformedFeedError("a date in it is none")
    return datetime.fromtimestamp(timegm(moment), ZoneInfo("America/New_York")).date()


def _once_each(papers: Iterable[tuple[Paper, AnnounceType]]) -> tuple[tuple[Paper, AnnounceType], ...]:
    kept: dict[ArxivId, tuple[Paper, AnnounceType]] = {}
    for paper, announce_type in papers:
        known, known_type = kept.get(paper.id, (paper, announce_type))
        newest = max(known, paper, key=lambda each: each.version)
        kept[paper.id] = newest, min(known_type, announce_type, key=lambda each: each.strength)
    return tuple(kept.values())


def _make_paper(entry: _Entry) -> tuple[Paper, AnnounceType]:
    identifier, version = _read_id(_text(entry, "id"))
    found = _DESCRIPTION.fullmatch(_text(entry, "summary").lstrip())
    if found is None:
        raise MalformedFeedError(f"{identifier} has no abstract")
    texts = _Texts(_text(entry, "title"), found["abstract"], _text(entry, "author"))
    categories = tuple(each["term"] for each in entry.get("tags", ()) if each["term"])
    paper = replace(
        _finish(identifier, version, texts, categories),
        license=_text(entry, "rights"),
        doi=_text(entry, "arxiv_doi"),
        journal_ref=to_readable(" ".join(_text(entry, "arxiv_journal_reference").split())),
    )
    return paper, _read_type(_text(entry, "arxiv_announce_type") or found["type"], identifier)


def _make_rdf_paper(entry: _Entry) -> tuple[Paper, AnnounceType]:
    found = _RDF_TITLE.fullmatch(_text(entry, "title"))
    if found is None:
        raise MalformedFeedError(f"a title does not end in its id: {_text(entry, 'title')[:100]!r}")
    texts = _Texts(found["title"], _strip_html(_text(entry, "summary")), _strip_html(_text(entry, "author")))
    paper = _finish(*_read_id(found["id"]), texts, (found["category"],))
    return paper, _RDF_TYPES[bool(found["updated"]), bool(found["crossed"])]


@dataclass(frozen=True, slots=True)
class _Texts:
    """As arXiv wrote them."""

    title: str
    abstract: str
    authors: str


def _finish(identifier: ArxivId, version: int, raw: _Texts, categories: tuple[str, ...]) -> Paper:
    title, authors = to_readable(" ".join(raw.title.split())), split_authors(raw.authors)
    for name, value in (("title", title), ("author", authors), ("category", categories)):
        if not value:
            raise MalformedFeedError(f"{identifier} has no {name}")
    return Paper(
        identifier,
        version,
        title,
        to_readable(raw.abstract),
        authors,
        categories,
        raw_title=raw.title,
        raw_abstract=raw.abstract,
        raw_authors=raw.authors,
    )


def _read_id(text: str) -> tuple[ArxivId, int]:
    identifier, version = parse_arxiv_id(text) or (ArxivId(""), None)
    if version is None:
        raise MalformedFeedError(f"{text[:100]!r} is no arXiv id with its version")
    return identifier, version


def _read_type(text: str, identifier: str) -> AnnounceType:
    try:
        return AnnounceType(text)
    except ValueError as error:
        raise MalformedFeedError(f"{identifier} is announced as {text[:50]!r}, which is no announce type") from error


def _strip_html(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()
