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
    desk.batches.errors = [LLMError("no", is_final=True)]
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
    # Of two that are wanted at once, either may be the one for which the budget is enough.
    assert desk.writer.order in ([PAPERS[1].id, PAPERS[0].id], [PAPERS[2].id, PAPERS[0].id])
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


async def test_a_batch_that_cannot_be_sent_is_made_singly(make_desk):
    """Neither its file nor itself; nothing stays set aside."""
    desk = await make_desk()
    for paper, is_file in zip(PAPERS[:2], (True, False), strict=True):
        await desk.foresee(paper)
        desk.batches.errors = [LLMError("no")] if is_file else [None, LLMError("no")]
        await desk.look()
    assert desk.writer.calls.total() == 2
    assert (await desk.spent()).reserved == 0


@pytest.mark.parametrize("is_started", [True, False])
async def test_a_batch_that_may_be_under_way_is_looked_for(make_desk, is_started):
    """Where no answer came it is found by its file, or started; nothing is asked for twice."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    desk.batches.is_deaf, desk.batches.errors = is_started, [None, LLMError("no answer", spent=ESTIMATE)]
    await desk.look()
    await desk.look(minutes=1)
    assert not desk.writer.calls
    assert (await desk.spent()).reserved == ESTIMATE
    desk.batches.is_done = True
    await desk.look(minutes=5)
    await desk.look(minutes=5)
    assert list(desk.batches.sent.values()) == [["2611.00000 en"]]
    assert await desk.read(PAPERS[0]) == "By batch: 2611.00000 in en."
    assert (await desk.spent()).reserved == 0


async def test_where_nobody_can_say_whether_it_is_under_way_it_counts_as_spent(make_desk):
    """On a server that lists no batches; its papers are made singly."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    desk.batches.errors = [None, LLMError("no answer", spent=ESTIMATE), LLMError("no list", is_final=True)]
    await desk.look()
    await desk.look(minutes=5)
    assert desk.writer.order == [PAPERS[0].id]
    assert (await desk.spent()).reserved == ESTIMATE


async def test_a_server_that_does_not_answer_is_asked_again(make_desk):
    """A batch is not given up for one failure."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    await desk.look()
    desk.batches.errors, desk.batches.is_done = [LLMError("no answer")], True
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


async def test_what_any_process_gathers_is_sent_by_one(make_desk):
    """Two want the same for their chats; one looks after batches, and whoever taps in the other takes it out."""
    one = await make_desk()
    other = await make_desk(one.storage, batches=one.batches)
    await one.foresee(*PAPERS[:2], group="telegram private")
    await other.foresee(*PAPERS[1:4], due=NOON + timedelta(hours=1))
    await other.get(PAPERS[3])
    await one.look()
    assert one.batches.sent == {"batch 0": [f"{each.id} en" for each in PAPERS[:3]]}
    one.batches.is_done = True
    await other.look(minutes=5)
    assert [await one.read(each) for each in PAPERS[:3]] == [f"By batch: {each.id} in en." for each in PAPERS[:3]]
    spent = await one.spent()
    assert (spent.reserved, spent.total) == (0, 4 * COST.total)
    assert {group for _, group in spent.used} == {"discord", "telegram private", ""}
    assert one.writer.calls.total() + other.writer.calls.total() == 1
    assert await one.storage.get_gathered() == ()


async def test_what_waits_for_a_batch_outlives_a_restart(make_desk, place):
    """It is sent by the next process, and what is late by then is made singly, for all who want it."""
    first = await make_desk(place.storage())
    await first.foresee(*PAPERS[:2])
    await first.foresee(PAPERS[2], due=NOON + timedelta(hours=6))
    await first.storage.close()
    second = await make_desk(place.storage(), batches=first.batches)
    second.now = NOON - LATE + timedelta(seconds=1)
    await second.look()
    assert sorted(second.writer.order) == [PAPERS[0].id, PAPERS[1].id]
    assert first.batches.sent == {"batch 0": ["2611.00002 en"]}


async def test_what_is_long_over_is_not_made_any_more(make_desk):
    """After days without a process, or with the setting off: whoever was to see it has asked for it by a single call."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    await desk.foresee(PAPERS[1], due=NOON + timedelta(hours=1))
    desk.now = NOON + timedelta(days=1, seconds=1)
    await desk.look()
    assert desk.writer.order == [PAPERS[1].id]
    assert await desk.storage.get_gathered() == ()


