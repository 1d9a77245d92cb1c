"""Ranking by rules: how much a paper says about each topic, and how rare it is to say that."""

from collections.abc import Iterable, Sequence

from bot.errors import UserError
from bot.model.announcement import Announcement
from bot.model.digest import Reason, Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.corpus import Corpus
from bot.ranking.learned import Learned, learn_from, points_of
from bot.ranking.matching import Matching, add_up
from bot.ranking.related import Related, relate
from bot.ranking.related import points_of as points_of_related
from bot.topics import Topic, compile_topic

_NOTHING = Score(0.0)


class RulesRanker:
    """Whole words; the title before the abstract; rare before common; every topic once, with the reason for its points.

    A term earns points x its rarity x its weight. A topic earns the points of its best term, half of the second best, a
    quarter of the third, and so on. A paper's score is the sum over topics, and a little for words that go with them.
    Papers that no topic matches, and that are like no liked ones, are not looked at.
    """

    name = "rules"
    types = tuple(AnnounceType)
    has_min_score = True
    is_broad = True

    def __init__(self) -> None:
        self._corpus = Corpus(())

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        corpus = self._read(recent)
        interests, exclusions = _compile(topics)
        learned = learn_from(feedback, corpus.background) if feedback != NO_FEEDBACK else None
        related = _relate(corpus.matching, interests)
        scores = [_NOTHING] * len(papers)
        for matching, places in corpus.locate(papers):
            round_ = _Scoring(matching, interests, exclusions, related, learned)
            for number, place in places:
                scores[number] = round_.score(place)
        return scores

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        learned = learn_from(feedback, self._read(recent).background)
        return (learned.wanted, learned.unwanted) if learned else ((), ())

    def _read(self, recent: Sequence[Announcement]) -> Corpus:
        """The papers of `recent`; many chats in a row ask with the same, and share what was read for one of them."""
        corpus = self._corpus
        if not corpus.is_of(recent):
            self._corpus = corpus = Corpus(recent)
        return corpus


class _Scoring:
    """The papers of one index for one chat."""

    def __init__(
        self,
        matching: Matching,
        interests: Sequence[Topic],
        exclusions: Sequence[Topic],
        related: Related | None,
        learned: Learned | None,
    ) -> None:
        self._index = matching.index
        self._matches = [matching.find(each) for each in interests]
        self._totals, _ = add_up(self._matches)
        self._excluded = {place: each.text for each in reversed(exclusions) for place in matching.find(each).points}
        self._related, self._learned = related, learned
        self._nearness = related.measure(self._index, self._totals.keys()) if related else {}
        self._pulls, self._pushes = learned.measure(self._index) if learned else ((), ())

    def score(self, place: int) -> Score:
        """The paper's points with their reasons, the strongest first."""
        if place in self._excluded:
            return Score(0.0, excluded_by=self._excluded[place])
        earned = self._totals.get(place, 0.0)
        if not earned and not (self._learned and points_of(self._pulls[place], self._pushes[place], earned)):
            return _NOTHING
        reasons = sorted(self._reasons(place, earned), key=lambda each: (-each.points, each.topic))
        return Score(sum((each.points for each in reasons), 0.0), tuple(reasons))

    def _reasons(self, place: int, earned: float) -> Iterable[Reason]:
        document = self._index.documents[place]
        yield from (each.reason(place, self._index) for each in self._matches if place in each.points)
        if self._related and place in self._nearness:
            yield self._related.reason(document, points_of_related(self._nearness[place], earned))
        if self._learned:
            yield from self._learned.reasons(document, earned)


def _relate(matching: Matching, interests: Sequence[Topic]) -> Related | None:
    totals, meeting = add_up([matching.find(each) for each in interests])
    return relate(matching.index, interests, totals, meeting if len(interests) > 1 else totals)


def _compile(topics: Iterable[str]) -> tuple[list[Topic], list[Topic]]:
    """The topics of interest, each once however it is spelled, and those that leave papers out, in an order of their own.

    Of spellings that find the same, one without quotes finds a little more, and counts.
    """
    distinct: dict[str, Topic] = {}
    for text in topics:
        try:
            topic = compile_topic(text)
        except UserError:
            continue
        known = distinct.get(topic.key)
        if known is None or _looseness(topic) > _looseness(known):
            distinct[topic.key] = topic
    chosen = sorted(distinct.values(), key=lambda each: each.key)
    return [each for each in chosen if not each.is_exclusion], [each for each in chosen if each.is_exclusion]


def _looseness(topic: Topic) -> tuple[int, str]:
    return sum(bool(term.words) for term in topic.terms), topic.text
