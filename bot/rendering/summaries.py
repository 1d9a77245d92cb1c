"""What is said of a paper below its facts: its summary or its abstract, as `detail` asks for. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bot.language import later, tr
from bot.model.digest import DigestPaper
from bot.model.summary import Summary, TextSource
from bot.rendering.clean import clean_line
from bot.rendering.text import excerpt

_LABEL = later("AI summary, from {source}, {model}")
_PARTS = (
    ("contributions", later("Contributions")),
    ("methods", later("Methods")),
    ("results", later("Results")),
    ("conclusions", later("Conclusions")),
    ("limitations", later("Limitations")),
)


@dataclass(frozen=True, slots=True)
class Body:
    """Lines of clean, still foreign text. `shown` are seen at once, `folded` when asked for, where that is possible.

    `label` says who wrote it; empty for arXiv's own words.
    """

    shown: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    label: str = ""

    @property
    def unfolded(self) -> tuple[str, ...]:
        """What is seen where nothing can be folded away; of an abstract, that there is more."""
        return (*self.shown[:-1], f"{self.shown[-1]} …") if self.folded and not self.label else self.shown


def body_of(paper: DigestPaper, detail: str) -> Body:
    """What a digest says of the paper."""
    summary = paper.summary
    if summary is None or detail not in {"tldr", "full"}:
        return _abstract(paper.announced.paper.abstract, detail)
    parts = tuple(part_lines(summary))
    label = label_of(summary)
    return Body((tldr_of(summary), *parts), (), label) if detail == "full" else Body((tldr_of(summary),), parts, label)


# Thousands of chats get the same abstracts within minutes.
@lru_cache(maxsize=1024)
def _abstract(abstract: str, detail: str) -> Body:
    whole = clean_line(abstract)
    beginning = excerpt(whole, detail).removesuffix(" …")
    rest = whole.removeprefix(beginning).strip() if detail == "tldr" else ""
    return Body((beginning,) if beginning else (), (rest,) if rest else ())


def tldr_of(summary: Summary) -> str:
    """`TL;DR: …` on one line."""
    return tr("TL;DR: {text}", text=clean_line(summary.tldr))


def parts_of(summary: Summary) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The name of each part and its lines; parts without any are left out."""
    for field, name in _PARTS:
        lines = tuple(line for line in map(clean_line, getattr(summary, field)) if line)
        if lines:
            yield tr(name), lines
    if code := clean_line(summary.code_url):
        yield tr("Code"), (code,)


def part_lines(summary: Summary) -> Iterator[str]:
    """The parts as lines: a heading, then one line for each point."""
    for name, lines in parts_of(summary):
        yield tr("{part}:", part=name)
        yield from (f"• {line}" for line in lines)


def label_of(summary: Summary) -> str:
    """That a machine wrote it, which one, and from what."""
    source = tr("the abstract") if summary.source is TextSource.ABSTRACT else tr("the full text")
    return tr(_LABEL, source=source, model=clean_line(summary.model))
