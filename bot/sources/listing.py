"""arXiv's page of a category's newest announcement. Pure. https://arxiv.org/list/cs.CL/new"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.errors import SourceError, SourceFault
from bot.model.listing import Listing
from bot.model.paper import AnnounceType, ArxivId, covers, parse_arxiv_id

_DAY = re.compile(r"Showing new listings for \w+, (\d{1,2} \w+ \d{4})")
_SECTION = re.compile(r"(New|Cross|Replacement)\b.*\b(\d+) of (\d+) entr")
_TOTAL = re.compile(r"Total of (\d+) entr", re.IGNORECASE)
_NOTHING = "No updates"
_END = b"</html>"
_PRIMARY = re.compile(r"\(([\w.-]+)\)\s*$", re.ASCII)
_TYPES = {"New": AnnounceType.NEW, "Cross": AnnounceType.CROSS, "Replacement": AnnounceType.REPLACE}


def parse_listing(content: bytes, category: str, *, where: str = "") -> Listing:
    """What one page of the list says; the list may go on on further pages.

    The page calls all replacements alike: one whose primary the category does not cover is taken for `replace-cross`, as in
    the feed, and for `replace` where the page does not tell its primary. Raises SourceError for anything else than such a
    page, and where its entries are not as many as its headings say.
    """
    try:
        if not content.rstrip().lower().endswith(_END):
            raise ValueError("it is broken off")
        return _read(LexborHTMLParser(content.decode()), category)
    except ValueError as error:
        raise SourceError(f"it is no list of new papers: {error}", where=where, fault=SourceFault.INVALID) from error


@dataclass(slots=True)
class _Section:
    kind: AnnounceType
    shown: int
    total: int
    entries: list[tuple[ArxivId, AnnounceType]] = field(default_factory=list)


def _read(page: LexborHTMLParser, category: str) -> Listing:
    day = next((found for node in page.css("h3") if (found := _read_day(_text(node)))), None)
    if day is None:
        raise ValueError("it does not say of which day it is")
    sections = list(_read_sections(page, category))
    for each in sections:
        if len(each.entries) != each.shown:
            raise ValueError(f"it announces {each.shown} entries as {each.kind}, but has {len(each.entries)}")
    entries = tuple(entry for each in sections for entry in each.entries)
    return Listing(category, day, _read_total(page, sections), entries)


def _read_day(heading: str) -> date | None:
    found = _DAY.search(heading)
    # A name of a month is read in any case, but only in English: the C locale is never left.
    with suppress(ValueError):
        return datetime.strptime(found[1], "%d %B %Y").date() if found else None  # noqa: DTZ007 - a day has no zone
    return None


def _read_sections(page: LexborHTMLParser, category: str) -> Iterator[_Section]:
    section = None
    for node in page.css("h3, dt"):
        if node.tag == "dt":
            if section is None:
                raise ValueError("an entry stands under no heading")
            section.entries.append(_read_entry(node, category, section.kind))
        elif found := _SECTION.match(_text(node)):
            if section is not None:
                yield section
            section = _Section(_TYPES[found[1]], int(found[2]), int(found[3]))
    if section is not None:
        yield section


def _read_entry(node: LexborNode, category: str, kind: AnnounceType) -> tuple[ArxivId, AnnounceType]:
    link = node.css_first("a[href*='/abs/']")
    named = parse_arxiv_id((link.attributes.get("href") or "").rpartition("/abs/")[2]) if link else None
    if named is None:
        raise ValueError(f"an entry has no arXiv id: {_text(node)[:100]!r}")
    if kind is AnnounceType.REPLACE and not covers(category, _read_primary(node) or category):
        kind = AnnounceType.REPLACE_CROSS
    return named[0], kind


def _read_primary(node: LexborNode) -> str:
    """The code of the primary category in the description that follows an entry's links; empty where it is not told."""
    description = node.next
    while description is not None and description.tag == "-text":
        description = description.next
    subject = description.css_first(".primary-subject") if description is not None and description.tag == "dd" else None
    found = _PRIMARY.search(_text(subject)) if subject is not None else None
    return found[1] if found else ""


def _read_total(page: LexborHTMLParser, sections: list[_Section]) -> int:
    """What the page states, or else the sum of its headings, where these are certainly all."""
    counted = sum(each.total for each in sections)
    stated = {int(found[1]) for node in page.css(".paging") if (found := _TOTAL.search(_text(node)))}
    if len(stated) > 1 or any(each < counted for each in stated):
        raise ValueError(f"its counts disagree: {counted} in its headings, {sorted(stated)} in all")
    if stated:
        return stated.pop()
    if any(each.shown < each.total for each in sections):
        raise ValueError("it does not say how long it is")
    if not sections and _NOTHING not in _text(page.root):
        raise ValueError("it has neither entries nor a word that there are none")
    return counted


def _text(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""
