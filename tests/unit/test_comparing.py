"""What lists and records tell of a day: what lacks, whose batch a feed was, and when a paper was announced."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.comparing import announced_on, compare, infer_batches
from bot.days import begin_day
from bot.model.listing import Listing, Record
from bot.model.paper import AnnounceType, ArxivId
from tests.build import make_paper

MONDAY, FRIDAY = date(2026, 11, 23), date(2026, 11, 20)
NEW, CROSS, REPLACE, REPLACE_CROSS = AnnounceType
A, B, C = (ArxivId(f"2611.0000{number}") for number in range(3))
STATE = begin_day("cs.CL", MONDAY)


def listing(*entries, day=MONDAY, total=None):
    rows = tuple(each if isinstance(each, tuple) else (each, NEW) for each in entries)
    return Listing("cs.CL", day, len(rows) if total is None else total, rows)


def test_a_list_of_the_day_tells_what_lacks():
    """What the feed had is not asked for again, though the list calls a replacement by another name."""
    kept = [(A, NEW), (B, REPLACE_CROSS)]
    found = compare(STATE, listing(A, (B, REPLACE), (C, CROSS)), kept, [])
    assert (found.is_told, found.lacking, found.belongs_to) == (True, ((C, CROSS),), None)
    assert compare(STATE, listing(A), [(A, NEW)], []).lacking == ()


def test_a_list_of_a_later_day_tells_nothing():
    """It has turned to the next announcement."""
    assert compare(STATE, listing(C, day=MONDAY + timedelta(days=1)), [(A, NEW)], []).is_told is False


def test_an_older_list_that_has_the_whole_batch_tells_its_day():
    """The feed bore today's date on Friday's papers."""
    assert compare(STATE, listing(A, B, day=FRIDAY), [(A, NEW)], []).belongs_to == FRIDAY
    behind = compare(STATE, listing(B, day=FRIDAY), [(A, NEW)], [])
    assert (behind.is_told, behind.belongs_to) == (False, None)


def test_a_list_that_shares_nothing_with_the_batch_tells_that_it_is_another_days():
    """The feed's papers are of the day before; all of the list lacks, even a paper that was new then and is replaced now."""
    found = compare(STATE, listing((A, REPLACE), B), [(A, NEW)], [])
    assert (found.belongs_to, found.lacking) == (FRIDAY, ((A, REPLACE), (B, NEW)))


@pytest.mark.parametrize("is_surely_quiet", [True, False])
def test_an_older_list_and_nothing_here(is_surely_quiet):
    """It is a quiet day if it cannot be a late one."""
    assert compare(STATE, listing(A, day=FRIDAY), [], [], is_surely_quiet=is_surely_quiet).is_told is is_surely_quiet


def test_nothing_here_and_a_list_of_today():
    """Empty, it tells of a quiet day; with papers, of what lacks; with those of another day, of nothing."""
    assert compare(STATE, listing(), [], []).is_told
    assert compare(STATE, listing(A, B), [], [frozenset({A})]).lacking == ((A, NEW), (B, NEW))
    stale = compare(STATE, listing(A, B), [], [frozenset({A, B, C})])
    assert (stale.is_told, stale.lacking) == (False, ())


def record(created, changed=None, version=1, identifier=A, categories=("cs.CL",), **fields):
    paper = make_paper(identifier, version=version, categories=categories)
    return Record(paper, changed or created + timedelta(days=1), created, **fields)


@pytest.mark.parametrize(
    ("created", "changed", "version", "day"),
    [
        (date(2026, 11, 18), None, 1, date(2026, 11, 19)),
        (date(2026, 11, 20), date(2026, 11, 23), 1, date(2026, 11, 23)),
        (date(2026, 11, 21), date(2026, 11, 24), 1, date(2026, 11, 24)),
        (date(2026, 11, 22), date(2026, 11, 24), 1, date(2026, 11, 24)),
        (date(2026, 11, 16), date(2026, 11, 18), 1, date(2026, 11, 18)),
        (date(2026, 11, 16), date(2026, 11, 18), 2, date(2026, 11, 17)),
        (date(2026, 11, 9), date(2026, 11, 18), 1, date(2026, 11, 10)),
        (date(2026, 11, 26), date(2026, 11, 30), 1, date(2026, 11, 30)),
        (date(2026, 11, 25), date(2026, 11, 28), 1, date(2026, 11, 30)),
    ],
)
def test_when_a_paper_was_announced(created, changed, version, day):
    """The first announcement after its submission; later where its first version was entered later; past days off."""
    assert announced_on(record(created, changed, version)) == day


def test_batches_of_missed_days():
    """First announcements alone: by primary category new or cross, of these days, neither known nor deleted."""
    thursday, friday = date(2026, 11, 19), FRIDAY
    records = [
        record(date(2026, 11, 19), identifier="2611.00009", categories=("cs.AI", "cs.CL")),
        record(date(2026, 11, 18), identifier="2611.00005"),
        record(date(2026, 11, 17), identifier="2611.00006"),
        record(date(2026, 11, 19), identifier="2611.00007", is_deleted=True),
        record(date(2026, 11, 19), identifier="2611.00008", categories=("cs.AI",)),
        record(date(2026, 11, 19), identifier=A),
        record(date(2020, 1, 6), friday, 3, identifier="2001.00001"),
    ]
    batches = infer_batches(records, "cs.CL", [thursday, friday], frozenset({A}))
    found = {day: [(paper.id, kind) for paper, kind in batch.papers] for day, batch in batches.items()}
    assert found == {thursday: [("2611.00005", NEW)], friday: [("2611.00009", CROSS)]}


def test_a_day_of_which_nothing_is_found_has_an_empty_batch():
    """So that it is known to be quiet."""
    assert infer_batches([], "cs.CL", [FRIDAY], frozenset())[FRIDAY].papers == ()


def test_a_cut_list_is_told():
    """A list that shows less than it counts still tells of the day."""
    assert compare(replace(STATE), listing(A, total=5), [(A, NEW)], []).is_told
