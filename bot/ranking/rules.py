"""Ranking by rules: how much a paper says about each topic, and how rare it is to say that."""

from collections.abc import Sequence

from bot.model.announcement import Announcement
from bot.model.digest import Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.corpus import Corpus
from bot.ranking.learned import learn_from
from bot.ranking.scoring import NOTHING, Scoring, taste_of


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
        taste = taste_of(corpus, topics, feedback)
        scores = [NOTHING] * len(papers)
        for matching, places in corpus.locate(papers):
            scoring = Scoring(corpus, taste, matching)
            for number, place in places:
                scores[number] = scoring.score(place)
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
