"""Summaries over fakes and over the real storage: one call each, what matters first, within the budget."""

import asyncio
from collections import Counter
from datetime import date, timedelta

import pytest

from bot.backfill import Backfill
from bot.errors import LLMError, StorageError
from bot.model.chat import Chat
from bot.model.listing import Record
from bot.model.summary import Usage, Wish, share
from bot.prices import Prices
from bot.summarising import Summaries, group_of
from config.settings import Settings, read_bundled
from tests import places
from tests.build import DAY, NOW, make_paper
from tests.fake_summaries import COST, ESTIMATE, FakeLookup, FakeSummarizer, FakeTexts
from tests.fakes import FakeStorage

PAPERS = [make_paper(f"2611.{number:05}") for number in range(40)]
PLENTY = 10_000_000


class Desk:
    """The use case with its fakes, and a clock that is moved by hand."""

    def __init__(self, storage=None, budget=PLENTY, **fields):
        self.now = NOW
        self.storage, self.writer, self.texts = storage or places.make_storage(), FakeSummarizer(), FakeTexts()
        self.summaries = Summaries(self.storage, self.texts, self.writer, lambda: self.now, budget, **fields)

    async def get(self, *papers, language="en", seconds=5.0):
        await self.summaries.want(Wish(each, language) for each in papers)
        return await self.summaries.wait(papers, language, seconds)

    async def spent(self):
        return (await self.storage.get_spending(date.min))[-1]


@pytest.fixture
async def desk():
    desk = Desk()
    await desk.storage.open()
    async with desk.summaries:
        yield desk


