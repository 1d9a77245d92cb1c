"""A paper as an item of Zotero. Pure. https://www.zotero.org/support/dev/web_api/v3/types_and_fields"""

from hashlib import sha256
from typing import Any

from bot.exports import Reference
from bot.exports.names import Name
from bot.model.paper import ArxivId, Paper
from bot.rendering.clean import clean_line

_ALPHABET = "23456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
_KEY_LENGTH = 8
_LONGEST_FIELD = 255
_MOST_CREATORS = 500


def name_item(account_id: str, paper: ArxivId) -> str:
    """The key of the paper's item: one of 33^8 that follows from library and paper, so that it is known before it exists."""
    number = int.from_bytes(sha256(f"{account_id} {paper}".encode()).digest())
    digits = []
    for _ in range(_KEY_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def make_item(key: str, paper: Paper) -> dict[str, Any]:
    """A preprint as Zotero's own translator for arXiv makes it. Version 0: Zotero refuses it where the key is taken."""
    reference = Reference(paper)
    doi = reference.doi and f"Published DOI: {reference.doi}"
    journal = paper.journal_ref and f"Published in: {clean_line(paper.journal_ref)}"
    extra = (f"arXiv:{paper.id} [{reference.primary}]" if reference.primary else f"arXiv:{paper.id}", doi, journal)
    return {
        "key": key,
        "version": 0,
        "itemType": "preprint",
        "title": reference.title,
        "creators": [_creator(each) for each in reference.names[:_MOST_CREATORS]],
        "abstractNote": clean_line(paper.abstract),
        "repository": "arXiv",
        "archiveID": f"arXiv:{paper.id}",
        "date": f"{reference.year}-{reference.month:02}",
        "DOI": reference.arxiv_doi,
        "url": paper.link,
        "libraryCatalog": "arXiv.org",
        "extra": "\n".join(line for line in extra if line),
        "tags": [{"tag": each} for each in paper.categories],
        "collections": [],
        "relations": {},
    }


def _creator(name: Name) -> dict[str, str]:
    if name.is_group or not name.given:
        return {"creatorType": "author", "name": name.family[:_LONGEST_FIELD]}
    family = f"{name.family}, {name.suffix}" if name.suffix else name.family
    return {
        "creatorType": "author",
        "firstName": name.given[:_LONGEST_FIELD],
        "lastName": family[:_LONGEST_FIELD],
    }
