"""What papers mean, beside the words that they share with topics: vectors and, on the shortlist, a language model's judgement.

Both are heard after the ranker, and only of what is there at that moment: nobody waits here. What lacks is made in the background.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Self

from bot.digests import judge
from bot.errors import UserError
from bot.fusion import Opinion, fuse
from bot.judgements import Judgements
from bot.model.announcement import Announcement
from bot.model.digest import LeftOut, ReasonKind, Score
from bot.model.feedback import Feedback
from bot.model.meaning import Interests, Passage
from bot.model.paper import AnnouncedPaper, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.nearness import MOST_SAMPLED, Background, Near, find_near
from bot.topics import compile_topic
from bot.vectors import Vectors

LONGEST_TEXT = 2_000
"""Characters of a paper, title first, that make its vector."""
MOST_LIKED, MOST_TITLES = 30, 10
"""So many of the papers liked last have a vector that counts, and are named to the judge."""
MOST_MATCHES = 200
"""So many of a chat's candidates have a vector made because a topic matches, beside those that are new."""
SHORTLIST = 20
"""So many papers at the front of a digest are judged."""
MEANING_WEIGHT, JUDGE_WEIGHT = 0.3, 1.0
"""What the order by meaning, and by the judge, count beside the order so far."""
ADMITS = 6.0
"""A paper without a match may come in that stands out among usual papers by so many standard deviations."""
_MOST_USUAL = 2_000
_FIRST, _SECOND, _LAST = 1e9, 1e6, 1e-9
_FIELD = re.compile(r"^(?:ti|abs|all):")
_NO_PROSE = re.compile(r"^(?:au|cat):")


@dataclass(frozen=True, slots=True)
class Refined:
    """Scores in the order of the papers. `is_coming`: something that may change them is being made."""

    scores: Sequence[Score]
    is_coming: bool = False


@dataclass(slots=True)
class Meaning:
    """Use it between `async with` and its end. `rankers`: those whose order may be changed.

    `finished` is set whenever nothing is left to be made.
    """

    vectors: Vectors | None = None
    judgements: Judgements | None = None
    rankers: frozenset[str] = frozenset({"rules"})
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _background: tuple[tuple[Announcement, ...], int, Background] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        async with AsyncExitStack() as stack:
            for each in (self.vectors, self.judgements):
                if each is not None:
                    stack.push_async_callback(each.close)

    @property
    def is_busy(self) -> bool:
        """Whether anything is being made."""
        return any(each is not None and each.is_busy for each in (self.vectors, self.judgements))

    async def prune(self, before: date) -> None:
        """Drop what was made before that day."""
        for each in (self.vectors, self.judgements):
            if each is not None:
                await each.cache.prune(before)

    async def refine(  # noqa: PLR0913, PLR0917 - all that the order depends on
        self,
        subscription: Subscription,
        papers: Sequence[AnnouncedPaper],
        scores: Sequence[Score],
        recent: Sequence[Announcement],
        feedback: Feedback,
        seen: Iterable[ArxivId],
        *,
        is_scheduled: bool,
    ) -> Refined:
        """The scores after what is known of the papers' meaning was heard.

        `is_scheduled`: the judge is asked about what was not judged yet; else what was judged counts. `seen`: papers that will
        not be shown.
        """
        if subscription.ranker not in self.rankers or any(each.is_sample for each in recent):
            return Refined(scores)
        is_coming = False
        if self.vectors is not None:
            interests = topic_passages(subscription.active_topics), liked_passages(feedback.liked)
            is_coming = _want_vectors(self.vectors, interests, papers, scores, recent)
            scores = await asyncio.to_thread(self._by_meaning, self.vectors, interests, papers, scores, recent)
        if self.judgements is not None:
            wanted = _interests(subscription, feedback)
            # As long as the order may change, nobody knows which papers are at its front.
            if is_scheduled and wanted and not is_coming:
                shortlist = await asyncio.to_thread(_shortlist, subscription, papers, scores, frozenset(seen))
                is_coming = self.judgements.want(wanted, shortlist)
            scores = by_judgement(papers, scores, self.judgements.find(wanted, [each.paper for each in papers]))
        return Refined(scores, is_coming)

    def _by_meaning(
        self,
        vectors: Vectors,
        interests: tuple[Sequence[Passage], Sequence[Passage]],
        papers: Sequence[AnnouncedPaper],
        scores: Sequence[Score],
        recent: Sequence[Announcement],
    ) -> Sequence[Score]:
        wanted = [[vectors.find(each) for each in kind] for kind in interests]
        if not any(map(any, wanted)):
            return scores
        known = [vectors.find(paper_passage(each.paper)) for each in papers]
        near = find_near(known, wanted, self._usual(vectors, recent), in_order(papers, scores))
        return by_meaning(papers, scores, near, [each.name for kind in interests for each in kind])

    def _usual(self, vectors: Vectors, recent: Sequence[Announcement]) -> Background:
        """The papers announced last that have a vector; many chats in a row ask with the same announcements."""
        known = self._background
        if known is not None and known[0] == tuple(recent) and known[1] == vectors.revision:
            return known[2]
        found = (vectors.find(paper_passage(each)) for each in islice(newest_first(recent), _MOST_USUAL))
        background = Background([each for each in found if each is not None])
        self._background = (tuple(recent), vectors.revision, background)
        return background


