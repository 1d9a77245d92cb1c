"""Digests by meaning: what is near in meaning moves up, with a reason; whatever fails, the order by words stands."""

import asyncio
from datetime import date, timedelta

import pytest

from bot.delivery.readings import ORDER_PATIENCE
from bot.errors import LLMError
from bot.meaning import LONGEST_TEXT, MOST_LIKED, Meaning, liked_passages, paper_passage, topic_passages
from bot.model.digest import Reason, ReasonKind, Score
from bot.rendering.scores import format_reasons
from tests.build import CHAT, make_batch, make_paper
from tests.fake_messenger import FakeMessenger
from tests.world import FRIDAY, MONDAY, MORNING, PLENTY, World

FILLER = "We study {0}{0}{1} and {1}{1}{0}, of no interest to anybody at all."
OTHERS = [
    make_paper(f"2611.240{number:02}", f"About {chr(97 + number)}", FILLER.format(chr(97 + number), chr(122 - number)))
    for number in range(24)
]
PASSING = make_paper("2611.23001", "Walls of brick", "A wall, a fence, a gate and, in passing, a teapot.")
CENTRAL = make_paper("2611.23002", "Brewing", "A teapot, a kettle, kettle and kettle and kettle.")
HIDDEN = make_paper("2611.23003", "The kettle", "Kettle upon kettle: a kettle, kettle, kettle.")
BANNED = make_paper("2611.23004", "A kettle survey", "Kettle upon kettle: a kettle, kettle, kettle survey.")
PAPERS = [PASSING, CENTRAL, HIDDEN, BANNED, *OTHERS]


class Reader(FakeMessenger):
    """Shows of each digest the ids."""

    def compose(self, chat, message):
        [part] = super().compose(chat, message)
        return (type(part)(" ".join(part.papers), part.papers),)


@pytest.fixture
async def make_world():
    """A world whose chat reads about teapots in cs.CL, for which a kettle is the same, on the morning on which the papers come."""
    worlds = []

    async def make(*lines, **fields):
        world = World(make_batch(*OTHERS, day=FRIDAY), messenger=Reader(), **{"meaning_budget": PLENTY} | fields)
        worlds.append(world)
        if world.meaning is not None:
            world.meaning.judgements = None
            world.embedder.synonyms = {"kettle": "teapot"}
        for line in ("/categories add cs.CL", "/topics add teapot", "/topics add -survey", *lines):
            await world.ask(line)
        await world.wake_on_monday(*PAPERS)
        return world

    yield make
    for world in worlds:
        await world.close()


async def ready(world):
    """Let all be made that is being made, then look again, as the bot does."""
    await asyncio.wait_for(world.meaning.finished.wait(), 30)
    world.meaning.finished.clear()
    return await world.tick(pull=False)


async def scores(world):
    """The chat's scores by id, after all that was delivered."""
    subscription = await world.services.subscriptions.get(CHAT)
    reading = await world.services.pipeline.read(subscription, with_delivered=True)
    return {each.announced.paper.id: each.score for each in reading.verdicts}


async def test_without_models_words_alone_decide(make_world):
    """The paper with the word in it, as often as it says it; no call, no wait."""
    world = await make_world(meaning_budget=0)
    assert await world.tick() == 1
    assert set(world.got()[-1].split()) == {PASSING.id, CENTRAL.id}


async def test_a_digest_waits_for_its_order_and_tells_the_reason(make_world):
    """What is central moves up, what says it in other words comes in below, what is banned stays out, and all adds up."""
    world = await make_world()
    plain = await make_world(meaning_budget=0)
    await plain.pull()
    before = await scores(plain)
    world.embedder.gate.clear()
    assert await world.tick() == 0
    world.embedder.gate.set()
    assert await ready(world) == 1
    assert world.got()[-1].split()[:3] == [CENTRAL.id, PASSING.id, HIDDEN.id]
    after = await scores(world)
    assert before[BANNED.id] == after[BANNED.id]
    assert {after[each.id].points for each in (CENTRAL, PASSING)} == {
        before[each.id].points for each in (CENTRAL, PASSING)
    }
    for score in after.values():
        assert score.points == pytest.approx(sum(each.points for each in score.reasons))
    (reason,) = after[HIDDEN.id].reasons
    assert (reason.kind, reason.topic) == (ReasonKind.MEANING, "teapot")
    assert 0 < reason.points < after[PASSING.id].points
    assert f"+{after[HIDDEN.id].value} near in meaning to teapot" in await world.say(f"/why {HIDDEN.id}")


