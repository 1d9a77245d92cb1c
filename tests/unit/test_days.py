"""How a category's day goes on: what makes a batch new, when arXiv is asked, and what is late."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.calendar import feed_of
from bot.days import (
    PARTIAL_FOR,
    QUICK_PROBES,
    Here,
    Lacking,
    add_papers,
    begin_day,
    close_day,
    fail,
    fresh_papers,
    is_probe_due,
    is_surely_quiet,
    late_of,
    missed_days,
    next_probe,
    note_listing,
    note_probe,
    reopen,
    rows_of,
    see_nothing_new,
    settle,
    wants_check,
)
from bot.errors import SourceError, SourceFault
from bot.model.announcement import merge_batches
from bot.model.day import DayPhase
from bot.model.paper import AnnounceType
from tests.build import make_batch, make_paper

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
HOLIDAY = date(2026, 11, 27)
MIDNIGHT = feed_of(MONDAY)
ONE, TWO = make_paper("2611.00001"), make_paper("2611.00002")


def at(hours=0, minutes=0):
    return MIDNIGHT + timedelta(hours=hours, minutes=minutes)


def state(**fields):
    return replace(begin_day("cs.CL", MONDAY), **fields)


def probed(times, last):
    """A day on which so many probes brought nothing new."""
    asked = note_probe(state(probes=times - 1), last, is_scheduled=True)
    return see_nothing_new(asked, last, is_empty=False)


def complete(day=MONDAY, category="cs.CL", **fields):
    return replace(add_papers(begin_day(category, day), [ONE.id], feed_of(day)), **fields)


def test_a_batch_is_new_by_what_is_in_it():
    """The rows of an earlier batch are not new, whatever date they bear; another version or another type is."""
    known = rows_of(merge_batches([make_batch(ONE, (TWO, AnnounceType.CROSS), day=MONDAY)]), "cs.CL")
    stale = make_batch(ONE, (TWO, AnnounceType.CROSS), day=TUESDAY)
    assert fresh_papers(stale, known) == ()
    second = replace(ONE, version=2)
    moved = make_batch(ONE, (second, AnnounceType.REPLACE), (TWO, AnnounceType.NEW), day=TUESDAY)
    assert fresh_papers(moved, known) == ((second, AnnounceType.REPLACE), (TWO, AnnounceType.NEW))
    assert rows_of(merge_batches([make_batch(ONE)]), "cs.AI") == frozenset()


def test_a_day_is_expected_then_waiting_then_stalled():
    """Ten probes bring nothing: waiting until then, since the first of them, and stalled from the tenth on."""
    assert begin_day("cs.CL", MONDAY).phase is DayPhase.EXPECTED
    first = probed(1, at())
    assert (first.phase, first.since) == (DayPhase.WAITING, at())
    again = see_nothing_new(note_probe(first, at(minutes=15), is_scheduled=True), at(minutes=15), is_empty=True)
    assert (again.phase, again.since, again.is_empty) == (DayPhase.WAITING, at(), True)
    assert probed(QUICK_PROBES, at(2, 15)).phase is DayPhase.STALLED


def test_probes_come_every_quarter_of_an_hour_then_every_hour():
    """From the expected minute ten times every 15 minutes, then hourly, and never once the batch is here."""
    known, now, asked = state(), at(), []
    while now < at(6):
        if is_probe_due(known, now):
            asked.append(now)
            known = see_nothing_new(note_probe(known, now, is_scheduled=True), now, is_empty=False)
        now += timedelta(minutes=1)
    assert asked[:10] == [at(minutes=15 * number) for number in range(10)]
    assert asked[10:] == [at(3, 15), at(4, 15), at(5, 15)]
    assert next_probe(known) == at(6, 15)
    here = add_papers(known, [ONE.id], at(6))
    assert next_probe(here) is None
    assert not is_probe_due(here, at(9))


def test_a_person_who_asks_does_not_use_up_probes():
    """What people ask for is not counted; a clock that was set back makes nobody wait longer."""
    asked = note_probe(state(), at(1), is_scheduled=False)
    assert asked.probes == 0
    assert not is_probe_due(asked, at(1, 14))
    assert is_probe_due(asked, at())


def test_a_quiet_day_is_looked_at_by_the_hour_until_it_is_over():
    """arXiv may only be late; at the weekend nothing more comes."""
    friday = settle(begin_day("cs.CL", date(2026, 11, 20)), feed_of(date(2026, 11, 20)))
    asked = note_probe(friday, friday.came, is_scheduled=True)
    assert not is_probe_due(asked, friday.came + timedelta(minutes=59))
    assert is_probe_due(asked, friday.came + timedelta(hours=1))
    assert not is_probe_due(asked, friday.came + timedelta(hours=24, minutes=1))


def test_a_holiday_is_quiet_until_it_proves_to_be_none():
    """It is looked at by the hour; what comes all the same is late for those whose digests were made."""
    holiday = begin_day("cs.CL", HOLIDAY)
    assert (holiday.phase, holiday.came) == (DayPhase.QUIET, None)
    assert is_probe_due(holiday, feed_of(HOLIDAY))
    assert see_nothing_new(holiday, feed_of(HOLIDAY), is_empty=True).phase is DayPhase.QUIET
    came = add_papers(holiday, [ONE.id], feed_of(HOLIDAY))
    assert came.phase is DayPhase.COMPLETE
    assert [each.papers for each in came.additions] == [(ONE.id,)]


def test_a_failure_does_not_touch_what_is_here():
    """A feed that cannot be read makes an open day failed, with its reason; a later answer ends that."""
    error = SourceError("down", fault=SourceFault.REFUSED, until=at(1))
    failed = fail(state(), error, at())
    assert (failed.phase, failed.fault, failed.until) == (DayPhase.FAILED, SourceFault.REFUSED, at(1))
    assert fail(complete(), error, at()) == complete()
    seen = see_nothing_new(failed, at(1), is_empty=False)
    assert (seen.phase, seen.fault) == (DayPhase.WAITING, None)
    assert add_papers(failed, [ONE.id], at(2)).fault is None


def test_what_comes_to_a_day_that_is_here_is_late():
    """The first batch of the newest day is on time; more of it, a quiet day's, or an earlier day's is late."""
    assert complete().additions == ()
    assert [each.papers for each in add_papers(complete(), [TWO.id], at(1)).additions] == [(TWO.id,)]
    assert len(add_papers(settle(state(), at()), [ONE.id], at(3)).additions) == 1
    assert len(add_papers(state(), [ONE.id], at(30)).additions) == 1


def test_nothing_of_a_first_day_is_late():
    """Who begins to follow a category gets what comes after; unless its first batch proves to be an earlier day's."""
    first = begin_day("cs.CL", MONDAY, is_first=True)
    here = add_papers(add_papers(first, [ONE.id], at()), [TWO.id], at(1))
    assert here.additions == ()
    again = reopen(here, at(1))
    assert (again.phase, again.papers, again.came) == (DayPhase.WAITING, 0, None)
    assert len(add_papers(again, [ONE.id], at(2)).additions) == 1


