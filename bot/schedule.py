"""When digests are due: schedules as people write them, and their instants. Pure; `now` is always an aware instant.

A schedule of hours has one slot for each of its times on each of its days. In the gap that summer time makes, the slot is
as long after the gap as its time would have been; where an hour comes twice, it is in the first.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from bot.calendar import latest_feed, next_feed
from bot.errors import UserError
from bot.language import tr
from bot.model.subscription import ON_ANNOUNCEMENT, Subscription
from bot.zones import open_zone

MOST_TIMES = 6
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY = tuple(range(7))
_WORKDAYS = _EVERY_DAY[:5]
_SHORT = 3
_NOON = 12
_SETS = {
    **dict.fromkeys(("daily", "everyday", "day", "days"), _EVERY_DAY),
    **dict.fromkeys(("weekday", "weekdays", "workday", "workdays"), _WORKDAYS),
    **dict.fromkeys(("weekend", "weekends"), _EVERY_DAY[5:]),
}
_ANNOUNCEMENT = frozenset({ON_ANNOUNCEMENT, f"{ON_ANNOUNCEMENT}s"})
_WEEKLY = "weekly"
_FILLERS = frozenset({"on", "at", "every", "each", "and"})
_TIME = re.compile(r"(\d{1,2})(?:[:.h]?(\d{2}))?h?([ap]m)?")
_WORD = re.compile(r"[^\s,;、]+")


@dataclass(frozen=True, slots=True)
class Schedule:
    """On announcement where there are no `times`; otherwise at these local times on these weekdays, 0 for Monday.

    Both are in order and without doubles. `str` gives the form that is kept and shown, which `parse_schedule` reads.
    """

    times: tuple[time, ...] = ()
    weekdays: tuple[int, ...] = _EVERY_DAY

    def __str__(self) -> str:
        times = ",".join(f"{each:%H:%M}" for each in self.times)
        if not times:
            return ON_ANNOUNCEMENT
        if self.weekdays == _EVERY_DAY:
            return times
        if self.weekdays == _WORKDAYS:
            return f"mon-fri {times}"
        days = ",".join(_DAYS[each][:_SHORT] for each in self.weekdays)
        return f"{_WEEKLY} {days} {times}" if len(self.weekdays) == 1 else f"{days} {times}"


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Schedule:
    """The schedule that `text` asks for, which has no time zone any more. Raises UserError with examples."""
    words = {word.casefold() for word in _words(text)} - _FILLERS
    if words and words <= _ANNOUNCEMENT:
        return Schedule()
    times = {word: at for word in words if (at := parse_time(word)) is not None}
    days = {word: found for word in words if (found := parse_days(word))}
    weekdays = frozenset(each for found in days.values() for each in found) or frozenset(_EVERY_DAY)
    is_unclear = words - times.keys() - days.keys() - {_WEEKLY} or (_WEEKLY in words and len(weekdays) != 1)
    if not times or is_unclear:
        raise UserError(explain_schedules())
    if len(set(times.values())) > MOST_TIMES:
        raise UserError(tr("A schedule has at most {most} times a day.", most=MOST_TIMES))
    return Schedule(tuple(sorted(set(times.values()))), tuple(sorted(weekdays)))


def explain_schedules() -> str:
    """What schedules there are, with examples."""
    return tr(
        "A schedule is announcement, or hours and days, with a city for the time zone if you like. For example: {examples}.",
        examples="announcement; 09:00; 09:00,18:30; mon-fri 08:00; weekly fri 17:00; 09:00 Berlin",
    )


def split_zone(text: str) -> tuple[str, str]:
    """What `text` says of hours and days, and the name of a time zone or city behind it; either may be empty."""
    tidy = _tidy(text)
    for found in _WORD.finditer(tidy):
        if not _is_of_schedule(found[0].casefold()):
            return " ".join(_WORD.findall(tidy[: found.start()])), tidy[found.start() :].strip()
    return " ".join(_WORD.findall(tidy)), ""


def parse_time(word: str) -> time | None:
    """The time of day that a word in small letters names: `9`, `9:00`, `9.30`, `0930`, `9am`, `18h30`; None if it is none."""
    found = _TIME.fullmatch(word)
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    try:
        return time(hour, minute)
    except ValueError:
        return None


def parse_days(word: str) -> tuple[int, ...]:
    """The weekdays that a word in small letters names: `fri`, `fridays`, `mon-fri`, `weekdays`, `daily`; empty if none."""
    if word in _SETS:
        return _SETS[word]
    first, dash, last = word.partition("-")
    start, end = _day(first), _day(last if dash else first)
    if start is None or end is None:
        return ()
    return tuple((start + step) % 7 for step in range((end - start) % 7 + 1))


def to_instant(day: date, at: time, zone: str) -> datetime:
    """The one UTC instant of a local time on a day."""
    return datetime.combine(day, at, open_zone(zone)).astimezone(UTC)


def latest_slot(schedule: Schedule, zone: str, now: datetime) -> datetime:
    """The newest due instant at or before `now`, in UTC."""
    if not schedule.times:
        return latest_feed(now)
    return max(slot for slot in _slots_near(schedule, zone, now, -1) if slot <= now)


def next_slot(schedule: Schedule, zone: str, now: datetime) -> datetime:
    """The first due instant after `now`, in UTC."""
    if not schedule.times:
        return next_feed(now)
    return min(slot for slot in _slots_near(schedule, zone, now, 1) if slot > now)


def next_digest(subscription: Subscription, now: datetime) -> datetime | None:
    """The first slot after `now` that has an announcement to tell of, holidays aside; None for a pause without end."""
    schedule, zone, pause = parse_schedule(subscription.schedule), subscription.timezone, subscription.pause
    if pause is not None and pause.holds(now):
        return pause.until and next_slot(schedule, zone, pause.until - timedelta.resolution)
    told, slot = latest_slot(schedule, zone, now), next_slot(schedule, zone, now)
    while latest_feed(slot) <= told:
        slot = next_slot(schedule, zone, slot)
    return slot


def _slots_near(schedule: Schedule, zone: str, now: datetime, way: int) -> Iterator[datetime]:
    """Every slot of a week or, if all days are wanted, of a day before (`way` -1) or after (1) `now`, and some around.

    A change of the clock at midnight may put a slot on the day after its own, or the same moment on the day before it.
    """
    local = open_zone(zone)
    today = now.astimezone(local).date()
    reach = 2 if len(schedule.weekdays) == len(_EVERY_DAY) else 8
    for step in range(-1, reach + 1):
        day = today + timedelta(days=way * step)
        if day.weekday() in schedule.weekdays:
            for at in schedule.times:
                yield datetime.combine(day, at, local).astimezone(UTC)


def _tidy(text: str) -> str:
    """One form for full-width signs, `9 am` and `mon – fri`."""
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"(\d)\s*([ap])\.?m\b\.?", r"\1\2m", plain, flags=re.IGNORECASE)
    return re.sub(r"(?<=[^\W\d_])\s*[-–—]\s*(?=[^\W\d_])", "-", plain)


def _words(text: str) -> list[str]:
    return _WORD.findall(_tidy(text))


def _is_of_schedule(word: str) -> bool:
    known = word in _FILLERS or word in _ANNOUNCEMENT or word == _WEEKLY
    return known or word[0].isdigit() or bool(parse_days(word))


def _day(word: str) -> int | None:
    stem = word.rstrip("s")
    if len(stem) < _SHORT:
        return None
    return next((number for number, name in enumerate(_DAYS) if name.startswith(stem)), None)
