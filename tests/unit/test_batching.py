"""Summaries that can wait: one request in a batch each, and a single call for whatever a batch does not bring in time."""

import asyncio
from datetime import timedelta

import pytest

from bot.batching import LATE, LONGEST, MOST, Batching
from bot.errors import LLMError, StorageError
from bot.model.summary import BATCHED, Usage, Wish
from bot.prices import Price, Prices
from tests.build import DAY, NOW, make_batch, make_paper
from tests.fake_summaries import COST, ESTIMATE, FakeBatchWriter
from tests.fakes import FakeStorage
from tests.unit.test_summarising import Desk

PAPERS = [make_paper(f"2611.{number:05}") for number in range(MOST + 5)]
NOON = NOW + timedelta(hours=6)


class BatchDesk(Desk):
    """A desk whose papers were announced, and whose provider has batches."""

    def __init__(self, storage=None, batches=None, **fields):
        super().__init__(storage, **fields)
        self.batches = batches or FakeBatchWriter()
        self.summaries.batching = Batching(
            self.storage, self.texts, self.batches, lambda: self.now, self.summaries.budget
        )

    async def foresee(self, *papers, due=NOON, group="discord"):
        await self.summaries.want(Wish(each, "en", 0.1, group, due) for each in papers)

    async def look(self, **later):
        """What happens every five minutes, and what single calls come of it."""
        self.now += timedelta(**later)
        await self.summaries.look_at_batches()
        while any(self.summaries.is_coming(each, "en") for each in PAPERS):
            await asyncio.sleep(0)

    async def read(self, paper):
        found = await self.summaries.find(paper, "en")
        return found and found.tldr


@pytest.fixture
async def make_desk():
    desks = []

    async def make(storage=None, **fields):
        desk = BatchDesk(storage, **fields)
        await desk.storage.open()
        await desk.storage.save_batch(make_batch(*PAPERS))
        desks.append(desk)
        return desk

    yield make
    for each in desks:
        await each.summaries.__aexit__()
        await each.storage.close()


async def test_what_can_wait_comes_by_one_request_in_a_batch(make_desk):
    """Whatever the number of chats; it is counted for the batch's price, and nothing stays set aside."""
    desk = await make_desk()
    await desk.foresee(*PAPERS[:3])
    await desk.foresee(*PAPERS[:3], due=NOON + timedelta(hours=1), group="telegram private")
    await desk.look()
    await desk.foresee(PAPERS[0])
    await desk.look(minutes=5)
    assert desk.batches.sent == {"batch 0": [f"{each.id} en" for each in PAPERS[:3]]}
    assert (await desk.spent()).reserved == 3 * ESTIMATE
    assert await desk.read(PAPERS[0]) is None
    desk.batches.is_done = True
    await desk.look(minutes=5)
    assert await desk.read(PAPERS[2]) == "By batch: 2611.00002 in en."
    assert not desk.writer.calls
    spent = await desk.spent()
    assert (spent.calls, spent.hits, spent.reserved, spent.total) == (3, 4, 0, 3 * COST.total)
    assert set(spent.used) == {("fake-1" + BATCHED, "discord"), ("fake-1" + BATCHED, "telegram private")}
    await desk.look(minutes=5)
    assert len(desk.batches.sent) == 1


