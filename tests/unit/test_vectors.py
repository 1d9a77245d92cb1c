"""Vectors and judgements in the background, over fakes: once each, many at a time, within the budget, resting after failures."""

import asyncio
from datetime import date, timedelta

import pytest

from bot import judgements, vectors
from bot.errands import LONG_REST, REST, SHARE, Purse, Rest
from bot.errors import LLMError
from bot.judgements import Judgements
from bot.model.meaning import Interests, Passage
from bot.model.summary import Usage
from bot.vectors import Vectors
from tests.build import NOW, make_paper
from tests.fake_meaning import TOKENS, FakeBlobCache, FakeEmbedder, FakeJudge
from tests.fakes import FakeStorage

PASSAGES = [Passage(f"paper 2611.{number:05}v1", f"teapots {number}", "Teapots") for number in range(250)]
PAPERS = [make_paper(f"2611.{number:05}") for number in range(8)]
TEA, WALKS = Interests(("teapots",)), Interests(("walks",))


class Desk:
    """Both use cases with their fakes, and a clock that is moved by hand."""

    def __init__(self, budget=1_000_000, cache=None, **fields):
        self.now, self.storage = NOW, FakeStorage()
        self.cache, self.idle = cache or FakeBlobCache(), asyncio.Event()
        self.embedder, self.judge = FakeEmbedder(**fields), FakeJudge()
        self.vectors = Vectors(self.cache, self.embedder, *self.purse_and_rest(budget, vectors.GROUP), self.idle.set)
        self.judgements = Judgements(
            self.cache, self.judge, *self.purse_and_rest(budget, judgements.GROUP), self.idle.set
        )

    def purse_and_rest(self, budget, group):
        def clock():
            return self.now

        return Purse(self.storage, clock, budget, group), Rest(group, clock)

    async def settle(self):
        await asyncio.wait_for(self.idle.wait(), 30)
        self.idle.clear()

    async def spent(self):
        return (await self.storage.get_spending(date.min))[-1]


@pytest.fixture
async def desk():
    desk = Desk()
    await desk.storage.open()
    yield desk
    await desk.vectors.close()
    await desk.judgements.close()


async def test_what_many_chats_want_is_made_once(desk):
    """A hundred chats want the same texts, in calls of as many as a call takes; later they are there at once."""
    for _ in range(100):
        assert desk.vectors.want(dict.fromkeys(PASSAGES, 1.0))
    await desk.settle()
    assert sorted(desk.embedder.texts) == sorted(each.text for each in PASSAGES)
    assert [len(each) for each in desk.embedder.calls] == [100, 100, 50]
    assert not desk.vectors.want(dict.fromkeys(PASSAGES, 1.0))
    assert None not in [desk.vectors.find(each) for each in PASSAGES]
    assert not desk.vectors.is_busy


async def test_what_matters_most_is_made_first(desk):
    """Texts with the greatest sum of weights are in the first call."""
    desk.embedder.most = 2
    desk.vectors.want({PASSAGES[0]: 1.0, PASSAGES[1]: 2.0, PASSAGES[2]: 0.5, PASSAGES[3]: 3.0})
    desk.vectors.want({PASSAGES[2]: 9.0})
    await desk.settle()
    assert [sorted(each) for each in desk.embedder.calls] == [["teapots 2", "teapots 3"], ["teapots 0", "teapots 1"]]


async def test_what_is_under_way_is_not_wanted_again(desk):
    """While a call is open, its texts are coming, and nobody asks for them a second time."""
    desk.embedder.gate.clear()
    desk.vectors.want({PASSAGES[0]: 1.0})
    await asyncio.sleep(0)
    assert desk.vectors.want({PASSAGES[0]: 1.0})
    assert desk.vectors.is_busy
    desk.embedder.gate.set()
    await desk.settle()
    assert len(desk.embedder.calls) == 1


async def test_vectors_outlive_a_restart_but_not_another_model(desk):
    """They are found in the cache by the model's name and by the size of what it sends."""
    desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    again = Desk(cache=desk.cache)
    assert again.vectors.find(PASSAGES[0]) == desk.vectors.find(PASSAGES[0]) is not None
    again.embedder.model = "other"
    assert again.vectors.find(PASSAGES[0]) is None
    changed = Desk(cache=desk.cache, size=32)
    await changed.storage.open()
    changed.vectors.want({PASSAGES[1]: 1.0})
    await changed.settle()
    assert changed.vectors.find(PASSAGES[0]) is None
    assert changed.vectors.find(PASSAGES[1]).size == 32


