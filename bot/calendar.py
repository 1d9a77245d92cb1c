"""When arXiv announces. Pure; `now` is always an aware instant.

arXiv announces Sunday to Thursday at 20:00 in New York; the feed of the announcement appears at midnight and carries
the next day's date, Monday to Friday. https://info.arxiv.org/help/availability.html
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
_SATURDAY = 5


def latest_day(now: datetime) -> date:
    """The day of the newest announcement whose feed should be out."""
    day = now.astimezone(NEW_YORK).date()
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
    return day


def latest_feed(now: datetime) -> datetime:
    """The UTC instant at which the feed of `latest_day` was expected, at or before `now`."""
    return datetime.combine(latest_day(now), time.min, NEW_YORK).astimezone(UTC)


def next_feed(now: datetime) -> datetime:
    """The UTC instant at which the next announcement's feed is expected, always after `now`."""
    day = now.astimezone(NEW_YORK).date() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return datetime.combine(day, time.min, NEW_YORK).astimezone(UTC)


def is_day_off(now: datetime) -> bool:
    """Whether it is a weekend day in New York, on which the feed is empty."""
    return now.astimezone(NEW_YORK).weekday() >= _SATURDAY
