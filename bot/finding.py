"""The folded papers of many days, searched from the newest to the oldest. Pure; any one thread at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.terms import Document, fold_paper
from bot.topics import Match, Topic

_WEIGHTS = {"title": 3.0, "author": 3.0, "abstract": 1.0, "category": 0.2}
_MOST_COUNT = 4.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper as it is searched: with the title that people read, and all of it folded."""

    id: ArxivId
    version: int
    title: str
    day: date
    document: Document

    @property
    def folded(self) -> AnnouncedPaper:
        """A paper with the folded texts, for a ranker: folded once more, they are what they are."""
        parts = self.document
        authors, categories = (tuple(filter(None, each.split("|"))) for each in (parts.author, parts.category))
        paper = Paper(self.id, self.version, parts.title, parts.abstract, authors, categories)
        return AnnouncedPaper(paper, AnnounceType.NEW, self.day)


@dataclass(frozen=True, slots=True)
class _Day:
    """The papers of a day, and what they were made of."""

    source: object
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class Index:
    """Every paper in its newest announcement. Takes about 2 kB of memory a paper."""

    _days: dict[date, _Day] = field(default_factory=dict)

    def has(self, day: date, source: object = None) -> bool:
        """Whether the day is here, made of this very object if one is given."""
        known = self._days.get(day)
        return known is not None and (source is None or known.source is source)

    def put(self, day: date, papers: Iterable[AnnouncedPaper], source: object = None) -> None:
        """Take the papers of a day in the place of what was known of it; what is as it was is not folded anew."""
        known = self._days.get(day)
        folded = {(each.id, each.version): each for each in known.entries} if known else {}
        entries = (folded.get((each.paper.id, each.paper.version)) or _entry(each, day) for each in papers)
        self._days[day] = _Day(source, tuple(entries))

    def keep(self, days: Iterable[date]) -> None:
        """Drop all other days."""
        wanted = set(days)
        self._days = {day: known for day, known in self._days.items() if day in wanted}

    def find(self, topic: Topic, most: int) -> tuple[Sequence[Entry], int, int]:
        """The likeliest, of those alike the newest first; how many there are in all; and of how many papers."""
        found, seen = list[tuple[float, Entry]](), set[ArxivId]()
        for day in sorted(self._days, reverse=True):
            for each in self._days[day].entries:
                if each.id not in seen:
                    seen.add(each.id)
                    if match := topic.match(each.document):
                        found.append((_weigh(match), each))
        found.sort(key=lambda pair: -pair[0])
        return [each for _, each in found[:most]], len(found), len(seen)


def _entry(announced: AnnouncedPaper, day: date) -> Entry:
    paper = announced.paper
    return Entry(paper.id, paper.version, paper.title, day, fold_paper(paper))


def _weigh(match: Match) -> float:
    """How much of the topic a paper holds, at a first glance."""
    return sum(hit.term.weight * _WEIGHTS[hit.field] * min(hit.count, _MOST_COUNT) for hit in match.hits)
