"""When arXiv's feed is out, in New York's time and ours."""

from datetime import UTC, date, datetime

import pytest

from bot.calendar import is_day_off, latest_day, latest_feed, next_feed


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
