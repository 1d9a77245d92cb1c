"""Pulling: each announcement once, nothing half, nothing for ever."""

import asyncio
from datetime import date, timedelta

import pytest

from bot.errors import SourceError
from bot.keeping import ANNOUNCEMENT_DAYS
from bot.pipeline import SEEN_DAYS
from tests.build import CHAT, DAY, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import Killed, World

PAPER = make_paper("2611.00001", categories=("cs.CL",))


async def make_world(*batches, storage=None):
    world = World(*batches, storage=storage)
    await world.storage.open()
    return world, world.services.pipeline


async def test_two_pulls_at_once_ask_once():
    """A second pull waits for the first, says so, and finds its work done."""
    # In memory, where both begin in the same moment.
    world, pipeline = await make_world(make_batch(PAPER), storage=FakeStorage())
    said = []
    brought = await asyncio.gather(pipeline.pull(["cs.CL"]), pipeline.pull(["cs.CL"], said.append))
    assert brought == [1, 0]
    assert world.source.asked == ["cs.CL"]
    assert said == ["arXiv is being read already; waiting for that …"]


async def test_a_pull_brings_only_what_is_new():
    """Papers are counted when they come, not when the same announcement is read again, nor as part of the next one."""
    world, pipeline = await make_world(make_batch(PAPER))
    assert await pipeline.pull(["cs.CL"]) == 1
    world.later(days=3)
    assert await pipeline.pull(["cs.CL"]) == 0
    world.source.batches["cs.CL"] = make_batch(PAPER, make_paper("2611.00002"), day=DAY + timedelta(days=3))
    world.later(minutes=1)
    assert await pipeline.pull(["cs.CL"]) == 1


async def test_an_empty_feed_never_takes_papers_away():
    """If arXiv shows an empty feed for a day whose papers are here, they stay."""
    world, pipeline = await make_world(make_batch(PAPER))
    await pipeline.pull(["cs.CL"])
    world.source.batches["cs.CL"] = make_batch()
    world.later(days=3)
    await pipeline.pull(["cs.CL"])
    [announcement] = await pipeline.announcements()
    assert list(announcement.papers) == [PAPER.id]


async def test_what_failed_waits_for_its_pause():
    """A failure is asked for again after the pause, and a clock set back does not make it wait longer."""
    world, pipeline = await make_world()
    world.source.failures["cs.CL"] = SourceError("HTTP 503")
    quarter = timedelta(minutes=15)
    await pipeline.pull(["cs.CL"], pause=quarter)
    world.later(minutes=14)
    await pipeline.pull(["cs.CL"], pause=quarter)
    assert len(world.source.asked) == 1
    world.later(minutes=1)
    await pipeline.pull(["cs.CL"], pause=quarter)
    assert len(world.source.asked) == 2
    world.later(hours=-1)
    await pipeline.pull(["cs.CL"], pause=quarter)
    assert len(world.source.asked) == 3


async def test_every_followed_category_is_pulled_once():
    """All chats together ask for each category once; chats without categories add the default ones."""
    world, pipeline = await make_world()
    await world.say("/categories add stat.ML cs.LG")
    assert await pipeline.followed_categories() == ("cs.LG", "stat.ML")
    await world.say("/topics add kv cache")
    assert await pipeline.followed_categories() == ("cs.LG", "stat.ML")
    await world.say("/categories remove cs.LG", "/categories remove stat.ML")
    assert await pipeline.followed_categories() == ("cs.AI", "cs.CL")


async def test_what_is_old_is_dropped():
    """Announcements are kept for a month, and what was delivered for half a year."""
    world, pipeline = await make_world(make_batch(PAPER))
    await pipeline.pull(["cs.CL"])
    await world.storage.add_seen(CHAT, [PAPER.id], DAY)
    world.later(days=ANNOUNCEMENT_DAYS)
    await pipeline.prune()
    assert len(await pipeline.announcements()) == 1
    world.later(days=1)
    await pipeline.prune()
    assert await pipeline.announcements() == ()
    assert PAPER.id in await world.storage.get_seen(CHAT)
    world.later(days=SEEN_DAYS - ANNOUNCEMENT_DAYS)
    await pipeline.prune()
    assert await world.storage.get_seen(CHAT) == {}


async def test_a_reading_never_hides_what_is_saved_meanwhile():
    """Announcements read while another batch is saved are not held as the newest."""
    _, pipeline = await make_world(make_batch(PAPER))
    reading = pipeline.storage.get_announcements
    gate = asyncio.Event()

    async def slow(since: date):
        found = await reading(since)
        await gate.wait()
        return found

    pipeline.storage.get_announcements = slow
    early = asyncio.create_task(pipeline.announcements())
    await asyncio.sleep(0)
    pipeline.storage.get_announcements = reading
    await pipeline.pull(["cs.CL"])
    gate.set()
    assert await early == ()
    assert len(await pipeline.announcements()) == 1


async def test_a_first_look_that_was_cut_off_is_still_the_first():
    """A process that dies while it reads arXiv for the first time ever leaves no days behind that another would harvest."""
    world = World(make_batch(make_paper("2611.00001")))
    await world.ask("/categories add cs.CL")
    world.source.failures["cs.CL"] = Killed()
    with pytest.raises(Killed):
        await world.pull()
    world.source.failures.clear()
    again = World(make_batch(make_paper("2611.00001")), storage=world.storage)
    await again.pull()
    assert again.source.asked == ["cs.CL"]
    assert not any(kind == "harvest" for kind, _ in again.arxiv.asked)
