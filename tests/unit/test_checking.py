"""Lists, lookups and harvests over fakes: what lacks is found, what fails is tried again, and nothing is done twice."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.errors import SourceError
from bot.model.chat import Chat
from bot.model.day import DayPhase
from bot.model.listing import Listing, Record
from bot.model.paper import AnnounceType
from tests.build import CHAT, DAY, make_batch, make_paper
from tests.world import World

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
PAPERS = [make_paper(f"2611.0000{number}") for number in range(4)]
ALL = tuple((paper.id, AnnounceType.NEW) for paper in PAPERS)


@pytest.fixture
async def world():
    """A chat that reads cs.CL since Friday; on Monday the feed has one of four papers."""
    world = World(make_batch(make_paper("2611.00009")))
    await world.ask("/categories add cs.CL")
    await world.tick()
    world.now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    world.source.batches["cs.CL"] = make_batch(PAPERS[0], day=MONDAY)
    world.arxiv.lists["cs.CL"] = Listing("cs.CL", MONDAY, 4, ALL)
    world.arxiv.records = {each.id: Record(each, MONDAY, MONDAY - timedelta(days=3)) for each in PAPERS}
    world.arxiv.asked.clear()
    return world


async def state(world, day=MONDAY):
    return (await world.services.pipeline.states())["cs.CL", day]


async def kept(world, day=MONDAY):
    return [paper.id for paper, _ in await world.services.pipeline.keeping.rows("cs.CL", day)]


async def test_what_the_feed_lacks_comes_from_the_api(world):
    """Once, and it is counted; the list is not asked again."""
    await world.tick()
    found = await state(world)
    assert (found.phase, found.papers, found.listed) == (DayPhase.COMPLETE, 4, 4)
    assert (found.lacked, found.recovered) == (3, 3)
    assert world.arxiv.asked == [("list", "cs.CL"), ("lookup", tuple(each.id for each in PAPERS[1:]))]
    world.later(hours=2)
    await world.tick()
    assert len(world.arxiv.asked) == 2
    said = await world.say("/owner status", is_owner=True)
    assert "3 papers lacked, 3 recovered" in said


async def test_what_came_late_comes_alone(world):
    """A digest that went out before the list was asked is followed by one with what lacked, and that is all."""
    await world.services.pipeline.look()
    await world.rounds.hold_due()
    await world.send()
    await world.tick()
    assert [body.split() for body in world.got()] == [[PAPERS[0].id], [each.id for each in PAPERS[1:]]]
    await world.tick()
    world.later(hours=3)
    await world.tick()
    assert len(world.got()) == 2


async def test_what_another_category_has_is_not_looked_up(world):
    """A cross-list that lacks is there already, as its primary category announced it."""
    await world.ask("/categories add cs.AI")
    world.source.batches["cs.AI"] = make_batch(*PAPERS[1:], day=MONDAY, category="cs.AI")
    await world.tick()
    assert not any(kind == "lookup" for kind, _ in world.arxiv.asked)
    assert len(await kept(world)) == 4


async def test_a_lookup_that_fails_leaves_the_day_partial(world):
    """It is tried again a quarter of an hour later."""
    world.arxiv.failures["lookup"] = SourceError("down")
    await world.tick()
    assert (await state(world)).phase is DayPhase.PARTIAL
    assert "cs.CL: partial, 1 paper of Monday 23 November 2026 is here, and arXiv has more" in await world.say(
        "/status"
    )
    world.arxiv.failures.clear()
    world.later(minutes=14)
    await world.tick()
    assert (await state(world)).phase is DayPhase.PARTIAL
    world.later(minutes=1)
    await world.tick()
    assert (await state(world)).phase is DayPhase.COMPLETE


async def test_what_the_api_does_not_know_is_not_asked_for_for_ever(world):
    """The day is complete with what there is; the count tells the rest."""
    world.arxiv.records.pop(PAPERS[3].id)
    await world.tick()
    found = await state(world)
    assert (found.phase, found.papers, found.lacked, found.recovered) == (DayPhase.COMPLETE, 3, 3, 2)


async def test_a_list_that_fails_is_asked_again_an_hour_later(world):
    """The batch counts as complete meanwhile."""
    world.arxiv.failures["list"] = SourceError("down", reached=False)
    await world.tick()
    assert (await state(world)).phase is DayPhase.COMPLETE
    world.later(minutes=59)
    await world.tick()
    assert len(world.arxiv.asked) == 1
    world.later(minutes=1)
    await world.tick()
    assert len(world.arxiv.asked) == 2


async def test_a_feed_of_friday_with_mondays_date(world):
    """The list shows that its papers are Friday's, of before the chat came: they move there, and Monday is waiting again."""
    world.arxiv.lists["cs.CL"] = Listing("cs.CL", DAY, 1, ALL[:1])
    await world.tick()
    assert (await state(world)).phase is DayPhase.WAITING
    assert await kept(world) == []
    assert PAPERS[0].id in await kept(world, DAY)
    world.source.batches["cs.CL"] = make_batch(*PAPERS[1:], day=MONDAY)
    world.arxiv.lists["cs.CL"] = Listing("cs.CL", MONDAY, 3, ALL[1:])
    world.later(minutes=30)
    await world.tick()
    assert (await state(world)).phase is DayPhase.COMPLETE
    assert " ".join(world.got()).split() == [each.id for each in PAPERS[1:]]


