"""Schedules as people write them, and the instants they stand for, in every zone and across every change of the clock."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.model.subscription import Pause, PauseReason
from bot.pauses import parse_until
from bot.schedule import (
    Schedule,
    latest_slot,
    next_digest,
    next_slot,
    parse_days,
    parse_schedule,
    parse_time,
    split_zone,
    to_instant,
)
from tests.build import make_subscription

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
HOUR = timedelta(hours=1)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday

SCHEDULES = st.builds(
    lambda times, days: Schedule(tuple(sorted(times)), tuple(sorted(days))) if times else Schedule(),
    st.sets(st.builds(time, st.integers(0, 23), st.integers(0, 59)), max_size=6),
    st.sets(st.integers(0, 6), min_size=1),
)
INSTANTS = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)).map(lambda each: each.replace(tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("announcement", "announcement"),
        ("On Announcement", "announcement"),
        ("announcements", "announcement"),
        ("09:00", "09:00"),
        ("9:00", "09:00"),
        ("9", "09:00"),
        ("9am", "09:00"),
        ("9 AM", "09:00"),
        ("9.30 p.m.", "21:30"),
        ("12am", "00:00"),
        ("12pm", "12:00"),
        ("0930", "09:30"),
        ("18h30", "18:30"),
        ("9：00", "09:00"),
        ("18:30, 09:00", "09:00,18:30"),
        ("9 and 18", "09:00,18:00"),
        ("9,9:00", "09:00"),
        ("mon,thu 18:30", "mon,thu 18:30"),
        ("Thursday and Monday at 18:30", "mon,thu 18:30"),
        ("mon-fri 08:00", "mon-fri 08:00"),
        ("Mon – Fri 8", "mon-fri 08:00"),
        ("weekdays 8:00", "mon-fri 08:00"),
        ("fri-mon 9", "mon,fri,sat,sun 09:00"),
        ("weekends 10", "sat,sun 10:00"),
        ("daily 09:00", "09:00"),
        ("every day at 9", "09:00"),
        ("weekly fri 17:00", "weekly fri 17:00"),
        ("every Friday 17:00", "weekly fri 17:00"),
        ("tues,thurs 7", "tue,thu 07:00"),
    ],
)
def test_schedules_are_read_as_people_type_them(typed, canonical):
    """Each spelling has one canonical form."""
    assert str(parse_schedule(typed)) == canonical


@pytest.mark.parametrize(
    "typed",
    ["", "nonsense", "25:00", "9:60", "13pm", "0am", "fri", "weekly 9", "weekly mon,tue 9", "announcement 9", "9 soon"],
)
def test_what_is_no_schedule_is_met_with_examples(typed):
    """The refusal shows what works."""
    with pytest.raises(UserError, match="mon-fri 08:00"):
        parse_schedule(typed)


def test_there_are_at_most_six_times_a_day():
    """More than that is refused."""
    assert len(parse_schedule("1,2,3,4,5,6").times) == 6
    with pytest.raises(UserError, match="at most 6"):
        parse_schedule("1,2,3,4,5,6,7")


@given(SCHEDULES)
def test_the_canonical_form_is_read_again(schedule):
    """What is kept stands for the same schedule."""
    assert parse_schedule(str(schedule)) == schedule


@given(st.text(max_size=40))
def test_no_text_breaks_the_parsers(text):
    """Whatever is typed is understood or refused."""
    for parse in (parse_schedule, lambda each: parse_until(each, "Europe/Berlin", NOW)):
        try:
            parse(text)
        except UserError:
            continue
    when, place = split_zone(text)
    assert split_zone(f"9, {text}")[1] == place
    assert parse_time(when) is None or not parse_days(when)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("09:00", ("09:00", "")),
        ("09:00 Europe/Berlin", ("09:00", "Europe/Berlin")),
        ("9 am  New York", ("9am", "New York")),
        ("mon,thu 18:30 Berlin, Germany", ("mon thu 18:30", "Berlin, Germany")),
        ("Rio de Janeiro", ("", "Rio de Janeiro")),
        ("announcement 北京", ("announcement", "北京")),
        ("9 UTC+2", ("9", "UTC+2")),
        ("", ("", "")),
    ],
)
def test_the_place_stands_at_the_end(text, parts):
    """Hours and days come first, then the city as it was typed."""
    assert split_zone(text) == parts


@pytest.mark.parametrize(
    ("zone", "day", "at", "instant"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("America/New_York", date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        ("America/New_York", date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), datetime(2026, 4, 4, 14, 45, tzinfo=UTC)),
        ("Asia/Kolkata", date(2026, 3, 29), time(9, 0), datetime(2026, 3, 29, 3, 30, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 30), time(9, 0), datetime(2011, 12, 30, 19, 0, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_one_instant(zone, day, at, instant):
    """In a gap the time after it, in a fold the first of the two, on a skipped day that hour of the next."""
    assert to_instant(day, at, zone) == instant
    schedule = Schedule((at,))
    assert latest_slot(schedule, zone, instant) == instant
    assert latest_slot(schedule, zone, instant - timedelta.resolution) < instant
    assert next_slot(schedule, zone, instant - timedelta.resolution) == instant
    assert next_slot(schedule, zone, instant) > instant


def test_on_announcement_the_slots_are_arxivs_feeds():
    """Whatever the chat's zone, New York's midnights from Monday to Friday count."""
    schedule = Schedule()
    assert latest_slot(schedule, "Asia/Tokyo", NOW) == datetime(2026, 11, 25, 5, tzinfo=UTC)
    assert next_slot(schedule, "Asia/Tokyo", NOW) == datetime(2026, 11, 26, 5, tzinfo=UTC)
    saturday = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert next_slot(schedule, "UTC", saturday) == datetime(2026, 11, 30, 5, tzinfo=UTC)


def changes_of(zone):
    """The UTC days of the year on which the zone's clocks change."""
    local, days = ZoneInfo(zone), [YEAR + timedelta(days=step) for step in range(366)]
    steps = [(each, each.astimezone(local).utcoffset()) for each in days]
    return [before for (before, offset), (_, after) in pairwise(steps) if offset != after]


