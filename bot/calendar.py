"""When arXiv announces. Pure; `now` is always an aware instant.

arXiv announces Sunday to Thursday at 20:00 in New York; the feed of the announcement appears at midnight and carries
the next day's date, Monday to Friday. On the evening of a holiday nothing is announced, so that the feed of the day after
is empty. https://info.arxiv.org/help/availability.html

The holidays come with the bot (`config/holidays.toml`) and are read when first asked for. They only tell what to expect: an
announcement that comes on such a day all the same is one.
"""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from bot.language import later

NEW_YORK = ZoneInfo("America/New_York")
_A_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_LISTS_AT = time(20)


def latest_day(now: datetime) -> date:
    """The day of the newest announcement whose feed should be out."""
    return _back_to_expected(new_york_day(now))


def previous_day(day: date) -> date:
    """The day of the announcement before that of `day`."""
    return _back_to_expected(day - _A_DAY)


def next_day(day: date) -> date:
    """The day of the announcement after that of `day`."""
    day += _A_DAY
    while not is_expected(day):
        day += _A_DAY
    return day


def feed_day(now: datetime) -> date:
    """The newest day on which a feed may have papers: as `latest_day`, but a holiday may prove to be none."""
    day = new_york_day(now)
    return day - max(day.weekday() - _SATURDAY + 1, 0) * _A_DAY


def _back_to_expected(day: date) -> date:
    while not is_expected(day):
        day -= _A_DAY
    return day


def latest_feed(now: datetime) -> datetime:
    """The UTC instant at which the feed of `latest_day` was expected, at or before `now`."""
    return feed_of(latest_day(now))


def feed_of(day: date) -> datetime:
    """The UTC instant at which the feed of this day's announcement is expected."""
    return datetime.combine(day, time.min, NEW_YORK).astimezone(UTC)


def next_feed(now: datetime) -> datetime:
    """The UTC instant at which the next announcement's feed is expected, always after `now`."""
    return feed_of(next_day(new_york_day(now)))


def lists_until(day: date) -> datetime:
    """The UTC instant at which arXiv's lists turn from this day's announcement to the next one."""
    return datetime.combine(next_day(day) - _A_DAY, _LISTS_AT, NEW_YORK).astimezone(UTC)


def is_day_off(now: datetime) -> bool:
    """Whether no announcement is expected in New York on this day, so that the feed should be empty."""
    return not is_expected(new_york_day(now))


def new_york_day(now: datetime) -> date:
    """The day in New York."""
    return now.astimezone(NEW_YORK).date()


def is_expected(day: date) -> bool:
    """Whether an announcement is expected on this day: Monday to Friday, but for the days after holidays."""
    return day.weekday() < _SATURDAY and not holiday_name(day)


@lru_cache(maxsize=4096)
def holiday_name(day: date) -> str:
    """The holiday of which arXiv does not announce in the evening before, a message for `tr`; empty if there is none."""
    evening = day - _A_DAY
    listed = _listed()
    return (listed[evening.year] if evening.year in listed else _by_rule(evening.year)).get(evening, "")


@cache
def _listed() -> Mapping[int, Mapping[date, str]]:
    """The holidays that arXiv has made known, for each year of which the list is whole."""
    text = resources.files("config").joinpath("holidays.toml").read_text(encoding="utf-8")
    return {
        int(year): {date.fromisoformat(f"{year}-{day}"): name for day, name in days.items()}
        for year, days in tomllib.loads(text).items()
    }


@cache
def _by_rule(year: int) -> Mapping[date, str]:
    """What can be foreseen: the federal holidays that arXiv kept in every year it listed.

    Further evenings at the end of December differ from year to year: days that nothing tells of are found to be quiet
    by asking arXiv.
    """
    return {
        _observed(date(year, 1, 1)): later("New Year"),
        _weekday(year, 1, _MONDAY, 3): later("Martin Luther King Day"),
        _observed(date(year, 6, 19)): later("Juneteenth"),
        _observed(date(year, 7, 4)): later("Independence Day"),
        _weekday(year, 9, _MONDAY, 1): later("Labor Day"),
        _weekday(year, 11, _THURSDAY, 4): later("Thanksgiving"),
        _observed(date(year, 12, 25)): later("Christmas"),
    }


# Said by config/holidays.toml alone; here they are found for translation.
_OTHER_NAMES = (later("the winter break"), later("New Year's Eve"))


def _observed(day: date) -> date:
    """A holiday at the weekend is kept on the Friday before or the Monday after."""
    return day + {_SATURDAY: -_A_DAY, _SUNDAY: _A_DAY}.get(day.weekday(), timedelta())


def _weekday(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
