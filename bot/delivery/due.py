"""Which round of a chat is due. Pure: everything follows from what is stored, what is here, and `now`.

Nothing that triggers it need be punctual or remember anything: a late start, a restart or a changed clock finds the same
round due, and a round that was held is not due again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

from bot.calendar import feed_day, is_expected, latest_day, previous_day
from bot.days import MOST_DAYS, PARTIAL_FOR, Here, Late
from bot.model.delivery import Progress
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.schedule import latest_slot, parse_schedule

LATE_AFTER = timedelta(hours=3)
"""How long after a digest was due a chat is told that arXiv keeps it waiting."""
_LONGEST_STEP_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A round to be held now: all announcements after `after` up to `until`, for the due instant `slot`.

    `awaited`: categories that lack and are not waited for any longer. `only`: what came late, and is all that this round
    is about; empty for all categories. `papers`: of them, only these. Where `after` is not before `until`, there is nothing
    that was not dealt with. `heard`: the newest addition that this round deals with.
    """

    after: date
    until: date
    slot: datetime
    awaited: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    papers: frozenset[ArxivId] = frozenset()
    heard: datetime | None = None


def begin(subscription: Subscription, categories: tuple[str, ...], here: Here, now: datetime) -> Progress:
    """The progress of a chat that was never looked at: what is here already came before it, what is not comes after.

    For a chat that follows the announcement, the one that is late stays due.
    """
    schedule, zone = parse_schedule(subscription.schedule), subscription.timezone
    wanted = latest_day(now)
    slot = latest_slot(schedule, zone, min(subscription.created, now))
    if not _missing(categories, here(wanted)):
        return Progress(wanted, slot, heard=here.heard)
    if not schedule.times:
        slot = latest_slot(schedule, zone, slot - timedelta(seconds=1))
    return Progress(previous_day(wanted), slot, heard=here.heard)


def find_due(
    subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here, now: datetime
) -> Due | None:
    """The round that is due now, None where there is none, or where it waits for arXiv."""
    owed = _find_owed(subscription, categories, progress, here)
    late = _find_late(progress, here, owed)
    if late is not None:
        return late
    if owed:
        return _find_added(progress, here, owed)
    return _find_scheduled(subscription, categories, progress, here, now)


def needs_attention(
    subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here, now: datetime
) -> bool:
    """Whether a round is due, or the chat is to be told that it is late."""
    is_due = find_due(subscription, categories, progress, here, now) is not None
    return is_due or late_day(subscription, progress, now) is not None


def late_day(subscription: Subscription, progress: Progress, now: datetime) -> date | None:
    """The day whose digest has been due for so long that the chat is to be told; None where there is none, or it was told."""
    slot = latest_slot(parse_schedule(subscription.schedule), subscription.timezone, now)
    day = latest_day(slot)
    waits_since = max(slot, subscription.created)
    is_late = slot > progress.slot and progress.covered < day and now - waits_since >= LATE_AFTER
    return day if is_late and progress.noticed != day else None


def _find_scheduled(
    subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here, now: datetime
) -> Due | None:
    slot = latest_slot(parse_schedule(subscription.schedule), subscription.timezone, now)
    # A clock that was far ahead has dealt with due instants that are still to come.
    if slot <= progress.slot <= now + _LONGEST_STEP_BACK:
        return None
    wanted = _wanted(categories, here, slot)
    after = max(min(progress.covered, wanted), wanted - timedelta(days=MOST_DAYS))
    if after >= wanted:
        return Due(wanted, wanted, slot, heard=here.heard)
    came = {code: at for code, at in here(wanted).items() if code in categories}
    missing = _missing(categories, came)
    if missing and (not came or timedelta() <= now - min(came.values()) < PARTIAL_FOR):
        return None
    return Due(after, wanted, slot, missing, heard=here.heard)


def _wanted(categories: tuple[str, ...], here: Here, slot: datetime) -> date:
    """The newest day that a digest for this due instant is about: a holiday only if arXiv announced on it all the same."""
    day = feed_day(slot)
    has_come = any(each.day == day and each.category in categories for each in here.late)
    return day if has_come else latest_day(slot)


def _find_late(progress: Progress, here: Here, owed: list[Late]) -> Due | None:
    """What was awaited when the digest of its day went out."""
    came = tuple(code for code in progress.awaited if code in here(progress.covered))
    if not came:
        return None
    rest = tuple(code for code in progress.awaited if code not in came)
    is_all = all(each.category in came and each.day == progress.covered for each in owed)
    heard = here.heard if is_all else progress.heard
    return Due(previous_day(progress.covered), progress.covered, progress.slot, rest, came, heard=heard)


def _find_added(progress: Progress, here: Here, owed: list[Late]) -> Due:
    """What came to days that are dealt with, or on a day on which nothing was expected."""
    days = [each.day for each in owed]
    return Due(
        min(days) - timedelta(days=1),
        max(days),
        progress.slot,
        progress.awaited,
        tuple(sorted({each.category for each in owed})),
        frozenset(paper for each in owed for paper in each.addition.papers),
        here.heard,
    )


def _find_owed(subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here) -> list[Late]:
    """The additions that this chat was not told of; those of an unexpected day belong to the next digest at a chat's own hour."""
    is_immediate = not parse_schedule(subscription.schedule).times
    heard = progress.heard or datetime.min.replace(tzinfo=UTC)
    unheard = takewhile(lambda each: each.addition.at > heard, reversed(here.late))
    return [
        each
        for each in unheard
        if each.category in categories
        and (each.day <= progress.covered or (is_immediate and not is_expected(each.day)))
        and each.day > progress.covered - timedelta(days=MOST_DAYS)
    ]


def _missing(categories: tuple[str, ...], came: Mapping[str, datetime]) -> tuple[str, ...]:
    return tuple(code for code in categories if code not in came)
