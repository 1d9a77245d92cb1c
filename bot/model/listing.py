"""What arXiv says of a day beside its feeds: the list of a category, and records that were changed."""

import re
from dataclasses import dataclass
from datetime import date

from bot.model.paper import AnnounceType, ArxivId, Paper

_WITHDRAWN = re.compile(
    r"(?:this|the|our)?\s*(?:paper|article|submission|manuscript|preprint|work|version|note|letter|v\d+)?\s*"
    r"(?:(?:has|have) been|is|was)?\s*(?:temporarily\s+)?withdrawn\b(?!\s(?:paper|article|submission))",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.;!])\s+")


@dataclass(frozen=True, slots=True)
class Listing:
    """The page of a category's newest announcement: its day in New York, and every entry in the page's order.

    `total` is the count that the page states; where it shows fewer, `entries` lacks some.
    """

    category: str
    day: date
    total: int
    entries: tuple[tuple[ArxivId, AnnounceType], ...]

    @property
    def is_whole(self) -> bool:
        """Whether every entry that was counted is here."""
        return len(self.entries) >= self.total


@dataclass(frozen=True, slots=True)
class Record:
    """A paper as arXiv's repository keeps it. `changed` is the day of its last change, not of its announcement.

    `created` is the day of its first version. `is_deleted`: the repository no longer shows it.
    """

    paper: Paper
    changed: date
    created: date
    comment: str = ""
    is_deleted: bool = False

    @property
    def is_withdrawn(self) -> bool:
        """Whether this version says, in its comment or at the start of its abstract, that there is no paper any more.

        arXiv has no field for it: https://info.arxiv.org/help/withdraw.html
        """
        said = (*_SENTENCE.split(self.comment), self.paper.abstract)
        return any(_WITHDRAWN.match(each.strip()) for each in said)
