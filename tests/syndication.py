"""Feeds as the W3C's validator reads them: every rule here is one of its errors or warnings.

https://validator.w3.org/feed/docs/ , RFC 4287, https://www.rssboard.org/rss-specification and
https://www.jsonfeed.org/version/1.1/. What breaks one raises ValueError that says which.
"""

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

ATOM, DC = "{http://www.w3.org/2005/Atom}", "{http://purl.org/dc/elements/1.1/}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_RFC822 = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|[+-]\d{4})")
_TAGS = re.compile(r"<(/?)([a-z0-9]+)((?:\s[^<>]*)?)>")
_ALLOWED = frozenset("p b ul li small a".split())
TYPES = {"atom": "application/atom+xml", "rss": "application/rss+xml", "json": "application/feed+json"}


def check(form, document, address):
    """The titles of its items, in their order; `address` is where it was got."""
    return {"atom": check_atom, "rss": check_rss, "json": check_json}[form](document, address)


def check_atom(document, address):
    root = _parse(document)
    _require(root.tag == f"{ATOM}feed", "the root is an Atom feed")
    _require(re.fullmatch("[a-z]{2}", root.get(XML_LANG, "")), "a language")
    entries = root.findall(f"{ATOM}entry")
    for element, is_feed in [(root, True), *((each, False) for each in entries)]:
        _check_atom_element(element, is_feed=is_feed)
    links = {each.get("rel"): each for each in root.findall(f"{ATOM}link")}
    _require(links["self"].get("href") == address, "self is the feed's own address")
    _require(links["self"].get("type") == TYPES["atom"], "self has the feed's type")
    _unique([_text(each, f"{ATOM}id") for each in entries])
    return [_text(each, f"{ATOM}title") for each in entries]


def _check_atom_element(element, *, is_feed):
    for name in ("id", "title", "updated"):
        _require(len(element.findall(ATOM + name)) == 1, f"exactly one {name}")
    _iri(_text(element, f"{ATOM}id"))
    _require(_text(element, f"{ATOM}title").strip(), "a title that says something")
    for name in ("updated", "published"):
        for each in element.findall(ATOM + name):
            _require(_RFC3339.fullmatch(each.text), "a date of RFC 3339")
            datetime.fromisoformat(each.text)
    for each in element.findall(f"{ATOM}link"):
        _iri(each.get("href"))
    kinds = [(each.get("rel", "alternate"), each.get("type")) for each in element.findall(f"{ATOM}link")]
    _unique(kinds)
    for each in element.findall(f"{ATOM}author"):
        _require(_text(each, f"{ATOM}name").strip(), "an author has a name")
    if is_feed:
        _require(element.find(f"{ATOM}author") is not None, "a feed has an author, for entries without one")
        return
    _require(any(rel == "alternate" for rel, _ in kinds), "an entry has an alternate link")
    content = element.find(f"{ATOM}content")
    _require(content.get("type") == "html", "the content says that it is HTML")
    _check_html(content.text)
    for each in element.findall(f"{ATOM}category"):
        _require(each.get("term"), "a category has a term")