def test_every_hour_around_a_change_of_the_clock():
    """The latest slot is never ahead, the next always is, and it follows the latest: nothing repeats or is skipped."""
    schedules = [Schedule((time(0), time(2, 30))), Schedule((time(1, 30), time(23, 45)), (5, 6))]
    for zone, schedule in product(ZONES, schedules):
        for start, step in product(changes_of(zone) or [YEAR], range(-8, 34)):
            now = start + HOUR * step
            latest, following = latest_slot(schedule, zone, now), next_slot(schedule, zone, now)
            assert latest <= now < following, zone
            assert next_slot(schedule, zone, latest) == following, zone


def test_a_year_has_every_slot_once():
    """Walking from slot to slot visits every wanted day at every time, in order, exactly once, in every zone."""
    schedule = Schedule((time(2, 30), time(9)), (4, 6))
    days = [date(2026, 1, 1) + timedelta(days=step) for step in range(365)]
    slots = [(day, at) for day in days if day.weekday() in schedule.weekdays for at in schedule.times]
    for zone in ZONES:
        wanted = [to_instant(day, at, zone) for day, at in slots]
        walked, slot = [], wanted[0] - timedelta.resolution
        while (slot := next_slot(schedule, zone, slot)) <= wanted[-1]:
            walked.append(slot)
        assert walked == wanted, zone
        assert all(earlier < later for earlier, later in pairwise(walked)), zone


