"""What people do with summaries: read them in digests and on cards, ask for one, and see what they cost."""

import asyncio
from datetime import date

import pytest

from bot.delivery.letters import BUDGET_SPENT
from bot.errors import LLMError
from bot.model.chat import Chat
from bot.model.listing import Record
from tests.build import make_batch, make_paper
from tests.fake_summaries import ESTIMATE, FakeLookup
from tests.world import World

PLENTY = 10_000_000
PAPER = make_paper("2611.00001")
ELSEWHERE = make_paper("1706.03762", "An old paper", version=7)
RECORD = Record(ELSEWHERE, changed=date(2023, 8, 2), created=date(2017, 6, 12))


@pytest.fixture
async def world():
    world = World(make_batch(PAPER), lookup=FakeLookup(RECORD), summaries_budget=PLENTY)
    await world.ask("/categories add cs.CL")
    await world.pull()
    async with world.summaries:
        yield world


async def test_a_digest_that_is_asked_for_has_summaries(world):
    """They are made while the person waits."""
    reply = await world.ask("/digest")
    assert reply.digest.papers[0].summary.tldr == "A TL;DR of 2611.00001 in en."
    assert world.remarks[-1] == "Summaries are being written …"
    await world.ask("/digest")
    assert world.writer.calls.total() == 1


async def test_a_slow_summary_does_not_keep_a_digest(world):
    """What takes longer is on the card later."""
    world.summaries.digest_seconds = 0.02
    world.writer.gate.clear()
    assert (await world.ask("/digest")).digest.papers[0].summary is None
    assert (await world.ask("/paper 2611.00001")).card.summary is None
    world.writer.gate.set()
    await asyncio.wait_for(world.summaries.finished.wait(), 5)
    assert (await world.ask("/paper 2611.00001")).card.summary is not None


async def test_a_card_offers_a_summary_and_then_has_it(world):
    """The button is there until there is a summary, in the chat's language; pressing it replaces the card."""
    await world.ask("/settings language zh")
    card = await world.ask("/paper 2611.00001")
    [button] = [each for each in card.buttons if each.line.startswith("/summary")]
    shown = await world.ask(button.line)
    assert shown.replaces
    assert shown.card.summary.tldr == "A TL;DR of 2611.00001 in zh."
    assert shown.text == ""
    assert button not in shown.buttons
    assert (await world.ask("/mark up 2611.00001")).card.summary is not None


async def test_who_wants_no_summaries_sees_one_only_when_asked_for(world):
    """With the whole abstract chosen, a card has none until its button is pressed."""
    await world.ask("/settings detail abstract")
    assert (await world.ask("/digest")).digest.papers[0].summary is None
    assert (await world.ask("/paper 2611.00001")).card.summary is None
    assert (await world.ask("/summary 2611.00001")).card.summary is not None
    assert (await world.ask("/paper 2611.00001")).card.summary is None


async def test_a_summary_that_cannot_be_had_is_explained(world):
    """Still being written, failed, or no budget left: the card says which, with its abstract."""
    world.summaries.tap_seconds = 0.02
    world.writer.gate.clear()
    reply = await world.ask("/summary 2611.00001")
    assert "still being written" in reply.text
    assert reply.card is not None
    world.writer.errors[PAPER.id] = LLMError("no", is_final=True)
    world.writer.gate.set()
    await asyncio.wait_for(world.summaries.finished.wait(), 5)
    assert "No summary could be made" in await world.say("/summary 2611.00001")
    world.summaries.budget = ESTIMATE - 1
    assert await world.say("/summary 1706.03762") == BUDGET_SPENT


async def test_without_an_llm_the_command_says_so():
    """Typed where nothing is summarised, it explains itself."""
    world = World(make_batch(PAPER))
    assert "no language model" in await world.say("/summary 2611.00001")
    assert "no language model" in await world.say("/owner cost", is_owner=True)


async def test_any_paper_of_arxiv_has_a_card(world):
    """By id or link, announced here or not; it can be marked and summarised, and arXiv is asked once."""
    reply = await world.ask("/paper https://arxiv.org/abs/1706.03762v5")
    assert reply.card.announced.paper == ELSEWHERE
    assert not reply.card.is_announced
    assert reply.card.score is None
    assert (await world.ask("/mark save 1706.03762")).toast == "Saved."
    assert (await world.ask("/summary 1706.03762")).card.summary is not None
    await world.backfill.run()
    assert world.backfill.lookup.asked == ["1706.03762"]
    assert "An old paper" in await world.say("/saved")


async def test_a_paper_that_arxiv_does_not_know(world):
    """The reply says so, and marks nothing."""
    assert await world.say("/paper 1706.99999") == "arXiv knows no paper 1706.99999."
    assert "cannot be marked" in await world.say("/mark up 1706.99999")
    assert await world.say("/summary 1706.99999") == "arXiv knows no paper 1706.99999."


async def test_an_arxiv_that_cannot_be_asked(world):
    """People are told, and papers that are kept here or marked are shown all the same."""
    await world.ask("/mark save 1706.03762")
    world.backfill._at_hand.clear()
    world.backfill.lookup.is_down = True
    assert (await world.ask("/paper 2611.00001")).card is not None
    assert "An old paper" in await world.say("/paper 1706.03762")
    assert "cannot be asked now" in await world.say("/paper 1706.99999")
    assert "cannot be asked now" in await world.say("/mark up 1706.99999")


async def test_the_owner_sees_what_summaries_cost(world):
    """Tokens and money by day and by kind of chat, and what the cache spared; nobody else sees it."""
    assert "Nothing was spent" in await world.say("/owner cost", is_owner=True)
    group = Chat("telegram", "-100200")
    for chat in (Chat("telegram", "7"), group, Chat("telegram", "8")):
        await world.ask("/summary 2611.00001", chat=chat)
    await world.ask("/summary 1706.03762", chat=group)
    assert (await world.say("/owner cost", is_owner=True)).split("\n") == [
        "Budget: 10,000,000 tokens a day (UTC).",
        "Friday 20 November 2026: 2 calls, 1,600 + 400 tokens, 0.006 USD",
        "For telegram groups and channels: 800 + 200 tokens, 0.003 USD",
        "For telegram private: 800 + 200 tokens, 0.003 USD",
        "Cache: 0 of 2 wishes cost nothing (0 %).",
    ]
    await world.ask("/digest")
    assert "Cache: 1 of 3 wishes cost nothing (33 %)." in await world.say("/owner cost", is_owner=True)
    assert "There is no command" in await world.say("/owner cost")


async def test_unknown_prices_leave_tokens(world):
    """A model without a price is shown in tokens."""
    world.writer.model = "homemade"
    await world.ask("/summary 2611.00001")
    text = await world.say("/owner cost", is_owner=True)
    assert "800 + 200 tokens" in text
    assert "USD" not in text
