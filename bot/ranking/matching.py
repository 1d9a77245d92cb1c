"""Which papers of an index the topics match, and what that is worth. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bot.errors import UserError
from bot.model.digest import Reason
from bot.ranking.index import Index
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

Hits = Mapping[int, tuple[tuple[Term, float], ...]]
"""By place: the terms found in a paper, each with how often."""


def exactly(points: float) -> float:
    """Points to ten places, so that sums of them are exact, whatever the order in which they are added up."""
    return (points + _STEP) - _STEP


def at_most(points: float) -> float:
    """The same, but never more than `points`, and never less than nothing."""
    return max(0.0, exactly(points - 2**-37))


@dataclass(slots=True)
class Matches:
    """What a topic finds in an index: points by place, of exclusions 0. `exact`: the places where it is as it was typed."""

    topic: Topic
    points: Mapping[int, float]
    exact: AbstractSet[int]
    _reasons: dict[int, Reason] | None = None

    def reason(self, place: int, index: Index) -> Reason:
        """Why the paper has these points; made when first asked for."""
        if self._reasons is None:
            self._reasons = {}
        reason = self._reasons.get(place)
        if reason is None:
            match = self.topic.match(index.documents[place], loosely=True)
            where = {hit.field for hit in match.hits} if match else ()
            fields = tuple(name for name in FIELDS if name in where)
            reason = self._reasons[place] = Reason(self.topic.text, fields, self.points[place])
        return reason


class Matching:
    """Matches each topic with the papers of one index, once. What is rare among those of `usual` counts more; else among its own."""

    def __init__(self, index: Index, usual: "Matching | None" = None) -> None:
        self.index = index
        self._usual = usual or self
        self._matches: dict[str, Matches] = {}
        self._rarities: dict[str, float] = {}
        self._kept = 0

    def find(self, topic: Topic) -> Matches:
        """What the topic matches; one that leaves papers out is taken at its word."""
        matches = self._matches.get(topic.text)
        if matches is None:
            if self._kept > MOST_KEPT:
                self._matches.clear()
                self._kept = 0
            self._matches[topic.text] = matches = self._match(topic)
            self._kept += len(matches.points) + 1
        return matches

    def find_all(self, topics: Iterable[str]) -> tuple[Sequence[Matches], Sequence[Matches]]:
        """What the topics of interest match, each once however it is spelled, and what those that leave papers out do.

        Of spellings that find the same, one without quotes finds a little more, and counts. Topics that do not parse are skipped.
        """
        distinct: dict[str, Matches] = {}
        known = self._matches
        for text in topics:
            matches = known.get(text) or self._read(text)
            if matches:
                other = distinct.setdefault(matches.topic.key, matches)
                if other is not matches and _looseness(matches.topic) > _looseness(other.topic):
                    distinct[matches.topic.key] = matches
        interests = [each for each in distinct.values() if not each.topic.is_exclusion]
        if len(interests) == len(distinct):
            return interests, ()
        return interests, [each for each in distinct.values() if each.topic.is_exclusion]

    def _read(self, text: str) -> Matches | None:
        try:
            return self.find(compile_topic(text))
        except UserError:
            return None

    def rarity(self, term: Term) -> float:
        """1 for a term in one paper of a hundred, about 0.7 for one in three, 1.2 for one in ten thousand."""
        # By its text: terms of one key differ where they name an author, of whose name no letter may be missing.
        rarity = self._rarities.get(term.text)
        if rarity is None:
            _, exact = self.index.find(term)
            rarity = self._rarities[term.text] = _rarity(len(exact), len(self.index))
        return rarity

    def _match(self, topic: Topic) -> Matches:
        query = topic.query
        if isinstance(query, Term) and not topic.is_exclusion:
            found, exact = self.index.find(query, loosely=True)
            if self._usual is self and query.text not in self._rarities:
                self._rarities[query.text] = _rarity(len(exact), len(self.index))
            most = query.weight * self._usual.rarity(query) * MOST_POINTS
            points = {place: (most * often / (often + HALFWAY) + _STEP) - _STEP for place, often in found.items()}
            return Matches(topic, points, exact)
        exact = self._hits(query, loosely=False).keys()
        if topic.is_exclusion:
            return Matches(topic, dict.fromkeys(exact, 0.0), exact)
        return Matches(
            topic, {place: self._points(hits) for place, hits in self._hits(query, loosely=True).items()}, exact
        )

    def _hits(self, query: Query, *, loosely: bool) -> Hits:
        match query:
            case Term():
                found, _ = self.index.find(query, loosely=loosely)
                return {place: ((query, often),) for place, often in found.items()}
            case AnyOf():
                any_of: dict[int, tuple[tuple[Term, float], ...]] = {}
                for part in query.parts:
                    for place, hits in self._hits(part, loosely=loosely).items():
                        any_of[place] = any_of.get(place, ()) + hits
                return any_of
            case AllOf():
                first, *others = [self._hits(part, loosely=loosely) for part in query.parts]
                places = first.keys() - (self._hits(query.unwanted, loosely=False) if query.unwanted else {}).keys()
                for other in others:
                    places &= other.keys()
                return {place: sum((other[place] for other in others), first[place]) for place in places}
        raise TypeError(query)

    def _points(self, hits: Sequence[tuple[Term, float]]) -> float:
        """The best term counts in full, the second best half, the third a quarter, and so on."""
        often: dict[str, float] = {}
        terms: dict[str, Term] = {}
        for term, number in hits:
            terms.setdefault(term.key, term)
            often[term.key] = often.get(term.key, 0.0) + number
        earned = sorted((self._worth(terms[key], number) for key, number in often.items()), reverse=True)
        return exactly(sum(each * FURTHER_TERM**place for place, each in enumerate(earned)))

    def _worth(self, term: Term, often: float) -> float:
        return term.weight * self._usual.rarity(term) * MOST_POINTS * often / (often + HALFWAY)


def _rarity(exact: int, papers: int) -> float:
    share = (exact + USUAL_SHARE * PRIOR_PAPERS) / (papers + PRIOR_PAPERS)
    # The fourth root keeps one very rare word from outweighing several good ones.
    return math.sqrt(math.sqrt(math.log(share) / math.log(USUAL_SHARE)))


def add_up(matches: Sequence[Matches]) -> dict[int, float]:
    """The points of every paper that any topic matches."""
    if not matches:
        return {}
    # Copying the longest at once is far cheaper than adding it paper by paper, and the sums are exact in any order.
    longest = max(matches, key=_length)
    totals = dict(longest.points)
    for each in matches:
        if each is not longest:
            for place, points in each.points.items():
                totals[place] = totals.get(place, 0.0) + points
    return totals


def meet(matches: Sequence[Matches], totals: Mapping[int, float], least: int) -> AbstractSet[int]:
    """The papers that have two of the topics, or the one if there is only one, where there may be so many at `least`.

    `totals` are what the topics add up to.
    """
    if len(matches) == 1:
        return matches[0].exact
    seen, meeting = set[int](), set[int]()
    # Most chats are done with here: hardly any paper has two of their topics, even with words only near.
    if sum([len(each.points) for each in matches]) >= len(totals) + least:
        for each in matches:
            exact = each.exact
            if not seen.isdisjoint(exact):
                meeting |= seen & exact
            seen |= exact
    return meeting


def _looseness(topic: Topic) -> tuple[int, str]:
    return sum(bool(term.words) for term in topic.terms), topic.text


def _length(matches: Matches) -> int:
    return len(matches.points)
