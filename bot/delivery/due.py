"""Which round of a chat is due. Pure: everything follows from what is stored, what is here, and `now`.

Nothing that triggers it need be punctual or remember anything: a late start, a restart or a changed clock finds the same
round due, and a round that was held is not due again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.calendar import latest_day, previous_day
from bot.model.delivery import Progress
from bot.model.subscription import Subscription
from bot.schedule import latest_slot, parse_schedule

MOST_DAYS = 7
"""For how many days back a digest makes up for what was missed."""
PARTIAL_FOR = timedelta(minutes=30)
"""For how long a day that is not complete is waited for, once a part of it is here."""
_LONGEST_STEP_BACK = timedelta(days=1)

Here = Callable[[date], Mapping[str, datetime]]
"""The categories whose batch of this day, or of a later one, is here, each with the UTC instant at which it came."""


@dataclass(frozen=True, slots=True)
class Due:
    """A round to be held now: all announcements after `after` up to `until`, for the due instant `slot`.

    `awaited`: categories that lack and are not waited for any longer. `only`: what came late, and is all that this round
    is about; empty for all categories. Where `after` is not before `until`, there is nothing that was not dealt with.
    """

    after: date
    until: date
    slot: datetime
    awaited: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


def begin(subscription: Subscription, categories: tuple[str, ...], here: Here, now: datetime) -> Progress:
    """The progress of a chat that was never looked at: what is here already came before it, what is not comes after.

    For a chat that follows the announcement, the one that is late stays due.
    """
    schedule, zone = parse_schedule(subscription.schedule), subscription.timezone
    wanted = latest_day(now)
    slot = latest_slot(schedule, zone, min(subscription.created, now))
    if not _missing(categories, here(wanted)):
        return Progress(wanted, slot)
    if not schedule.times:
        slot = latest_slot(schedule, zone, slot - timedelta(seconds=1))
    return Progress(previous_day(wanted), slot)


def find_due(
    subscription: Subscription, categories: tuple[str, ...], progress: Progress, here: Here, now: datetime
) -> Due | None:
    """The round that is due now, None where there is none, or where it waits for arXiv."""
    late = _find_late(progress, here)
    if late is not None:
        return late
    slot = latest_slot(parse_schedule(subscription.schedule), subscription.timezone, now)
    # A clock that was far ahead has dealt with due instants that are still to come.
    if slot <= progress.slot <= now + _LONGEST_STEP_BACK:
        return None
    wanted = latest_day(slot)
    after = max(min(progress.covered, wanted), wanted - timedelta(days=MOST_DAYS))
    if after >= wanted:
        return Due(wanted, wanted, slot)
    came = {code: at for code, at in here(wanted).items() if code in categories}
    missing = _missing(categories, came)
    if missing and (not came or timedelta() <= now - min(came.values()) < PARTIAL_FOR):
        return None
    return Due(after, wanted, slot, missing)


def _find_late(progress: Progress, here: Here) -> Due | None:
    came = tuple(code for code in progress.awaited if code in here(progress.covered))
    if not came:
        return None
    rest = tuple(code for code in progress.awaited if code not in came)
    return Due(previous_day(progress.covered), progress.covered, progress.slot, rest, came)


def _missing(categories: tuple[str, ...], came: Mapping[str, datetime]) -> tuple[str, ...]:
    return tuple(code for code in categories if code not in came)
