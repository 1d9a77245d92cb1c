"""When arXiv's feed is out, in New York's time and ours."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.calendar import (
    NEW_YORK,
    feed_day,
    feed_of,
    holiday_name,
    is_day_off,
    is_expected,
    latest_day,
    latest_feed,
    lists_until,
    next_day,
    next_feed,
    previous_day,
)
from bot.language import Languages, tr
from config.settings import read_catalogues


@pytest.mark.parametrize(
    ("now", "day", "following"),
    [
        (datetime(2026, 11, 20, 4, 59, tzinfo=UTC), date(2026, 11, 19), datetime(2026, 11, 20, 5, tzinfo=UTC)),
        (datetime(2026, 11, 20, 5, 0, tzinfo=UTC), date(2026, 11, 20), datetime(2026, 11, 23, 5, tzinfo=UTC)),
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), date(2026, 11, 20), datetime(2026, 11, 23, 5, tzinfo=UTC)),
        (datetime(2026, 8, 13, 4, 0, tzinfo=UTC), date(2026, 8, 13), datetime(2026, 8, 14, 4, tzinfo=UTC)),
        (datetime(2026, 10, 30, 12, 0, tzinfo=UTC), date(2026, 10, 30), datetime(2026, 11, 2, 5, tzinfo=UTC)),
    ],
)
def test_the_newest_day_and_the_next_feed(now, day, following):
    """The feed of a working day is out at New York's midnight, in summer, in winter and across the change."""
    assert (latest_day(now), next_feed(now)) == (day, following)


def test_weekends_are_new_yorks():
    """It is still Friday in New York when Saturday has begun in Europe."""
    assert not is_day_off(datetime(2026, 11, 21, 4, 0, tzinfo=UTC))
    assert is_day_off(datetime(2026, 11, 21, 5, 0, tzinfo=UTC))


def test_the_latest_feed_is_the_newest_days_midnight():
    """On a weekday it came at this New York midnight, at the weekend on Friday's; its own instant counts."""
    friday = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
    for now in (friday, datetime(2026, 11, 22, 12, 0, tzinfo=UTC), datetime(2026, 11, 23, 4, 59, tzinfo=UTC)):
        assert latest_feed(now) == friday
    assert latest_feed(datetime(2026, 8, 13, 4, 0, tzinfo=UTC)) == datetime(2026, 8, 13, 4, 0, tzinfo=UTC)


LISTED = {
    date(2026, 1, 2): "New Year",
    date(2026, 1, 20): "Martin Luther King Day",
    date(2026, 6, 20): "Juneteenth",
    date(2026, 7, 4): "Independence Day",
    date(2026, 9, 8): "Labor Day",
    date(2026, 11, 27): "Thanksgiving",
    date(2026, 12, 26): "Christmas",
    date(2026, 12, 30): "the winter break",
    date(2027, 1, 1): "New Year's Eve",
}


def test_the_day_after_a_listed_holiday_has_no_feed():
    """In the listed year the days without a feed are those after arXiv's deferrals, and no others."""
    year = [date(2026, 1, 2) + timedelta(days=number) for number in range(365)]
    assert {day: name for day in year if (name := holiday_name(day))} == LISTED


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2025, 12, 26), "Christmas"),
        (date(2027, 1, 19), "Martin Luther King Day"),
        (date(2027, 6, 19), "Juneteenth"),
        (date(2027, 7, 6), "Independence Day"),
        (date(2027, 9, 7), "Labor Day"),
        (date(2027, 11, 26), "Thanksgiving"),
        (date(2028, 1, 4), ""),
        (date(2029, 1, 2), "New Year"),
        (date(2033, 12, 27), "Christmas"),
    ],
)
def test_holidays_of_years_that_are_not_listed(day, name):
    """They follow the rule, those at a weekend on the working day they are kept."""
    assert holiday_name(day) == name


def test_names_of_holidays_can_be_translated():
    """Every name in the list is a message."""
    catalogue = Languages.from_mo(read_catalogues())
    with catalogue.speaking("zh"):
        assert all(tr(name) != name for name in LISTED.values())


def test_a_holiday_is_passed_over():
    """After Thanksgiving the newest announcement is Thursday's until Monday's is out; its list stays until Sunday evening."""
    friday = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
    assert is_day_off(friday)
    assert (latest_day(friday), feed_day(friday)) == (date(2026, 11, 26), date(2026, 11, 27))
    assert next_feed(friday) == datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
    assert lists_until(date(2026, 11, 26)) == datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
    assert previous_day(date(2026, 11, 30)) == date(2026, 11, 26)


@given(st.integers(0, 16 * 366 * 24 * 60))
def test_what_holds_at_every_instant(minutes):
    """The newest feed is out, the next one is not, and nothing is expected between them, whatever clocks do."""
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    day, following = latest_day(now), next_feed(now)
    assert feed_of(day) <= now < following
    assert is_expected(day)
    assert feed_of(next_day(day)) == following
    assert previous_day(next_day(day)) == day
    assert latest_day(following) == next_day(day)
    assert day <= feed_day(now) <= now.astimezone(NEW_YORK).date()
    assert feed_of(day).astimezone(NEW_YORK).hour == 0
    assert is_day_off(now) == (day != now.astimezone(NEW_YORK).date())
