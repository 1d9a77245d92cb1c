"""An announcement: one day's batch of papers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper

_MOST_VIEWS = 50


@dataclass(frozen=True, slots=True)
class Batch:
    """What one category announced on one day, in feed order. No papers: a quiet day.

    `day` is arXiv's calendar day in New York, as the feed states it.
    """

    category: str
    day: date
    papers: tuple[tuple[Paper, AnnounceType], ...]
    is_sample: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """All batches of one day, a paper announced by several categories held once."""

    day: date
    papers: Mapping[ArxivId, Paper]
    listings: Mapping[str, tuple[tuple[ArxivId, AnnounceType], ...]] = field(default_factory=dict)
    is_sample: bool = False
    _views: dict[tuple[str, ...], tuple[AnnouncedPaper, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def papers_for(self, categories: Iterable[str] = ()) -> tuple[AnnouncedPaper, ...]:
        """The papers of `categories` (of all, if empty), each once, in the order the categories list them.

        A paper is as new as any of these categories says: new in one and crossed to another is new. Thousands of chats follow
        the same few categories, and share an answer.
        """
        wanted = tuple(categories)
        view = self._views.get(wanted)
        if view is None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            view = self._views[wanted] = self._view(wanted)
        return view

    def _view(self, categories: tuple[str, ...]) -> tuple[AnnouncedPaper, ...]:
        chosen = [self.listings[category] for category in categories or self.listings if category in self.listings]
        types: dict[ArxivId, AnnounceType] = {}
        for listing in chosen:
            for identifier, announce_type in listing:
                known = types.get(identifier, announce_type)
                types[identifier] = min(known, announce_type, key=lambda each: each.strength)
        return tuple(AnnouncedPaper(self.papers[each], kind, self.day) for each, kind in types.items())


def merge_batches(batches: Iterable[Batch]) -> tuple[Announcement, ...]:
    """One announcement per day, oldest first; of a paper in several versions the newest is kept."""
    by_day: dict[date, list[Batch]] = {}
    for batch in batches:
        by_day.setdefault(batch.day, []).append(batch)
    return tuple(_merge_day(day, by_day[day]) for day in sorted(by_day))


def _merge_day(day: date, batches: list[Batch]) -> Announcement:
    papers: dict[ArxivId, Paper] = {}
    listings: dict[str, dict[ArxivId, AnnounceType]] = {}
    for batch in batches:
        listing = listings.setdefault(batch.category, {})
        for paper, announce_type in batch.papers:
            known = papers.get(paper.id)
            if known is None or known.version < paper.version:
                papers[paper.id] = paper
            listing[paper.id] = min(listing.get(paper.id, announce_type), announce_type, key=lambda each: each.strength)
    return Announcement(
        day,
        papers,
        {category: tuple(listing.items()) for category, listing in listings.items()},
        is_sample=any(batch.is_sample for batch in batches),
    )