async def test_without_lists_nothing_is_compared(world):
    """The feed alone completes a day, and an empty feed is a quiet day once it is over."""
    checking = world.services.pipeline.checking
    checking.listings = checking.lookup = checking.records = None
    await world.tick()
    assert (await state(world)).phase is DayPhase.COMPLETE
    world.source.batches["cs.CL"] = make_batch(day=TUESDAY)
    world.later(days=1)
    await world.tick()
    assert (await state(world, TUESDAY)).phase is DayPhase.WAITING
    world.later(days=1)
    await world.tick()
    assert (await state(world, TUESDAY)).phase is DayPhase.QUIET
    assert world.arxiv.asked == []


async def test_a_harvest_that_fails_is_tried_again_by_the_hour(world):
    """The digest waits for it for half an hour at most, and what comes afterwards follows by itself."""
    world.arxiv.lists.clear()
    missed = make_paper("2611.00005")
    world.arxiv.records = {missed.id: Record(missed, MONDAY, MONDAY - timedelta(days=3))}
    world.arxiv.failures["harvest"] = SourceError("down")
    world.now = datetime(2026, 11, 24, 6, tzinfo=UTC)
    world.source.batches["cs.CL"] = make_batch(PAPERS[0], day=TUESDAY)
    await world.pull()
    await world.rounds.hold_due()
    await world.send()
    assert world.got()[-1:] == [PAPERS[0].id]
    world.arxiv.failures.clear()
    world.later(minutes=59)
    await world.tick()
    assert world.arxiv.asked.count(("harvest", "cs.CL")) == 1
    world.later(minutes=1)
    await world.tick()
    await world.tick()
    assert world.got()[-1:] == [missed.id]
    assert (await state(world)).phase is DayPhase.COMPLETE


async def test_a_digest_waits_for_missed_days(world):
    """Until they are harvested, or half an hour is over, nothing goes out; then all comes in one digest."""
    world.arxiv.lists.clear()
    missed = make_paper("2611.00005")
    world.arxiv.records = {missed.id: Record(missed, MONDAY, MONDAY - timedelta(days=3))}
    world.now = datetime(2026, 11, 24, 6, tzinfo=UTC)
    world.source.batches["cs.CL"] = make_batch(PAPERS[0], day=TUESDAY)
    await world.services.pipeline.look()
    assert await world.rounds.hold_due() == 0
    await world.tick()
    assert [set(body.split()) for body in world.got()] == [{PAPERS[0].id, missed.id}]


async def test_a_new_chat_waits_until_it_is_known_what_is_quiet(world):
    """One of its two categories is quiet: what came before the chat subscribed is not sent, though a list had to be asked."""
    world.arxiv.lists.clear()
    await world.tick()
    other = Chat("console", "other")
    await world.ask("/categories add cs.CL math.KT", chat=other)
    world.source.batches["math.KT"] = make_batch(category="math.KT", day=MONDAY)
    await world.services.pipeline.look()
    await world.rounds.hold_due()
    assert await world.storage.get_progress(other) is None
    await world.services.pipeline.check()
    for minutes in (1, 30, 30):
        world.later(minutes=minutes)
        await world.tick()
    assert world.got(other) == []
    assert (await world.storage.get_progress(other)).covered == MONDAY


async def test_additions_never_share_an_instant(world):
    """Not even where the clock is set back: each is newer than the one before, so that nobody misses it."""
    await world.tick()
    world.later(hours=-1)
    keeping = world.services.pipeline.keeping
    [addition] = (await state(world)).additions
    assert await keeping.stamp() > addition.at
    assert (await world.storage.get_progress(CHAT)).heard == addition.at