def check_rss(document, address):
    root = _parse(document)
    _require(root.tag == "rss" and root.get("version") == "2.0", "the root is RSS 2.0")
    [channel] = root.findall("channel")
    for name in ("title", "link", "description", "language", "lastBuildDate", "ttl"):
        _require(len(channel.findall(name)) == 1, f"exactly one {name}")
        _require(_text(channel, name).strip(), f"a {name} that says something")
    _require(re.fullmatch("[a-z]{2}", _text(channel, "language")), "a language")
    _iri(_text(channel, "link"))
    _check_rfc822(_text(channel, "lastBuildDate"))
    [own] = channel.findall(f"{ATOM}link")
    told = {"rel": "self", "type": TYPES["rss"], "href": address}
    _require(own.attrib == told, "atom:link is the feed's own address")
    items = channel.findall("item")
    for each in items:
        for name in ("title", "link", "guid", "pubDate", "description"):
            _require(len(each.findall(name)) == 1, f"exactly one {name}")
        _require(each.find("guid").get("isPermaLink") == "false", "the guid says that it is no link")
        _require(each.find("author") is None, "an author would have to be a mail address")
        _require(not re.search("<[a-z/]", _text(each, "title")), "no HTML in a title")
        _iri(_text(each, "link"))
        _check_rfc822(_text(each, "pubDate"))
        _check_html(_text(each, "description"))
        _require(all(one.text.strip() for one in each.findall(f"{DC}creator")), "a creator has a name")
    _unique([_text(each, "guid") for each in items])
    _require({each.tag for each in channel} <= set(_CHANNEL) | {f"{ATOM}link"}, "nothing unknown in the channel")
    return [_text(each, "title") for each in items]


_CHANNEL = "title link description language lastBuildDate generator docs ttl item".split()


def check_json(document, address):
    feed = json.loads(document)
    _require(feed["version"] == "https://jsonfeed.org/version/1.1", "a version")
    _require(feed["title"].strip(), "a title")
    _require(feed["feed_url"] == address, "feed_url is the feed's own address")
    _iri(feed["home_page_url"])
    _require(re.fullmatch("[a-z]{2}", feed["language"]), "a language")
    for each in feed["items"]:
        _require(isinstance(each["id"], str) and each["id"], "an id is a text")
        _iri(each["url"])
        _require("content_html" in each or "content_text" in each, "a content")
        _check_html(each["content_html"])
        _require(_RFC3339.fullmatch(each["date_published"]), "a date of RFC 3339")
        _require(all(author["name"].strip() for author in each["authors"]), "an author has a name")
        _require(all(isinstance(tag, str) and tag for tag in each["tags"]), "a tag is a text")
    _unique([each["id"] for each in feed["items"]])
    known = {"version", "title", "home_page_url", "feed_url", "description", "language", "authors", "items"}
    _require(feed.keys() <= known, "nothing unknown")
    return [each["title"] for each in feed["items"]]


def _parse(document):
    _require(document.startswith(b"<?xml version='1.0' encoding='utf-8'?>"), "an XML declaration with UTF-8")
    return ET.fromstring(document)  # noqa: S314 - we wrote it ourselves


def _check_html(html):
    """Well-formed, with nothing but what we write ourselves, and only absolute links."""
    open_ones = []
    for closing, name, attributes in _TAGS.findall(html):
        _require(name in _ALLOWED, f"no <{name}>")
        if name == "a" and not closing:
            found = re.fullmatch(r' href="(https://[^"]+)"', attributes)
            _require(found, f"a link that is nothing else: {attributes}")
            _iri(found[1])
        else:
            _require(not attributes, f"no attributes: {attributes}")
        if not closing:
            open_ones.append(name)
        else:
            _require(open_ones and open_ones.pop() == name, f"</{name}> closes what was opened")
    _require(not open_ones, f"everything is closed: {open_ones}")
    _require("<" not in _TAGS.sub("", html), "every < is part of a tag")


def _check_rfc822(text):
    _require(_RFC822.fullmatch(text), f"a date of RFC 822: {text}")
    parsedate_to_datetime(text)


def _iri(text):
    _require(text == text.strip() and not re.search(r"[\s<>\"{}|\\^`]", text), f"an address: {text}")
    parts = urlsplit(text)
    absolute = (parts.scheme in ("http", "https") and parts.netloc) or parts.scheme in ("urn", "tag")
    _require(absolute, f"an absolute address: {text}")


def _text(element, name):
    return element.find(name).text or ""


def _unique(values):
    _require(len(values) == len(set(values)), "nothing is there twice")


def _require(holds, rule):
    if not holds:
        raise ValueError(f"broken: {rule}")
