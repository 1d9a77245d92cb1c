"""One paper on its own, and what a person makes of it: the use cases behind cards and their buttons."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.digests import candidates, has_interests
from bot.errors import UserError
from bot.language import tr
from bot.lessons import Lessons
from bot.model.announcement import Announcement
from bot.model.card import Card, Mark, MarkedPaper, toggle_mark
from bot.model.chat import Chat
from bot.model.digest import Score
from bot.model.feedback import Feedback
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.subscription import Subscription
from bot.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class _Found:
    """A paper with the announcements it was found among."""

    announced: AnnouncedPaper
    is_sample: bool
    announcements: Sequence[Announcement]


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards from the announcements kept here; arXiv is never asked, so that a tap is answered at once."""

    pipeline: Pipeline

    async def get(self, subscription: Subscription, person: str, identifier: ArxivId) -> Card | None:
        """The card of a paper as its newest announcement has it, or as the sample has it; None where neither does."""
        found = await self._find(subscription, identifier)
        if found is None:
            return None
        feedback = await Lessons(self.pipeline.storage).get(subscription.chat, found.announcements)
        score = await asyncio.to_thread(self._score, subscription, found, feedback)
        marked = await self.get_marked(subscription.chat, person, identifier)
        return Card(found.announced, score, marked.marks if marked else frozenset(), found.is_sample)

    async def get_marked(self, chat: Chat, person: str, identifier: ArxivId) -> MarkedPaper | None:
        """The paper with the person's marks, if it has any; known for ever, unlike announcements."""
        return (await self.pipeline.storage.get_marks(chat, person)).get(identifier)

    async def get_saved(self, chat: Chat, person: str) -> tuple[MarkedPaper, ...]:
        """What the person saved in this chat, the latest change first."""
        marked = await self.pipeline.storage.get_marks(chat, person)
        return tuple(each for each in tuple(marked.values())[::-1] if Mark.SAVE in each.marks)

    async def toggle(self, subscription: Subscription, person: str, identifier: ArxivId, mark: Mark) -> frozenset[Mark]:
        """Set a mark, or take it back; the person's marks of the paper after that.

        Raises UserError for an invented paper, and for one known neither from an announcement nor from earlier marks.
        """
        found = await self._find(subscription, identifier)
        marked = await self.get_marked(subscription.chat, person, identifier)
        if found is not None and found.is_sample:
            raise UserError(tr("{id} is an invented paper of the sample, which cannot be marked.", id=identifier))
        if found is None and marked is None:
            raise UserError(
                tr("{id} is in none of the announcements kept here, so it cannot be marked.", id=identifier)
            )
        title = found.announced.paper.title if found else marked.title if marked else ""
        today = self.pipeline.clock().date()
        return await self.pipeline.storage.change_marks(
            subscription.chat, person, identifier, title, lambda marks: toggle_mark(marks, mark), today
        )

    async def _find(self, subscription: Subscription, identifier: ArxivId) -> _Found | None:
        found = _search(await self.pipeline.announcements(), subscription, identifier)
        if found is None:
            categories = self.pipeline.categories_of(subscription) or self.pipeline.default_categories
            found = _search(await self.pipeline.sample_announcements(categories), subscription, identifier)
        return found

    def _score(self, subscription: Subscription, found: _Found, feedback: Feedback) -> Score | None:
        """What the digest would give it; None where this chat has no topic, or does not consider the paper."""
        identifier, announcements = found.announced.paper.id, found.announcements
        latest = next((each for each in reversed(announcements) if each.papers_for(subscription.categories)), None)
        # Going through a month of announcements for one paper takes a tenth of a second; these days decide.
        decisive = [each for each in announcements if each is latest or identifier in each.papers]
        considered = any(each.paper.id == identifier for each in candidates(subscription, decisive))
        if not considered or not has_interests(subscription.topics):
            return None
        ranker = self.pipeline.rankers[subscription.ranker]
        return ranker.rank([found.announced], subscription.active_topics, announcements, feedback)[0]


def _search(announcements: Sequence[Announcement], subscription: Subscription, identifier: ArxivId) -> _Found | None:
    """The paper as last announced: as this chat's categories have it, or else as those do that announced it."""
    for announcement in reversed(announcements):
        if identifier in announcement.papers:
            views = (announcement.papers_for(each) for each in (subscription.categories, ()))
            announced = next(each for view in views for each in view if each.paper.id == identifier)
            return _Found(announced, announcement.is_sample, announcements)
    return None
