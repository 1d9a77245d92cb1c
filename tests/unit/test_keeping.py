"""What is held of announcements is what everybody has saved, in whatever process."""

import asyncio
from dataclasses import replace

import pytest

from bot.days import see_nothing_new
from bot.keeping import Keeping
from bot.model.day import DayPhase, DayState
from bot.model.paper import AnnounceType
from tests.build import NOW, make_paper
from tests.fakes import FakeStorage

DAY = NOW.date()
STATE = DayState("cs.CL", DAY, DayPhase.COMPLETE, NOW, came=NOW, papers=1)


def rows(*ids):
    return [(make_paper(each), AnnounceType.NEW) for each in ids]


@pytest.fixture
async def two():
    """Two processes' views of one storage."""
    storage = FakeStorage()
    await storage.open()
    return Keeping(storage, lambda: NOW), Keeping(storage, lambda: NOW)


async def test_what_one_saves_the_other_sees(two):
    """Papers and states, new and replaced, and what is pruned."""
    one, other = two
    for ids in (["2608.00001"], ["2608.00001", "2608.00002"]):
        await one.save(replace(STATE, papers=len(ids)), rows(*ids))
        for each in two:
            assert [paper.id for paper, _ in await each.rows("cs.CL", DAY)] == ids
            assert (await each.states())["cs.CL", DAY].papers == len(ids)
    await other.save(replace(STATE, probes=7))
    assert (await one.states())["cs.CL", DAY].probes == 7
    await one.storage.prune(batches_before=DAY.max, seen_before=DAY)
    for each in two:
        assert await each.announcements() == ()
        assert await each.states() == {}


async def test_what_nobody_changed_is_not_read_again(two):
    """The same objects come back, also after a state alone was saved, and that state is among the others."""
    one, _ = two
    await one.save(STATE, rows("2608.00001"))
    announcements, states = await one.announcements(), await one.states()
    assert await one.announcements() is announcements
    assert await one.states() is states
    await one.save(replace(STATE, category="cs.LG"))
    assert await one.announcements() is announcements
    assert set(await one.states()) == {("cs.CL", DAY), ("cs.LG", DAY)}


async def test_saves_that_cross_are_all_seen(two):
    """However two processes take turns, each sees in the end what both saved."""
    one, other = two
    for each in two:
        await each.states()
    asked = {code: see_nothing_new(replace(STATE, category=code), NOW, is_empty=True) for code in ("a", "b", "c", "d")}
    await asyncio.gather(*(each.save(asked[code]) for code, each in zip("abcd", (one, other, one, other), strict=True)))
    for each in two:
        assert {code for code, _ in await each.states()} == set("abcd")
