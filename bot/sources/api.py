"""Answers of arXiv's API as records. Pure. https://info.arxiv.org/help/api/user-manual.html"""

from datetime import date, datetime
from xml.etree.ElementTree import Element

from bot.errors import SourceError, SourceFault
from bot.model.listing import Record
from bot.rendering.latex import to_readable
from bot.sources.papers import Texts, make_paper, read_versioned_id
from bot.sources.xml_guard import MalformedFeedError, read_xml

_ATOM, _ARXIV, _SEARCH = (
    "{http://www.w3.org/2005/Atom}",
    "{http://arxiv.org/schemas/atom}",
    "{http://a9.com/-/spec/opensearch/1.1/}",
)
_ROOTS = frozenset({"http://www.w3.org/2005/Atom feed"})
_ERRORS = "/api/errors"


def parse_answer(content: bytes, *, where: str = "") -> tuple[Record, ...]:
    """The papers in an answer, in its order. Raises SourceError for the API's own errors, and for what is not all of an answer."""
    try:
        feed = read_xml(content, _ROOTS)[0]
        entries = feed.findall(f"{_ATOM}entry")
        _refuse_error(entries, where)
        _check_count(feed, len(entries))
        return tuple(map(_make_record, entries))
    except MalformedFeedError as error:
        raise SourceError(str(error), where=where, fault=SourceFault.INVALID) from error


def _refuse_error(entries: list[Element], where: str) -> None:
    """The API tells of errors in an entry, at times with HTTP 200."""
    for each in entries:
        if _ERRORS in _text(each, f"{_ATOM}id"):
            said = to_readable(_text(each, f"{_ATOM}summary"))[:200]
            raise SourceError(f"arXiv answered: {said}", where=where, retry=False, fault=SourceFault.INVALID)


def _check_count(feed: Element, entries: int) -> None:
    total, size = (_text(feed, f"{_SEARCH}{name}") for name in ("totalResults", "itemsPerPage"))
    if total.isdecimal() and size.isdecimal() and min(int(total), int(size)) > entries:
        raise MalformedFeedError(f"it speaks of {total} papers, but has {entries}")


def _make_record(entry: Element) -> Record:
    primary = entry.find(f"{_ARXIV}primary_category")
    named = [primary, *entry.findall(f"{_ATOM}category")]
    categories = tuple(dict.fromkeys(each.get("term", "") for each in named if each is not None and each.get("term")))
    written = [" ".join(_text(each, f"{_ATOM}name").split()) for each in entry.findall(f"{_ATOM}author")]
    texts = Texts(
        _text(entry, f"{_ATOM}title"),
        _text(entry, f"{_ATOM}summary"),
        ", ".join(written),
        tuple(filter(None, map(to_readable, written))),
    )
    paper = make_paper(
        read_versioned_id(_text(entry, f"{_ATOM}id")),
        texts,
        categories,
        doi=_text(entry, f"{_ARXIV}doi"),
        journal_ref=_text(entry, f"{_ARXIV}journal_ref"),
    )
    return Record(
        paper,
        _read_day(_text(entry, f"{_ATOM}updated")),
        _read_day(_text(entry, f"{_ATOM}published")),
        to_readable(" ".join(_text(entry, f"{_ARXIV}comment").split())),
    )


def _text(parent: Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()


def _read_day(text: str) -> date:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError as error:
        raise MalformedFeedError(f"{text[:50]!r} is no date") from error
