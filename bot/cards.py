"""One paper on its own, and what a person makes of it: the use cases behind cards and their buttons."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.archive import Archive
from bot.backfill import Backfill
from bot.digests import calibrate, candidates, has_interests
from bot.errors import UserError
from bot.language import tr
from bot.lessons import Lessons
from bot.model.announcement import Announcement
from bot.model.card import Card, Mark, MarkedPaper, toggle_mark
from bot.model.chat import Chat
from bot.model.digest import Score
from bot.model.feedback import Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId
from bot.model.subscription import Subscription
from bot.model.summary import Summary, Wish
from bot.pipeline import Pipeline
from bot.summarising import ON_TAP, Summaries, group_of


@dataclass(frozen=True, slots=True)
class _Found:
    """A paper with the announcements it was found among; none for one that was archived or looked up."""

    announced: AnnouncedPaper
    is_sample: bool
    announcements: Sequence[Announcement] = ()
    is_announced: bool = False


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards from the announcements kept here, so that a tap is answered at once; `archive` those of the months
    before, if it is there.

    `summaries` None: cards have none. `backfill` has all other papers, and what feeds lack: a card that is opened for the
    first time comes without, and lets it be looked up.
    """

    pipeline: Pipeline
    backfill: Backfill | None = None
    summaries: Summaries | None = None
    archive: Archive | None = None

    async def get(self, subscription: Subscription, person: str, identifier: ArxivId) -> Card | None:
        """The card of a paper as its newest announcement has it, as the sample has it, or as arXiv knows it; else None.

        Raises SourceError where arXiv had to be asked and did not answer.
        """
        found = await self._find(subscription, identifier)
        if found is None:
            return None
        feedback = await Lessons(self.pipeline.storage).get(subscription.chat, found.announcements)
        score = await self._score(subscription, found, feedback)
        marked = await self.get_marked(subscription.chat, person, identifier)
        marks = marked.marks if marked else frozenset()
        summary = await self._find_summary(subscription, found)
        is_announced = found.is_announced or bool(found.announcements)
        card = Card(found.announced, score, marks, found.is_sample, summary=summary, is_announced=is_announced)
        return card if found.is_sample else await self._complete(subscription.chat, card)

    async def summarise(self, subscription: Subscription, card: Card) -> Card:
        """The card with its summary, if that is there before a person's patience is over; later it may come all the same."""
        paper, language = card.announced.paper, subscription.language
        if self.summaries is None or card.is_sample or card.summary is not None:
            return card
        await self.summaries.want([Wish(paper, language, ON_TAP, group_of(subscription.chat))])
        found = await self.summaries.wait([paper], language, self.summaries.tap_seconds)
        return replace(card, summary=found.get(paper.id))

    async def get_marked(self, chat: Chat, person: str, identifier: ArxivId) -> MarkedPaper | None:
        """The paper with the person's marks, if it has any; known for ever, unlike announcements."""
        return (await self.pipeline.storage.get_marks(chat, person)).get(identifier)

    async def get_saved(self, chat: Chat, person: str) -> tuple[MarkedPaper, ...]:
        """What the person saved in this chat, the latest change first."""
        marked = await self.pipeline.storage.get_marks(chat, person)
        return tuple(each for each in tuple(marked.values())[::-1] if Mark.SAVE in each.marks)

    async def toggle(self, subscription: Subscription, person: str, identifier: ArxivId, mark: Mark) -> frozenset[Mark]:
        """Set a mark, or take it back; the person's marks of the paper after that.

        Raises UserError for an invented paper, and for one known neither from an announcement or arXiv nor from earlier marks.
        """
        marked = await self.get_marked(subscription.chat, person, identifier)
        found = await self._find(subscription, identifier, is_known=marked is not None)
        if found is not None and found.is_sample:
            raise UserError(tr("{id} is an invented paper of the sample, which cannot be marked.", id=identifier))
        if found is None and marked is None:
            raise UserError(
                tr("{id} is in none of the announcements kept here, so it cannot be marked.", id=identifier)
            )
        title = found.announced.paper.title if found else marked.title if marked else ""
        today = self.pipeline.clock().date()
        marks = await self.pipeline.storage.change_marks(
            subscription.chat, person, identifier, title, lambda marks: toggle_mark(marks, mark), today
        )
        await Lessons(self.pipeline.storage).remember(subscription.chat, person, identifier)
        return marks

    async def _complete(self, chat: Chat, card: Card) -> Card:
        """The card with all that is known of the paper beside its announcement."""
        paper = card.announced.paper
        is_followed = chat in await self.pipeline.storage.get_followers(paper.id)
        record = await self.backfill.find(paper.id, paper.version) if self.backfill else None
        if record is None:
            return replace(card, is_followed=is_followed)
        # The feed's authors are one text, cut at its commas; its journal reference comes late.
        authors, journal = record.paper.authors or paper.authors, paper.journal_ref or record.paper.journal_ref
        announced = replace(card.announced, paper=replace(paper, authors=authors, journal_ref=journal))
        return replace(card, announced=announced, comment=record.comment, is_followed=is_followed)

    async def _find(self, subscription: Subscription, identifier: ArxivId, *, is_known: bool = False) -> _Found | None:
        """The paper, if need be from arXiv, but not where it `is_known` otherwise."""
        found = _search(await self.pipeline.announcements(), subscription, identifier)
        if found is None:
            categories = self.pipeline.categories_of(subscription) or self.pipeline.default_categories
            found = _search(await self.pipeline.sample_announcements(categories), subscription, identifier)
        if found is None and self.archive is not None:
            archived = await self.archive.find(identifier)
            found = _Found(archived, is_sample=False, is_announced=True) if archived else None
        if found is None and self.backfill is not None and not is_known:
            record = await self.backfill.fetch_once(identifier)
            if record is not None:
                return _Found(AnnouncedPaper(record.paper, AnnounceType.NEW, record.changed), is_sample=False)
        return found

    async def _find_summary(self, subscription: Subscription, found: _Found) -> Summary | None:
        if self.summaries is None or found.is_sample or subscription.detail == "abstract":
            return None
        return await self.summaries.find(found.announced.paper, subscription.language)

    async def _score(self, subscription: Subscription, found: _Found, feedback: Feedback) -> Score | None:
        if self.pipeline.meaning is None:
            return await asyncio.to_thread(self._score_alone, subscription, found, feedback)
        # What meaning gives or takes depends on all the papers beside which this one stands.
        if not found.announcements or not has_interests(subscription.topics):
            return None
        verdicts = await self.pipeline.verdicts(subscription, found.announcements)
        return next((each.score for each in verdicts if each.announced.paper.id == found.announced.paper.id), None)

    def _score_alone(self, subscription: Subscription, found: _Found, feedback: Feedback) -> Score | None:
        """What the digest would give it; None where this chat has no topic, or does not consider the paper."""
        identifier, announcements = found.announced.paper.id, found.announcements
        if not announcements:
            return None
        latest = next((each for each in reversed(announcements) if each.papers_for(subscription.categories)), None)
        # Going through a month of announcements for one paper takes a tenth of a second; these days decide.
        decisive = [each for each in announcements if each is latest or identifier in each.papers]
        considered = any(each.paper.id == identifier for each in candidates(subscription, decisive))
        if not considered or not has_interests(subscription.topics):
            return None
        ranker = self.pipeline.rankers[subscription.ranker]
        scores = ranker.rank([found.announced], subscription.active_topics, announcements, feedback)
        return calibrate(ranker, subscription, scores)[0]


def _search(announcements: Sequence[Announcement], subscription: Subscription, identifier: ArxivId) -> _Found | None:
    """The paper as last announced: as this chat's categories have it, or else as those do that announced it."""
    for announcement in reversed(announcements):
        if identifier in announcement.papers:
            views = (announcement.papers_for(each) for each in (subscription.categories, ()))
            announced = next(each for view in views for each in view if each.paper.id == identifier)
            return _Found(announced, announcement.is_sample, announcements)
    return None