def test_a_cut_feed_is_partial_until_its_rest_is_here():
    """More papers do not complete it; a list of which nothing lacks does."""
    cut = add_papers(state(), [ONE.id], at(), is_cut=True)
    assert (cut.phase, cut.is_cut) == (DayPhase.PARTIAL, True)
    more = add_papers(cut, [TWO.id], at(1))
    assert more.phase is DayPhase.PARTIAL
    lacking = note_listing(more, Lacking(5, 4, 1, is_whole=False), at(1))
    assert (lacking.phase, lacking.listed) == (DayPhase.PARTIAL, None)
    whole = note_listing(lacking, Lacking(5, 3, 3, is_whole=True), at(2))
    assert (whole.phase, whole.listed, whole.lacked, whole.recovered) == (DayPhase.COMPLETE, 5, 4, 4)


def test_a_list_that_cannot_be_followed_leaves_an_open_day_open():
    """Without a paper here there is nothing partial."""
    assert note_listing(probed(1, at()), Lacking(5, 5, 0, is_whole=False), at()).phase is DayPhase.WAITING


def test_the_end_of_a_day():
    """What is open fails, once; an empty feed was a quiet day where no list can tell."""
    over = feed_of(TUESDAY)
    waiting = probed(3, at(1))
    assert close_day(waiting, over - timedelta(minutes=1), has_lists=True) == waiting
    closed = close_day(waiting, over, has_lists=True)
    assert (closed.phase, closed.fault, closed.since) == (DayPhase.FAILED, None, over)
    assert close_day(closed, over + timedelta(hours=1), has_lists=True) == closed
    empty = replace(waiting, is_empty=True)
    assert close_day(empty, over, has_lists=True).phase is DayPhase.FAILED
    assert close_day(empty, over, has_lists=False).phase is DayPhase.QUIET
    assert close_day(complete(), over, has_lists=True) == complete()


