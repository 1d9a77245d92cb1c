"""Ranking by rules: how much a paper says about each topic, and how rare it is to say that."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.errors import UserError
from bot.folding import fold_words
from bot.model.announcement import Announcement
from bot.model.digest import Reason, ReasonKind, Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.ranking.learned import learn_from
from bot.ranking.likeness import Background, Lexicon, Likeness, learn
from bot.terms import FIELDS, Document, Hit, Term, document_of
from bot.topics import Match, Topic, compile_topic

FIELD_WEIGHTS = {"title": 3.0, "abstract": 1.0, "author": 6.0, "category": 1.0}
"""How often a term counts for each time it occurs in a field (BM25F: the fields are added up before they saturate)."""
MOST_POINTS = 3.0
"""What a term of rarity 1 is worth at most; once in an abstract of usual length it is 1, once in a title 1.8."""
HALFWAY = 2.0
"""So much of it gives half of the most points."""
USUAL_LENGTH = 150
"""Words in an abstract. In one of twice that length a term counts two thirds."""
FURTHER_TERM = 0.5
"""What each further term of one topic counts, compared with the one before."""
USUAL_SHARE = 0.01
"""A term in this share of all papers has rarity 1. What nothing is known of is taken to be so common."""
PRIOR_PAPERS = 100
"""How many papers must be known to weigh as much as that assumption."""
MOST_RECENT = 5000
"""Frequencies are counted in this many of the newest papers, at most."""
RELATED_POINTS = 2.0
"""What a paper gets that is as like the best recent matches of the topics as these are, but never more than by its topics."""
EXAMPLES = 20
"""So many of the best recent matches tell which words are close to the topics; a word counts that `LEAST` of them have."""
LEAST = 3
RELATED_TERMS = 30
NAMED_WORDS = 3


class _Teacher(Protocol):
    """Something that has learned words."""

    def reasons(self, document: Document, earned: float) -> list[Reason]:
        """What it gives or takes, where the topics gave `earned`."""
        ...


class RulesRanker:
    """Whole words; the title before the abstract; rare before common; every topic once, with the reason for its points.

    A term earns points x its rarity x its weight. A topic earns the points of its best term, half of the second best, a
    quarter of the third, and so on. A paper's score is the sum over topics, and a little for words that are close to them.
    """

    name = "rules"
    types = tuple(AnnounceType)
    has_min_score = True
    is_broad = True

    def __init__(self) -> None:
        self._corpus = _Corpus(())

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        interests, exclusions = _compile(topics)
        corpus = self._read(recent)
        teachers: list[_Teacher] = [
            each for each in (corpus.related(interests), learn_from(feedback, corpus.background)) if each is not None
        ]
        documents = (document_of(each.paper) for each in papers)
        return [_score(document, interests, exclusions, corpus, teachers) for document in documents]

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        learned = learn_from(feedback, self._read(recent).background)
        return (learned.wanted, learned.unwanted) if learned else ((), ())

    def _read(self, recent: Sequence[Announcement]) -> "_Corpus":
        """The papers of `recent`; many chats in a row ask with the same, and share what was counted for one of them."""
        corpus = self._corpus
        if not corpus.is_of(recent):
            self._corpus = corpus = _Corpus(tuple(recent))
        return corpus


@dataclass(frozen=True, slots=True)
class _Related:
    """What goes with some topics, and the topics' own words, which need not be told."""

    likeness: Likeness
    lexicon: Lexicon
    own: frozenset[str]

    def reasons(self, document: Document, earned: float) -> list[Reason]:
        """The points of a paper for what it has of it, where the topics gave it `earned`; none for the topics' own words alone."""
        if not earned:
            return []
        found = self.lexicon.find(document)
        others = [each for each in self.likeness.rank(found) if not self.own.issuperset(each.split())]
        points = min(RELATED_POINTS * self.likeness.of(document, found), earned)
        return [Reason(", ".join(others[:NAMED_WORDS]), (), points, ReasonKind.RELATED)] if points and others else []


