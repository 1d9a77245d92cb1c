"""Which papers are nearly the same: of the same group, with much the same title and abstract. Pure.

Two papers of one group on different subjects are not: those differ in the words of their titles or abstracts.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import is_not
from types import MappingProxyType

from bot.folding import fold_words
from bot.model.announcement import Announcement
from bot.model.paper import ArxivId, Paper

Similar = Mapping[ArxivId, frozenset[ArxivId]]
"""For each paper that has any, those that are nearly the same."""
NO_SIMILAR: Similar = MappingProxyType({})

LEAST_AUTHORS = 0.5
"""So much of the shorter list of authors is in the longer one."""
LEAST_TITLE, LEAST_ABSTRACT, LEAST_BOTH = 0.33, 0.25, 0.9
"""How many of their words titles and abstracts share, and both numbers together; of one title, any abstract will do."""
LEAST_WORDS = 3
"""A title of fewer words says too little to tell papers apart by."""
FIRST_AUTHORS = 10
"""Papers meet if they share one of so many first authors: a list of thousands costs no more."""
MOST_OF_AUTHOR = 40
"""A name with more papers than this is that of many people."""
_LEAST_LETTERS = 4
_NUMERAL = re.compile(r"\d+|[ivx]+")


@dataclass(frozen=True)
class _Text:
    """The words of a paper, taken apart when first asked for."""

    paper: Paper

    @cached_property
    def authors(self) -> frozenset[str]:
        return frozenset(self.paper.authors)

    @cached_property
    def title(self) -> frozenset[str]:
        return _words(self.paper.title)

    @cached_property
    def numerals(self) -> frozenset[str]:
        """Those of its title: they tell the parts of a series apart, and the models and years that it is about."""
        return frozenset(filter(_NUMERAL.fullmatch, fold_words(self.paper.title).split()))

    @cached_property
    def abstract(self) -> frozenset[str]:
        return _words(self.paper.abstract)


def find_similar(papers: Iterable[Paper]) -> Similar:
    """Those of the papers that are nearly the same. What is said of two depends on no other."""
    texts = {each.id: _Text(each) for each in papers}
    similar: dict[ArxivId, set[ArxivId]] = defaultdict(set)
    for one, other in _meetings([each.paper for each in texts.values()]):
        if _is_similar(texts[one], texts[other]):
            similar[one].add(other)
            similar[other].add(one)
    return {identifier: frozenset(others) for identifier, others in similar.items()}


class Known:
    """What is similar among the papers of some announcements: found once for all who ask with the same."""

    def __init__(self) -> None:
        self._found: tuple[tuple[Announcement, ...], Similar] = ((), {})

    def similar(self, announcements: Sequence[Announcement]) -> Similar:
        """Those of their papers that are nearly the same."""
        known, found = self._found
        if len(known) != len(announcements) or any(map(is_not, known, announcements)):
            found = find_similar(paper for each in announcements for paper in each.papers.values())
            self._found = (tuple(announcements), found)
        return found


def _meetings(papers: Sequence[Paper]) -> set[tuple[ArxivId, ArxivId]]:
    """The pairs that share one of their first authors."""
    written: dict[str, list[ArxivId]] = defaultdict(list)
    for paper in papers:
        for name in dict.fromkeys(paper.authors[:FIRST_AUTHORS]):
            written[name].append(paper.id)
    return {
        (one, other)
        for ids in written.values()
        if len(ids) <= MOST_OF_AUTHOR
        for place, one in enumerate(ids)
        for other in ids[:place]
    }


def _is_similar(one: _Text, other: _Text) -> bool:
    least = LEAST_AUTHORS * min(len(one.authors), len(other.authors))
    if len(one.authors & other.authors) < least:
        return False
    if min(len(one.title), len(other.title)) < LEAST_WORDS or one.numerals != other.numerals:
        return False
    title = _share(one.title, other.title)
    if title == 1:
        return True
    if title < LEAST_TITLE:
        return False
    abstract = _share(one.abstract, other.abstract)
    return abstract >= LEAST_ABSTRACT and title + abstract >= LEAST_BOTH


def _share(words: frozenset[str], others: frozenset[str]) -> float:
    """The words that both have among those that either has."""
    return len(words & others) / len(words | others) if words and others else 0.0


def _words(text: str) -> frozenset[str]:
    """Those that are no mere grammar, and no numerals."""
    words = fold_words(text).split()
    return frozenset(word for word in words if len(word) >= _LEAST_LETTERS and not _NUMERAL.fullmatch(word))