@settings(max_examples=300)
@given(SCHEDULES, st.sampled_from(ZONES), INSTANTS)
def test_any_schedule_at_any_time_anywhere(schedule, zone, now):
    """Before and after now lie two neighbouring slots, at wanted local times unless the clock was changed."""
    latest, following = latest_slot(schedule, zone, now), next_slot(schedule, zone, now)
    assert latest <= now < following <= latest + timedelta(days=8)
    assert next_slot(schedule, zone, latest) == following
    assert latest_slot(schedule, zone, following - timedelta.resolution) == latest


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, datetime(2026, 11, 26, 5, tzinfo=UTC)),
        ({"schedule": "09:00"}, datetime(2026, 11, 26, 9, tzinfo=UTC)),
        ({"schedule": "18:30", "timezone": "Europe/Berlin"}, datetime(2026, 11, 25, 17, 30, tzinfo=UTC)),
        ({"schedule": "13:00,14:00"}, datetime(2026, 11, 25, 13, tzinfo=UTC)),
        ({"schedule": "04:00,08:00,14:00"}, datetime(2026, 11, 26, 8, tzinfo=UTC)),
        ({"schedule": "weekly sun 10:00"}, datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ({"pause": Pause(PauseReason.ASKED, NOW)}, None),
        (
            {"schedule": "09:00", "pause": Pause(PauseReason.ASKED, NOW, datetime(2026, 11, 28, 9, tzinfo=UTC))},
            datetime(2026, 11, 28, 9, tzinfo=UTC),
        ),
        ({"schedule": "09:00", "pause": Pause(PauseReason.ASKED, NOW, NOW)}, datetime(2026, 11, 26, 9, tzinfo=UTC)),
    ],
)
def test_the_next_digest_has_something_to_tell(fields, expected):
    """Slots before the next announcement are passed over; a pause delays, and one without end leaves none."""
    assert next_digest(make_subscription(**fields), NOW) == expected


def test_no_digest_is_promised_for_a_weekend_without_news():
    """What Friday brought was told on Friday, so the next daily digest is Monday's."""
    saturday = datetime(2026, 11, 28, 8, tzinfo=UTC)
    assert next_digest(make_subscription(schedule="09:00"), saturday) == datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("", None),
        ("until", None),
        ("3 days", datetime(2026, 11, 28, 12, tzinfo=UTC)),
        ("for 2 weeks", datetime(2026, 12, 9, 12, tzinfo=UTC)),
        ("a week", datetime(2026, 12, 2, 12, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 26, 0, tzinfo=UTC)),
        ("1 month", datetime(2026, 12, 25, 12, tzinfo=UTC)),
        ("2026-12-24", datetime(2026, 12, 23, 23, tzinfo=UTC)),
        ("until 24 Dec", datetime(2026, 12, 23, 23, tzinfo=UTC)),
        ("24 December 2026", datetime(2026, 12, 23, 23, tzinfo=UTC)),
        ("Dec 24th, 9am", datetime(2026, 12, 24, 8, tzinfo=UTC)),
        ("1 March", datetime(2027, 2, 28, 23, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 11, 25, 23, tzinfo=UTC)),
        ("friday", datetime(2026, 11, 26, 23, tzinfo=UTC)),
        ("wednesday", datetime(2026, 12, 1, 23, tzinfo=UTC)),
        ("wednesday 18:00", datetime(2026, 11, 25, 17, tzinfo=UTC)),
        ("monday 09:00", datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("08:00", datetime(2026, 11, 26, 7, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_pause_is_read_in_the_chats_zone(typed, until):
    """Days begin at the chat's midnight; what has no date is the next such instant."""
    assert parse_until(typed, "Europe/Berlin", NOW) == until


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("2026-11-25", "past already"),
        ("1 Jan 2026", "past already"),
        ("today", "past already"),
        ("0 days", "past already"),
        ("2028-01-01", "at most a year"),
        ("999 weeks", "at most a year"),
        ("whenever", "For example"),
        ("31 feb", "For example"),
        ("24 dec 2026 2027", "For example"),
        ("32 dec", "For example"),
        ("2026-13-01", "For example"),
        ("dec", "For example"),
    ],
)
def test_other_ends_are_refused_with_examples(typed, answer):
    """The past, what is too far, and what is no day."""
    with pytest.raises(UserError, match=answer):
        parse_until(typed, "Europe/Berlin", NOW)
