"""What one chat makes of papers: points for all that have any, and the reasons for those that are asked about. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bot.model.digest import Reason, Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.ranking.corpus import Corpus
from bot.ranking.learned import LEAST_LIKE, Learned, learn_from, points_of
from bot.ranking.matching import Matches, Matching, Totals, add_up
from bot.ranking.postings import Floats, Ints
from bot.ranking.related import Related, relate
from bot.ranking.related import points_of as points_of_related


@dataclass(slots=True)
class Taste:
    """What a chat asks for, as it was found in the papers known, and what follows from that."""

    interests: Sequence[Matches]
    exclusions: Sequence[Matches]
    totals: Totals
    related: Related | None
    learned: Learned | None


def taste_of(corpus: Corpus, topics: Sequence[str], feedback: Feedback = NO_FEEDBACK) -> Taste:
    """The taste that topics and marks tell of. Topics that do not parse are skipped."""
    index = corpus.matching.index
    interests, exclusions = corpus.matching.find_all(topics)
    totals = add_up(interests, len(index))
    related = relate(index, interests, totals)
    learned = learn_from(feedback, corpus.background) if feedback.liked or feedback.disliked else None
    return Taste(interests, exclusions, totals, related, learned)


class Scoring:
    """The papers of one index, for one chat."""

    def __init__(self, corpus: Corpus, taste: Taste, matching: Matching) -> None:
        self._index, self._taste = matching.index, taste
        self._matches, self._totals, exclusions = taste.interests, taste.totals, taste.exclusions
        if matching is not corpus.matching:
            self._matches, exclusions = (
                matching.find([each.topic for each in some]) for some in (taste.interests, taste.exclusions)
            )
            self._totals = add_up(self._matches, len(self._index))
        self._excluded = {place: _first(exclusions, place) for each in exclusions for place in each.earned}

    def points(self) -> tuple[Ints, Floats]:
        """The papers that have any points, in the order of their places, and how many each has."""
        places, totals, _ = self._totals
        if not (self._taste.related or self._taste.learned or self._excluded):
            return places, totals[places]
        points = totals.copy()
        for place, likeness in self._nearness.items():
            points[place] += points_of_related(likeness, self._earned[place])
        for place, (pull, push) in self._likeness.items():
            points[place] += points_of(pull, push, self._earned.get(place, 0.0))
        points[list(self._excluded)] = 0.0
        places = np.flatnonzero(points > 0)
        return places, points[places]

    @cached_property
    def places(self) -> AbstractSet[int]:
        """The papers of which there is something to say; all others have no points, and no reason."""
        return self._earned.keys() | self._likeness.keys() | self._excluded.keys()

    def score(self, place: int) -> Score:
        """The paper's points with their reasons, the strongest first."""
        if place in self._excluded:
            return Score(0.0, excluded_by=self._excluded[place])
        reasons = sorted(self._reasons(place), key=lambda each: (-each.points, each.topic))
        return Score(sum((each.points for each in reasons), 0.0), tuple(reasons))

    @cached_property
    def _earned(self) -> Mapping[int, float]:
        """What its topics give each paper that has any."""
        places, points, _ = self._totals
        return dict(zip(places.tolist(), points[places].tolist(), strict=True))

    @cached_property
    def _nearness(self) -> Mapping[int, float]:
        """How much of the words that go with the topics each paper has that has any of them."""
        if self._taste.related is None:
            return {}
        likeness, places = self._taste.related.measure(self._index), self._totals.places
        pairs = zip(places.tolist(), likeness[places].tolist(), strict=True)
        return {place: each for place, each in pairs if each}

    @cached_property
    def _likeness(self) -> Mapping[int, tuple[float, float]]:
        """How like the liked and the disliked papers each one is, where that can give or take points."""
        if self._taste.learned is None:
            return {}
        pulls, pushes = self._taste.learned.measure(self._index)
        places = np.flatnonzero((self._totals.points > 0) | (pulls - pushes >= LEAST_LIKE))
        pairs = zip(pulls[places].tolist(), pushes[places].tolist(), strict=True)
        return dict(zip(places.tolist(), pairs, strict=True))

    def _reasons(self, place: int) -> Iterator[Reason]:
        document, taste, earned = self._index.documents[place], self._taste, self._earned.get(place, 0.0)
        yield from (each.reason(place, self._index) for each in self._matches if place in each.earned)
        if taste.related and place in self._nearness:
            yield taste.related.reason(document, points_of_related(self._nearness[place], earned))
        if taste.learned:
            yield from taste.learned.reasons(document, earned)


def _first(exclusions: Sequence[Matches], place: int) -> str:
    """The topic that is named where several leave a paper out."""
    return min(each.topic.text for each in exclusions if place in each.earned)
