"""The end of a pause as people say it: `2026-12-24`, `24 Dec`, `3 days`, `friday`, `monday 09:00`. Pure."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta

from bot.errors import UserError
from bot.language import tr
from bot.schedule import parse_days, parse_time, to_instant
from bot.zones import open_zone

LONGEST = timedelta(days=366)
_FILLERS = frozenset({"until", "till", "for", "on", "at", "the", "next"})
_ONE = frozenset({"a", "an", "one"})
_HOURS = {"h": 1, "hour": 1, "d": 24, "day": 24, "w": 7 * 24, "week": 7 * 24, "month": 30 * 24}
_SPAN = re.compile(rf"(\d{{1,3}})\s*({'|'.join(_HOURS)})s?")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?")


def parse_until(text: str, zone: str, now: datetime) -> datetime | None:
    """The UTC instant at which a pause is to end, None if `text` is empty; days and hours are those of `zone`.

    A day alone means its beginning, and one without a year the next such day. Raises UserError with examples, or where the
    instant is past or more than a year ahead.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace(",", " ")
    words = ["1" if word in _ONE else word for word in plain.split() if word not in _FILLERS]
    if not words:
        return None
    span = _SPAN.fullmatch(" ".join(words))
    until = now + timedelta(hours=int(span[1]) * _HOURS[span[2]]) if span else _find(words, zone, now)
    if until <= now:
        raise UserError(tr("That is past already. A pause ends in the future, for example /pause 3 days"))
    if until - now > LONGEST:
        raise UserError(tr("A pause takes at most a year; /pause alone has no end."))
    return until


def _find(words: list[str], zone: str, now: datetime) -> datetime:
    """The first instant after `now` of the day, the time, or both, that are named; a past one if there is no other."""
    clock = parse_time(words[-1]) if re.search(r"[:.hm]", words[-1]) else None
    days = _days(words if clock is None else words[:-1], now.astimezone(open_zone(zone)).date())
    if not days:
        examples = "/pause; /pause 3 days; /pause 2026-12-24; /pause 24 Dec; /pause monday 09:00"
        raise UserError(tr("Until when? For example: {examples}.", examples=examples))
    instants = [to_instant(day, clock or time.min, zone) for day in days]
    return next((each for each in instants if each > now), instants[-1])


def _days(words: list[str], today: date) -> list[date]:
    """The days that may be meant, in order."""
    week = [today + timedelta(days=step) for step in range(8)]
    if not words:
        return week[:2]
    if len(words) > 1:
        return _dates(words, today)
    (word,) = words
    if word in {"today", "tomorrow"}:
        return [week[word == "tomorrow"]]
    weekdays = parse_days(word)
    if weekdays:
        return [day for day in week if day.weekday() in weekdays]
    try:
        return [date.fromisoformat(word)]
    except ValueError:
        return []


def _dates(words: list[str], today: date) -> list[date]:
    """`24 dec`, `dec 24`, `24 december 2026`."""
    first, second, *rest = words
    number, month = (_DAY.fullmatch(first), second) if first[0].isdigit() else (_DAY.fullmatch(second), first)
    if (
        number is None
        or month[:3] not in _MONTHS
        or len(rest) > 1
        or not all(re.fullmatch(r"\d{4}", each) for each in rest)
    ):
        return []
    years = [int(each) for each in rest] or [today.year, today.year + 1]
    dates = [_date(year, _MONTHS.index(month[:3]) + 1, int(number[1])) for year in years]
    return [each for each in dates if each is not None]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
