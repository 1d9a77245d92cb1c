"""What one chat makes of papers: points for all that have any, and the reasons for those that are asked about. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.model.digest import Reason, Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.ranking.corpus import Corpus
from bot.ranking.learned import Learned, learn_from, points_of
from bot.ranking.matching import Matches, Matching, add_up
from bot.ranking.related import Related, relate
from bot.ranking.related import points_of as points_of_related

NOTHING = Score(0.0)
"""The score of every paper that has none: one for all."""


@dataclass(slots=True)
class Taste:
    """What a chat asks for, as it was found in the papers known, and what follows from that."""

    interests: Sequence[Matches]
    exclusions: Sequence[Matches]
    totals: Mapping[int, float]
    related: Related | None
    learned: Learned | None


def taste_of(corpus: Corpus, topics: Iterable[str], feedback: Feedback = NO_FEEDBACK) -> Taste:
    """The taste that topics and marks tell of. Topics that do not parse are skipped."""
    interests, exclusions = corpus.matching.find_all(topics)
    totals = add_up(interests)
    related = relate(corpus.matching.index, interests, totals)
    learned = learn_from(feedback, corpus.background) if feedback.liked or feedback.disliked else None
    return Taste(interests, exclusions, totals, related, learned)


class Scoring:
    """The papers of one index, for one chat."""

    def __init__(self, corpus: Corpus, taste: Taste, matching: Matching) -> None:
        self._index, self._taste = matching.index, taste
        self._matches, self._totals, exclusions = taste.interests, taste.totals, taste.exclusions
        if matching is not corpus.matching:
            self._matches, exclusions = (
                [matching.find(each.topic) for each in some] for some in (taste.interests, taste.exclusions)
            )
            self._totals = add_up(self._matches)
        self._excluded = {place: _first(exclusions, place) for each in exclusions for place in each.points}
        self._nearness = taste.related.measure(self._index, self._totals.keys()) if taste.related else {}
        self._pulls, self._pushes = taste.learned.measure(self._index) if taste.learned else ((), ())

    def points(self) -> Mapping[int, float]:
        """The points of every paper that has any."""
        if not (self._nearness or self._excluded or self._taste.learned):
            return self._totals
        totals = dict(self._totals)
        for place, likeness in self._nearness.items():
            totals[place] += points_of_related(likeness, self._totals[place])
        if self._taste.learned:
            for place, (pull, push) in enumerate(zip(self._pulls, self._pushes, strict=True)):
                earned = self._totals.get(place, 0.0)
                if points := points_of(pull, push, earned):
                    totals[place] = totals.get(place, 0.0) + points
        for place in self._excluded:
            totals.pop(place, None)
        return totals

    def score(self, place: int) -> Score:
        """The paper's points with their reasons, the strongest first."""
        if place in self._excluded:
            return Score(0.0, excluded_by=self._excluded[place])
        earned = self._totals.get(place, 0.0)
        if not earned and not (self._pulls and points_of(self._pulls[place], self._pushes[place], earned)):
            return NOTHING
        reasons = sorted(self._reasons(place, earned), key=lambda each: (-each.points, each.topic))
        return Score(sum((each.points for each in reasons), 0.0), tuple(reasons))

    def _reasons(self, place: int, earned: float) -> Iterator[Reason]:
        document, taste = self._index.documents[place], self._taste
        yield from (each.reason(place, self._index) for each in self._matches if place in each.points)
        if taste.related and place in self._nearness:
            yield taste.related.reason(document, points_of_related(self._nearness[place], earned))
        if taste.learned:
            yield from taste.learned.reasons(document, earned)


def _first(exclusions: Sequence[Matches], place: int) -> str:
    """The topic that is named where several leave a paper out."""
    return min(each.topic.text for each in exclusions if place in each.points)
