"""Each digest that is planned is kept as a page, once, whatever happens in between."""

from datetime import timedelta

import pytest

from bot.delivery.pages import Pages
from bot.errors import StorageError
from bot.pipeline import SUMMARY_DAYS
from handlers.console.messenger import ConsoleMessenger
from tests.build import CHAT, NOW, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import World

MONDAY = (NOW + timedelta(days=3)).date()


def make_world(storage=None):
    world = World(make_batch(make_paper()), storage=storage)
    counter = iter(range(256))
    world.rounds.pages = Pages(
        world.storage, lambda: world.now, lambda size: bytes([next(counter)]) * size, "https://x.test"
    )
    return world


async def announce(world, day=MONDAY, *papers):
    await world.ask("/categories add cs.CL")
    await world.tick()
    world.later(days=(day - world.now.date()).days)
    world.source.batches = {"cs.CL": make_batch(*(papers or (make_paper("2611.00002"),)), day=day)}
    return await world.tick()


async def pages_of(world):
    return await world.storage.get_pages(CHAT, 99)


async def test_a_planned_digest_is_a_page():
    """With the papers that it shows, and an id of 22 characters that may stand in an address."""
    world = make_world()
    assert await announce(world) == 1
    (page,) = await pages_of(world)
    assert (page.id, page.chat, page.at, page.language) == ("A" * 22, CHAT, world.now, "en")
    assert [each.announced.paper.id for each in page.digest.papers] == ["2611.00002"]
    assert page.digest.day == MONDAY


@pytest.mark.parametrize("pages", ["on", "off"])
async def test_the_chat_is_told_where_the_page_is(pages):
    """With its digest, unless it turned pages off."""
    world = make_world()
    world.rounds.messengers = {"console": ConsoleMessenger(world.remarks.append)}
    await world.ask(f"/settings pages {pages}")
    await announce(world)
    [text] = world.got()
    assert ("Read on the web: https://x.test/d/" + "A" * 22 in text) == (pages == "on")


async def test_what_is_not_a_digest_is_no_page():
    """A day on which nothing was for the chat, though it is told so."""
    world = make_world()
    await world.ask("/settings quiet_notice on")
    await world.ask("/topics add unheard")
    assert await announce(world) == 0
    assert len(world.got()) == 1
    assert await pages_of(world) == ()


async def test_each_digest_has_its_own_page():
    """The newest first."""
    world = make_world()
    await announce(world)
    await announce(world, MONDAY + timedelta(days=1), make_paper("2611.00004"))
    days = [each.digest.day for each in await pages_of(world)]
    assert days == [MONDAY + timedelta(days=1), MONDAY]
    assert len({each.id for each in await pages_of(world)}) == 2


async def test_a_digest_that_could_not_be_planned_keeps_its_page():
    """The disk fails between page and plan: the next try makes no second page."""

    class Failing(FakeStorage):
        fails = False

        async def plan(self, chat, progress, deliveries=(), versions=()):
            if self.fails and deliveries:
                raise StorageError("disk full")
            await super().plan(chat, progress, deliveries, versions)

    world = make_world(Failing())
    world.storage.fails = True
    assert await announce(world) == 0
    (first,) = await pages_of(world)
    world.storage.fails = False
    world.later(minutes=1)
    assert await world.tick() == 1
    (second,) = await pages_of(world)
    assert (second.id, second.digest) == (first.id, first.digest)


async def test_pages_live_for_ninety_days():
    """Then they are pruned with all that is that old."""
    world = make_world()
    await announce(world)
    world.later(days=SUMMARY_DAYS)
    await world.services.pipeline.prune()
    assert len(await pages_of(world)) == 1
    world.later(days=1)
    await world.services.pipeline.prune()
    assert await pages_of(world) == ()


@pytest.mark.parametrize("line", ["/settings pages off", "/settings pages no"])
async def test_pages_are_kept_while_sharing_is_off(line):
    """So that turning it on again brings them back."""
    world = make_world()
    assert "off" in await world.say(line)
    await announce(world)
    assert len(await pages_of(world)) == 1
