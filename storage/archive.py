"""The table `archive`: one document for each day, which is its id: the ids of its papers, and the papers packed."""

from collections.abc import Sequence
from datetime import date

from bot.model.paper import AnnouncedPaper, ArxivId
from storage.codec import Document
from storage.journal import JournalTinyDB
from storage.packing import pack_papers, unpack_papers
from storage.table import DecodedTable, JournalTable


def archive_table(announcements: JournalTinyDB) -> JournalTable:
    """The table."""
    return announcements.table("archive")


def archive_to_document(papers: Sequence[AnnouncedPaper]) -> Document:
    """The ids stand apart, so that a paper is found without unpacking."""
    return {"ids": [each.paper.id for each in papers], "papers": pack_papers(papers)}


def archive_from_document(day: date, document: Document) -> tuple[AnnouncedPaper, ...]:
    """The papers of this day."""
    return unpack_papers(day, document["papers"])


def find_in_archive(table: DecodedTable, paper: ArxivId) -> AnnouncedPaper | None:
    """The paper as its newest day has it."""
    for key in sorted(table, reverse=True):
        document = table[key]
        if paper in document["ids"]:
            found = archive_from_document(date.fromisoformat(key), document)
            return next(each for each in found if each.paper.id == paper)
    return None
