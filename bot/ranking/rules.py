"""Ranking by rules: how much a paper says about each topic, and how rare it is to say that."""

import math
from collections.abc import Iterable, Sequence

from bot.errors import UserError
from bot.model.announcement import Announcement
from bot.model.digest import Reason, Score
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.terms import FIELDS, Document, Hit, Term, document_of
from bot.topics import Match, Topic, compile_topic

FIELD_POINTS = {"title": 2.0, "abstract": 1.0, "author": 3.0, "category": 1.0}
"""What a term of rarity 1 is worth where it occurs once. Often is worth up to twice that."""
FURTHER_TERM = 0.5
"""What each further term of one topic counts, compared with the one before."""
USUAL_SHARE = 0.01
"""A term in this share of all papers has rarity 1. What nothing is known of is taken to be so common."""
PRIOR_PAPERS = 100
"""How many papers must be known to weigh as much as that assumption."""
MOST_RECENT = 5000
"""Frequencies are counted in this many of the newest papers, at most."""


class RulesRanker:
    """Whole words; the title before the abstract; rare before common; every topic once, with the reason for its points.

    A term earns its field's points x its rarity x its weight. A topic earns the points of its best term, half of
    the second best, a quarter of the third, and so on. A paper's score is the sum over topics.
    """

    name = "rules"
    types = tuple(AnnounceType)
    has_min_score = True

    def __init__(self) -> None:
        self._corpus = _Corpus(())

    def rank(
        self, papers: Sequence[AnnouncedPaper], topics: Sequence[str], recent: Sequence[Announcement]
    ) -> list[Score]:
        interests, exclusions = _compile(topics)
        documents = [document_of(each.paper) for each in papers]
        corpus = self._read(recent)
        fresh = {each.paper.id: document for each, document in zip(papers, documents, strict=True)}
        rarity = _Rarity(corpus, [document for known, document in fresh.items() if known not in corpus.ids])
        return [_score(document, interests, exclusions, rarity) for document in documents]

    def _read(self, recent: Sequence[Announcement]) -> "_Corpus":
        """The papers of `recent`; many chats in a row ask with the same, and share what was counted for one of them."""
        corpus = self._corpus
        if not corpus.is_of(recent):
            self._corpus = corpus = _Corpus(tuple(recent))
        return corpus


class _Corpus:
    """Known papers, and in how many of them each term asked for occurs."""

    def __init__(self, announcements: tuple[Announcement, ...]) -> None:
        self._announcements = announcements
        newest_first = sorted(announcements, key=lambda each: each.day, reverse=True)
        papers: dict[ArxivId, Paper] = {}
        for announcement in newest_first:
            for paper in announcement.papers.values():
                if len(papers) < MOST_RECENT:
                    papers.setdefault(paper.id, paper)
        self.ids = frozenset(papers)
        self._documents = [document_of(paper) for paper in papers.values()]
        self._counts: dict[str, int] = {}

    def is_of(self, announcements: Sequence[Announcement]) -> bool:
        """Whether it was made of these very objects."""
        known = self._announcements
        return len(known) == len(announcements) and all(map(_is_same, known, announcements))

    def count(self, term: Term) -> int:
        """How many of the papers have the term."""
        if term.key not in self._counts:
            self._counts[term.key] = _count(term, self._documents)
        return self._counts[term.key]


def _is_same(one: Announcement, other: Announcement) -> bool:
    return one is other


def _count(term: Term, documents: Iterable[Document]) -> int:
    return sum(1 for document in documents if term.is_in(document))


class _Rarity:
    """How rare a term is among all papers known now: those of the corpus and those to be ranked."""

    def __init__(self, corpus: _Corpus, fresh: Sequence[Document]) -> None:
        self._corpus = corpus
        self._fresh = fresh
        self._known: dict[str, float] = {}

    def of(self, term: Term) -> float:
        """1 for a term in one paper of a hundred, about 0.5 for one in three, 1.4 for one in ten thousand."""
        if term.key not in self._known:
            self._known[term.key] = self._measure(term)
        return self._known[term.key]

    def _measure(self, term: Term) -> float:
        total = len(self._corpus.ids) + len(self._fresh)
        found = self._corpus.count(term) + _count(term, self._fresh)
        share = (found + USUAL_SHARE * PRIOR_PAPERS) / (total + PRIOR_PAPERS)
        # The root keeps one very rare word from outweighing several good ones.
        return math.sqrt(math.log(share) / math.log(USUAL_SHARE))


def _compile(topics: Iterable[str]) -> tuple[list[Topic], list[Topic]]:
    """The topics of interest, each once however it is spelled, and those that leave papers out."""
    distinct: dict[str, Topic] = {}
    for text in topics:
        try:
            topic = compile_topic(text)
        except UserError:
            continue
        distinct.setdefault(topic.key, topic)
    interests = [topic for topic in distinct.values() if not topic.is_exclusion]
    return interests, [topic for topic in distinct.values() if topic.is_exclusion]


def _score(document: Document, interests: Iterable[Topic], exclusions: Iterable[Topic], rarity: _Rarity) -> Score:
    for exclusion in exclusions:
        if exclusion.match(document):
            return Score(0.0, excluded_by=exclusion.text)
    found = ((topic, topic.match(document)) for topic in interests)
    reasons = [_reason(topic, match, rarity) for topic, match in found if match]
    reasons.sort(key=lambda each: (-each.points, each.topic))
    return Score(sum((each.points for each in reasons), 0.0), tuple(reasons))


def _reason(topic: Topic, match: Match, rarity: _Rarity) -> Reason:
    by_term: dict[str, list[Hit]] = {}
    for hit in match.hits:
        by_term.setdefault(hit.term.key, []).append(hit)
    earned = sorted((_points(hits, rarity) for hits in by_term.values()), reverse=True)
    points = sum(each * FURTHER_TERM**place for place, each in enumerate(earned))
    where = {hit.field for hit in match.hits}
    return Reason(topic.text, tuple(name for name in FIELDS if name in where), points)


def _points(hits: Sequence[Hit], rarity: _Rarity) -> float:
    """The points of one term from its hits in different fields."""
    term = hits[0].term
    often = {hit.field: 2 * hit.count / (hit.count + 1) for hit in hits}
    return term.weight * rarity.of(term) * sum(FIELD_POINTS[name] * times for name, times in often.items())