async def ask_as_chats(summaries, chats=1000):
    """Each chat wants 20 of the 40 papers, in one of two languages, and waits; all at once."""

    async def ask(number):
        language = ("en", "zh")[number % 2]
        papers = [PAPERS[(number // 2 + each) % 40] for each in range(20)]
        await summaries.want(Wish(each, language, 1 / place) for place, each in enumerate(papers, start=1))
        return len(await summaries.wait(papers, language, 600))

    return await asyncio.gather(*map(ask, range(chats)))


async def test_a_thousand_chats_cost_eighty_calls(place):
    """40 papers in two languages: 80 calls, four at a time, though all chats ask at once; a restart makes none again."""
    storage = place.storage()
    await storage.open()
    desk = Desk(storage)
    desk.writer.gate.clear()
    async with desk.summaries, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(ask_as_chats(desk.summaries))
        async with asyncio.timeout(60):
            while desk.writer.at_once < 4:
                await asyncio.sleep(0.01)
        desk.writer.gate.set()
        assert await asked == [20] * 1000
    assert desk.writer.calls == Counter({(paper.id, language): 1 for paper in PAPERS for language in ("en", "zh")})
    assert desk.writer.most_at_once == 4
    spent = await desk.spent()
    assert (spent.calls, spent.hits, spent.reserved) == (80, 20_000 - 80, 0)
    assert spent.total == 80 * COST.total
    await storage.close()
    await storage.open()
    again = Desk(storage)
    async with again.summaries:
        assert await ask_as_chats(again.summaries) == [20] * 1000
    assert not again.writer.calls
    await storage.close()


async def test_what_matters_most_comes_first():
    """Weights add up over chats, also while the papers wait."""
    desk = Desk(at_once=1)
    await desk.storage.open()
    desk.writer.gate.clear()
    async with desk.summaries:
        await desk.summaries.want([Wish(PAPERS[0], "en", 0.1)])
        await asyncio.sleep(0.01)
        await desk.summaries.want([Wish(PAPERS[1], "en", 1.0), Wish(PAPERS[2], "en", 0.7), Wish(PAPERS[3], "en", 0.2)])
        await desk.summaries.want([Wish(PAPERS[2], "en", 0.7)])
        desk.writer.gate.set()
        await desk.summaries.wait(PAPERS, "en", 5)
    assert desk.writer.order == [PAPERS[each].id for each in (0, 2, 1, 3)]


async def test_waiting_ends_in_time(desk):
    """What is slow is not waited for any longer than was said, and is there later."""
    desk.writer.gate.clear()
    assert await desk.get(PAPERS[0], seconds=0.02) == {}
    assert desk.summaries.is_coming(PAPERS[0], "en")
    desk.writer.gate.set()
    found = await desk.summaries.wait(PAPERS[:1], "en", 5)
    assert found[PAPERS[0].id].tldr == "A TL;DR of 2611.00000 in en."
    assert desk.summaries.finished.is_set()


async def test_one_failure_is_no_others(desk):
    """A paper that fails has no summary, costs what it cost, and the others have theirs."""
    desk.writer.errors[PAPERS[0].id] = LLMError("too long", spent=70)
    desk.writer.errors[PAPERS[1].id] = RuntimeError("a bug")
    assert list(await desk.get(*PAPERS[:4])) == [PAPERS[2].id, PAPERS[3].id]
    assert (await desk.spent()).used["fake-1", ""] == Usage(70) + COST + COST


@pytest.mark.parametrize(
    ("error", "minutes"), [({"is_final": True}, 12 * 60), ({"retry_after": 120.0}, 2), ({}, 15)], ids=str
)
async def test_a_failure_is_left_alone_for_a_while(desk, error, minutes):
    """A final one for the rest of the day (UTC), any other for as long as it says, or a quarter of an hour."""
    desk.writer.errors[PAPERS[0].id] = LLMError("no", **error)
    await desk.get(PAPERS[0])
    desk.now += timedelta(minutes=minutes, seconds=-1)
    await desk.get(PAPERS[0])
    assert desk.writer.calls.total() == 1
    desk.now += timedelta(seconds=1)
    desk.writer.errors.clear()
    assert await desk.get(PAPERS[0])
    assert desk.writer.calls.total() == 2


async def test_the_budget_is_never_exceeded():
    """What is reserved and used stays below the limit; then nothing is fetched or asked any more, until tomorrow."""
    desk = Desk(budget=3 * COST.total + ESTIMATE)
    await desk.storage.open()
    async with desk.summaries:
        assert len(await desk.get(*PAPERS[:10])) == 4
        assert desk.summaries.is_spent()
        assert (await desk.spent()).total == 4 * COST.total
        fetched = len(desk.texts.fetched)
        assert await desk.get(PAPERS[20]) == {}
        assert len(desk.texts.fetched) == fetched < 10
        desk.now += timedelta(hours=12)
        assert not desk.summaries.is_spent()
        assert await desk.get(PAPERS[20])


async def test_what_others_set_aside_is_waited_for():
    """A reservation that does not fit beside calls under way is tried again when they have left something over."""
    desk = Desk(budget=2 * ESTIMATE - 1)
    await desk.storage.open()
    async with desk.summaries:
        assert len(await desk.get(*PAPERS[:2])) == 2
        assert desk.writer.most_at_once == 1


async def test_a_death_costs_the_calls_in_flight_alone(place):
    """After a kill in the middle the next process makes again what was in flight; its reservation counts as spent."""
    storage = place.storage()
    await storage.open()
    dying = Desk(storage)
    async with dying.summaries:
        await dying.get(*PAPERS[:6])
        dying.writer.gate.clear()
        await dying.get(*PAPERS[:20], seconds=0.05)
        in_flight = [each for each, count in dying.writer.calls.items() if count and each[0] > PAPERS[5].id]
        assert len(in_flight) == 4
    await storage.close()
    await storage.open()
    born = Desk(storage)
    async with born.summaries:
        assert len(await born.get(*PAPERS[:20])) == 20
    calls = dying.writer.calls + born.writer.calls
    assert {key for key, count in calls.items() if count > 1} == set(in_flight)
    assert (await born.spent()).reserved == 4 * ESTIMATE
    await storage.close()


def test_costs_are_shared_out_whole():
    """By the number of chats of each kind, with nothing lost by rounding."""
    shared = share(Usage(1000, 101), {"telegram private": 2, "discord": 1, "": 4})
    assert shared == {"telegram private": Usage(285, 28), "discord": Usage(143, 14), "": Usage(572, 59)}
    assert sum(shared.values(), Usage()) == Usage(1000, 101)


@pytest.mark.parametrize(
    ("chat", "group"),
    [
        (Chat("telegram", "77"), "telegram private"),
        (Chat("telegram", "-100200", "5"), "telegram groups and channels"),
        (Chat("discord", "123"), "discord"),
        (Chat("console", "local"), "console"),
    ],
)
def test_kinds_of_chats(chat, group):
    """Telegram's ids tell groups from people; Discord's do not."""
    assert group_of(chat) == group


async def test_a_storage_that_fails_costs_one_summary(desk):
    """What cannot be kept is no summary; its tokens stay set aside, as they were spent, and the others are made."""

    class Full(FakeStorage):
        async def save_summary(self, summary):
            if summary.id == PAPERS[0].id:
                raise StorageError("no room")
            await super().save_summary(summary)

    full = Desk(Full())
    await full.storage.open()
    async with full.summaries:
        assert list(await full.get(*PAPERS[:3])) == [PAPERS[1].id, PAPERS[2].id]
    assert (await full.spent()).reserved == ESTIMATE


def test_the_bundled_prices_are_read():
    """The table has the default model, and tells what is cheap from what is not."""
    prices = Prices.from_toml(read_bundled("prices.toml"))
    default = str(Settings.model_fields["summary_model"].default)
    assert prices.cost({default: Usage(1_000_000, 1_000_000)}) > 0
    assert prices.cost({default: Usage(1, 1), "homemade": Usage(1, 1)}) is None


async def test_only_so_many_looked_up_papers_are_kept():
    """What was asked for longest ago is asked of arXiv again."""
    records = [Record(make_paper(f"2611.{number:05}"), DAY, DAY) for number in range(502)]
    backfill = Backfill(FakeStorage(), lambda: NOW, FakeLookup(*records))
    await backfill.storage.open()
    for each in records:
        assert await backfill.fetch_once(each.paper.id) == each
    await backfill.fetch_once(records[-1].paper.id)
    assert len(backfill.lookup.asked) == 502
    await backfill.fetch_once(records[0].paper.id)
    assert len(backfill.lookup.asked) == 503
