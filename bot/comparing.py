"""What arXiv's lists and its repository tell of a day beside the feed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bot.calendar import is_expected, next_day, previous_day
from bot.model.announcement import Batch
from bot.model.day import DayState
from bot.model.listing import Listing, Record
from bot.model.paper import AnnounceType, ArxivId, Paper

Entry = tuple[ArxivId, AnnounceType]

_MONDAY_AFTER = {5: timedelta(days=2), 6: timedelta(days=1)}
_SOON = timedelta(days=4)
"""A first version whose record changed later than so long after it was submitted was changed by something else."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a list says of a day. `is_told`: it is about this day, or shows that there is nothing.

    `lacking`: the entries that are not here. `belongs_to`: the day of which what was taken for the batch is.
    """

    is_told: bool = False
    lacking: tuple[Entry, ...] = ()
    belongs_to: date | None = None


def compare(
    state: DayState,
    listing: Listing,
    kept: Iterable[Entry],
    before: Iterable[frozenset[ArxivId]],
    *,
    is_surely_quiet: bool = False,
) -> Comparison:
    """Compare with `kept`, what the category has of the day, and `before`, the papers of each other day.

    `is_surely_quiet`: a list that is of an earlier day tells that there is nothing, not that arXiv is late.
    """
    entries, listed = frozenset(map(_alike, kept)), frozenset(map(_alike, listing.entries))
    ids = frozenset(identifier for identifier, _ in listing.entries)
    if listing.day > state.day:
        return Comparison()
    if listing.day < state.day:
        if not entries:
            return Comparison(is_told=is_surely_quiet)
        return Comparison(belongs_to=listing.day) if entries <= listed else Comparison()
    if not entries and ids and any(ids <= each for each in before):
        return Comparison()
    if entries and listed and not entries & listed:
        return Comparison(is_told=True, lacking=listing.entries, belongs_to=previous_day(state.day))
    here = {identifier for identifier, _ in entries}
    lacking = tuple(entry for entry in listing.entries if entry[0] not in here)
    return Comparison(is_told=bool(ids) or not listing.total, lacking=lacking)


def _alike(entry: Entry) -> Entry:
    """A list does not always tell the two kinds of replacements apart."""
    identifier, kind = entry
    return identifier, AnnounceType.REPLACE if kind is AnnounceType.REPLACE_CROSS else kind


def announced_on(record: Record) -> date:
    """The day whose announcement first had the paper, as far as its record tells: inferred, as arXiv keeps no such date.

    What is submitted until 14:00 in New York on a working day is announced that evening. The record has only the day, so the
    earliest announcement is taken, or a later one where a first version was entered later.
    """
    submitted = record.created + _MONDAY_AFTER.get(record.created.weekday(), timedelta())
    earliest = next_day(submitted)
    is_untouched = record.paper.version == 1 and earliest < record.changed <= earliest + _SOON
    if not is_untouched:
        return earliest
    return record.changed if is_expected(record.changed) else next_day(record.changed)


def infer_batches(
    records: Sequence[Record], category: str, days: Sequence[date], known: frozenset[ArxivId]
) -> Mapping[date, Batch]:
    """For each of `days` the papers of the category that were first announced on it and are not known.

    Replacements are not inferred, nor what was crossed to the category later than it was announced.
    """
    rows: dict[date, list[tuple[Paper, AnnounceType]]] = {day: [] for day in days}
    for record in sorted(records, key=lambda each: each.paper.id):
        paper = record.paper
        day = announced_on(record)
        if not record.is_deleted and category in paper.categories and paper.id not in known and day in rows:
            kind = AnnounceType.NEW if paper.categories[0] == category else AnnounceType.CROSS
            rows[day].append((paper, kind))
    return {day: Batch(category, day, tuple(papers)) for day, papers in rows.items()}
