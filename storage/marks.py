"""The table `marks`: one document for each chat and person, so that a press on a button rewrites nobody else's papers.

Its ids are JSON, `["telegram:1","77"]`: chat keys and persons may hold any character, and all of one chat share a prefix.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date

from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from storage.codec import marks_from_document, marks_to_document
from storage.journal import JournalTinyDB
from storage.records import encode_document

_MARKS = "marks"


def find_marks(chats: JournalTinyDB, chat: Chat, person: str) -> dict[ArxivId, MarkedPaper]:
    """What the person marked in this chat."""
    document = chats.table(_MARKS).find(_prefix(chat) + _suffix(person))
    return marks_from_document(document) if document else {}


def find_chat_marks(chats: JournalTinyDB, chat: Chat) -> dict[str, dict[ArxivId, MarkedPaper]]:
    """What everybody marked in this chat."""
    table, prefix = chats.table(_MARKS), _prefix(chat)
    found: dict[str, dict[ArxivId, MarkedPaper]] = {}
    for document_id in _ids(chats, chat):
        person: str = json.loads(document_id.removeprefix(prefix).removesuffix("]"))
        found[person] = marks_from_document(table.find(document_id) or {"papers": []})
    return found


def change_marks(  # noqa: PLR0913, PLR0917 - the port's
    chats: JournalTinyDB,
    chat: Chat,
    person: str,
    paper: ArxivId,
    title: str,
    change: Callable[[frozenset[Mark]], frozenset[Mark]],
    day: date,
) -> frozenset[Mark]:
    """Keep what `change` makes of the person's marks of this paper, which comes last then."""
    marked = find_marks(chats, chat, person)
    before = marked.pop(paper, None)
    marks = change(before.marks if before else frozenset())
    if marks:
        marked[paper] = MarkedPaper(paper, title, marks, day)
    replace_marks(chats, chat, person, marked)
    return marks


def replace_marks(chats: JournalTinyDB, chat: Chat, person: str, marked: Mapping[ArxivId, MarkedPaper]) -> None:
    """Keep these marks of the person instead of any before."""
    _replace(chats, _prefix(chat) + _suffix(person), marked)


def forget_marks(chats: JournalTinyDB, chat: Chat) -> None:
    """Erase what anybody marked in this chat."""
    for document_id in _ids(chats, chat):
        chats.table(_MARKS).discard(document_id)


def move_marks(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let everybody's marks in `old` be marks in `new`, behind those that are there."""
    table = chats.table(_MARKS)
    for document_id in _ids(chats, old):
        target = _prefix(new) + document_id.removeprefix(_prefix(old))
        moved = marks_from_document(table.find(document_id) or {"papers": []})
        present = marks_from_document(table.find(target) or {"papers": []})
        _replace(chats, target, {key: moved[key] for key in moved if key not in present} | present)
        table.discard(document_id)


def _replace(chats: JournalTinyDB, document_id: str, marked: Mapping[ArxivId, MarkedPaper]) -> None:
    if marked:
        chats.table(_MARKS).replace(document_id, marks_to_document(marked.values()))
    else:
        chats.table(_MARKS).discard(document_id)


def _ids(chats: JournalTinyDB, chat: Chat) -> list[str]:
    prefix = _prefix(chat)
    return [each for each in chats.table(_MARKS).freeze() if each.startswith(prefix)]


def _prefix(chat: Chat) -> str:
    return encode_document([chat.key]).decode().removesuffix("]") + ","


def _suffix(person: str) -> str:
    return encode_document(person).decode() + "]"
