"""PURE: the papers of one archived day as one text, for any storage: there are tens of thousands of them."""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson

from bot.model.paper import AnnouncedPaper, AnnounceType, Paper

_FIELDS = ("id", "version", "title", "abstract", "authors", "categories", "license", "doi", "journal_ref")


def pack_papers(papers: Sequence[AnnouncedPaper]) -> str:
    """Everything that is read of them but the day, a third as long as their JSON."""
    rows = [[each.announce_type, *(getattr(each.paper, name) for name in _FIELDS)] for each in papers]
    return b64encode(zlib.compress(orjson.dumps(rows))).decode()


def unpack_papers(day: date, packed: str) -> tuple[AnnouncedPaper, ...]:
    """What `pack_papers` packed of this day."""
    rows = orjson.loads(zlib.decompress(b64decode(packed)))
    return tuple(AnnouncedPaper(_paper(values), AnnounceType(kind), day) for kind, *values in rows)


def _paper(values: Sequence[Any]) -> Paper:
    fields = dict(zip(_FIELDS, values, strict=True))
    return Paper(**fields | {name: tuple(fields[name]) for name in ("authors", "categories")})
