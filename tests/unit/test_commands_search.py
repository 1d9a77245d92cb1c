"""/search over what is announced and archived, through the whole bot but its edges."""

import asyncio
from datetime import timedelta

import pytest

from bot.archive import Archive
from tests.build import DAY, make_batch, make_paper
from tests.world import World

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache of language models.")
SURVEY = make_paper("2611.00002", "A Survey", "Many caches, one of them a kv cache.")
WORLDS = make_paper("2611.00003", "On Worlds", "The world is wide.", authors=("Tri Dao",))


@pytest.fixture
async def world():
    world = World(make_batch(CACHE, SURVEY, WORLDS))
    await world.say("/categories add cs.CL", "/digest")
    return world


def labels(reply):
    return [each.label for each in reply.buttons]


async def tick(world):
    """What happens when announcements came: the archive first, then everything old goes."""
    await world.services.archive.keep()
    await world.services.pipeline.prune()


async def test_the_best_comes_first_and_opens_its_card(world):
    """By the scores of digests; what was searched, and for how long it is kept, is said."""
    reply = await world.ask("/search kv cache")
    assert reply.text.splitlines() == [
        "2 papers match kv cache:",
        "1. Small KV Caches (2611.00001, 2026-11-20)",
        "2. A Survey (2611.00002, 2026-11-20)",
        "",
        "Searched 3 papers; papers are kept for 90 days.",
    ]
    assert labels(reply) == ["1", "2"]
    assert (await world.ask(reply.buttons[0].line)).card.announced.paper == CACHE


async def test_the_language_of_topics_is_understood(world):
    """Fields, operators and exclusions; mistakes point at the place; a mere exclusion finds too much."""
    assert "On Worlds" in await world.say("/search au:dao OR ti:nothing")
    assert "1 paper matches" in await world.say("/search kv cache -survey")
    assert "This works:" in await world.say("/search ((")
    assert "Say what to look for" in await world.say("/search -survey")
    assert "Nothing matches quantum gravity.\nSearched 3 papers" in await world.say("/search quantum gravity")
    assert "/search needs <query>" in await world.say("/search")


async def test_anyone_may_search(world):
    """It changes nothing, and a chat without a subscription has the same papers."""
    assert "2 papers match" in await world.say("/search kv cache", is_admin=False, person="bob")


@pytest.mark.parametrize("query", ["kv cache", "kv cache OR " + " OR ".join(f"word{number}" for number in range(12))])
async def test_results_have_pages(query):
    """Ten on a page, numbered on; every button fits, also that of a long query."""
    papers = [make_paper(f"2611.{number:05}", f"Paper {number}", "A kv cache.") for number in range(1, 26)]
    world = World(make_batch(*papers))
    await world.say("/categories add cs.CL", "/digest")
    first = await world.ask(f"/search {query}")
    assert "page 1 of 3" in first.text
    assert labels(first) == [*map(str, range(1, 11)), "Next ›"]
    second = await world.ask(first.buttons[-1].line, is_press=True)
    assert second.replaces
    assert labels(second) == [*map(str, range(11, 21)), "‹ Previous", "Next ›"]
    for each in (*first.buttons, *second.buttons):
        assert len(each.line.encode()) <= 64
    assert len({line.split("(")[1] for line in (first.text + second.text).splitlines() if " (2611." in line}) == 20


async def test_a_long_query_is_forgotten_at_a_restart(world):
    """Its button then says so; that of a short one goes on working."""
    assert "Please send /search" in await world.say("/results 2 #0123abcd")
    assert "2 papers match" in await world.say("/results 9 kv cache")


async def test_only_so_many_of_the_likeliest_are_ranked():
    """All are counted, the best three hundred are shown."""
    papers = [make_paper(f"2611.{number:05}", f"Word{number}", "A kv cache.") for number in range(1, 400)]
    papers.append(make_paper("2611.00999", "KV Cache, KV Cache", "A kv cache."))
    world = World(make_batch(*papers))
    await world.say("/categories add cs.CL", "/digest")
    reply = await world.ask("/search kv cache")
    assert reply.text.startswith("400 papers match kv cache; the best 300 of them (page 1 of 30):")
    assert "1. KV Cache, KV Cache (2611.00999" in reply.text


async def test_papers_outlive_their_announcements(world):
    """They are archived before they are pruned, searched and opened for ninety days, and then gone."""
    world.later(days=25)
    await tick(world)
    for days in (10, 50):
        world.later(days=days)
        await tick(world)
        assert await world.services.pipeline.announcements() == ()
        reply = await world.ask("/search kv cache")
        assert reply.text.startswith("2 papers match")
        card = (await world.ask(reply.buttons[0].line)).card
        assert (card.announced.paper.id, card.is_announced) == (CACHE.id, True)
    assert "Small KV Caches" in (await world.ask("/bibtex 2611.00001")).copy
    await world.ask("/mark save 2611.00001")
    assert "Vale, Ada" in (await world.ask("/saved export bibtex")).file.text
    world.later(days=10)
    await tick(world)
    assert "Nothing matches" in await world.say("/search kv cache")


async def test_a_bot_that_was_down_for_long_loses_nothing(world):
    """What should have been archived meanwhile is, before it is pruned."""
    world.later(days=60)
    archive = Archive(world.services.pipeline)
    await archive.keep()
    await world.services.pipeline.prune()
    assert (await archive.search("kv cache")).count == 2


async def test_a_paper_counts_once_in_its_newest_version(world):
    """Whatever days it was announced on."""
    later = make_paper("2611.00001", "Smaller KV Caches", "We shrink the kv cache more.", version=2)
    await world.storage.save_batch(make_batch(later, day=DAY + timedelta(days=3)))
    again = World(storage=world.storage)
    assert [each.title for each in (await again.services.archive.search("kv cache")).best] == [
        "Smaller KV Caches",
        "A Survey",
    ]


async def test_new_announcements_are_found_at_once(world):
    """What was answered before is no longer true."""
    assert "2 papers match" in await world.say("/search kv cache")
    world.source.batches["cs.CL"] = make_batch(make_paper("2611.00009", "A New KV Cache"), day=DAY + timedelta(days=3))
    world.later(days=3)
    await world.services.pipeline.pull(["cs.CL"])
    assert "3 papers match" in await world.say("/search kv cache")


@pytest.mark.parametrize("minutes", [61, 25 * 60])
async def test_memory_is_given_back_when_nobody_searches(world, minutes):
    """Most of it after an hour, all after a day; the next search finds the same."""
    archive = world.services.archive
    before = await archive.search("kv cache")
    await archive.rest()
    assert await archive.search("kv cache") is before
    world.later(minutes=minutes)
    await archive.rest()
    await archive.rest()
    after = await archive.search("kv cache")
    assert after == before
    assert after is not before


async def test_many_searches_at_once_are_bounded(world):
    """Those in the queue are answered; who comes on top is asked to come again."""
    replies = await asyncio.gather(
        *(world.ask(f"/search kv cache OR word{number}", person=f"p{number}") for number in range(40))
    )
    said = [each.text for each in replies]
    assert sum("2 papers match" in each for each in said) == 20
    assert sum("Many people are searching" in each for each in said) == 20
