"""Which papers of an index the topics match, and what that is worth. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise, starmap
from typing import NamedTuple, TypeVar

import numpy as np

from bot.errors import UserError
from bot.model.digest import Reason
from bot.ranking.index import Index
from bot.ranking.postings import Floats, Ints, find_changes
from bot.terms import FIELDS, AllOf, AnyOf, Query, Term
from bot.topics import Topic, compile_topic

MOST_POINTS = 3.0
"""What a term of rarity 1 is worth at most; once in an abstract of usual length it is 1, once in a title 1.8."""
HALFWAY = 2.0
"""So much of it gives half of the most points."""
FURTHER_TERM = 0.5
"""What each further term of one topic counts, compared with the one before."""
MOST_KEPT = 2_000_000
"""So many matches of topics are kept at most; beyond that they are looked for again."""
USUAL_SHARE = 0.01
"""A term in this share of all papers has rarity 1. What nothing is known of is taken to be so common."""
PRIOR_PAPERS = 100
"""How many papers must be known to weigh as much as that assumption."""
_STEP = 1.5 * 2**16
"""Adding and subtracting it leaves a multiple of 2⁻³⁶."""

_AT_ONCE = 500
"""So many topics are looked for in one go."""

Hits = Mapping[Term, tuple[Mapping[int, float], frozenset[int]]]
"""What each term finds: how often by place, and the places where it is as it was typed."""
Points = TypeVar("Points", float, Floats)


def exactly(points: Points) -> Points:
    """Points to ten places, so that sums of them are exact, whatever the order in which they are added up."""
    return (points + _STEP) - _STEP


def at_most(points: float) -> float:
    """The same, but never more than `points`, and never less than nothing."""
    return max(0.0, exactly(points - 2**-37))


@dataclass(slots=True, eq=False)
class Matches:
    """What a topic finds in an index: places, in order, each with its points, which exclusions do not give.

    `exact`: the places where it is as it was typed.
    """

    topic: Topic
    places: Ints
    points: Floats
    exact: Ints
    _earned: dict[int, float] | None = None
    _reasons: dict[int, Reason] | None = None

    @property
    def earned(self) -> Mapping[int, float]:
        """The points by place."""
        if self._earned is None:
            self._earned = dict(zip(self.places.tolist(), self.points.tolist(), strict=True))
        return self._earned

    def reason(self, place: int, index: Index) -> Reason:
        """Why the paper has these points; made when first asked for."""
        if self._reasons is None:
            self._reasons = {}
        reason = self._reasons.get(place)
        if reason is None:
            match = self.topic.match(index.documents[place], loosely=True)
            where = {hit.field for hit in match.hits} if match else ()
            fields = tuple(name for name in FIELDS if name in where)
            reason = self._reasons[place] = Reason(self.topic.text, fields, self.earned[place])
        return reason


class Totals(NamedTuple):
    """What topics add up to: the papers that any of them matches, in order, the points of all by place, and how many matches there are."""

    places: Ints
    points: Floats
    matches: int


class Matching:
    """Matches each topic with the papers of one index, once. What is rare among those of `usual` counts more; else among its own.

    `expected`: topics that are likely to be asked for. To look for many at once is several times cheaper.
    """

    def __init__(self, index: Index, usual: "Matching | None" = None, expected: Iterable[str] = ()) -> None:
        self.index = index
        self._usual = usual or self
        self._matches: dict[str, Matches] = {}
        self._rarities: dict[str, float] = {}
        self._kept = 0
        waiting = iter(dict.fromkeys(expected))
        while self._kept <= MOST_KEPT and (some := list(islice(waiting, _AT_ONCE))):
            self.find(list(filter(None, map(_read, some))))

    def find(self, topics: Sequence[Topic]) -> Sequence[Matches]:
        """What each of the topics matches; one that leaves papers out is taken at its word."""
        found = [self._matches.get(topic.text) for topic in topics]
        missing = {topic.text: topic for topic, matches in zip(topics, found, strict=True) if matches is None}
        if not missing:
            return [each for each in found if each is not None]
        new = {matches.topic.text: matches for matches in self._match_all(list(missing.values()))}
        if self._kept > MOST_KEPT:
            self._matches.clear()
            self._kept = 0
        self._matches |= new
        self._kept += sum(len(each.places) + 1 for each in new.values())
        return [matches or new[topic.text] for topic, matches in zip(topics, found, strict=True)]

    def find_all(self, topics: Sequence[str]) -> tuple[Sequence[Matches], Sequence[Matches]]:
        """What the topics of interest match, each once however it is spelled, and what those that leave papers out do.

        Of spellings that find the same, one without quotes finds a little more, and counts. Topics that do not parse are skipped.
        """
        found: Sequence[Matches] = [matches for matches in map(self._matches.get, topics) if matches]
        if len(found) < len(topics):
            found = self.find(list(filter(None, map(_read, topics))))
        distinct = {each.topic.key: each for each in found}
        if len(distinct) < len(found):
            distinct = {each.topic.key: each for each in sorted(found, key=_looseness)}
        interests = [each for each in distinct.values() if not each.topic.is_exclusion]
        if len(interests) == len(distinct):
            return interests, ()
        return interests, [each for each in distinct.values() if each.topic.is_exclusion]

    def rarity(self, term: Term) -> float:
        """1 for a term in one paper of a hundred, about 0.7 for one in three, 1.2 for one in ten thousand."""
        # By its text: terms of one key differ where they name an author, of whose name no letter may be missing.
        rarity = self._rarities.get(term.text)
        if rarity is None:
            rarity = self._rarities[term.text] = _rarity(int(self.index.find([term]).exact.sum()), len(self.index))
        return rarity

    def _match_all(self, topics: Sequence[Topic]) -> Iterator[Matches]:
        terms = [term for topic in topics for term in _all_terms(topic.query)]
        found, every = self.index.find(terms), np.arange(len(terms) + 1)
        exact = found.places[found.exact]
        exact_edges = np.searchsorted(found.terms[found.exact], every).tolist()
        if self._usual is self:
            for term, (begin, end) in zip(terms, pairwise(exact_edges), strict=True):
                self._rarities[term.text] = _rarity(end - begin, len(self.index))
        points = exactly(_saturate(np.array(list(map(self._most, terms)))[found.terms], found.often))
        edges = np.searchsorted(found.terms, every).tolist()
        spans = zip(terms, starmap(slice, pairwise(edges)), starmap(slice, pairwise(exact_edges)), strict=True)
        for topic in topics:
            if isinstance(topic.query, Term) and not topic.is_exclusion:
                _, span, exact_span = next(spans)
                yield Matches(topic, found.places[span], points[span], exact[exact_span])
                continue
            hits = {
                term: (
                    dict(zip(found.places[span].tolist(), found.often[span].tolist(), strict=True)),
                    frozenset(exact[exact_span].tolist()),
                )
                for term, span, exact_span in islice(spans, len(_all_terms(topic.query)))
            }
            yield self._combine(topic, hits)

    def _combine(self, topic: Topic, hits: Hits) -> Matches:
        as_typed = sorted(_find_exactly(topic.query, hits))
        exact = np.array(as_typed, np.int64)
        if topic.is_exclusion:
            return Matches(topic, exact, np.zeros(len(exact)), exact)
        found = sorted(_find_loosely(topic.query, hits).items())
        places = np.array([place for place, _ in found], np.int64)
        return Matches(topic, places, np.array([self._points(each) for _, each in found], np.float64), exact)

    def _points(self, hits: Sequence[tuple[Term, float]]) -> float:
        """The best term counts in full, the second best half, the third a quarter, and so on."""
        often: dict[str, float] = {}
        terms: dict[str, Term] = {}
        for term, number in hits:
            terms.setdefault(term.key, term)
            often[term.key] = often.get(term.key, 0.0) + number
        earned = sorted((_saturate(self._most(terms[key]), number) for key, number in often.items()), reverse=True)
        return exactly(sum(each * FURTHER_TERM**place for place, each in enumerate(earned)))

    def _most(self, term: Term) -> float:
        return term.weight * self._usual.rarity(term) * MOST_POINTS


def _saturate(most: Points, often: Points) -> Points:
    """What a term is worth that is there so often, and at most so much."""
    return most * often / (often + HALFWAY)


def _read(text: str) -> Topic | None:
    try:
        return compile_topic(text)
    except UserError:
        return None


def _all_terms(query: Query) -> tuple[Term, ...]:
    """The terms of the query, and those of what it leaves out."""
    match query:
        case Term():
            return (query,)
        case AnyOf():
            return tuple(term for part in query.parts for term in _all_terms(part))
        case AllOf():
            parts = (*query.parts, query.unwanted) if query.unwanted else query.parts
            return tuple(term for part in parts for term in _all_terms(part))
    raise TypeError(query)


def _find_exactly(query: Query, hits: Hits) -> frozenset[int]:
    """The papers that match the query as it was typed."""
    match query:
        case Term():
            return hits[query][1]
        case AnyOf():
            return frozenset().union(*(_find_exactly(part, hits) for part in query.parts))
        case AllOf():
            places = frozenset.intersection(*(_find_exactly(part, hits) for part in query.parts))
            return places - _find_exactly(query.unwanted, hits) if query.unwanted else places
    raise TypeError(query)


def _find_loosely(query: Query, hits: Hits) -> dict[int, tuple[tuple[Term, float], ...]]:
    """By place: the terms by which the paper matches, be it with the words of phrases only near each other, and how often."""
    match query:
        case Term():
            return {place: ((query, often),) for place, often in hits[query][0].items()}
        case AnyOf():
            any_of: dict[int, tuple[tuple[Term, float], ...]] = {}
            for part in query.parts:
                for place, found in _find_loosely(part, hits).items():
                    any_of[place] = any_of.get(place, ()) + found
            return any_of
        case AllOf():
            first, *others = [_find_loosely(part, hits) for part in query.parts]
            places = first.keys() - (_find_exactly(query.unwanted, hits) if query.unwanted else frozenset())
            for other in others:
                places &= other.keys()
            return {place: sum((other[place] for other in others), first[place]) for place in places}
    raise TypeError(query)


@lru_cache(1 << 12)
def _rarity(exact: int, papers: int) -> float:
    share = (exact + USUAL_SHARE * PRIOR_PAPERS) / (papers + PRIOR_PAPERS)
    # The fourth root keeps one very rare word from outweighing several good ones.
    return math.sqrt(math.sqrt(math.log(share) / math.log(USUAL_SHARE)))


def add_up(matches: Sequence[Matches], papers: int) -> Totals:
    """What the topics give each of so many papers."""
    if not matches:
        return Totals(np.empty(0, np.int64), np.zeros(papers), 0)
    every = np.concatenate([each.places for each in matches])
    points = np.bincount(every, np.concatenate([each.points for each in matches]), papers)
    number = len(every)
    every.sort()
    return Totals(every[find_changes(every)], np.asarray(points, np.float64), number)


def meet(matches: Sequence[Matches], totals: Totals, least: int) -> Ints:
    """The papers that have two of the topics, or the one if there is only one, where there may be so many at `least`.

    `totals` are what the topics add up to.
    """
    if len(matches) == 1:
        return matches[0].exact
    # Most chats are done with here: hardly any paper has two of their topics, even with words only near.
    if totals.matches < len(totals.places) + least:
        return np.empty(0, np.int64)
    return np.flatnonzero(np.bincount(np.concatenate([each.exact for each in matches])) > 1)


def _looseness(matches: Matches) -> tuple[int, str]:
    return sum(bool(term.words) for term in matches.topic.terms), matches.topic.text
