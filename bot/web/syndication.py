"""One feed in three formats: Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1. Pure.

Texts come in plain, contents as HTML that is safe; whatever XML cannot hold is left out here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from xml.etree import ElementTree as ET

import orjson

_ATOM, _DC = "http://www.w3.org/2005/Atom", "http://purl.org/dc/elements/1.1/"
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
GENERATOR = "Paperround"
MINUTES = 60
"""After how many a reader may look again; announcements come once a day."""

ET.register_namespace("atom", _ATOM)
ET.register_namespace("dc", _DC)


@dataclass(frozen=True, slots=True)
class Item:
    """A paper. `id` is an absolute IRI that never changes; `at` a UTC instant; `html` its content."""

    id: str
    link: str
    title: str
    html: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """`address` is where the feed is found, without what tells the format; `home` what it is about. `updated`: UTC."""

    id: str
    address: str
    home: str
    title: str
    description: str
    language: str
    updated: datetime
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A format: the kind of its documents, and how one is written."""

    kind: str
    write: Callable[[Feed], bytes]


def _write_atom(feed: Feed) -> bytes:
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": feed.language})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.description)
    _add(root, "updated", _rfc3339(feed.updated))
    ET.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": f"{feed.address}.atom"})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": feed.home})
    _add(ET.SubElement(root, "author"), "name", GENERATOR)
    _add(root, "generator", GENERATOR)
    for each in feed.items:
        entry = ET.SubElement(root, "entry")
        _add(entry, "id", each.id)
        _add(entry, "title", each.title)
        _add(entry, "updated", _rfc3339(each.at))
        _add(entry, "published", _rfc3339(each.at))
        ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": each.link})
        for name in each.authors:
            _add(ET.SubElement(entry, "author"), "name", name)
        for category in each.categories:
            ET.SubElement(entry, "category", {"term": fit(category)})
        _add(entry, "content", each.html).set("type", "html")
    return _document(root)


def _write_rss(feed: Feed) -> bytes:
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", _shown(feed.title))
    _add(channel, "link", feed.home)
    _add(channel, "description", _shown(feed.description))
    _add(channel, "language", feed.language)
    _add(channel, "lastBuildDate", _rfc822(feed.updated))
    _add(channel, "generator", GENERATOR)
    _add(channel, "docs", "https://www.rssboard.org/rss-specification")
    _add(channel, "ttl", str(MINUTES))
    address = {"rel": "self", "type": "application/rss+xml", "href": f"{feed.address}.rss"}
    ET.SubElement(channel, f"{{{_ATOM}}}link", address)
    for each in feed.items:
        item = ET.SubElement(channel, "item")
        _add(item, "title", _shown(each.title))
        _add(item, "link", each.link)
        _add(item, "guid", each.id).set("isPermaLink", "false")
        _add(item, "pubDate", _rfc822(each.at))
        # RSS's own author is a mail address, which arXiv gives nobody.
        for name in each.authors:
            _add(item, f"{{{_DC}}}creator", name)
        for category in each.categories:
            _add(item, "category", category)
        _add(item, "description", each.html)
    return _document(root)


def _write_json(feed: Feed) -> bytes:
    return orjson.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": fit(feed.title),
            "home_page_url": feed.home,
            "feed_url": f"{feed.address}.json",
            "description": fit(feed.description),
            "language": feed.language,
            "authors": [{"name": GENERATOR}],
            "items": [
                {
                    "id": each.id,
                    "url": each.link,
                    "title": fit(each.title),
                    "content_html": fit(each.html),
                    "date_published": _rfc3339(each.at),
                    "authors": [{"name": fit(name)} for name in each.authors],
                    "tags": list(map(fit, each.categories)),
                }
                for each in feed.items
            ],
        }
    )


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "atom": Form("application/atom+xml", _write_atom),
        "rss": Form("application/rss+xml", _write_rss),
        "json": Form("application/feed+json", _write_json),
    }
)
"""The formats by the end of their addresses."""


def fit(text: str) -> str:
    """The text without what no XML document can hold."""
    return _UNFIT.sub("", text)


def _shown(text: str) -> str:
    """Many readers take an RSS title for HTML: https://www.rssboard.org/rss-profile#data-types-characterdata"""
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = fit(text)
    return element


def _document(root: ET.Element) -> bytes:
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
