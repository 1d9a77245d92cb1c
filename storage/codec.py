"""PURE: model values as documents, and back.

A plain field added to a dataclass with a default needs nothing here: documents without it take the default.
"""

import math
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from bot.model.announcement import Batch
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.model.subscription import Pause, PauseReason, Subscription

Document = dict[str, Any]


def subscription_to_document(subscription: Subscription) -> Document:
    """Every field but the chat, which is the document's id."""
    document = {field.name: getattr(subscription, field.name) for field in fields(subscription)}
    del document["chat"]
    document["created"] = subscription.created.astimezone(UTC).isoformat()
    document["pause"] = subscription.pause and pause_to_document(subscription.pause)
    if not math.isfinite(subscription.min_score):
        # JSON has no infinity.
        document["min_score"] = str(subscription.min_score)
    return document


def subscription_from_document(key: str, document: Document) -> Subscription:
    """The subscription of the chat with this key."""
    values = _with_tuples(document)
    values["created"] = datetime.fromisoformat(values["created"])
    values["min_score"] = float(values["min_score"])
    values["types"] = tuple(AnnounceType(each) for each in values["types"])
    if values.get("pause"):
        values["pause"] = pause_from_document(values["pause"])
    return Subscription(Chat.from_key(key), **values)


def pause_to_document(pause: Pause) -> Document:
    """Every field."""
    return {"reason": pause.reason.name, "since": _instant(pause.since), "until": _instant(pause.until)}


def pause_from_document(document: Document) -> Pause:
    """The pause."""
    since, until = document["since"], document["until"]
    reason = PauseReason[document["reason"]]
    return Pause(reason, datetime.fromisoformat(since), until and datetime.fromisoformat(until))


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def batch_to_document(batch: Batch) -> Document:
    """Every field but day and category, which are table and id."""
    # orjson writes the dataclass inside faster than any loop here could.
    return {"papers": batch.papers, "is_sample": batch.is_sample}


def batch_from_document(day: date, category: str, document: Document) -> Batch:
    """The batch of this day and category."""
    papers = tuple((Paper(**_with_tuples(paper)), AnnounceType(kind)) for paper, kind in document["papers"])
    return Batch(category, day, papers, is_sample=document["is_sample"])


def marks_to_document(marked: Iterable[MarkedPaper]) -> Document:
    """The papers that one person marked in one chat, in their order."""
    return {"papers": [[each.id, each.title, sorted(each.marks), each.day] for each in marked]}


def marks_from_document(document: Document) -> dict[ArxivId, MarkedPaper]:
    """The marked papers by id, in their order."""
    papers = (
        MarkedPaper(ArxivId(identifier), title, frozenset(map(Mark, marks)), date.fromisoformat(day))
        for identifier, title, marks, day in document["papers"]
    )
    return {paper.id: paper for paper in papers}


def _with_tuples(document: Document) -> Document:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
