"""The newest papers, read once for all chats that ask with the same announcements."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cached_property

from bot.model.announcement import Announcement
from bot.model.paper import AnnouncedPaper, ArxivId, Paper
from bot.ranking.index import Index
from bot.ranking.likeness import Background
from bot.ranking.matching import Matching
from bot.terms import document_of

MOST_RECENT = 5000
"""Frequencies are counted in this many of the newest papers, at most."""


class Corpus:
    """Known papers, the same whatever their order: `matching` finds topics in them and tells how rare that is.

    `expected`: topics that are likely to be asked for.
    """

    def __init__(self, announcements: Sequence[Announcement], expected: Iterable[str] = ()) -> None:
        self._announcements = tuple(announcements)
        self.newest = max((each.day for each in announcements), default=date.min)
        newest_first = sorted(announcements, key=lambda each: each.day, reverse=True)
        papers: dict[ArxivId, Paper] = {}
        for announcement in newest_first:
            for paper in announcement.papers.values():
                if len(papers) < MOST_RECENT:
                    papers.setdefault(paper.id, paper)
        self.papers = [paper for _, paper in sorted(papers.items())]
        self._places = {paper.id: place for place, paper in enumerate(self.papers)}
        self.matching = Matching(Index([document_of(paper) for paper in self.papers]), expected=expected)
        self._strangers: tuple[list[Paper], Matching] | None = None

    @cached_property
    def background(self) -> Background:
        """What is usual among them."""
        return Background(self.matching.index.documents)

    def is_of(self, announcements: Sequence[Announcement]) -> bool:
        """Whether it was made of these; what was read anew from the storage is the same as long as nothing was added."""
        known = self._announcements
        if len(known) != len(announcements) or not all(map(_is_same, known, announcements)):
            return False
        # The next chat asks with the same objects, and these are compared at once.
        self._announcements = tuple(announcements)
        return True

    def locate(self, papers: Sequence[AnnouncedPaper]) -> Iterator[tuple[Matching, list[tuple[int, int]]]]:
        """Where topics can be looked for in these papers, and for each paper its number and its place there."""
        known: list[tuple[int, int]] = []
        strangers: list[tuple[int, Paper]] = []
        for number, announced in enumerate(papers):
            paper = announced.paper
            place = self._places.get(paper.id, -1)
            if place >= 0 and (self.papers[place] is paper or self.papers[place] == paper):
                known.append((number, place))
            else:
                strangers.append((number, paper))
        if known:
            yield self.matching, known
        if strangers:
            matching = self._read([paper for _, paper in strangers])
            yield matching, [(number, place) for place, (number, _) in enumerate(strangers)]

    def _read(self, papers: list[Paper]) -> Matching:
        """Papers that are older than the newest, or were never announced; many chats in a row ask for the same."""
        known = self._strangers
        if known is None or known[0] != papers:
            index = Index([document_of(paper) for paper in papers])
            self._strangers = known = papers, Matching(index, usual=self.matching)
        return known[1]


def _is_same(one: Announcement, other: Announcement) -> bool:
    return one is other or one == other