async def test_every_token_is_counted(desk):
    """What was set aside is exchanged for what was used, as embeddings."""
    desk.vectors.want(dict.fromkeys(PASSAGES[:3], 1.0))
    await desk.settle()
    spent = await desk.spent()
    assert (spent.calls, spent.reserved) == (1, 0)
    assert spent.used == {("fake-vectors", vectors.GROUP): Usage(3 * TOKENS)}


async def test_a_call_that_is_broken_off_counts_as_spent(desk):
    """As at the end of the process: the provider may have charged for it."""
    desk.embedder.gate.clear()
    desk.vectors.want({PASSAGES[0]: 1.0})
    while not desk.embedder.calls:
        await asyncio.sleep(0)
    await desk.vectors.close()
    assert (await desk.spent()).reserved == 2 * TOKENS


async def test_ranking_leaves_half_of_the_budget(caplog):
    """A call that would take more is not made, nothing more is wanted that day, and it is logged once."""
    desk = Desk(budget=int(100 * 2 * TOKENS / SHARE), most=60)
    await desk.storage.open()
    desk.vectors.want(dict.fromkeys(PASSAGES, 1.0))
    await desk.settle()
    assert len(desk.embedder.calls) == 2
    assert not desk.vectors.want({PASSAGES[0]: 1.0})
    assert (await desk.spent()).total <= 100 * 2 * TOKENS
    assert caplog.text.count("no-budget") == 1
    desk.now += timedelta(days=1)
    assert desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    assert desk.vectors.find(PASSAGES[0])


async def test_a_server_that_fails_is_left_alone(desk, caplog):
    """What was used up in vain is counted; for a minute, or as long as the server asks, nothing is asked; it is logged once."""
    desk.embedder.error = LLMError("no answer", spent=7)
    desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    assert (await desk.spent()).used == {("fake-vectors", vectors.GROUP): Usage(7)}
    assert not desk.vectors.want({PASSAGES[0]: 1.0})
    desk.now += REST
    desk.embedder.error = LLMError("wait", retry_after=600)
    assert desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    desk.now += timedelta(seconds=599)
    assert not desk.vectors.want({PASSAGES[0]: 1.0})
    desk.now += timedelta(seconds=1)
    desk.embedder.error = None
    assert desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    assert desk.vectors.find(PASSAGES[0])
    assert [caplog.text.count(each) for each in ("status=failed", "status=ok again")] == [1, 1]


class Picky(FakeEmbedder):
    """Refuses some texts for good, and crashes at others."""

    refused, crashing = frozenset(), frozenset()

    async def embed(self, texts):
        if self.refused.intersection(texts):
            self.calls.append(list(texts))
            raise LLMError("the filter refused it", is_final=True)
        if self.crashing.intersection(texts):
            raise RuntimeError("a bug")
        return await super().embed(texts)


async def test_a_text_that_is_refused_costs_the_others_nothing(desk):
    """It is found by halves, and not wanted again; where most are refused it is the server that is left alone."""
    desk.vectors.embedder = embedder = Picky()
    embedder.refused = {PASSAGES[37].text}
    desk.vectors.want(dict.fromkeys(PASSAGES[:100], 1.0))
    await desk.settle()
    assert [each for each in PASSAGES[:100] if desk.vectors.find(each) is None] == [PASSAGES[37]]
    assert len(embedder.calls) < 20
    assert not desk.vectors.want(dict.fromkeys(PASSAGES[:100], 1.0))
    assert desk.vectors.want({PASSAGES[101]: 1.0})
    await desk.settle()
    embedder.calls.clear()
    embedder.refused = {each.text for each in PASSAGES}
    desk.vectors.want(dict.fromkeys(PASSAGES[110:210], 1.0))
    await desk.settle()
    assert len(embedder.calls) < 30
    assert not desk.vectors.want({PASSAGES[220]: 1.0})


