"""What is known of people for minutes.

`choices` of the database `chats`: one document for each chat and person that chose another chat; its ids are JSON,
`["telegram:1","ada"]`. `questions`: one for each chat and person that was asked something, with the same ids.
Commands are counted in memory: that need not outlive the process.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson

from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.question import Question
from storage.codec import Document
from storage.journal import JournalTinyDB
from storage.records import encode_document

KEPT = timedelta(days=1)
"""For how long a choice or a question that ended is kept, seen from the end of a newer one."""
_MINUTE = timedelta(minutes=1)
_MOST_PEOPLE = 10_000
_CHOICES = "choices"
_QUESTIONS = "questions"


def find_choice(chats: JournalTinyDB, here: Chat, person: str) -> Choice | None:
    """What the person chose from there."""
    document = chats.table(_CHOICES).find(_id(here.key, person))
    return None if document is None else _read(document)


def put_choice(chats: JournalTinyDB, here: Chat, person: str, choice: Choice | None) -> None:
    """Keep the choice instead of any before, and drop those that ended long before it does."""
    table = chats.table(_CHOICES)
    if choice is None:
        table.discard(_id(here.key, person))
        return
    for key, document in table.freeze().items():
        if choice.until - _read(document).until > KEPT:
            table.discard(key)
    table.replace(_id(here.key, person), {"chat": choice.chat.key, "until": choice.until.isoformat()})


def forget_choices(chats: JournalTinyDB, chat: Chat) -> None:
    """Take back what was chosen from the chat."""
    table = chats.table(_CHOICES)
    for key in table.freeze():
        if orjson.loads(key)[0] == chat.key:
            table.discard(key)


def move_choices(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let what was chosen from `old` be chosen from `new`, where nothing else is, and whoever chose `old` have chosen `new`."""
    table = chats.table(_CHOICES)
    for key, document in table.freeze().items():
        here, person = orjson.loads(key)
        if old.key not in {here, document["chat"]}:
            continue
        table.discard(key)
        moved = _id(new.key if here == old.key else here, person)
        if moved == key or table.find(moved) is None:
            chosen = new.key if document["chat"] == old.key else document["chat"]
            table.replace(moved, {**document, "chat": chosen})


def find_question(chats: JournalTinyDB, here: Chat, person: str) -> Question | None:
    """What the person was asked there."""
    document = chats.table(_QUESTIONS).find(_id(here.key, person))
    return None if document is None else _read_question(document)


def put_question(chats: JournalTinyDB, here: Chat, person: str, question: Question) -> None:
    """Keep the question instead of any before, and drop those that ended long before it does."""
    table = chats.table(_QUESTIONS)
    for key, document in table.freeze().items():
        if question.until - _read_question(document).until > KEPT:
            table.discard(key)
    document = {"line": question.line, "until": question.until.isoformat(), "message": question.message}
    table.replace(_id(here.key, person), document)


def end_question(chats: JournalTinyDB, here: Chat, person: str, question: Question) -> bool:
    """Drop this question; whether it was there."""
    if find_question(chats, here, person) != question:
        return False
    chats.table(_QUESTIONS).discard(_id(here.key, person))
    return True


def forget_questions(chats: JournalTinyDB, chat: Chat) -> None:
    """End what was asked in the chat."""
    table = chats.table(_QUESTIONS)
    for key in table.freeze():
        if orjson.loads(key)[0] == chat.key:
            table.discard(key)


def _read_question(document: Document) -> Question:
    return Question(document["line"], datetime.fromisoformat(document["until"]), document["message"])


def _read(document: Document) -> Choice:
    return Choice(Chat.from_key(document["chat"]), datetime.fromisoformat(document["until"]))


def _id(here: str, person: str) -> str:
    return encode_document([here, person]).decode()


@dataclass(frozen=True, slots=True)
class _Minute:
    start: datetime
    commands: int = 0


@dataclass(slots=True)
class Minutes:
    """Counts everybody's commands from the first of a minute on; it remembers at most ten thousand people."""

    _minutes: OrderedDict[str, _Minute] = field(default_factory=OrderedDict)

    def count(self, person: str, now: datetime) -> int:
        """One command more: which one it is in the person's minute."""
        self._forget_past(now)
        minute = self._minutes.get(person, _Minute(now))
        minute = self._minutes[person] = replace(minute, commands=minute.commands + 1)
        return minute.commands

    def _forget_past(self, now: datetime) -> None:
        """Minutes are in the order of their start, so only the first ones can be over; a clock set back ends them all."""
        while self._minutes:
            first = next(iter(self._minutes.values()))
            if timedelta() <= now - first.start < _MINUTE and len(self._minutes) < _MOST_PEOPLE:
                return
            self._minutes.popitem(last=False)
