"""How like a paper is to some examples, by words, pairs of words, authors and categories. Pure.

What examples have in common and papers at large have not makes a weight for each term; a paper's likeness is the sum of
its terms' weights over the root of its length (Rocchio's method), in units of what the examples themselves reach.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain

from bot.terms import Document

MOST_SAMPLED = 400
"""How many papers tell what is usual, at most."""
MOST_TERMS = 300
"""How many terms are learned, at most."""
RARE = 0.02
"""A term in no greater share of papers is rare."""
IN_TITLE = 3.0
"""What a term of the title counts, beside one of the abstract."""
_SHORTEST_LENGTH = 22
_STOP_WORDS = frozenset(
    "a an and are as at be been but by can each for from has have however in into is it its more most not of on or our "
    "propose such than that the their these they this through to using via was we were when where which while with".split()
)


@lru_cache(maxsize=1024)
def terms_of(document: Document) -> Mapping[str, float]:
    """What can be learned from a paper: words, pairs of words, `au:` names and `cat:` codes, each with its weight."""
    in_abstract = dict.fromkeys((*_grams(document.abstract_words), *facts_of(document)), 1.0)
    return in_abstract | dict.fromkeys(_grams(document.title_words), IN_TITLE)


def is_telling(word: str) -> bool:
    """Whether a word can say anything about what a paper is about."""
    return word not in _STOP_WORDS and len(word) > 1


def facts_of(document: Document) -> Iterator[str]:
    """Authors as `au:` names, categories as `cat:` codes."""
    for kind, fenced in (("au", document.author), ("cat", document.category)):
        yield from (f"{kind}:{name.strip()}" for name in fenced.split("|") if name)


def _grams(words: Iterable[str]) -> Iterator[str]:
    before = ""
    for word in words:
        if not is_telling(word):
            before = ""
            continue
        yield word
        if before:
            yield f"{before} {word}"
        before = word


class Background:
    """What is usual among papers, counted in a sample of them when first asked for."""

    def __init__(self, documents: Sequence[Document]) -> None:
        step = max(1, math.ceil(len(documents) / MOST_SAMPLED))
        self._sample = documents[::step]

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        return Counter(term for each in self._sample for term in terms_of(each))

    @cached_property
    def common(self) -> AbstractSet[str]:
        """The terms that are not rare."""
        return frozenset(term for term in self._counts if self.share(term) > RARE)

    def share(self, term: str) -> float:
        """The share of papers that have the term."""
        return self._counts.get(term, 0) / max(1, len(self._sample))

    def rarity(self, term: str) -> float:
        """The inverse document frequency."""
        return math.log((len(self._sample) + 1) / (self._counts.get(term, 0) + 1))


class Lexicon:
    """Looks for some terms in papers, all at once: far cheaper than taking every paper apart."""

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms = frozenset(terms)
        self._heads = frozenset(term.split()[0] for term in self._terms)
        self._has_facts = any(":" in term for term in self._terms)

    def find(self, document: Document) -> dict[str, float]:
        """Those of the terms that the paper has, each with its weight there."""
        found = (
            dict.fromkeys((each for each in facts_of(document) if each in self._terms), 1.0) if self._has_facts else {}
        )
        for words, weight in ((document.abstract_words, 1.0), (document.title_words, IN_TITLE)):
            for place, word in enumerate(words):
                if word in self._heads:
                    pair = f"{word} {words[place + 1]}" if place + 1 < len(words) else ""
                    found |= {term: weight for term in (word, pair) if term in self._terms}
        return found


def root_of_length(document: Document) -> float:
    """What a sum of weights is divided by: a long paper has more of everything."""
    return math.sqrt(len(document.title_words) + len(document.abstract_words) + _SHORTEST_LENGTH)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What some examples have in common: a weight for each term, strongest first, and what these add up to in an example."""

    weights: Mapping[str, float]
    scale: float = 1.0

    def of(self, document: Document, found: Mapping[str, float]) -> float:
        """How like the examples a paper is in which these terms were found.

        1: as like the examples as these are on average. 0: nothing in common.
        """
        total = math.fsum(often * self.weights.get(term, 0.0) for term, often in found.items())
        return total / root_of_length(document) / self.scale

    def rank(self, found: Iterable[str]) -> list[str]:
        """Those of the terms found that say so, the strongest first."""
        return sorted(self.weights.keys() & found, key=lambda term: (-self.weights[term], term))


def learn(  # noqa: PLR0913 - each is a question of its own
    examples: Sequence[Document],
    background: Background,
    *,
    least: int = 1,
    most: int = MOST_TERMS,
    against: Sequence[Document] = (),
    without: Collection[str] = (),
) -> Likeness | None:
    """What the examples have in common: of the terms that at least so many of them have, the strongest, at most so many.

    What the papers in `against` have as well is not theirs; terms in `without` are not learned. None where nothing is left.
    """
    if not examples:
        return None
    described = [terms_of(each) for each in examples]
    totals, opposed = _sum(described), _sum([terms_of(each) for each in against])
    having = Counter(chain.from_iterable(described))

    def weigh(term: str) -> float:
        usual = max(background.share(term), opposed.get(term, 0.0) / max(1, len(against)))
        return background.rarity(term) * (totals[term] / len(examples) - usual)

    excess = {term: weigh(term) for term, number in having.items() if number >= least and term not in without}
    best = sorted((term for term, weight in excess.items() if weight > 0), key=lambda term: (-excess[term], term))
    likeness = Likeness({term: excess[term] for term in best[:most]})
    scale = math.fsum(map(likeness.of, examples, described)) / len(examples)
    return replace(likeness, scale=scale) if scale else None


def _sum(described: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    totals: dict[str, float] = {}
    for terms in described:
        for term, weight in terms.items():
            totals[term] = totals.get(term, 0.0) + weight
    return totals