async def test_the_card_has_the_score_of_the_digest(make_world):
    """One paper alone is scored beside all others, as in the digest."""
    world = await make_world()
    await world.tick()
    await ready(world)
    by_id = await scores(world)
    for paper in (PASSING, CENTRAL, HIDDEN, OTHERS[3], BANNED):
        assert (await world.ask(f"/paper {paper.id}")).card.score == by_id[paper.id]


async def test_many_chats_share_every_vector(make_world):
    """Each text is embedded once, papers in calls of a hundred, and a restart of the day costs nothing."""
    world = await make_world()
    for number in range(5):
        chat = type(CHAT)("telegram", str(number + 1))
        await world.ask("/categories add cs.CL", chat=chat)
        await world.ask("/topics add teapot", chat=chat)
    await world.tick()
    await ready(world)
    assert len(world.embedder.texts) == len(set(world.embedder.texts)) <= len(PAPERS) + 1
    assert len(world.embedder.calls) <= 3


@pytest.mark.parametrize("error", [LLMError("no answer", retry_after=60), LLMError("refused", is_final=True)])
async def test_a_failing_model_costs_the_digest_nothing_but_its_order(make_world, error):
    """The order by words stands, at the first look after the failure."""
    world = await make_world()
    world.embedder.error = error
    await world.tick()
    await ready(world)
    assert set(world.got()[-1].split()) == {PASSING.id, CENTRAL.id}


async def test_a_slow_model_delays_a_digest_for_seconds_only(make_world):
    """After `ORDER_PATIENCE` it goes out by words; what comes later is for the next."""
    world = await make_world()
    world.embedder.gate.clear()
    assert await world.tick() == 0
    world.now += ORDER_PATIENCE - timedelta(seconds=1)
    assert await world.tick(pull=False) == 0
    world.now += timedelta(seconds=1)
    assert await world.tick(pull=False) == 1
    assert set(world.got()[-1].split()) == {PASSING.id, CENTRAL.id}
    world.embedder.gate.set()
    await ready(world)
    again = (await world.ask("/digest again")).digest
    assert HIDDEN.id in [each.announced.paper.id for each in again.papers]


async def test_without_budget_words_alone_decide(make_world):
    """Nothing is asked that the day's budget does not hold."""
    world = await make_world(meaning_budget=10)
    await world.tick()
    await ready(world)
    assert set(world.got()[-1].split()) == {PASSING.id, CENTRAL.id}
    assert world.embedder.calls == []


async def test_a_paper_without_a_vector_keeps_its_rank(make_world):
    """What nothing is known of is moved by nothing but others that move."""
    world = await make_world()
    await world.tick()
    await ready(world)
    late = make_paper("2611.25001", "A teapot", "Of this teapot there is no vector yet: a teapot.")
    world.embedder.gate.clear()
    world.source.batches = {"cs.CL": make_batch(late, day=date(2026, 11, 24))}
    world.later(days=1)
    await world.pull()
    found = await scores(world)
    assert found[late.id].points == max(each.points for each in found.values())
    assert all(each.kind is not ReasonKind.MEANING for each in found[late.id].reasons)
    world.embedder.gate.set()


async def test_classic_and_the_sample_are_left_alone(make_world):
    """The one promises another bot's scores, the other is invented."""
    world = await make_world("/settings ranker classic")
    assert await world.tick() == 1
    assert world.embedder.calls == []


async def test_a_digest_with_an_hour_is_made_ready_when_the_papers_come(make_world):
    """So that it need not wait at its hour."""
    world = await make_world("/schedule 15:00")
    await world.tick()
    await world.tick(pull=False)
    await ready(world)
    assert world.embedder.texts
    world.now = MORNING.replace(hour=15)
    assert await world.tick(pull=False) == 1
    assert world.got()[-1].split()[0] == CENTRAL.id