def _want_vectors(
    vectors: Vectors,
    interests: tuple[Sequence[Passage], Sequence[Passage]],
    papers: Sequence[AnnouncedPaper],
    scores: Sequence[Score],
    recent: Sequence[Announcement],
) -> bool:
    """Interests first; then what matches, by its place, and all else that is new; then as many papers as tell what is usual."""
    topics, liked = interests
    if not (topics or liked):
        return False
    weights = dict.fromkeys(liked, _SECOND) | dict.fromkeys(topics, _FIRST)
    newest = max((each.day for each in papers), default=None)
    for rank, place in enumerate(in_order(papers, scores), start=1):
        is_match = scores[place].points > 0 and rank <= MOST_MATCHES
        if not scores[place].excluded_by and (is_match or papers[place].day == newest):
            weights.setdefault(paper_passage(papers[place].paper), 1 / rank)
    for paper in islice(newest_first(recent), MOST_SAMPLED):
        weights.setdefault(paper_passage(paper), _LAST)
    return vectors.want(weights)


def in_order(papers: Sequence[AnnouncedPaper], scores: Sequence[Score]) -> list[int]:
    """The places of the papers, the greatest score first; equal scores by id."""
    return sorted(range(len(papers)), key=lambda place: (-scores[place].points, papers[place].paper.id))


def topic_passages(topics: Iterable[str]) -> list[Passage]:
    """The topics that say in words what to read, each as the words that it looks for."""
    passages = []
    for text in topics:
        try:
            topic = compile_topic(text)
        except UserError:
            continue
        terms = [] if topic.is_exclusion else [each.text for each in topic.terms if not _NO_PROSE.match(each.text)]
        said = ", ".join(dict.fromkeys(_FIELD.sub("", each).rstrip("*") for each in terms))
        if said:
            passages.append(Passage(f"topic {said}", said, topic.text))
    return passages


def paper_passage(paper: Paper) -> Passage:
    """A paper's title and abstract."""
    key = paper.versioned_id if paper.abstract else f"{paper.versioned_id} title"
    return Passage(f"paper {key}", f"{paper.title}\n\n{paper.abstract}"[:LONGEST_TEXT], paper.title)


def liked_passages(liked: Sequence[Paper]) -> list[Passage]:
    """The papers liked last."""
    return [paper_passage(each) for each in _last(liked, MOST_LIKED)]


def by_meaning(
    papers: Sequence[AnnouncedPaper], scores: Sequence[Score], near: Sequence[Near | None], interests: Sequence[str]
) -> Sequence[Score]:
    """The scores after it was heard how near each paper is to the nearest of the interests."""
    opinion = Opinion(
        ReasonKind.MEANING,
        [None if each is None else each.total for each in near],
        ["" if each is None else interests[each.place] for each in near],
        MEANING_WEIGHT,
        frozenset(place for place, each in enumerate(near) if each is not None and each.excess >= ADMITS),
    )
    return fuse(scores, [each.paper.id for each in papers], opinion)


def by_judgement(
    papers: Sequence[AnnouncedPaper], scores: Sequence[Score], judged: Sequence[float | None]
) -> Sequence[Score]:
    """The scores after it was heard what the judge said; only papers that were judged change places."""
    known = [place for place, each in enumerate(judged) if each is not None]
    if len(known) < 2:  # noqa: PLR2004 - one paper has nobody to change places with
        return scores
    heard = fuse(
        [scores[place] for place in known],
        [papers[place].paper.id for place in known],
        Opinion(
            ReasonKind.JUDGED,
            [judged[place] for place in known],
            [f"{judged[place]:g}" for place in known],
            JUDGE_WEIGHT,
        ),
    )
    refined = list(scores)
    for place, score in zip(known, heard, strict=True):
        refined[place] = score
    return refined


def _shortlist(
    subscription: Subscription, papers: Sequence[AnnouncedPaper], scores: Sequence[Score], seen: frozenset[ArxivId]
) -> list[Paper]:
    """The papers at the front of what may be shown."""
    verdicts = judge(subscription, papers, scores, dict.fromkeys(seen, papers[0].day) if papers else {})
    shown = [each for each in verdicts if each.left_out in (None, LeftOut.NO_ROOM) and each.score.points > 0]
    return [each.announced.paper for each in shown[:SHORTLIST]]


def newest_first(recent: Iterable[Announcement]) -> Iterator[Paper]:
    """All papers announced, in a fixed order."""
    for announcement in sorted(recent, key=lambda each: each.day, reverse=True):
        for _, paper in sorted(announcement.papers.items()):
            yield paper


def _interests(subscription: Subscription, feedback: Feedback) -> Interests:
    topics = tuple(each.name for each in topic_passages(subscription.active_topics))
    return Interests(topics, tuple(each.title for each in _last(feedback.liked, MOST_TITLES)))


def _last(liked: Sequence[Paper], most: int) -> list[Paper]:
    """The last of these papers, each once."""
    distinct = {each.id: each for each in reversed(liked)}
    return list(distinct.values())[:most]