def test_when_a_list_is_asked():
    """After a batch came, once; for a stale feed from the tenth probe on; for an empty one soon; never of a past day."""
    alone = {"is_anything_here": False}
    assert wants_check(complete(), at(), **alone)
    assert not wants_check(complete(listed=1), at(), **alone)
    assert not wants_check(complete(), at(20), **alone)
    assert not wants_check(complete(checked=at(1)), at(1, 59), **alone)
    assert wants_check(complete(checked=at(1), phase=DayPhase.PARTIAL), at(1, 15), **alone)
    assert not wants_check(state(), at(), **alone)
    assert not wants_check(probed(9, at(2)), at(2), is_anything_here=True)
    assert wants_check(probed(10, at(2, 15)), at(2, 15), **alone)
    empty = replace(probed(1, at()), is_empty=True)
    assert wants_check(empty, at(), is_anything_here=True)
    assert not wants_check(empty, at(), **alone)
    assert wants_check(replace(empty, probes=2), at(minutes=15), **alone)
    assert not wants_check(settle(state(), at()), at(1), **alone)


def test_when_an_old_list_means_a_quiet_day():
    """An empty feed alone may be late; others being here, a day off, or hours of waiting make it sure."""
    empty = replace(probed(1, at()), is_empty=True)
    assert not is_surely_quiet(empty, at(), is_anything_here=False)
    assert is_surely_quiet(empty, at(), is_anything_here=True)
    assert is_surely_quiet(replace(empty, probes=QUICK_PROBES), at(), is_anything_here=False)
    assert is_surely_quiet(empty, datetime(2026, 11, 28, 12, tzinfo=UTC), is_anything_here=False)
    assert not is_surely_quiet(probed(10, at(2)), at(2), is_anything_here=True)


def states(*known):
    return {(each.category, each.day): each for each in known}


@pytest.mark.parametrize(
    ("known", "missed"),
    [
        ([complete(date(2026, 11, 17)), complete(date(2026, 11, 20))], [19, 23, 24]),
        ([complete(date(2026, 11, 17), is_first=True), complete(date(2026, 11, 19))], [20, 23, 24]),
        ([complete(date(2026, 11, 18), is_first=True)], [19, 20, 23, 24]),
        ([complete(date(2026, 11, 25), is_first=True)], []),
        ([], [19, 20, 23, 24]),
        ([complete(date(2026, 11, day), phase=DayPhase.PARTIAL) for day in (19, 20, 23, 24)], [19, 20, 23, 24]),
        ([complete(date(2026, 11, day)) for day in (18, 19, 20, 23, 24)], []),
    ],
)
def test_days_that_were_missed(known, missed):
    """Those of a week before the newest day that are not whole, since the category has been followed, others' aside."""
    other = complete(date(2026, 11, 20), "cs.AI")
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert [day.day for day in missed_days("cs.CL", states(other, *known), now)] == missed


def test_what_is_here_for_delivery():
    """Complete and quiet days are here since they came, partial ones and those with missed days half an hour later."""
    cut = add_papers(begin_day("cs.AI", MONDAY), [ONE.id], at(), is_cut=True)
    known = states(complete(), cut, settle(begin_day("cs.LG", TUESDAY), at(24)))
    soon, later = Here(known, at(minutes=10)), Here(known, at() + PARTIAL_FOR)
    assert dict(soon(MONDAY)) == {"cs.CL": at(), "cs.LG": at(24)}
    assert dict(later(MONDAY)) == {"cs.CL": at(), "cs.AI": at() + PARTIAL_FOR, "cs.LG": at(24)}
    assert dict(soon(TUESDAY)) == {"cs.LG": at(24)}
    behind = Here(known, at(minutes=10), frozenset({"cs.CL"}))
    assert "cs.CL" not in behind(MONDAY)
    assert soon.heard is None


def test_additions_in_their_order():
    """The newest addition is the last, whatever day it is of."""
    one = add_papers(complete(), [TWO.id], at(5))
    other = add_papers(complete(category="cs.AI"), [TWO.id], at(3))
    late = late_of([one, other])
    assert [(each.category, each.addition.at) for each in late] == [("cs.AI", at(3)), ("cs.CL", at(5))]
    assert Here({}, at(), late=late).heard == at(5)
