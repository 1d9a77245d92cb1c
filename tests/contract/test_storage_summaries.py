"""What every storage keeps of summaries and of what they cost; see the port's docstrings."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.errors import StorageError
from bot.model.summary import Gathered, Spending, SummaryKey, TextSource, Usage
from tests.build import make_paper
from tests.fake_summaries import make_summary

MONDAY, TUESDAY = date(2026, 8, 3), date(2026, 8, 4)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
SUMMARY = make_summary(make_paper("hep-th/9901001"), "zh", made_at=NOON, tldr="量子 🙂\n\u202e", removed=2)


async def restart(storage):
    await storage.close()
    await storage.open()


async def test_a_summary_is_kept_for_its_key_alone(storage):
    """What was saved comes back whole after a restart, and for no other version, prompt, model or language."""
    assert await storage.get_summary(SUMMARY.key) is None
    await storage.save_summary(SUMMARY)
    await restart(storage)
    assert await storage.get_summary(SUMMARY.key) == SUMMARY
    for other in ({"version": 2}, {"prompt": "p2"}, {"model": "m"}, {"language": "en"}, {"id": "2608.00001"}):
        assert await storage.get_summary(replace(SUMMARY.key, **other)) is None


async def test_a_second_summary_of_a_key_replaces_the_first(storage):
    """The last one saved counts, also for how long it is kept."""
    await storage.save_summary(SUMMARY)
    newer = replace(SUMMARY, tldr="Better.", source=TextSource.ABSTRACT, made_at=NOON + timedelta(days=1))
    await storage.save_summary(newer)
    await storage.prune(batches_before=date.min, seen_before=date.min, summaries_before=TUESDAY)
    assert await storage.get_summary(SUMMARY.key) == newer


async def test_old_summaries_are_dropped(storage):
    """Those made before the day go, those of the day stay; and so it is with what was spent."""
    late = replace(SUMMARY, version=2, made_at=NOON + timedelta(days=1))
    for each in (SUMMARY, late):
        await storage.save_summary(each)
    for day in (MONDAY, TUESDAY):
        await storage.count_hits(day, 1)
    await storage.prune(batches_before=date.min, seen_before=date.min, summaries_before=TUESDAY)
    await restart(storage)
    assert await storage.get_summary(SUMMARY.key) is None
    assert await storage.get_summary(late.key) == late
    assert await storage.get_spending(date.min) == (Spending(TUESDAY, hits=1),)


async def test_tokens_are_reserved_within_the_limit(storage):
    """However many ask at once, what is set aside never exceeds the limit, also after a restart."""
    granted = await asyncio.gather(*(storage.reserve_tokens(MONDAY, 300, 1000) for _ in range(9)))
    assert granted.count(True) == 3
    await restart(storage)
    assert not await storage.reserve_tokens(MONDAY, 300, 1000)
    assert await storage.reserve_tokens(MONDAY, 100, 1000)
    assert not await storage.reserve_tokens(MONDAY, 1, 1000)
    assert await storage.reserve_tokens(TUESDAY, 300, 1000)


async def test_a_settled_call_counts_what_it_used(storage):
    """The reservation goes, the usage comes, by model and kind of chat; hits are counted beside."""
    await storage.reserve_tokens(MONDAY, 300, 1000)
    await storage.reserve_tokens(MONDAY, 400, 1000)
    await storage.settle_tokens(MONDAY, 300, "m", {"discord": Usage(100, 20), "telegram private": Usage(50, 10)})
    await storage.settle_tokens(MONDAY, 0, "m", {"discord": Usage(1, 1)})
    await storage.count_hits(MONDAY, 3)
    await storage.count_hits(MONDAY, 2)
    await restart(storage)
    used = {("m", "discord"): Usage(101, 21), ("m", "telegram private"): Usage(50, 10)}
    [spent] = await storage.get_spending(MONDAY)
    assert spent == Spending(MONDAY, 400, calls=2, hits=5, used=used)
    assert spent.total == 400 + 182
    assert await storage.get_spending(TUESDAY) == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.get_summary(SUMMARY.key),
        lambda storage: storage.save_summary(SUMMARY),
        lambda storage: storage.reserve_tokens(MONDAY, 1, 1),
        lambda storage: storage.settle_tokens(MONDAY, 1, "m", {}),
        lambda storage: storage.count_hits(MONDAY, 1),
        lambda storage: storage.get_spending(MONDAY),
    ],
    ids=lambda call: call.__code__.co_names[0],
)
async def test_a_closed_storage_does_nothing(storage, call):
    """Every method of a storage that is not open raises StorageError."""
    await storage.close()
    with pytest.raises(StorageError, match="not open"):
        await call(storage)


def gathered(number=1, due=NOON, **fields):
    paper = make_paper(
        f"2608.{number:05}", "Töpfe 量子 🙂\n\u202e", authors=("Zoë", "李 明"), categories=("cs.CL", "math.OC")
    )
    key = SummaryKey(paper.id, paper.version, "p", "m", "zh")
    return replace(Gathered(key, paper, due, 0.1, {"discord": 1, "": 2}), **fields)


async def test_what_waits_for_a_batch_comes_back_as_it_was(storage):
    """What is due first comes first, then by key; also after a restart."""
    wanted = [gathered(3), gathered(1), gathered(2, NOON - timedelta(microseconds=1)), gathered(4, weight=1 / 3)]
    assert await storage.gather(wanted) == {each.key for each in wanted}
    assert await storage.gather([]) == frozenset()
    for _ in range(2):
        assert await storage.get_gathered() == tuple(wanted[each] for each in (2, 1, 0, 3))
        await restart(storage)


async def test_what_waits_already_waits_for_more(storage):
    """As soon as one of them wants it, for as many as want it; the keys tell what is new."""
    await storage.gather([gathered()])
    later = gathered(due=NOON + timedelta(hours=1), weight=0.5, groups={"discord": 4, "x": 1})
    earlier = gathered(due=NOON - timedelta(hours=1), weight=0.25, groups={})
    other = replace(gathered(), key=replace(gathered().key, language="en"))
    assert await storage.gather([later, other]) == {other.key}
    assert await storage.gather([earlier]) == frozenset()
    await restart(storage)
    merged = gathered(due=earlier.due, weight=0.1 + 0.5 + 0.25, groups={"discord": 5, "": 2, "x": 1})
    assert await storage.get_gathered() == (merged, other)


async def test_what_is_dropped_is_given_to_one(storage):
    """However many ask for it at once; what does not wait is no matter."""
    wanted = [gathered(number) for number in range(1, 6)]
    await storage.gather(wanted)
    keys = {each.key for each in wanted[1:4]} | {gathered(9).key}
    given = await asyncio.gather(*(storage.drop_gathered(keys) for _ in range(5)))
    assert sorted(map(len, given)) == [0, 0, 0, 0, 3]
    assert tuple(wanted[1:4]) in given
    assert await storage.drop_gathered([]) == ()
    for _ in range(2):
        assert await storage.get_gathered() == (wanted[0], wanted[4])
        await restart(storage)


async def test_what_waited_for_long_is_pruned(storage):
    """What was to be shown on earlier days."""
    await storage.gather([gathered(1, NOON - timedelta(days=1)), gathered(2)])
    await storage.prune(batches_before=date.max, seen_before=date.max)
    assert len(await storage.get_gathered()) == 2
    await storage.prune(batches_before=date.min, seen_before=date.min, summaries_before=MONDAY)
    await restart(storage)
    assert await storage.get_gathered() == (gathered(2),)


async def test_many_gather_at_once(storage):
    """Whoever comes in between is counted, and each is new to one."""
    new = await asyncio.gather(*(storage.gather([gathered(2), gathered(1)]) for _ in range(12)))
    assert sum(map(len, new)) == 2
    assert [each.groups for each in await storage.get_gathered()] == [{"discord": 12, "": 24}] * 2