async def test_a_crash_rests_too(desk, caplog):
    """Else whoever waits would try again without end."""
    desk.vectors.embedder = embedder = Picky()
    embedder.crashing = {PASSAGES[0].text}
    desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    assert "a bug" in caplog.text
    assert not desk.vectors.want({PASSAGES[0]: 1.0})
    desk.judge.error = RuntimeError("another bug")
    desk.judgements.want(TEA, PAPERS)
    await desk.settle()
    assert "another bug" in caplog.text
    assert not desk.judgements.want(WALKS, PAPERS)


async def test_a_paper_is_judged_once_for_the_same_interests(desk):
    """Chats with the same interests share the judgement; others have one of their own."""
    desk.judge.scores = {PAPERS[0].id: 9.5}
    assert desk.judgements.want(TEA, PAPERS[:3])
    assert desk.judgements.want(TEA, PAPERS[:4])
    await desk.settle()
    assert desk.judge.calls == [[each.id for each in PAPERS[:4]]]
    assert desk.judgements.find(TEA, PAPERS[:5]) == [9.5, 5.0, 5.0, 5.0, None]
    assert desk.judgements.find(WALKS, PAPERS[:2]) == [None, None]
    assert not desk.judgements.want(TEA, PAPERS[:4])
    assert desk.judgements.want(TEA, PAPERS[2:6])
    await desk.settle()
    assert desk.judge.calls[1] == [each.id for each in PAPERS[4:6]]
    spent = await desk.spent()
    assert (spent.calls, spent.reserved) == (2, 0)
    assert spent.used == {("fake-judge", judgements.GROUP): Usage(6 * TOKENS, 6)}


async def test_judgements_outlive_a_restart_but_not_another_prompt(desk):
    """They are found in the cache by model, prompt, interests, paper and version."""
    desk.judgements.want(TEA, PAPERS[:1])
    await desk.settle()
    again = Desk(cache=desk.cache)
    assert again.judgements.find(TEA, PAPERS[:1]) == [5.0]
    assert again.judgements.find(TEA, [make_paper(PAPERS[0].id, version=2)]) == [None]
    again.judge.prompt = "p2"
    assert again.judgements.find(TEA, PAPERS[:1]) == [None]


async def test_an_answer_that_tells_nothing_rests_these_interests_alone(desk):
    """For an hour; the papers of other chats are judged, and what a model kept silent about is not asked for at each look."""
    desk.judge.error = LLMError("the model judged all papers alike", spent=50)
    desk.judgements.want(TEA, PAPERS[:5])
    await desk.settle()
    assert not desk.judgements.want(TEA, PAPERS[:5])
    desk.judge.error, desk.judge.silent = None, {PAPERS[0].id}
    assert desk.judgements.want(WALKS, PAPERS[:5])
    await desk.settle()
    assert desk.judgements.find(WALKS, PAPERS[:2]) == [None, 5.0]
    assert not desk.judgements.want(WALKS, PAPERS[:5])
    desk.now += LONG_REST
    desk.judge.silent = set()
    assert desk.judgements.want(TEA, PAPERS[:5])
    assert desk.judgements.want(WALKS, PAPERS[:5])
    await desk.settle()
    assert desk.judge.calls[2:] in (
        [[*map(id_of, PAPERS[:5])], [PAPERS[0].id]],
        [[PAPERS[0].id], [*map(id_of, PAPERS[:5])]],
    )
    assert (await desk.spent()).used["fake-judge", judgements.GROUP].total == 50 + 14 * TOKENS - 3 * TOKENS + 10


async def test_a_judge_that_cannot_be_reached_is_left_alone(desk):
    """Nobody's papers are judged as long as the server asks."""
    desk.judge.error = LLMError("no answer", retry_after=90)
    desk.judgements.want(TEA, PAPERS)
    await desk.settle()
    assert not desk.judgements.want(WALKS, PAPERS)
    desk.now += timedelta(seconds=90)
    assert desk.judgements.want(WALKS, PAPERS)
    await desk.settle()


async def test_a_broken_storage_stops_nothing_else(desk):
    """Where tokens cannot be set aside no call is made, and later it goes on."""
    await desk.storage.close()
    desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    desk.judgements.want(TEA, PAPERS)
    await desk.settle()
    assert desk.embedder.calls == desk.judge.calls == []
    await desk.storage.open()
    desk.now += LONG_REST
    desk.vectors.want({PASSAGES[0]: 1.0})
    await desk.settle()
    assert desk.vectors.find(PASSAGES[0])


def id_of(paper):
    return paper.id
