"""Real feeds of arXiv, day after day, give the right state; skipped where PAPERROUND_DATA is absent."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.calendar import feed_of
from bot.days import add_papers, begin_day, fail, fresh_papers, note_probe, rows_of, see_nothing_new
from bot.errors import SourceError, SourceFault
from bot.model.announcement import merge_batches
from bot.model.day import DayPhase
from bot.sources.feed import parse_feed

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[3] / "shared" / "data")
FEEDS = DATA / "feeds"
pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="no real feeds: set PAPERROUND_DATA")
FIRST, LAST = date(2026, 4, 17), date(2026, 5, 4)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]


def look(state, batch, known):
    """The state once its feed was seen."""
    now = feed_of(state.day)
    state, fresh = note_probe(state, now, is_scheduled=True), fresh_papers(batch, known)
    if fresh:
        return add_papers(state, [paper.id for paper, _ in fresh], now)
    return see_nothing_new(state, now, is_empty=not batch.papers)


def test_eighteen_days_of_a_category():
    """Each weekday's batch is new and complete; the same feed a day later is not; weekends are empty, and nobody waits."""
    kept = []
    for day in DAYS:
        batch = parse_feed((FEEDS / "rendered" / f"rss_cs.CV_{day}.xml").read_bytes())
        known = rows_of(merge_batches(kept), "cs.CV")
        state = look(begin_day("cs.CV", day), batch, known)
        if day.weekday() < 5:
            # Versions in these files are filler, so that a paper that was replaced twice seems known.
            assert state.phase is DayPhase.COMPLETE, day
            assert state.papers > len(batch.papers) * 0.9, day
            stale = rows_of(merge_batches([*kept, batch]), "cs.CV")
            assert look(begin_day("cs.CV", day + timedelta(days=3)), batch, stale).phase is not DayPhase.COMPLETE
        else:
            assert (state.phase, state.is_empty) == (DayPhase.QUIET, True), day
        kept.append(batch)


@pytest.mark.parametrize(
    ("name", "papers"),
    [
        ("rss_cs.CL_2026-08-13.xml", 139),
        ("rss_cs.AI_2026-04-27_trimmed.xml", 3),
        ("atom_cs.AI_2025-08-20_86entries.xml", 86),
        ("rss10_hep-ex_2018-05-23_trimmed.xml", 3),
    ],
)
def test_a_whole_feed_completes_its_day(name, papers):
    """Old and new formats alike."""
    batch = parse_feed((FEEDS / name).read_bytes())
    state = look(begin_day(batch.category, batch.day), batch, frozenset())
    assert (state.phase, state.papers, state.is_cut) == (DayPhase.COMPLETE, papers, False)


def test_an_empty_feed_on_a_sunday_changes_nothing():
    """The day is quiet by the calendar."""
    batch = parse_feed((FEEDS / "atom_cs_2025-11-23_EMPTY_sunday.xml").read_bytes())
    assert look(begin_day("cs", batch.day), batch, frozenset()).phase is DayPhase.QUIET


def test_a_broken_feed_fails_its_day():
    """Nothing of it is taken."""
    with pytest.raises(SourceError) as caught:
        parse_feed((FEEDS / "atom_cs.AI_2025-08-20_truncated_malformed.xml").read_bytes())
    day = date(2025, 8, 20)
    state = fail(note_probe(begin_day("cs.AI", day), feed_of(day), is_scheduled=True), caught.value, feed_of(day))
    assert (state.phase, state.fault, state.papers) == (DayPhase.FAILED, SourceFault.INVALID, 0)
