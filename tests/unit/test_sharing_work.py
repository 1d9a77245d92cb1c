"""What several processes on one storage do: each world is a process, and all have the same storage."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.leasing import Turn
from bot.model.delivery import DeliveryState
from bot.model.message import Message
from bot.model.summary import Wish
from bot.summarising import Summaries
from tests.build import CHAT, make_paper
from tests.fake_summaries import FakeSummarizer, FakeTexts
from tests.unit.test_rounds import FRIDAY, MONDAY, Week, batch
from tests.world import World


@pytest.fixture
async def two():
    """Two processes; on Friday at noon a chat begins to read cs.CL, whose announcement of that day is out."""
    one = Week(batch(FRIDAY))
    other = Week(storage=one.storage)
    for each in (one, other):
        each.services.pipeline.pulling.is_shared = True
    await one.ask("/categories add cs.CL")
    await one.tick()
    return one, other


async def monday(two):
    """The first one has read arXiv."""
    one, other = two
    one.announce_day(batch(MONDAY))
    for each in two:
        each.at(MONDAY, 6)
    await one.pull()
    await other.services.pipeline.pulling.recall()
    return one, other


async def test_of_two_that_compose_one_plans(two):
    """Both find the round due and compose it; the chat gets one digest."""
    one, other = await monday(two)
    assert await one.rounds.find_waiting() == await other.rounds.find_waiting() == [CHAT]
    planned = await asyncio.gather(one.rounds.hold([CHAT]), other.rounds.hold([CHAT]))
    assert sorted(planned) == [0, 1]
    await one.send()
    assert len(one.got()) == 1
    assert await other.rounds.find_waiting() == []
    assert await other.rounds.hold([CHAT]) == 0


async def test_two_that_say_something_at_once_are_both_heard(two):
    """Parts of two messages never have the same place, whoever planned first."""
    one, other = two
    await asyncio.gather(one.rounds.say(CHAT, Message("one")), other.rounds.say(CHAT, Message("two")))
    await one.send()
    assert len(one.got()) == 2
    assert [each.part for each in await one.storage.get_deliveries(CHAT)] == [1, 2]


async def test_two_presses_on_resend_send_once(two):
    """In two processes, at the same time."""
    one, other = await monday(two)
    await one.rounds.hold_due()
    [waiting] = await one.storage.get_deliveries(CHAT)
    await one.storage.record(replace(waiting, state=DeliveryState.UNCERTAIN))
    asked = await asyncio.gather(one.rounds.resend(CHAT), other.rounds.resend(CHAT))
    assert sorted(asked) == [0, 1]
    [again] = await one.storage.get_deliveries(CHAT)
    assert again.resends == 1


async def test_a_part_is_claimed_by_one_of_two_senders(two):
    """Even without a lease: it is sent once."""
    one, other = await monday(two)
    await one.rounds.hold_due()
    await asyncio.gather(one.send(), other.send())
    assert len(one.got()) + len(other.got()) == 1


async def test_a_chat_that_is_not_due_is_left_to_nobody(two):
    """Nothing is handed on where nothing is to be done."""
    one, other = two
    assert await one.rounds.find_waiting() == []
    assert await other.rounds.hold([CHAT]) == 0


async def test_what_one_asked_of_arxiv_all_know(two):
    """Attempts are told to others, the newest of each category counts, and whoever keeps time next begins anew."""
    one, other = await monday(two)
    assert other.services.pipeline.attempts == one.services.pipeline.attempts != {}
    await other.services.pipeline.pulling.begin_anew()
    assert other.services.pipeline.attempts == {}
    await other.services.pipeline.pulling.recall()
    assert other.services.pipeline.attempts == {}


class Desk:
    """Summaries in two processes: `wanting` has them made by `making`."""

    def __init__(self, world, budget):
        self.writer = FakeSummarizer()
        self.making = Summaries(world.storage, FakeTexts(), self.writer, lambda: world.now, budget)
        self.wanting = Summaries(world.storage, FakeTexts(), FakeSummarizer(), lambda: world.now, budget)
        self.wanting.elsewhere = self.make
        self.is_there = True

    async def make(self, key, paper, groups, _):
        if self.is_there:
            await self.making.make(paper, key.language, groups)
        return self.is_there


@asynccontextmanager
async def desk_of(budget=10_000_000):
    world = World()
    await world.storage.open()
    desk = Desk(world, budget)
    async with desk.making, desk.wanting:
        yield desk


PAPER = make_paper("2611.00001")


async def test_a_summary_is_made_elsewhere():
    """Whoever wants it gets it, and makes none; where nobody else does, it makes it."""
    async with desk_of() as desk:
        await desk.wanting.want([Wish(PAPER, "en")])
        assert await desk.wanting.wait([PAPER], "en", 10)
        assert sum(desk.writer.calls.values()) == 1
        assert sum(desk.wanting.summarizer.calls.values()) == 0
        desk.is_there = False
        other = make_paper("2611.00002")
        await desk.wanting.want([Wish(other, "en")])
        assert await desk.wanting.wait([other], "en", 10)
        assert sum(desk.wanting.summarizer.calls.values()) == 1


async def test_who_has_no_budget_elsewhere_is_told():
    """Where it was not made for lack of tokens, that is what can be said."""
    async with desk_of(budget=1) as desk:
        await desk.wanting.want([Wish(PAPER, "en")])
        assert not await desk.wanting.wait([PAPER], "en", 10)
        assert desk.wanting.is_spent()
        assert not desk.wanting.is_coming(PAPER, "en")


async def test_a_turn_is_one_tasks_in_all_processes():
    """It is held outside while it is held inside, and given back whatever happens."""
    held, most = 0, 0

    @asynccontextmanager
    async def outside():
        nonlocal held, most
        held += 1
        most = max(most, held)
        try:
            yield
        finally:
            held -= 1

    turn = Turn(outside)

    async def take(fails):
        async with turn:
            assert turn.locked()
            await asyncio.sleep(0)
            if fails:
                raise LookupError

    await asyncio.gather(*(take(each % 2) for each in range(6)), return_exceptions=True)
    assert not turn.locked()
    assert (most, held) == (1, 0)

    @asynccontextmanager
    async def broken():
        raise LookupError
        yield

    turn.outside = broken
    for _ in range(2):
        with pytest.raises(LookupError):
            async with turn:
                pass
    assert not turn.locked()