class _Corpus:
    """Known papers: where each term asked for occurs, how rare that is, and what goes with which topics."""

    def __init__(self, announcements: tuple[Announcement, ...]) -> None:
        self._announcements = announcements
        newest_first = sorted(announcements, key=lambda each: each.day, reverse=True)
        papers: dict[ArxivId, Paper] = {}
        for announcement in newest_first:
            for paper in announcement.papers.values():
                if len(papers) < MOST_RECENT:
                    papers.setdefault(paper.id, paper)
        self._documents = [document_of(paper) for _, paper in sorted(papers.items())]
        self.background = Background(self._documents)
        self._places: dict[str, tuple[int, ...]] = {}
        self._related: dict[frozenset[str], _Related | None] = {}

    def is_of(self, announcements: Sequence[Announcement]) -> bool:
        """Whether it was made of these very objects."""
        known = self._announcements
        return len(known) == len(announcements) and all(map(_is_same, known, announcements))

    def rarity(self, term: Term) -> float:
        """1 for a term in one paper of a hundred, about 0.7 for one in three, 1.2 for one in ten thousand."""
        found = len(self._find(term)) + USUAL_SHARE * PRIOR_PAPERS
        share = found / (len(self._documents) + PRIOR_PAPERS)
        # The fourth root keeps one very rare word from outweighing several good ones.
        return math.sqrt(math.sqrt(math.log(share) / math.log(USUAL_SHARE)))

    def related(self, interests: Sequence[Topic]) -> "_Related | None":
        """What the best recent matches of all these topics together have in common."""
        key = frozenset(each.key for each in interests)
        if key not in self._related:
            self._related[key] = self._relate(interests)
        return self._related[key]

    def _relate(self, interests: Sequence[Topic]) -> "_Related | None":
        places = {place for topic in interests for term in topic.terms for place in self._find(term)}
        matches = [self._documents[place] for place in sorted(places)]
        points = {
            place: sum(reason.points for reason in _reasons(each, interests, self))
            for place, each in enumerate(matches)
        }
        best = sorted((place for place in points if points[place]), key=lambda place: (-points[place], place))
        # Authors and categories are no words that are close to a topic.
        examples = [replace(matches[place], author="", category="") for place in best[:EXAMPLES]]
        likeness = learn(examples, self.background, least=LEAST, most=RELATED_TERMS)
        own = {word for topic in interests for term in topic.terms for word in fold_words(term.text).split()}
        return _Related(likeness, Lexicon(likeness.weights), frozenset(own)) if likeness else None

    def _find(self, term: Term) -> tuple[int, ...]:
        """Which of the papers have the term."""
        if term.key not in self._places:
            self._places[term.key] = tuple(
                place for place, document in enumerate(self._documents) if term.is_in(document)
            )
        return self._places[term.key]


def _is_same(one: Announcement, other: Announcement) -> bool:
    return one is other


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


def _score(
    document: Document,
    interests: Sequence[Topic],
    exclusions: Iterable[Topic],
    corpus: _Corpus,
    teachers: Iterable[_Teacher],
) -> Score:
    for exclusion in exclusions:
        if exclusion.match(document):
            return Score(0.0, excluded_by=exclusion.text)
    reasons = _reasons(document, interests, corpus)
    earned = math.fsum(each.points for each in reasons)
    for teacher in teachers:
        reasons += teacher.reasons(document, earned)
    reasons.sort(key=lambda each: (-each.points, each.topic))
    return Score(sum((each.points for each in reasons), 0.0), tuple(reasons))


def _reasons(document: Document, interests: Iterable[Topic], corpus: _Corpus) -> list[Reason]:
    found = ((topic, topic.match(document, loosely=True)) for topic in interests)
    return [_reason(topic, match, document, corpus) for topic, match in found if match]


def _reason(topic: Topic, match: Match, document: Document, corpus: _Corpus) -> Reason:
    by_term: dict[str, list[Hit]] = {}
    for hit in match.hits:
        by_term.setdefault(hit.term.key, []).append(hit)
    earned = sorted((_points(hits, document, corpus) for hits in by_term.values()), reverse=True)
    points = sum(each * FURTHER_TERM**place for place, each in enumerate(earned))
    where = {hit.field for hit in match.hits}
    return Reason(topic.text, tuple(name for name in FIELDS if name in where), points)


def _points(hits: Sequence[Hit], document: Document, corpus: _Corpus) -> float:
    """The points of one term from its hits in different fields."""
    term = hits[0].term
    length = (1 + document.abstract.count(" ") / USUAL_LENGTH) / 2
    often = sum(FIELD_WEIGHTS[hit.field] * hit.count / (length if hit.field == "abstract" else 1.0) for hit in hits)
    return term.weight * corpus.rarity(term) * MOST_POINTS * often / (often + HALFWAY)
