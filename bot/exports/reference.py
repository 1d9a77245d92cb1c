"""What is written of a paper: the paper, and when it first came."""

import re
from dataclasses import dataclass
from datetime import date

from bot.exports.names import Name, split_name
from bot.model.paper import ArxivId, Paper
from bot.rendering.clean import clean_line

_DATED = re.compile(r"(?:[a-z-]+/)?(\d{2})(\d{2})")
_FIRST_YEAR = 91
_DOI = re.compile(r"10\.\d{4,9}/[!-~]+")
_UNFIT_IN_DOI = re.compile(r"[\s{}%\\\"<>]")


@dataclass(frozen=True, slots=True)
class Reference:
    """A paper to be cited. Of one that is kept no longer only id and title are known, and `is_bare`."""

    paper: Paper
    saved: date | None = None
    is_bare: bool = False

    @classmethod
    def bare(cls, identifier: ArxivId, title: str, saved: date | None = None) -> "Reference":
        """What is left of a paper that nobody keeps any more."""
        return cls(Paper(identifier, 1, title, "", (), ()), saved, is_bare=True)

    @property
    def id(self) -> ArxivId:
        """The paper's id without version."""
        return self.paper.id

    @property
    def year(self) -> int:
        """The year of the first version, which every arXiv id tells."""
        return self._dated[0]

    @property
    def month(self) -> int:
        """The month of the first version, from 1."""
        return self._dated[1]

    @property
    def title(self) -> str:
        """The readable title on one line."""
        return clean_line(self.paper.title)

    @property
    def names(self) -> tuple[Name, ...]:
        """The authors in parts."""
        return tuple(split_name(name) for each in self.paper.authors if (name := clean_line(each)))

    @property
    def primary(self) -> str:
        """The primary category; empty where it is not known."""
        return self.paper.categories[0] if self.paper.categories else ""

    @property
    def doi(self) -> str:
        """The DOI of what was published, if the authors gave a sound one."""
        doi = self.paper.doi.split()[0] if self.paper.doi.split() else ""
        return doi if _DOI.fullmatch(doi) and not _UNFIT_IN_DOI.search(doi) else ""

    @property
    def arxiv_doi(self) -> str:
        """The DOI that arXiv itself gives every paper: https://info.arxiv.org/help/doi.html"""
        return f"10.48550/arXiv.{self.id}"

    @property
    def _dated(self) -> tuple[int, int]:
        found = _DATED.match(self.id)
        if found is None:  # pragma: no cover - no ArxivId is like this
            return 0, 1
        year, month = int(found[1]), int(found[2])
        return (1900 if year >= _FIRST_YEAR else 2000) + year, min(max(month, 1), 12)
