"""Rounds with an LLM: digests wait for their summaries, but never for long, and not at all without one."""

import asyncio
from datetime import timedelta

import pytest

from bot.batching import Batching
from bot.delivery.letters import BUDGET_SPENT
from bot.errors import LLMError
from bot.model.chat import Chat
from tests.build import CHAT, make_batch, make_paper
from tests.fake_messenger import FakeMessenger
from tests.fake_summaries import COST, ESTIMATE, FakeBatchWriter, FakeTexts
from tests.world import FRIDAY, MONDAY, MORNING, PLENTY, World

PAPERS = [make_paper(f"2611.23{number:03}", f"Paper {number}") for number in range(6)]


class Reader(FakeMessenger):
    """Shows of each digest the TL;DRs, in brackets the ids that have none."""

    def compose(self, chat, message):
        [part] = super().compose(chat, message)
        papers = message.digest.papers if message.digest else ()
        said = [each.summary.tldr if each.summary else f"({each.announced.paper.id})" for each in papers]
        return (type(part)(" ".join([*([message.text] if message.text else []), *said]), part.papers),)


@pytest.fixture
async def make_world():
    """A world whose chat reads cs.CL since Friday, on the Monday morning on which six papers come."""
    worlds = []

    async def make(budget=PLENTY, *lines, chats=(CHAT,)):
        world = World(make_batch(make_paper(), day=FRIDAY), summaries_budget=budget, messenger=Reader())
        worlds.append(world)
        for chat in chats:
            await world.ask("/categories add cs.CL", chat=chat)
            for line in lines:
                await world.ask(line, chat=chat)
        await world.wake_on_monday(*PAPERS)
        return world

    yield make
    for world in worlds:
        await world.close()


async def written(world):
    """Let the summaries be written, then look again, as the bot does when all are there."""
    await asyncio.wait_for(world.summaries.finished.wait(), 5)
    world.summaries.finished.clear()
    return await world.tick(pull=False)


async def test_a_digest_waits_for_its_summaries(make_world):
    """It is planned once they are there, with all of them, and once only."""
    world = await make_world()
    assert await world.tick() == 0
    assert await written(world) == 1
    assert world.got() == [" ".join(f"A TL;DR of {each.id} in en." for each in PAPERS)]
    world.later(minutes=5)
    assert await world.tick() == 0
    assert world.writer.calls.total() == 6


async def test_what_is_there_is_not_waited_for(make_world):
    """A second chat of the same language gets its digest in the same minute, without another call."""
    other = Chat("telegram", "77")
    world = await make_world(PLENTY, chats=(CHAT, other))
    await world.say("/schedule 07:00", chat=other)
    await world.tick()
    await written(world)
    world.later(hours=1)
    assert await world.tick() == 1
    assert world.got(other) == world.got()
    assert world.writer.calls.total() == 6


async def test_slow_summaries_hold_nothing_up(make_world):
    """After a minute the digest goes out with what is there; the rest is on the cards when it comes."""
    world = await make_world()
    world.writer.gate.clear()
    assert await world.tick() == 0
    world.later(seconds=59)
    assert await world.tick() == 0
    world.later(seconds=1)
    assert await world.tick() == 1
    assert world.got() == [" ".join(f"({each.id})" for each in PAPERS)]
    world.writer.gate.set()
    await asyncio.wait_for(world.summaries.finished.wait(), 5)
    assert (await world.ask(f"/paper {PAPERS[0].id}")).card.summary.tldr == f"A TL;DR of {PAPERS[0].id} in en."


async def test_a_clock_set_back_does_not_prolong_the_wait(make_world):
    """Whatever the clock does, a digest does not wait for hours."""
    world = await make_world()
    world.writer.gate.clear()
    await world.tick()
    world.later(seconds=-5)
    assert await world.tick() == 1


async def test_failures_never_delay_a_digest(make_world):
    """What cannot be summarised is shown by its abstract, at once where that is known already."""
    world = await make_world()
    for each in PAPERS:
        world.writer.errors[each.id] = LLMError("no", is_final=True)
    # Where storage takes its time, all have failed before the first look is over.
    assert await world.tick() + await written(world) == 1
    other = Chat("telegram", "77")
    await world.ask("/categories add cs.CL", chat=other)
    await world.tick()
    assert await world.rounds.catch_up(other, FRIDAY) == 6
    await world.send()
    assert world.got() == world.got(other) == [" ".join(f"({each.id})" for each in PAPERS)]
    assert world.writer.calls.total() == 6


@pytest.mark.parametrize(
    "line", ["/settings detail abstract", "/settings detail titles", "/settings max_papers_to_summarize 0"]
)
async def test_who_wants_no_summaries_waits_for_none(make_world, line):
    """Nothing is asked for such a chat, and its digest comes at once."""
    world = await make_world(PLENTY, line)
    assert await world.tick() == 1
    assert not world.writer.calls


