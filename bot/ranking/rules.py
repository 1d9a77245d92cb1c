"""Ranking by rules: how much a paper says about each topic, and how rare it is to say that."""

from collections.abc import Sequence
from datetime import date
from threading import Lock

from bot.model.announcement import Announcement
from bot.model.digest import Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.corpus import Corpus
from bot.ranking.learned import learn_from
from bot.ranking.scoring import Scoring, taste_of

MOST_CORPORA = 2
"""Rounds that make up for days gone by know less than those of today; and the sample is apart from both."""
_DAYS_ASKED = 2
"""Topics are expected that were asked for as of the newest days, of which these are so many."""
_NOTHING = Score(0.0)
"""The score of every paper that has none: one for all."""


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
        self._corpora: list[Corpus] = []
        self._asked: dict[date, set[str]] = {}
        self._reading = Lock()

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        corpus = self._read(recent)
        self._asked.setdefault(corpus.newest, set()).update(topics)
        taste = taste_of(corpus, topics, feedback)
        scores = [_NOTHING] * len(papers)
        for matching, places in corpus.locate(papers):
            scoring = Scoring(corpus, taste, matching)
            for number, place in places:
                if place in scoring.places:
                    scores[number] = scoring.score(place)
        return scores

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        learned = learn_from(feedback, self._read(recent).background)
        return (learned.wanted, learned.unwanted) if learned else ((), ())

    def _read(self, recent: Sequence[Announcement]) -> Corpus:
        """The papers of `recent`, read once for all chats that ask with the same. Chats may ask at once, from several threads."""
        with self._reading:
            corpus = next((each for each in self._corpora if each.is_of(recent)), None)
            others = [each for each in self._corpora if each is not corpus]
            if corpus is None:
                # What was asked yesterday will be asked today, and again when papers of more categories come.
                for day in sorted(self._asked)[:-_DAYS_ASKED]:
                    del self._asked[day]
                corpus = Corpus(recent, set[str]().union(*self._asked.values()))
            self._corpora = [corpus, *others][:MOST_CORPORA]
            return corpus
