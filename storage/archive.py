"""The table `archive`: one document for each day, its papers packed, as there are tens of thousands of them in memory."""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from storage.codec import Document
from storage.journal import JournalTinyDB
from storage.table import DecodedTable, JournalTable

_FIELDS = ("id", "version", "title", "abstract", "authors", "categories", "license", "doi", "journal_ref")


def archive_table(announcements: JournalTinyDB) -> JournalTable:
    """The table; its ids are days."""
    return announcements.table("archive")


def put_archive(announcements: JournalTinyDB, day: date, document: Document) -> None:
    """Keep the document of a day in the place of any other."""
    archive_table(announcements).replace(day.isoformat(), document)


def find_archived_days(announcements: JournalTinyDB) -> tuple[date, ...]:
    """The days, oldest first."""
    return tuple(map(date.fromisoformat, sorted(archive_table(announcements).freeze())))


def prune_archive(announcements: JournalTinyDB, before: date) -> None:
    """Drop earlier days."""
    table = archive_table(announcements)
    for key in [each for each in table.freeze() if date.fromisoformat(each) < before]:
        table.discard(key)


def archive_to_document(papers: Sequence[AnnouncedPaper]) -> Document:
    """The ids, so that a paper is found without unpacking, and everything that is read of a paper."""
    return {"ids": [each.paper.id for each in papers], "papers": pack_papers(papers)}


def archive_from_document(day: date, document: Document) -> tuple[AnnouncedPaper, ...]:
    """The papers of this day."""
    return unpack_papers(day, document["papers"])


def find_in_archive(table: DecodedTable, paper: ArxivId) -> AnnouncedPaper | None:
    """The paper as its newest day has it."""
    for key in sorted(table, reverse=True):
        document: Mapping[str, Any] = table[key]
        if paper in document["ids"]:
            found = archive_from_document(date.fromisoformat(key), dict(document))
            return next(each for each in found if each.paper.id == paper)
    return None


def pack_papers(papers: Sequence[AnnouncedPaper]) -> str:
    """The papers of one day as a text, a third as long as their JSON."""
    return b64encode(zlib.compress(orjson.dumps(papers_to_document(papers)))).decode()


def unpack_papers(day: date, packed: str) -> tuple[AnnouncedPaper, ...]:
    """What `pack_papers` packed."""
    return papers_from_document(day, orjson.loads(zlib.decompress(b64decode(packed))))


def papers_to_document(papers: Sequence[AnnouncedPaper]) -> list[list[Any]]:
    """What is kept of each paper, as JSON has it."""
    return [[each.announce_type, *(getattr(each.paper, name) for name in _FIELDS)] for each in papers]


def papers_from_document(day: date, document: Sequence[Sequence[Any]]) -> tuple[AnnouncedPaper, ...]:
    """The papers of this day."""
    return tuple(AnnouncedPaper(_paper(values), AnnounceType(kind), day) for kind, *values in document)


def _paper(values: Sequence[Any]) -> Paper:
    fields = dict(zip(_FIELDS, values, strict=True))
    return Paper(**fields | {name: tuple(fields[name]) for name in ("authors", "categories")})