@pytest.mark.parametrize("due", [None, NOW + timedelta(minutes=119)], ids=str)
async def test_what_is_shown_soon_does_not_wait(make_desk, due):
    """It is made by a single call, at once."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0], due=due)
    await desk.look()
    assert desk.writer.order == [PAPERS[0].id]
    assert not desk.batches.sent


async def test_once_it_is_due_the_single_call_wins(make_desk):
    """Nothing is made by both; what the batch brings after all is counted and not shown."""
    desk = await make_desk()
    await desk.foresee(*PAPERS[:2])
    await desk.look()
    desk.writer.gate.clear()
    await desk.get(PAPERS[0], seconds=0.01)
    desk.batches.is_done = True
    await desk.summaries.look_at_batches()
    assert await desk.read(PAPERS[0]) is None
    desk.writer.gate.set()
    await desk.get(PAPERS[0])
    assert await desk.read(PAPERS[0]) == "A TL;DR of 2611.00000 in en."
    assert await desk.read(PAPERS[1]) == "By batch: 2611.00001 in en."
    assert (await desk.spent()).total == 3 * COST.total
    assert desk.writer.calls.total() == 1


async def test_who_taps_before_it_is_sent_takes_it_out(make_desk):
    """Before its text is fetched, and also while that of another is being fetched."""
    desk = await make_desk()
    await desk.foresee(*PAPERS[:2])
    await desk.get(PAPERS[0])
    await desk.look()
    assert desk.batches.sent == {"batch 0": ["2611.00001 en"]}
    await desk.foresee(*PAPERS[2:5])
    fetch = desk.texts.fetch

    async def fetch_slowly(paper):
        if paper == PAPERS[3]:
            desk.texts.fetch = fetch
            await desk.get(PAPERS[2], PAPERS[4])
        return await fetch(paper)

    desk.texts.fetch = fetch_slowly
    await desk.look()
    assert desk.batches.sent["batch 1"] == ["2611.00003 en"]
    assert sorted(desk.writer.order) == [PAPERS[each].id for each in (0, 2, 4)]


async def test_what_a_batch_fails_at_is_made_singly(make_desk):
    """Failed lines cost nothing, unusable ones what they cost; the rest stays."""
    desk = await make_desk()
    await desk.foresee(*PAPERS[:3])
    await desk.look()
    desk.batches.is_done = True
    desk.batches.failing, desk.batches.unusable = {PAPERS[0].id}, {PAPERS[1].id}
    await desk.look(minutes=5)
    assert sorted(desk.writer.order) == [PAPERS[0].id, PAPERS[1].id]
    assert await desk.read(PAPERS[2]) == "By batch: 2611.00002 in en."
    spent = await desk.spent()
    assert (spent.reserved, spent.total) == (0, 4 * COST.total)


async def test_a_batch_that_is_not_done_in_time_is_not_waited_for(make_desk):
    """A quarter of an hour before the digest is due its summaries are made by single calls."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    await desk.foresee(PAPERS[1], due=NOON + timedelta(hours=3))
    await desk.look()
    desk.now = NOON - LATE
    await desk.look()
    assert not desk.writer.calls
    await desk.look(seconds=1)
    assert desk.writer.order == [PAPERS[0].id]


async def test_a_restart_fetches_what_was_sent(make_desk, place):
    """The next process sends nothing again, though the same is wanted again, and also where nobody wants it any more."""
    first = await make_desk(place.storage())
    await first.foresee(*PAPERS[:2])
    await first.look()
    await first.storage.close()
    batches = first.batches
    second = await make_desk(place.storage(), batches=batches)
    await second.foresee(PAPERS[0])
    await second.look()
    assert len(batches.sent) == 1
    batches.is_done = True
    await second.look(minutes=5)
    assert await second.read(PAPERS[0]) == "By batch: 2611.00000 in en."
    assert await second.read(PAPERS[1]) == "By batch: 2611.00001 in en."
    spent = await second.spent()
    assert (spent.reserved, spent.total) == (0, 2 * COST.total)
    assert not second.writer.calls


async def test_a_provider_without_batches_gets_single_calls(make_desk):
    """Those of the batch that was refused, and all later ones."""
    desk = await make_desk()
    await desk.foresee(*PAPERS)
    desk.batches.error = LLMError("no", is_final=True)
    await desk.look()
    assert desk.writer.calls.total() == MOST
    desk.batches.is_there = False
    await desk.look(minutes=5)
    assert desk.writer.calls.total() == len(PAPERS)
    assert (await desk.spent()).reserved == 0
    await desk.foresee(make_paper("2611.77777"))
    assert desk.summaries.is_coming(make_paper("2611.77777"), "en")


async def test_only_so_many_are_in_one_batch(make_desk):
    """The rest goes with the next."""
    desk = await make_desk()
    await desk.foresee(*PAPERS)
    await desk.look()
    await desk.look(minutes=5)
    assert [len(each) for each in desk.batches.sent.values()] == [MOST, 5]


async def test_batches_leave_half_of_the_budget(make_desk):
    """What does not fit into the other half is made by single calls, as far as the budget goes."""
    desk = await make_desk(budget=4 * ESTIMATE + 100)
    await desk.foresee(*PAPERS[:3])
    await desk.look()
    assert [len(each) for each in desk.batches.sent.values()] == [2]
    assert desk.writer.calls.total() == 1


async def test_what_a_batch_leaves_over_is_for_others(make_desk):
    """A budget that was used up by what was set aside is there again when the batch has ended."""
    desk = await make_desk(budget=2 * ESTIMATE)
    await desk.foresee(PAPERS[0])
    await desk.look()
    await desk.get(*PAPERS[1:3])
    assert desk.summaries.is_spent()
    desk.batches.is_done, desk.batches.failing = True, {PAPERS[0].id}
    await desk.look(minutes=5)
    first, later = desk.writer.order
    assert first in {PAPERS[1].id, PAPERS[2].id}
    assert later == PAPERS[0].id
    assert not desk.summaries.is_spent()


