"""Following papers: the use cases behind /follow, the button of a card, and 💾."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.backfill import Backfill
from bot.errors import SourceError, UserError
from bot.language import tr
from bot.model.chat import Chat
from bot.model.follow import Follow, Version
from bot.model.paper import ArxivId
from bot.pipeline import Pipeline
from bot.subscriptions import Subscriptions

MOST_FOLLOWS = 500
"""How many papers a chat can follow."""

Change = Callable[[Follow | None], Follow | None]


@dataclass(frozen=True, slots=True)
class Follows:
    """What chats follow. A follow lasts as long as somebody said so, or saved the paper in the chat (ADR 0013)."""

    pipeline: Pipeline
    subscriptions: Subscriptions
    backfill: Backfill

    async def get(self, chat: Chat) -> Mapping[ArxivId, Follow]:
        """The papers that the chat follows, the one begun last at the end."""
        return await self.pipeline.storage.get_follows(chat)

    async def has(self, chat: Chat, paper: ArxivId) -> bool:
        """Whether the chat follows the paper."""
        return chat in await self.pipeline.storage.get_followers(paper)

    async def begin(self, chat: Chat, paper: ArxivId) -> Follow:
        """Follow a paper because somebody said so; arXiv is asked for one that is not known here.

        Raises UserError where it cannot be followed.
        """
        follows = await self.get(chat)
        if paper not in follows and len(follows) >= MOST_FOLLOWS:
            raise UserError(tr("A chat can follow at most {limit} papers. /follow lists them.", limit=MOST_FOLLOWS))
        known = follows[paper].known if paper in follows else await self._find(paper) or await self._ask(paper)
        await self.subscriptions.keep(chat)

        def ask(follow: Follow | None) -> Follow:
            return replace(follow or Follow(known), is_asked=True)

        return await self._change(chat, paper, ask) or Follow(known)

    async def end(self, chat: Chat, paper: ArxivId) -> Follow | None:
        """Follow the paper no longer, whoever saved it; the follow that ended, None where there was none."""
        before = (await self.pipeline.storage.get_followers(paper)).get(chat)
        await self._change(chat, paper, lambda _: None)
        return before

    async def save(self, chat: Chat, person: str, paper: ArxivId, title: str) -> bool:
        """Follow a paper because the person saved it; False where the chat follows as many as it can."""
        follows = await self.get(chat)
        if paper not in follows and len(follows) >= MOST_FOLLOWS:
            return False
        known = await self._find(paper) or Version(paper, 0, title)
        await self.subscriptions.keep(chat)

        def add(follow: Follow | None) -> Follow:
            follow = follow or Follow(known)
            return replace(follow, savers=tuple(dict.fromkeys((*follow.savers, person))))

        await self._change(chat, paper, add)
        self.backfill.want([(paper, known.number)] if known.number else [])
        return True

    async def unsave(self, chat: Chat, person: str, paper: ArxivId) -> None:
        """The person did not mean to save it: follow it only if somebody else did, or said so. Fine if it is not followed."""

        def remove(follow: Follow | None) -> Follow | None:
            if follow is None:
                return None
            left = replace(follow, savers=tuple(each for each in follow.savers if each != person))
            return left if left.is_asked or left.savers else None

        await self._change(chat, paper, remove)

    async def _change(self, chat: Chat, paper: ArxivId, change: Change) -> Follow | None:
        return await self.pipeline.storage.change_follow(chat, paper, change)

    async def _find(self, paper: ArxivId) -> Version | None:
        """The paper as it was last announced here."""
        for each in reversed(await self.pipeline.announcements()):
            if paper in each.papers:
                return Version.of(each.papers[paper])
        return None

    async def _ask(self, paper: ArxivId) -> Version:
        try:
            record = await self.backfill.fetch(paper)
        except SourceError as error:
            raise UserError(
                tr(
                    "{id} is in none of the announcements kept here, and arXiv cannot be asked now. Please try again in a "
                    "minute.",
                    id=paper,
                )
            ) from error
        if record is None:
            raise UserError(tr("{id} is a paper that neither the announcements kept here nor arXiv know.", id=paper))
        return Version.of(record.paper)
