"""What a chat's marks teach: how like a paper is to those that were liked, and to those that were not. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bot.model.digest import Reason, ReasonKind
from bot.model.feedback import Feedback
from bot.ranking.index import Index
from bot.ranking.likeness import Background, Lexicon, Likeness, learn, terms_of
from bot.ranking.matching import at_most, exactly
from bot.ranking.postings import Floats
from bot.terms import Document, document_of

LEARNED_POINTS = 8.0
"""What a paper gets that is as like the liked papers as these are to each other, once there are very many of them."""
DOUBTS = 5
"""With so many marks what they teach counts half."""
LEAST_LIKE = 0.3
"""A paper that has none of the topics must be at least so like the liked ones, times the trust in them, to count."""
MOST_LOST = 0.5
"""The part of its topics' points that a paper loses at most for being like what was disliked: it never vanishes."""
KINDRED = 3
"""Papers that share so many rare terms belong to one interest."""
MOST_INTERESTS = 4
SEVERAL = 5
"""Of so many papers or more, a term counts that two of them have."""
NAMED_TERMS = 3


@dataclass(frozen=True, slots=True)
class Interest:
    """What some marked papers have in common, and how far it is to be trusted: from 0 to 1."""

    likeness: Likeness
    trust: float
    holders: Mapping[str, int]

    def measure(self, document: Document, found: Mapping[str, float]) -> float:
        """How like these papers one is in which these terms were found, times the trust."""
        return self.likeness.of(document, found) * self.trust


@dataclass(frozen=True, slots=True)
class Learned:
    """What all marks of a chat teach. Interests that differ are not averaged: the one that a paper is most like counts."""

    liked: tuple[Interest, ...]
    disliked: tuple[Interest, ...]
    lexicon: Lexicon

    @property
    def wanted(self) -> tuple[str, ...]:
        """The terms of the liked papers, the strongest first."""
        return _terms(self.liked)

    @property
    def unwanted(self) -> tuple[str, ...]:
        """The terms of the disliked papers, the strongest first."""
        return _terms(self.disliked)

    def measure(self, index: Index) -> tuple[Floats, Floats]:
        """By place: how like the liked papers each paper of the index is, and how like the disliked ones."""
        liked, disliked = (_measure_all(interests, index) for interests in (self.liked, self.disliked))
        return liked, disliked

    def reasons(self, document: Document, earned: float) -> list[Reason]:
        """The points, if any, of a paper to which the topics gave `earned`."""
        found = self.lexicon.find(document)
        (pull, attractive), (push, repulsive) = (
            _most_like(document, found, interests) for interests in (self.liked, self.disliked)
        )
        points = points_of(pull, push, earned)
        if points > 0 and attractive:
            return [_reason(attractive, found, points, ReasonKind.LIKED)]
        return [_reason(repulsive, found, points, ReasonKind.DISLIKED)] if points < 0 and repulsive else []


def points_of(pull: float, push: float, earned: float) -> float:
    """What a paper gets or loses that is so like liked and disliked papers, and got `earned` from the topics."""
    if pull > push:
        return exactly(LEARNED_POINTS * (pull - push)) if earned or pull - push >= LEAST_LIKE else 0.0
    return -at_most(min(LEARNED_POINTS * (push - pull), MOST_LOST * earned))


def learn_from(feedback: Feedback, background: Background) -> Learned | None:
    """What the marks teach; None where they teach nothing."""
    liked, disliked = (
        [document_of(each) for each in sorted(papers, key=lambda each: (each.id, len(each.abstract)))]
        for papers in (feedback.liked, feedback.disliked)
    )
    wanted = tuple(_interests(liked, disliked, background, feedback.muted))
    unwanted = tuple(_interests(disliked, liked, background, feedback.muted))
    terms = [term for each in (*wanted, *unwanted) for term in each.likeness.weights]
    return Learned(wanted, unwanted, Lexicon(terms)) if terms else None


def _interests(
    examples: Sequence[Document], others: Sequence[Document], background: Background, muted: frozenset[str]
) -> Iterator[Interest]:
    groups = [group for group in _groups(examples, background) if len(group) < len(examples)]
    for group in [list(examples), *groups[:MOST_INTERESTS]]:
        least = 2 if len(group) >= SEVERAL else 1
        if likeness := learn(group, background, least=least, against=others, without=muted):
            holders = Counter(term for each in group for term in terms_of(each))
            yield Interest(likeness, len(group) / (len(group) + DOUBTS), holders)


def _groups(examples: Sequence[Document], background: Background) -> list[list[Document]]:
    """Examples that are kindred, directly or through others, the largest group first; none of a single one."""
    holders: dict[str, list[int]] = {}
    for place, each in enumerate(examples):
        for term in terms_of(each).keys() - background.common:
            holders.setdefault(term, []).append(place)
    shared = Counter(pair for places in holders.values() for pair in combinations(places, 2))
    group_of = list(range(len(examples)))
    for (one, other), count in shared.items():
        if count >= KINDRED and group_of[one] != group_of[other]:
            old, new = sorted((group_of[one], group_of[other]), reverse=True)
            group_of = [new if each == old else each for each in group_of]
    groups = [[examples[place] for place, each in enumerate(group_of) if each == group] for group in set(group_of)]
    return sorted((each for each in groups if len(each) > 1), key=len, reverse=True)


def _terms(interests: Sequence[Interest]) -> tuple[str, ...]:
    """The terms of all papers together: the first interest's."""
    return tuple(interests[0].likeness.weights) if interests else ()


def _measure_all(interests: Sequence[Interest], index: Index) -> Floats:
    best = np.zeros(len(index))
    for interest in interests:
        factor = interest.trust / interest.likeness.scale
        best = np.maximum(best, index.weigh(interest.likeness.weights) * factor / index.roots)
    return best


def _most_like(
    document: Document, found: Mapping[str, float], interests: Sequence[Interest]
) -> tuple[float, Interest | None]:
    best: tuple[float, Interest | None] = (0.0, None)
    for interest in interests:
        if (likeness := interest.measure(document, found)) > best[0]:
            best = (likeness, interest)
    return best


def _reason(interest: Interest, found: Mapping[str, float], points: float, kind: ReasonKind) -> Reason:
    terms = interest.likeness.rank(found)
    return Reason(", ".join(terms[:NAMED_TERMS]), (), points, kind, interest.holders[terms[0]])
