"""Answers of arXiv's OAI-PMH as records. Pure. https://info.arxiv.org/help/oa/index.html

`arXivRaw` tells every version with its date. `arXiv` does not: there the version is the least it can be, and `created` is of the
version shown (1706.03762, now at version 7, is `created` in 2023). Hence the raw format is asked for, and both are understood.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from xml.etree.ElementTree import Element

from bot.errors import SourceError, SourceFault
from bot.model.listing import Record
from bot.model.paper import ArxivId, Paper, parse_arxiv_id
from bot.rendering.latex import to_readable
from bot.sources.papers import Texts, make_paper
from bot.sources.xml_guard import MalformedFeedError, read_xml

_OAI, _RAW, _ARXIV = (
    "{http://www.openarchives.org/OAI/2.0/}",
    "{http://arxiv.org/OAI/arXivRaw/}",
    "{http://arxiv.org/OAI/arXiv/}",
)
_ROOTS = frozenset({"http://www.openarchives.org/OAI/2.0/ OAI-PMH"})
_PHYSICS = frozenset(
    "astro-ph cond-mat gr-qc hep-ex hep-lat hep-ph hep-th math-ph nlin nucl-ex nucl-th physics quant-ph".split()
)
_EMPTY, _EXPIRED = "noRecordsMatch", "badResumptionToken"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to ListRecords. `token` asks for the next, empty at the end; `total`: how many all pages hold, 0 if untold.

    `is_expired`: there are no records, as the token that was used is not known any more.
    """

    records: tuple[Record, ...] = ()
    token: str = ""
    total: int = 0
    is_expired: bool = False


def set_of(category: str) -> str:
    """The set that holds what a category or archive lists, cross-lists included: `cs`, `cs:cs:AI`, `physics:hep-th`.

    A set is named by group, archive and category; all of physics is one group of archives, each other archive its own.
    """
    archive, _, ending = category.partition(".")
    group = "physics" if archive in _PHYSICS else archive
    if ending:
        return f"{group}:{archive}:{ending}"
    return archive if group == archive != "physics" else f"{group}:{archive}"


def parse_records(content: bytes, *, where: str = "") -> Page:
    """The records in an answer. Raises SourceError for every error but `noRecordsMatch` and `badResumptionToken`."""
    try:
        root = read_xml(content, _ROOTS)[0]
        if (error := root.find(f"{_OAI}error")) is not None:
            return _read_error(error, where)
        found = next((each for name in ("ListRecords", "GetRecord") for each in root.iterfind(f"{_OAI}{name}")), None)
        if found is None:
            raise MalformedFeedError("it lists no records")
        return _read_page(found)
    except MalformedFeedError as error:
        raise SourceError(str(error), where=where, fault=SourceFault.INVALID) from error


def _read_error(error: Element, where: str) -> Page:
    code = error.get("code", "")
    if code in (_EMPTY, _EXPIRED):
        return Page(is_expired=code == _EXPIRED)
    said = to_readable(f"{code} {error.text or ''}")[:200]
    raise SourceError(f"arXiv answered: {said}", where=where, retry=False, fault=SourceFault.INVALID)


def _read_page(found: Element) -> Page:
    records = tuple(map(_make_record, found.iterfind(f"{_OAI}record")))
    token = found.find(f"{_OAI}resumptionToken")
    if token is None:
        return Page(records)
    total = re.fullmatch(r"\d{1,9}", token.get("completeListSize", ""))
    return Page(records, (token.text or "").strip(), int(total[0]) if total else 0)


def _make_record(record: Element) -> Record:
    named = parse_arxiv_id(record.findtext(f"{_OAI}header/{_OAI}identifier") or "")
    if named is None:
        raise MalformedFeedError("a record has no arXiv id")
    changed = _read_day(record.findtext(f"{_OAI}header/{_OAI}datestamp"))
    header = record.find(f"{_OAI}header")
    if header is not None and header.get("status") == "deleted":
        return Record(Paper(named[0], 1, "", "", (), ()), changed, changed, is_deleted=True)
    for space, name in ((_RAW, "arXivRaw"), (_ARXIV, "arXiv")):
        if (metadata := record.find(f"{_OAI}metadata/{space}{name}")) is not None:
            return _read_metadata(_Fields(metadata, space), named[0], changed)
    raise MalformedFeedError(f"{named[0]} is in no known format")


@dataclass(frozen=True, slots=True)
class _Fields:
    metadata: Element
    space: str

    def __getitem__(self, name: str) -> str:
        return (self.metadata.findtext(f"{self.space}{name}") or "").strip()

    @property
    def versions(self) -> list[str]:
        """The date of each version, in the raw format."""
        return [each.findtext(f"{self.space}date") or "" for each in self.metadata.iterfind(f"{self.space}version")]

    @property
    def authors(self) -> Iterator[str]:
        """Each author's name, in the format that tells them one by one."""
        for author in self.metadata.iterfind(f"{self.space}authors/{self.space}author"):
            parts = (author.findtext(f"{self.space}{name}") or "" for name in ("forenames", "keyname", "suffix"))
            yield " ".join(" ".join(parts).split())


def _read_metadata(fields: _Fields, identifier: ArxivId, changed: date) -> Record:
    names = tuple(fields.authors)
    versions = fields.versions
    texts = Texts(
        fields["title"],
        fields["abstract"],
        ", ".join(names) or fields["authors"],
        tuple(filter(None, map(to_readable, names))),
    )
    paper = make_paper(
        (identifier, len(versions) or 1 + bool(fields["updated"])),
        texts,
        tuple(fields["categories"].split()),
        fields["license"],
        fields["doi"],
        fields["journal-ref"],
    )
    created = _read_moment(versions[0]) if versions else _read_day(fields["created"])
    return Record(paper, changed, created, to_readable(" ".join(fields["comments"].split())))


def _read_day(text: str | None) -> date:
    try:
        return date.fromisoformat((text or "").strip())
    except ValueError as error:
        raise MalformedFeedError(f"{(text or '')[:50]!r} is no day") from error


def _read_moment(text: str) -> date:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).date()
    except (ValueError, TypeError, OverflowError) as error:
        raise MalformedFeedError(f"{text[:50]!r} is no date") from error
