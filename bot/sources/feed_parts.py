"""The channel and the papers of a feed, by the names we call things by, whatever format it is in.

RSS 2.0, of which forty feeds are read every day, is looked into directly; Atom and RSS 1.0 are read by feedparser.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from xml.etree.ElementTree import Element

from bot.sources.xml_guard import MalformedFeedError, read_feed

_DC, _ARXIV, _ATOM = (
    "{http://purl.org/dc/elements/1.1/}",
    "{http://arxiv.org/schemas/atom}",
    "{http://www.w3.org/2005/Atom}",
)
_RSS_NAMES = {
    "id": "guid",
    "summary": "description",
    "date": "pubDate",
    "updated": "lastBuildDate",
    "author": f"{_DC}creator",
    "rights": f"{_DC}rights",
    "type": f"{_ARXIV}announce_type",
    "doi": f"{_ARXIV}DOI",
    "journal": f"{_ARXIV}journal_reference",
}
_PARSED_NAMES = {
    "date": "published",
    "type": "arxiv_announce_type",
    "doi": "arxiv_doi",
    "journal": "arxiv_journal_reference",
}


class Part(Protocol):
    """A channel or a paper. Each method raises MalformedFeedError for what is no text."""

    def __getitem__(self, name: str) -> str:
        """The text of what we call `name`; empty where there is none."""
        ...

    def get_categories(self) -> Iterable[str]:
        """The categories, the primary one first."""
        ...

    def get_links(self) -> Iterable[str]:
        """Where it links to."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """A whole feed. `is_of_old`: it is RSS 1.0, in which a paper's title tells nearly all there is."""

    channel: Part
    papers: Sequence[Part]
    is_of_old: bool = False


def open_feed(content: bytes) -> Feed:
    """The feed in the bytes; every paper in it was found. Raises MalformedFeedError for all that is not whole and harmless."""
    root, expected = read_feed(content)
    feed = _open_rss(root) if root.tag == "rss" else _open_parsed(content)
    if len(feed.papers) != expected:
        raise MalformedFeedError(f"{expected} papers are in the feed, but {len(feed.papers)} could be read")
    return feed


@dataclass(frozen=True, slots=True)
class _RssPart:
    element: Element

    def __getitem__(self, name: str) -> str:
        found = self.element.find(_RSS_NAMES.get(name, name))
        if found is None:
            return ""
        if len(found):
            raise MalformedFeedError(f"{name} is no text")
        return (found.text or "").strip()

    def get_categories(self) -> Iterable[str]:
        return ((each.text or "").strip() for each in self.element.iterfind("category"))

    def get_links(self) -> Iterable[str]:
        for name in ("link", f"{_ATOM}link"):
            for each in self.element.iterfind(name):
                yield (each.get("href") or each.text or "").strip()


def _open_rss(root: Element) -> Feed:
    channel = root.find("channel")
    return Feed(
        _RssPart(root if channel is None else channel), [_RssPart(each) for each in root.iterfind("channel/item")]
    )


@dataclass(frozen=True, slots=True)
class _ParsedPart:
    entry: Any

    def __getitem__(self, name: str) -> str:
        value = self.entry.get(_PARSED_NAMES.get(name, name), "")
        # feedparser makes a dictionary of an unknown element that has attributes.
        if not isinstance(value, str):
            raise MalformedFeedError(f"{name} is no text")
        return value.strip()

    def get_categories(self) -> Iterable[str]:
        return (each["term"] or "" for each in self.entry.get("tags", ()))

    def get_links(self) -> Iterable[str]:
        return (str(each.get("href", "")) for each in self.entry.get("links", ()))


def _open_parsed(content: bytes) -> Feed:
    import feedparser  # noqa: PLC0415 - the daily feeds do without

    try:
        # The stream, because bytes may be taken for a file name; the options, because both would eat "$a<b$".
        parsed = feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:
        # Whatever a well-formed but strange document does to feedparser, it is the document's fault.
        raise MalformedFeedError(f"feedparser cannot read it ({error!r})") from error
    if parsed.bozo:
        raise MalformedFeedError(f"feedparser reads it only in part ({parsed.get('bozo_exception')!r})")
    papers = [_ParsedPart(each) for each in parsed.entries]
    return Feed(_ParsedPart(parsed.feed), papers, is_of_old=parsed.version == "rss10")
