"""Words that go with a chat's topics: those that recent papers have in their titles in which topics meet. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.folding import split_words
from bot.model.digest import Reason, ReasonKind
from bot.ranking.index import Index
from bot.ranking.matching import Matches, Totals, at_most, meet
from bot.ranking.postings import Floats
from bot.terms import Document

RELATED_POINTS = 2.0
"""What a paper gets that has as much of the words as their examples have on average, but never more than by its topics."""
EXAMPLES = 20
"""So many of the best recent papers in which topics meet tell which words go with them; a word counts that `LEAST` of them have."""
LEAST = 3
RELATED_WORDS = 30
NAMED_WORDS = 3
_NO_WORDS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Related:
    """Words with their weights, the strongest first; what they add up to in an example; and the topics' own words."""

    weights: Mapping[str, float]
    scale: float
    own: frozenset[str]

    def measure(self, index: Index) -> Floats:
        """By place: how much of the words each paper of the index has; 1 is what examples have."""
        return index.weigh(self.weights) / self.scale

    def reason(self, document: Document, points: float) -> Reason:
        """The reason for these points: the topics' own words need not be told where there are others."""
        words = {*document.title_words, *document.abstract_words}
        found = [each for each in self.weights if each in words]
        others = [each for each in found if each not in self.own]
        return Reason(", ".join((others or found)[:NAMED_WORDS]), (), points, ReasonKind.RELATED)


def points_of(likeness: float, earned: float) -> float:
    """What is given for so much likeness to a paper that got `earned` from its topics."""
    return at_most(min(RELATED_POINTS * likeness, earned))


def relate(index: Index, matches: Sequence[Matches], totals: Totals) -> Related | None:
    """The words that go with the topics that were found in the index, where they gave `totals`."""
    meeting = meet(matches, totals, LEAST)
    if len(meeting) < LEAST:
        return None
    examples = meeting[np.argsort(-totals.points[meeting], kind="stable")][:EXAMPLES].tolist()
    own = frozenset(word for each in matches for term in each.topic.terms for word in split_words(term.text))
    # The words of a single topic say nothing beside it; those of several tell which of them go together.
    told = own if len(matches) == 1 else _NO_WORDS
    having = Counter(word for place in examples for word in index.title_words(place) - told)
    common = {word: count / len(examples) for word, count in having.items() if count >= LEAST}
    usual = (len(each.places) for each in index.having(common))
    weights = {
        word: _weigh(share, number, len(index)) for (word, share), number in zip(common.items(), usual, strict=True)
    }
    best = sorted((word for word in weights if weights[word] > 0), key=lambda word: (-weights[word], word))
    if not best:
        return None
    related = Related({word: weights[word] for word in best[:RELATED_WORDS]}, 1.0, own)
    # The sum is exact, in whatever order the examples come.
    return replace(related, scale=math.fsum(related.measure(index)[examples].tolist()) / len(examples))


def _weigh(share: float, usual: int, papers: int) -> float:
    """The weight of a word that this share of the examples has, and so many of all papers."""
    return math.log((papers + 1) / (usual + 1)) * (share - usual / papers)
