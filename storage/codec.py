"""PURE: model values as documents, and back.

A plain field added to a dataclass with a default needs nothing here: documents without it take the default.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime
from typing import Any

from bot.errors import SourceFault
from bot.model.announcement import Batch
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.day import Addition, DayPhase, DayState
from bot.model.delivery import Delivery, DeliveryState, Progress, Round
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, ReasonKind, Score
from bot.model.follow import Follow, Version
from bot.model.listing import Record
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.subscription import FORMER_DETAILS, Pause, PauseReason, Subscription
from bot.model.summary import Gathered, Spending, Summary, SummaryKey, TextSource, Usage

Document = dict[str, Any]


def subscription_to_document(subscription: Subscription) -> Document:
    """Every field but the chat, which is the document's id."""
    document = {field.name: getattr(subscription, field.name) for field in fields(subscription)}
    del document["chat"]
    document["created"] = subscription.created.astimezone(UTC).isoformat()
    document["pause"] = subscription.pause and pause_to_document(subscription.pause)
    return document


def subscription_from_document(key: str, document: Document) -> Subscription:
    """The subscription of the chat with this key."""
    values = _with_tuples(document)
    values["created"] = datetime.fromisoformat(values["created"])
    values["types"] = tuple(AnnounceType(each) for each in values["types"])
    values["detail"] = FORMER_DETAILS.get(values["detail"], values["detail"])
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


def progress_to_document(progress: Progress) -> Document:
    """Every field."""
    document = {field.name: getattr(progress, field.name) for field in fields(progress)}
    for name in ("last", "last_digest"):
        document[name] = document[name] and _round_to_document(document[name])
    return document


def progress_from_document(document: Document) -> Progress:
    """The progress."""
    dates, instants = ("covered", "noticed", "budget_noticed"), ("slot", "heard")
    values = _with_times(_with_tuples(document), dates=dates, instants=instants)
    for name in ("last", "last_digest"):
        values[name] = values[name] and _round_from_document(values[name])
    return Progress(**values)


def _round_to_document(came: Round) -> Document:
    return {field.name: getattr(came, field.name) for field in fields(came)} | {"best": _number(came.best)}


def _round_from_document(document: Document) -> Round:
    values = _with_times(document, dates=("day",), instants=("at",))
    return Round(**values | {"best": float(values["best"])})


def delivery_to_document(delivery: Delivery) -> Document:
    """Every field but chat and day, which are id and table, and the body, which is kept apart.

    Without what is empty, as there are very many; all that may be empty is empty by default.
    """
    values = {field.name: getattr(delivery, field.name) for field in fields(delivery)}
    apart = {"chat", "day", "body"}
    return {name: value for name, value in values.items() if value and name not in apart}


def delivery_from_document(chat: Chat, day: date, document: Document) -> Delivery:
    """The delivery of this chat and day, without its body."""
    values = _with_times(_with_tuples(document), instants=("planned_at", "changed_at", "not_before", "began"))
    return Delivery(chat, day, **values | {"state": DeliveryState(values["state"])})


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


def day_to_document(state: DayState) -> Document:
    """What is not as by default, without day and category, which are table and id."""
    values = {field.name: getattr(state, field.name) for field in fields(state) if field.default is not MISSING}
    plain = DayState(state.category, state.day)
    return {name: value for name, value in values.items() if value != getattr(plain, name)}


def day_from_document(day: date, category: str, document: Document) -> DayState:
    """The state of this day and category."""
    values = _with_times(document, instants=("since", "asked", "came", "checked", "until"))
    additions = values.pop("additions", ())
    if "phase" in values:
        values["phase"] = DayPhase(values["phase"])
    if "fault" in values:
        values["fault"] = SourceFault(values["fault"])
    values["additions"] = tuple(
        Addition(datetime.fromisoformat(each["at"]), tuple(map(ArxivId, each["papers"]))) for each in additions
    )
    return DayState(category, day, **values)


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


def follow_to_document(follow: Follow) -> Document:
    """Every field."""
    return {field.name: getattr(follow, field.name) for field in fields(follow)}


def follow_from_document(document: Document) -> Follow:
    """The follow."""
    return Follow(**_with_tuples(document) | {"known": Version(**_with_tuples(document["known"]))})


