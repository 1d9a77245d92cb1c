"""`paperround evaluate --chat`: how many of the papers that a chat saved were in its digests, and at what place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median

from bot.errors import UserError
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState
from bot.model.paper import ArxivId
from bot.ports import Storage

_ARRIVED = (DeliveryState.SENT, DeliveryState.UNCERTAIN)
_TOPS = (3, 10)
_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Place:
    """Where a paper stood in a digest: on the announcement day `day`, in place `place` of `papers`."""

    day: date
    place: int
    papers: int


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved paper. `shown`: the day on which the chat got it; None: it did not, as far as is kept. `place` as far as kept."""

    paper: MarkedPaper
    shown: date | None = None
    place: Place | None = None


async def measure_chat(key: str, storage: Storage) -> str:
    """The report on the chat with this key. Opens and closes the storage.

    Raises UserError for a chat of which nothing is known, StorageError where the storage cannot be had, as while the bot runs.
    """
    chat = _read_key(key)
    await storage.open()
    try:
        marks = await storage.get_chat_marks(chat)
        seen, deliveries = await storage.get_seen(chat), await storage.get_deliveries(chat)
        if not (marks or seen or deliveries or await storage.get_subscription(chat)):
            raise UserError(
                f"Nothing is known of the chat {chat.key}. /export and /owner status name chats like telegram:123."
            )
    finally:
        await storage.close()
    return report(chat, look_back(marks, seen, deliveries))


def look_back(
    marks: Mapping[str, Mapping[ArxivId, MarkedPaper]], seen: Mapping[ArxivId, date], deliveries: Iterable[Delivery]
) -> tuple[Saved, ...]:
    """Every paper that somebody in the chat saved, once, the one saved last first; with its best place, if it had several."""
    saved: dict[ArxivId, MarkedPaper] = {}
    for paper in (each for marked in marks.values() for each in marked.values() if Mark.SAVE in each.marks):
        if paper.id not in saved or saved[paper.id].day < paper.day:
            saved[paper.id] = paper
    places = find_places(deliveries)
    ordered = sorted(saved.values(), key=lambda each: (-each.day.toordinal(), each.id))
    return tuple(Saved(each, seen.get(each.id), places.get(each.id)) for each in ordered)


def find_places(deliveries: Iterable[Delivery]) -> Mapping[ArxivId, Place]:
    """The best place of each paper in the digests that these deliveries are parts of, as far as they arrived."""
    digests: dict[tuple[date, int], list[Delivery]] = {}
    for each in sorted(deliveries, key=lambda each: (each.day, each.part)):
        digests.setdefault((each.day, each.first), []).append(each)
    places: dict[ArxivId, Place] = {}
    for (day, _), parts in digests.items():
        arrived = {paper for part in parts if part.state in _ARRIVED for paper in part.papers}
        papers = list(dict.fromkeys(paper for part in parts for paper in part.papers))
        for number, paper in enumerate(papers, start=1):
            if paper in arrived and (paper not in places or number < places[paper].place):
                places[paper] = Place(day, number, len(papers))
    return places


def report(chat: Chat, saved: tuple[Saved, ...]) -> str:
    """The report in words, a line for each paper at its end."""
    if not saved:
        return f"Nobody in {chat.key} saved a paper yet: there is nothing to compare its digests with.\n"
    shown = sum(each.shown is not None or each.place is not None for each in saved)
    places = sorted(each.place.place for each in saved if each.place)
    lines = [f"{chat.key}: {len(saved)} papers saved, {shown} of them shown, {len(saved) - shown} not."]
    if places:
        tops = ", ".join(
            f"{sum(each <= top for each in places)} in the first {top} ({sum(each <= top for each in places) / len(places):.0%})"
            for top in _TOPS
        )
        lines.append(
            f"Places in digests, known of {len(places)}: mean {fmean(places):.1f}, median {median(places):g}; {tops}."
        )
    return "\n".join([*lines, *map(_line, saved), ""])


def _line(saved: Saved) -> str:
    if saved.place is not None:
        where = f"place {saved.place.place} of {saved.place.papers} on {saved.place.day}"
    elif saved.shown is not None:
        where = f"shown on {saved.shown}, place not kept"
    else:
        where = "not shown"
    title = " ".join(saved.paper.title.split())
    return f"{saved.paper.id:16s}{where:37s}{title[:_LONGEST_TITLE]}"


def _read_key(key: str) -> Chat:
    platform, colon, identifier = key.partition(":")
    if not (platform and colon and identifier):
        raise UserError(f"{key!r} names no chat. A chat is named like telegram:123 or discord:456.")
    return Chat.from_key(key)