async def test_only_the_first_papers_get_one(make_world):
    """As many as the chat set."""
    world = await make_world(PLENTY, "/settings max_papers_to_summarize 2")
    await world.tick()
    await written(world)
    assert world.got()[0].count("TL;DR") == 2


async def test_each_chat_gets_its_language(make_world):
    """Two languages are two calls for each paper."""
    other = Chat("telegram", "77")
    world = await make_world(PLENTY, chats=(CHAT, other))
    await world.ask("/settings language zh", chat=other)
    await world.tick()
    await written(world)
    assert f"A TL;DR of {PAPERS[0].id} in zh." in world.got(other)[0]
    assert f"A TL;DR of {PAPERS[0].id} in en." in world.got()[0]
    assert world.writer.calls.total() == 12


async def test_a_spent_budget_is_said_once_a_day(make_world):
    """The digest comes with abstracts and says why; the day's next one does not say it again."""
    world = await make_world(ESTIMATE + COST.total)
    await world.tick()
    await written(world)
    [digest] = world.got()
    assert digest.startswith(BUDGET_SPENT)
    assert digest.count("TL;DR") == 2
    await world.ask("/categories add cs.AI")
    world.source.batches["cs.AI"] = make_batch(
        make_paper("2611.23900"), day=MONDAY + timedelta(days=1), category="cs.AI"
    )
    world.source.batches["cs.CL"] = make_batch(day=MONDAY + timedelta(days=1))
    world.now = MORNING + timedelta(hours=23, minutes=30)
    assert await world.tick() + await written(world) == 1
    assert BUDGET_SPENT not in world.got()[1]


async def test_summaries_are_made_before_a_chats_own_hour(make_world):
    """A chat whose digest comes at noon has its summaries made when the announcement is here."""
    world = await make_world(PLENTY, "/schedule 12:00")
    for _ in range(2):  # the first deals with the hours of the weekend
        assert await world.tick() == 0
    await asyncio.wait_for(world.summaries.finished.wait(), 5)
    assert world.writer.calls.total() == 6
    world.later(minutes=5)
    await world.tick()
    world.now = MORNING.replace(hour=12)
    assert await world.tick() == 1
    assert world.got()[0].count("TL;DR") == 6
    assert world.writer.calls.total() == 6


@pytest.mark.parametrize("is_done", [True, False])
async def test_batches_make_what_is_for_a_chats_own_hour(make_world, is_done):
    """With batches, no single call is made for noon in the morning, but all are where the batch is not done in time."""
    world = await make_world(PLENTY, "/schedule 12:00")
    writer = FakeBatchWriter()
    world.summaries.batching = Batching(world.storage, FakeTexts(), writer, lambda: world.now, PLENTY)
    for _ in range(2):
        assert await world.tick() == 0
    await world.summaries.look_at_batches()
    assert not world.writer.calls
    assert [len(each) for each in writer.sent.values()] == [6]
    writer.is_done = is_done
    await world.summaries.look_at_batches()
    world.now = MORNING.replace(hour=12)
    assert await world.tick() == (1 if is_done else 0)
    if not is_done:
        assert await written(world) == 1
    assert world.got()[0].count("By batch:") == (6 if is_done else 0)
    assert world.writer.calls.total() == (0 if is_done else 6)


async def test_a_digest_that_waits_takes_in_what_changes(make_world):
    """Settings changed while it waits hold for it, without a longer wait."""
    world = await make_world()
    world.writer.gate.clear()
    await world.tick()
    await world.ask("/settings max_papers 1")
    world.later(seconds=60)
    assert await world.tick() == 1
    assert world.got() == [f"({PAPERS[0].id})"]


async def test_a_full_outbox_counts_those_that_wait(make_world):
    """No more digests wait for summaries than there is room for, and all come in the end."""
    chats = [Chat("telegram", str(number)) for number in range(5)]
    world = await make_world(PLENTY, chats=chats)
    world.rounds.most_open = 2
    world.writer.gate.clear()
    await world.tick()
    assert len(world.rounds._readings.waiting) == 2
    world.writer.gate.set()
    await asyncio.wait_for(world.summaries.finished.wait(), 5)
    for _ in range(4):
        await world.tick()
    assert [len(world.got(each)) for each in chats] == [1] * 5


async def test_without_an_llm_nothing_changes(make_world):
    """The digest comes at once, and nothing mentions summaries."""
    world = await make_world(0)
    assert await world.tick() == 1
    assert world.got() == [" ".join(f"({each.id})" for each in PAPERS)]
    card = await world.ask(f"/paper {PAPERS[0].id}")
    assert "Summarise" not in [each.label for each in card.buttons]