async def test_a_batch_that_is_lost_counts_as_spent(make_desk):
    """Whether the provider forgot it or never ends it: its papers are made singly, its reservation stays."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0], due=NOW + timedelta(days=3))
    await desk.look()
    await desk.look(seconds=LONGEST.total_seconds() - 1)
    assert not desk.writer.calls
    await desk.look(seconds=2)
    assert desk.writer.calls.total() == 1
    assert (await desk.storage.get_spending(DAY))[0].reserved == ESTIMATE
    await desk.foresee(PAPERS[1], due=NOW + timedelta(days=5))
    await desk.look()
    desk.batches.sent.clear()
    await desk.look()
    assert desk.writer.calls.total() == 2


@pytest.mark.parametrize(("spent", "reserved"), [(0, 0), (ESTIMATE, ESTIMATE)])
async def test_a_batch_that_cannot_be_sent_is_made_singly(make_desk, spent, reserved):
    """What may be under way all the same stays set aside."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    desk.batches.error = LLMError("no answer", spent=spent)
    await desk.look()
    assert desk.writer.calls.total() == 1
    assert (await desk.spent()).reserved == reserved


async def test_a_server_that_does_not_answer_is_asked_again(make_desk):
    """A batch is not given up for one failure."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    await desk.look()
    desk.batches.error, desk.batches.is_done = LLMError("no answer"), True
    await desk.look(minutes=5)
    assert await desk.read(PAPERS[0]) is None
    await desk.look(minutes=5)
    assert await desk.read(PAPERS[0]) == "By batch: 2611.00000 in en."


async def test_what_has_only_an_abstract_goes_singly(make_desk):
    """It costs little, and the full text may be there the next time."""
    desk = await make_desk()
    desk.texts.without = {PAPERS[0].id}
    await desk.foresee(*PAPERS[:2])
    await desk.look()
    assert desk.writer.order == [PAPERS[0].id]
    assert desk.batches.sent == {"batch 0": ["2611.00001 en"]}


async def test_without_usage_the_reservation_counts(make_desk):
    """A provider that tells nothing is believed to have used all."""
    desk = await make_desk()
    fetch = desk.batches.fetch

    async def fetch_silent(batch):
        return {name: type(each)(each.text, each.is_cut, Usage(0, 9)) for name, each in (await fetch(batch)).items()}

    desk.batches.fetch, desk.batches.is_done = fetch_silent, True
    await desk.foresee(PAPERS[0])
    await desk.look()
    await desk.look(minutes=5)
    assert (await desk.spent()).total == ESTIMATE


async def test_a_storage_that_fails_loses_no_batch(make_desk):
    """What could not be kept is fetched again, and settled once."""

    class Full(FakeStorage):
        is_full = False

        async def set_note(self, key, text):
            if self.is_full:
                raise StorageError("no room")
            await super().set_note(key, text)

    desk = await make_desk(Full())
    await desk.foresee(PAPERS[0])
    await desk.look()
    desk.batches.is_done = desk.storage.is_full = True
    await desk.look(minutes=5)
    desk.storage.is_full = False
    await desk.look(minutes=5)
    assert await desk.read(PAPERS[0]) == "By batch: 2611.00000 in en."
    spent = await desk.spent()
    assert (spent.reserved, spent.calls) == (0, 1)


async def test_a_note_that_cannot_be_read_is_no_hindrance(make_desk):
    """As one of a later version."""
    desk = await make_desk()
    await desk.storage.set_note("llm_batches", '[{"id": 1}]')
    await desk.foresee(PAPERS[0])
    await desk.look()
    assert len(desk.batches.sent) == 1


async def test_without_batches_there_is_nothing_to_look_at():
    """The setting is off by default."""
    desk = Desk()
    await desk.storage.open()
    await desk.summaries.look_at_batches()
    await desk.summaries.want([Wish(PAPERS[0], "en", due=NOON)])
    assert desk.summaries.is_coming(PAPERS[0], "en")
    await desk.summaries.wait(PAPERS[:1], "en", 5)


def test_batches_have_a_price_of_their_own():
    """A part of the model's."""
    prices = Prices(models={"m": Price(1.0, 2.0)}, batch=0.5)
    million = Usage(1_000_000, 1_000_000)
    assert prices.cost({"m": million, "m" + BATCHED: million}) == pytest.approx(4.5)
    assert prices.cost({"n" + BATCHED: million}) is None
