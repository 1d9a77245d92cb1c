"""A summary: what the LLM wrote about one version of a paper, in one language; and the text it was written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bot.model.paper import ArxivId, Paper

BATCHED = " (batch)"
"""After a model's name, where usage is counted: what it did in batches, which have a price of their own."""


class TextSource(StrEnum):
    """Where a paper's text was taken from, best first."""

    HTML = "html"
    PDF = "pdf"
    ABSTRACT = "abstract"


class SectionKind(StrEnum):
    """What a part of a paper is good for."""

    BODY = "body"
    REFERENCES = "references"
    APPENDIX = "appendix"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a paper under its heading, as readable text; mathematics is TeX between dollar signs."""

    title: str
    text: str
    kind: SectionKind = SectionKind.BODY


@dataclass(frozen=True, slots=True)
class FullText:
    """What could be had of one version of a paper, in its order. `links` are the addresses that it contains."""

    source: TextSource
    sections: tuple[Section, ...]
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that requests cost."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """What counts against the budget."""
        return self.prompt + self.completion

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.prompt + other.prompt, self.completion + other.completion)


def share(used: Usage, groups: Mapping[str, int]) -> dict[str, Usage]:
    """What a call used, shared out among the kinds of chats by how many of each wanted it; nothing is lost by rounding."""
    shares: dict[str, Usage] = {}
    left, count = used, sum(groups.values())
    for group, number in groups.items():
        part = Usage(left.prompt * number // count, left.completion * number // count)
        shares[group] = part
        left, count = Usage(left.prompt - part.prompt, left.completion - part.completion), count - number
    return shares


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote, whether it was stopped for length, and what it cost."""

    text: str
    is_cut: bool
    usage: Usage


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One line of a batch. `id` stands for all that it asks; `tokens` is the most that it may cost."""

    id: str
    line: str
    tokens: int


@dataclass(frozen=True, slots=True)
class SummaryKey:
    """What a summary is made once for."""

    id: ArxivId
    version: int
    prompt: str
    model: str
    language: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Short parts in `language`, each line checked against the text. `prompt` is the version of the prompt.

    `code_url` stands literally in the paper, or is empty. `removed` counts lines and numbers that the paper did not bear out.
    """

    id: ArxivId
    version: int
    language: str
    model: str
    prompt: str
    source: TextSource
    made_at: datetime
    tldr: str
    contributions: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    conclusions: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    code_url: str = ""
    removed: int = 0

    @property
    def key(self) -> SummaryKey:
        """Under which it is kept."""
        return SummaryKey(self.id, self.version, self.prompt, self.model, self.language)


@dataclass(frozen=True, slots=True)
class Wish:
    """A chat wants a summary of a paper in its language; the sum of all weights says how much it matters.

    `group` is the kind of chat, for the owner's accounts. `due`: when it will be shown; None: as soon as it is there.
    """

    paper: Paper
    language: str
    weight: float = 1.0
    group: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """A summary that waits to be made by a batch, for all who want it.

    `due`: when the first of them will be shown it; `weight` and `groups`: how much it matters to all, and how many of each
    kind of chat want it.
    """

    key: SummaryKey
    paper: Paper
    due: datetime
    weight: float
    groups: Mapping[str, int]

    def __add__(self, other: "Gathered") -> "Gathered":
        """The same for those who want either."""
        groups = dict(self.groups)
        for group, number in other.groups.items():
            groups[group] = groups.get(group, 0) + number
        return Gathered(self.key, self.paper, min(self.due, other.due), self.weight + other.weight, groups)


@dataclass(frozen=True, slots=True)
class Spending:
    """What summaries cost on one UTC day.

    `reserved`: tokens for calls under way, and for calls whose end nobody saw. `calls` ended, `hits` were spared by the cache:
    each is a chat that wanted a summary which was there, or was being made. `used`: by model and kind of chat.
    """

    day: date
    reserved: int = 0
    calls: int = 0
    hits: int = 0
    used: Mapping[tuple[str, str], Usage] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The tokens that count against the budget."""
        return self.reserved + sum(each.total for each in self.used.values())
