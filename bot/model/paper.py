"""A paper: arXiv's article, in one version."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NewType

ArxivId = NewType("ArxivId", str)
"""An arXiv identifier without version: `2608.11232`, `hep-th/9711200`."""

_NEW_STYLE = r"\d{4}\.\d{4,5}"
_OLD_STYLE = r"[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/\d{7}"
_ID = re.compile(
    rf"(?<![\w./-])(?P<id>{_NEW_STYLE}|{_OLD_STYLE})(?:v(?P<version>[1-9]\d{{0,3}}))?(?!\w|\.\d|/\d)", re.ASCII
)
_LINK = re.compile(
    r"^(?:https?://)?(?:[a-z-]+\.)*(?:arxiv|alphaxiv)\.org/(?:abs|pdf|html|format|ps|overview)/", re.IGNORECASE
)
_DOI = re.compile(r"^(?:https?://)?(?:dx\.)?doi\.org/10\.48550/arxiv\.", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:oai:)?arxiv(?:\.org)?:\s*", re.IGNORECASE)


class AnnounceType(StrEnum):
    """How a category announced a paper, strongest first.

    https://info.arxiv.org/help/rss_specifications.html
    """

    NEW = "new"
    CROSS = "cross"
    REPLACE = "replace"
    REPLACE_CROSS = "replace-cross"

    @property
    def strength(self) -> int:
        """0 is the strongest: a paper new in one category and crossed to another is new."""
        return list(AnnounceType).index(self)


@dataclass(frozen=True, slots=True)
class Paper:
    """One version of one article.

    `title`, `abstract` and `authors` are readable: TeX accents and simple mathematics are Unicode.
    The `raw_…` twins are the text as arXiv wrote it. `categories` has the primary first.
    """

    id: ArxivId
    version: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    raw_title: str = ""
    raw_abstract: str = ""
    raw_authors: str = ""
    license: str = ""
    doi: str = ""
    journal_ref: str = ""

    @property
    def versioned_id(self) -> str:
        """The id as arXiv prints it: `2608.11232v1`."""
        return f"{self.id}v{self.version}"

    @property
    def link(self) -> str:
        """The abstract page, which arXiv asks everyone to link to."""
        return f"https://arxiv.org/abs/{self.id}"


@dataclass(frozen=True, slots=True)
class AnnouncedPaper:
    """A paper as it appears to someone who follows certain categories on a certain day."""

    paper: Paper
    announce_type: AnnounceType
    day: date


def parse_arxiv_id(text: str) -> tuple[ArxivId, int | None] | None:
    """The id and version that `text` names, as bare id, `arXiv:` reference, DOI or arXiv link; None if it names none.

    https://info.arxiv.org/help/arxiv_identifier.html
    """
    bare = text.strip().strip("<>")
    for known in (_LINK, _DOI, _PREFIX):
        bare = known.sub("", bare, count=1)
    bare = re.sub(r"(?:\.pdf)?/?(?:[?#].*)?$", "", bare)
    found = _ID.fullmatch(bare)
    if found is None:
        return None
    version = found["version"]
    return ArxivId(_without_subject_class(found["id"])), int(version) if version else None


def covers(category: str, code: str) -> bool:
    """Whether `category` lists what has this code; a bare archive, such as `cs`, is all of it."""
    return code == category or code.startswith(f"{category}.")


def _without_subject_class(identifier: str) -> str:
    """`math.GT/0309136` and `math/0309136` are the same paper; arXiv's canonical form has no class."""
    archive, slash, number = identifier.partition("/")
    return f"{archive.partition('.')[0]}/{number}" if slash else identifier