async def test_what_was_gathered_for_another_prompt_is_made_anew(make_desk):
    """After an edit of the prompt, or with another model, the summary is another one."""
    desk = await make_desk()
    await desk.foresee(PAPERS[0])
    desk.writer.model = "fake-2"
    await desk.look()
    assert desk.writer.order == [PAPERS[0].id]
    assert not desk.batches.sent


class Killed(BaseException):
    """The process is gone at once."""


class Fate:
    """Kills at the step of this number, counted over all that is written and asked for while it `counts`."""

    def __init__(self, number):
        self.left, self.counts = number, True

    def step(self):
        if self.counts:
            self.left -= 1
            if self.left < 0:
                self.counts = False
                raise Killed


def mortal(kind, *names):
    """A class like this one, whose methods may kill before and after they are done."""

    def wrap(name):
        async def method(self, *given, **named):
            self.fate.step()
            result = await getattr(kind, name)(self, *given, **named)
            self.fate.step()
            return result

        return method

    return type(f"Mortal{kind.__name__}", (kind,), {name: wrap(name) for name in names})


WRITES = ("gather", "drop_gathered", "change_note", "save_summary", "reserve_tokens", "settle_tokens")
MortalStorage = mortal(FakeStorage, *WRITES)
MortalBatchWriter = mortal(FakeBatchWriter, "upload", "start", "find", "fetch")


async def live(make_desk, number):
    """Three papers are wanted and brought by a batch, by processes of which the first is killed at this step; whether it was."""
    storage, batches, fate = MortalStorage(), MortalBatchWriter(), Fate(10**6)
    storage.fate = batches.fate = fate
    desk = await make_desk(storage, batches=batches)
    fate.left, is_killed, now = number, False, NOW
    for _ in range(7):
        try:
            if now == NOW:
                # Who was killed is asked again, as jobs are.
                await desk.foresee(*PAPERS[:3])
            await desk.look(minutes=5)
        except Killed:
            is_killed = True
            now = desk.now
            desk = await make_desk(storage, batches=batches)
            desk.now = now
            await desk.foresee(*PAPERS[:3])
        now, batches.is_done = desk.now, True
    fate.counts = False
    assert [await desk.read(each) for each in PAPERS[:3]] == [f"By batch: {each.id} in en." for each in PAPERS[:3]]
    asked = [each for some in batches.sent.values() for each in some]
    assert sorted(asked) == sorted(set(asked)), number
    assert await storage.get_gathered() == ()
    assert not desk.writer.calls
    return is_killed


async def test_killed_at_any_moment_nothing_is_lost_and_nothing_asked_for_twice(make_desk):
    """Between any two steps, and before and after each of them."""
    number = 0
    while await live(make_desk, number):
        number += 1
    assert number > 30


async def test_whoever_stood_still_starts_nothing_any_more(make_desk):
    """Another process looks after batches meanwhile, and has sent the same."""

    class Slow(FakeStorage):
        meanwhile = None

        async def change_note(self, key, change):
            text = await super().change_note(key, change)
            meanwhile, self.meanwhile = self.meanwhile, None
            if meanwhile:
                await meanwhile()
            return text

    one = await make_desk(Slow())
    other = await make_desk(one.storage, batches=one.batches)
    await one.foresee(*PAPERS[:3])

    async def take_over():
        one.now = other.now = NOW + timedelta(minutes=4)
        await other.look()

    one.storage.meanwhile = take_over
    await one.look()
    assert [len(each) for each in one.batches.sent.values()] == [3]
    one.batches.is_done = True
    await other.look(minutes=5)
    assert await one.read(PAPERS[0]) == "By batch: 2611.00000 in en."
    assert not one.writer.calls + other.writer.calls


async def test_of_two_that_send_the_same_one_does(make_desk):
    """The other one, which stood still while it wrote its file, gives back what it had set aside."""
    one = await make_desk()
    other = await make_desk(one.storage, batches=one.batches)
    await one.foresee(*PAPERS[:3])
    upload = one.batches.upload

    async def upload_slowly(requests):
        one.batches.upload = upload
        await other.look()
        return await upload(requests)

    one.batches.upload = upload_slowly
    await one.look()
    assert [len(each) for each in one.batches.sent.values()] == [3]
    assert (await one.spent()).reserved == 3 * ESTIMATE