async def test_summaries_are_made_of_what_the_order_puts_first(make_world):
    """The order is waited for, then the summaries of its first papers alone, and the digest comes once, with both."""
    world = await make_world("/settings max_papers_to_summarize 1", summaries_budget=PLENTY)
    world.embedder.gate.clear()
    assert await world.tick() == 0
    assert not world.writer.calls
    world.embedder.gate.set()
    await asyncio.wait_for(world.meaning.finished.wait(), 30)
    planned = await world.tick(pull=False)
    await asyncio.wait_for(world.summaries.finished.wait(), 30)
    planned += await world.tick(pull=False)
    assert planned == 1
    assert dict(world.writer.calls) == {(CENTRAL.id, "en"): 1}
    assert world.got()[-1].split()[0] == CENTRAL.id


async def test_the_judge_reorders_the_front(make_world):
    """It is asked about the front, once for the digest; its number is the reason, and the cost is in the owner's accounts."""
    world = await make_world(summaries_budget=PLENTY)
    world.meaning.judgements, world.meaning.vectors = World(meaning_budget=PLENTY).meaning.judgements, None
    judgements = world.meaning.judgements
    judgements.judge = world.judge
    judgements.purse.storage = world.storage
    judgements._crew.rest = world.meaning.finished.set
    world.judge.scores = {PASSING.id: 9.0, CENTRAL.id: 2.0}
    before = await scores(world)
    assert world.judge.calls == []
    await world.tick()
    await ready(world)
    assert world.judge.calls == [sorted((PASSING.id, CENTRAL.id), key=lambda each: -before[each].points)]
    assert world.judge.asked[0].topics == ("teapot",)
    after = await scores(world)
    for each in (PASSING, CENTRAL):
        assert after[each.id].points == pytest.approx(sum(reason.points for reason in after[each.id].reasons))
    assert world.judge.calls == [[*world.judge.calls[0]]]
    assert "judging the order" in await world.say("/owner cost", is_owner=True)


def test_reasons_say_what_moved_a_paper():
    """By a topic, by the long title of a liked paper in short, by papers that are nearer, or by the judge."""
    reasons = (
        Reason("kv cache", (), 0.5, ReasonKind.MEANING),
        Reason("A very long title " * 9, (), 0.4, ReasonKind.MEANING),
        Reason("7.5", (), 0.3, ReasonKind.JUDGED),
        Reason("2", (), -0.2, ReasonKind.JUDGED),
        Reason("kv cache", (), -0.1, ReasonKind.MEANING),
    )
    assert format_reasons(Score(0.9, reasons)) == (
        "near in meaning to kv cache; "
        "near in meaning to A very long title A very long title A very long title A ver…; "
        "the judge gives it 7.5 of 10; the judge gives it 2 of 10; others are nearer in meaning"
    )


def test_topics_are_embedded_as_the_words_they_look_for():
    """Without fields, operators and weights; authors, categories and what leaves papers out are no words."""
    topics = ["kv cache", 'ti:"state space" AND quant*^2', "au:Dao", "cat:cs.CL", "-survey", "((", "KV OR au:Dao"]
    assert [each.text for each in topic_passages(topics)] == ["kv cache", "state space, quant", "KV"]
    assert topic_passages(topics)[1].name == 'ti:"state space" AND quant*^2'


def test_papers_are_embedded_by_version():
    """Another version has another key; a paper of which only the title is left has one, too; each counts once, the last first."""
    one, two = make_paper(), make_paper(version=2)
    assert paper_passage(one).key != paper_passage(two).key != paper_passage(make_paper(abstract="")).key
    assert len(paper_passage(make_paper(abstract="long " * 9_999)).text) == LONGEST_TEXT
    liked = [make_paper(f"2611.{number:05}") for number in range(99)]
    assert [each.key for each in liked_passages([*liked, liked[0]])][:2] == ["paper 2611.00000v1", "paper 2611.00098v1"]
    assert len(liked_passages(liked)) == MOST_LIKED


async def test_nothing_set_up_is_nothing_to_do():
    """A Meaning without models changes nothing and is never busy."""
    async with Meaning() as meaning:
        await meaning.prune(MONDAY)
        assert not meaning.is_busy
