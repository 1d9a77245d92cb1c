"""What a chat's marks are to teach: the votes of everybody in it, but for what was taken back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import UserError
from bot.folding import fold_letters, fold_words
from bot.language import tr
from bot.model.announcement import Announcement
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.feedback import Feedback
from bot.model.paper import ArxivId, Paper
from bot.ports import Storage

MOST_MUTED = 100
_AGAINST = frozenset({Mark.DOWN, Mark.MUTE})
_EVERYBODY = ""
"""Whose votes were forgotten before it was kept whose they are."""
_Vote = tuple[str, ArxivId]
"""Who marked a paper, and which."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Feedback from the marks in the storage. What is muted or was reset is a note there."""

    storage: Storage

    async def get(self, chat: Chat, announcements: Sequence[Announcement]) -> Feedback:
        """Everybody's votes: one for each person and paper, with as much of the paper as `announcements` still have."""
        marks = await self.storage.get_chat_marks(chat)
        if not marks:
            return Feedback()
        muted, forgotten = await self._read(chat)
        votes = [
            each
            for person, marked in marks.items()
            for each in marked.values()
            if forgotten.isdisjoint({(person, each.id), (_EVERYBODY, each.id)})
        ]
        liked, disliked = (
            tuple(_paper(each, announcements) for each in votes if bool(each.marks & _AGAINST) == is_against)
            for is_against in (False, True)
        )
        return Feedback(liked, disliked, frozenset(muted))

    async def get_muted(self, chat: Chat) -> tuple[str, ...]:
        """The terms that count for nothing, in the order in which they were muted."""
        return (await self._read(chat))[0]

    async def toggle_muted(self, chat: Chat, text: str) -> tuple[str, bool]:
        """Let a learned term count for nothing, or count again: the term, and whether it is muted now."""
        term = _normal(text)
        if not term:
            raise UserError(tr("There is no word in it. /learned shows what was learned."))
        muted, forgotten = await self._read(chat)
        is_muted = term not in muted
        left = tuple(each for each in muted if each != term)
        if is_muted and len(muted) >= MOST_MUTED:
            raise UserError(tr("A chat can mute at most {limit} terms. /learned reset forgets all.", limit=MOST_MUTED))
        await self._write(chat, (*left, term) if is_muted else left, forgotten)
        return term, is_muted

    async def reset(self, chat: Chat) -> None:
        """Let all marks up to now teach nothing, and nothing be muted; the marks themselves stay."""
        marks = await self.storage.get_chat_marks(chat)
        await self._write(chat, (), {(person, identifier) for person, marked in marks.items() for identifier in marked})

    async def remember(self, chat: Chat, person: str, identifier: ArxivId) -> None:
        """Let the person's marks of this paper teach again: they are new. What others marked before a reset stays forgotten."""
        muted, forgotten = await self._read(chat)
        known = forgotten & {(person, identifier), (_EVERYBODY, identifier)}
        if not known:
            return
        others: set[_Vote] = set()
        if (_EVERYBODY, identifier) in known:
            marks = await self.storage.get_chat_marks(chat)
            others = {(each, identifier) for each, marked in marks.items() if each != person and identifier in marked}
        await self._write(chat, muted, (forgotten - known) | others)

    async def move(self, old: Chat, new: Chat) -> None:
        """Let what was muted or reset in `old` be so in `new`, too."""
        (muted, forgotten), (theirs, others) = await self._read(old), await self._read(new)
        if old != new and (muted or forgotten):
            await self._write(new, tuple(dict.fromkeys((*theirs, *muted))), forgotten | others)
            await self.forget(old)

    async def forget(self, chat: Chat) -> None:
        """Forget what was muted or reset. Fine if nothing was."""
        await self._write(chat, (), ())

    async def _read(self, chat: Chat) -> tuple[tuple[str, ...], frozenset[_Vote]]:
        note: Mapping[str, list[Any]] = json.loads(await self.storage.get_note(_key(chat)) or "{}")
        return tuple(note.get("muted", ())), frozenset(map(_vote, note.get("forgotten", ())))

    async def _write(self, chat: Chat, muted: Sequence[str], forgotten: Iterable[_Vote]) -> None:
        note = {"muted": list(muted), "forgotten": sorted(forgotten)}
        await self.storage.set_note(_key(chat), json.dumps(note, ensure_ascii=False) if any(note.values()) else "")


def _paper(marked: MarkedPaper, announcements: Sequence[Announcement]) -> Paper:
    """The paper as last announced; its title alone, where that is long ago."""
    found = (each.papers[marked.id] for each in reversed(announcements) if marked.id in each.papers)
    return next(found, Paper(marked.id, 1, marked.title, "", (), ()))


def _vote(kept: str | Sequence[str]) -> _Vote:
    person, identifier = (_EVERYBODY, kept) if isinstance(kept, str) else kept
    return person, ArxivId(identifier)


def _normal(text: str) -> str:
    """A term as it is learned."""
    kind, colon, name = text.strip().partition(":")
    if colon and kind.lower() == "au":
        return f"au:{fold_letters(name).strip()}"
    if colon and kind.lower() == "cat":
        return f"cat:{name.strip().lower()}"
    return fold_words(text).strip()


def _key(chat: Chat) -> str:
    return f"learned by {chat.key}"