def record_to_document(record: Record) -> Document:
    """Every field."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def record_from_document(document: Document) -> Record:
    """The record."""
    values = _with_times(document, dates=("changed", "created"))
    return Record(**values | {"paper": Paper(**_with_tuples(document["paper"]))})


def summary_to_document(summary: Summary) -> Document:
    """Every field."""
    return {field.name: getattr(summary, field.name) for field in fields(summary)} | {
        "made_at": _instant(summary.made_at)
    }


def gathered_to_document(gathered: Gathered) -> Document:
    """Every field but the key."""
    return {
        "paper": gathered.paper,
        "due": _instant(gathered.due),
        "weight": gathered.weight,
        "groups": dict(gathered.groups),
    }


def gathered_from_document(key: SummaryKey, document: Document) -> Gathered:
    """What waits under this key."""
    values = _with_times(document, instants=("due",))
    return Gathered(key, **values | {"paper": Paper(**_with_tuples(document["paper"]))})


def summary_from_document(document: Document) -> Summary:
    """The summary."""
    values = _with_times(_with_tuples(document), instants=("made_at",))
    return Summary(**values | {"source": TextSource(values["source"])})


def spending_to_document(spending: Spending) -> Document:
    """Every field but the day, which is the document's id."""
    used = [[model, group, each.prompt, each.completion] for (model, group), each in spending.used.items()]
    return {"reserved": spending.reserved, "calls": spending.calls, "hits": spending.hits, "used": used}


def spending_from_document(day: date, document: Document) -> Spending:
    """The spending of this day."""
    used = {(model, group): Usage(prompt, completion) for model, group, prompt, completion in document["used"]}
    return Spending(day, document["reserved"], document["calls"], document["hits"], used)


def page_to_document(page: Page, keep: Callable[[Document], str]) -> Document:
    """Every field but id and chat; `keep` takes papers and summaries, which many pages share, and gives what stands for them."""
    digest = page.digest
    document = {field.name: getattr(digest, field.name) for field in fields(digest)}
    document["left_out"] = {reason.name: count for reason, count in digest.left_out.items()}
    document["papers"] = [_shown_to_document(each, keep) for each in digest.papers]
    return {"at": _instant(page.at), "language": page.language, "digest": document}


def page_from_document(identifier: str, chat: Chat, document: Document, find: Callable[[str], Document]) -> Page:
    """The page; `find` gives what was kept."""
    values = _with_times(_with_tuples(document["digest"]), dates=("day", "since"))
    values["left_out"] = {LeftOut[name]: count for name, count in values["left_out"].items()}
    values["papers"] = tuple(_shown_from_document(each, find) for each in values["papers"])
    return Page(identifier, chat, datetime.fromisoformat(document["at"]), document["language"], Digest(**values))


def _shown_to_document(shown: DigestPaper, keep: Callable[[Document], str]) -> Document:
    announced = shown.announced
    paper, also = keep(_paper_to_document(announced.paper)), [keep(_paper_to_document(each)) for each in shown.also]
    document = {"place": shown.place, "paper": paper, "type": announced.announce_type, "day": announced.day}
    if also:
        document["also"] = also
    if shown.summary is not None:
        document["summary"] = keep(summary_to_document(shown.summary))
    return document | {"score": _score_to_document(shown.score)}


def _paper_to_document(paper: Paper) -> Document:
    return {field.name: getattr(paper, field.name) for field in fields(paper)}


def _shown_from_document(document: Document, find: Callable[[str], Document]) -> DigestPaper:
    paper = Paper(**_with_tuples(find(document["paper"])))
    announced = AnnouncedPaper(paper, AnnounceType(document["type"]), date.fromisoformat(document["day"]))
    summary = summary_from_document(find(document["summary"])) if "summary" in document else None
    also = tuple(Paper(**_with_tuples(find(each))) for each in document.get("also", ()))
    return DigestPaper(document["place"], announced, _score_from_document(document["score"]), summary, also)


def _score_to_document(score: Score) -> Document:
    document = {field.name: getattr(score, field.name) for field in fields(score)}
    document["points"] = _number(score.points)
    document["reasons"] = [
        {field.name: getattr(each, field.name) for field in fields(each)} | {"points": _number(each.points)}
        for each in score.reasons
    ]
    return document


def _score_from_document(document: Document) -> Score:
    reasons = (_with_tuples(each) for each in document["reasons"])
    made = tuple(
        Reason(**each | {"points": float(each["points"]), "kind": ReasonKind(each["kind"])}) for each in reasons
    )
    return Score(**_with_tuples(document) | {"points": float(document["points"]), "reasons": made})


def _with_tuples(document: Document) -> Document:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}


def _with_times(document: Document, *, dates: Iterable[str] = (), instants: Iterable[str] = ()) -> Document:
    read = dict.fromkeys(dates, date.fromisoformat) | dict.fromkeys(instants, datetime.fromisoformat)
    return {name: read[name](value) if value and name in read else value for name, value in document.items()}


def _number(value: float) -> float | str:
    # JSON has no infinity.
    return value if math.isfinite(value) else str(value)
