"""Pacing: never too fast by the platform's clock, nearly as fast as it allows, and people first."""

import asyncio
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest

from bot.delivery.pacing import Pacer
from bot.model.chat import Chat
from bot.ports import Limits

SECOND = 0.25
FIVE = Limits(per_second=5)


def chat(number, thread=""):
    return Chat("telegram", str(number), thread)


def quick(limits=FIVE, **options):
    """A pacer for which a second is shorter than ours."""
    return Pacer(limits, second=SECOND, **options)


class Wire:
    """A platform that notes when messages arrive, some way off; `most` is how many were under way at once."""

    def __init__(self, pacer, jitter=0.0):
        self.pacer, self.jitter, self.chance = pacer, jitter, Random(7)
        self.arrivals, self.order, self.under_way, self.most = defaultdict(list), [], 0, 0

    async def send(self, to, *, urgent=False, name=""):
        async with self.pacer.turn(to, urgent=urgent):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await self._travel()
            self.arrivals[self.pacer.limits.bucket(to)].append(now())
            self.order.append(name or to.key)
            await self._travel()
            self.under_way -= 1

    async def _travel(self):
        await asyncio.sleep(self.chance.uniform(0, self.jitter))

    @property
    def times(self):
        return sorted(each for times in self.arrivals.values() for each in times)


def now():
    return asyncio.get_running_loop().time()


def busiest(times, span):
    """The most arrivals in any window of `span` seconds that does not hold its first instant."""
    return max(sum(start <= each < start + span for each in times) for start in times)


@asynccontextmanager
async def under_way(*coroutines):
    """Do these meanwhile; at the end they are done, or what they raised is raised."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    await asyncio.sleep(0)
    try:
        yield tasks
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


@pytest.mark.parametrize("jitter", [0.0, 0.01, 0.1])
async def test_no_second_ever_holds_too_many(jitter):
    """Counted at the platform, however long messages and answers are on their way."""
    wire = Wire(quick(), jitter)
    await asyncio.gather(*(wire.send(chat(number)) for number in range(26)))
    assert busiest(wire.times, SECOND) <= 5


async def test_the_ceiling_is_nearly_reached():
    """With thirty a second and a few milliseconds on the way, at least 93 % of what the platform takes."""
    wire = Wire(Pacer(Limits(per_second=30)), jitter=0.01)
    await asyncio.gather(*(wire.send(chat(number)) for number in range(61)))
    assert busiest(wire.times, 1.0) <= 30
    assert 60 / (wire.times[-1] - wire.times[0]) > 0.93 * 30


async def test_a_broadcast_leaves_no_gap():
    """From its beginning on, so that a reply soon finds its place, at the ceiling, too."""
    wire = Wire(Pacer(Limits(per_second=30)), jitter=0.01)
    await asyncio.gather(*(wire.send(chat(number)) for number in range(75)))
    assert max(after - before for before, after in pairwise(wire.times)) < 0.1


async def test_a_reply_keeps_no_distance():
    """Where the platform takes it, a reply goes at once, however close to a digest."""
    wire = Wire(Pacer(Limits(per_second=2)))
    async with under_way(wire.send(chat(1)), wire.send(chat(2))):
        started = now()
        await wire.send(chat(3), urgent=True)
        assert now() - started < 0.2


async def test_an_idle_platform_takes_a_message_at_once():
    """The first message waits for nothing."""
    started = now()
    await Wire(Pacer(Limits(per_second=5, chat_interval=1.0, crowd_minute=20, is_crowd=lambda _: True))).send(chat(1))
    assert now() - started < 0.5


async def test_who_came_first_goes_first():
    """Messages to different chats keep the order in which they asked."""
    wire = Wire(quick())
    await asyncio.gather(*(wire.send(chat(number), name=str(number)) for number in range(8)))
    assert wire.order == [str(number) for number in range(8)]


async def test_one_chat_keeps_its_order():
    """So do messages to one chat, threads of a forum counted together."""
    limits = Limits(per_second=100, chat_interval=0.1, bucket=lambda chat: chat.id)
    wire = Wire(Pacer(limits), jitter=0.01)
    await asyncio.gather(*(wire.send(chat(1, str(number % 2)), name=str(number)) for number in range(6)))
    assert wire.order == [str(number) for number in range(6)]
    assert busiest(wire.times, 0.1) == 1


async def test_a_chat_rests_between_messages():
    """A chat's interval is kept, while other chats go on."""
    wire = Wire(Pacer(Limits(per_second=100, chat_interval=0.3)), jitter=0.02)
    await asyncio.gather(*(wire.send(chat(number % 3)) for number in range(9)))
    for times in wire.arrivals.values():
        assert busiest(times, 0.3) == 1
    assert wire.times[-1] - wire.times[0] < 1.5


async def test_a_crowd_has_a_limit_of_its_own():
    """In a group no more than so many in a minute; a private chat beside it does not wait."""
    limits = Limits(per_second=1000, crowd_minute=3, is_crowd=lambda chat: chat.id.startswith("-"))
    wire = Wire(Pacer(limits, minute=0.5), jitter=0.01)
    await asyncio.gather(*(wire.send(chat(number)) for number in [-1] * 6 + [1] * 6))
    assert busiest(wire.arrivals["telegram:-1"], 0.5) == 3
    assert wire.arrivals["telegram:1"][-1] - wire.times[0] < 0.5
    assert wire.pacer.wait_for(chat(-1)) > 0
    assert wire.pacer.wait_for(chat(1)) == 0


async def test_people_go_before_what_nobody_asked_for():
    """A reply waits for one place, not for the broadcast."""
    wire = Wire(quick())
    async with under_way(*(wire.send(chat(number), name="digest") for number in range(12))):
        await wire.send(chat(99), urgent=True, name="reply")
        assert wire.order == ["digest", "reply"]
        await asyncio.sleep(SECOND / 3)
        await wire.send(chat(98), urgent=True, name="reply")
        assert wire.order.count("digest") < 7


async def test_a_reply_overtakes_the_digest_of_its_own_chat():
    """Where the chat's digest still waits in a long line, the reply goes first, and the digest keeps its place in that line."""
    wire = Wire(quick(Limits(per_second=5, chat_interval=0.1)))
    async with under_way(*(wire.send(chat(number), name=f"digest {number}") for number in range(10))):
        await wire.send(chat(3), urgent=True, name="reply 3")
        assert wire.order == ["digest 0", "reply 3"]
    assert set(wire.order) == {"reply 3", *(f"digest {number}" for number in range(10))}
    assert wire.order.index("digest 3") < wire.order.index("digest 5")


async def test_a_chat_whose_digest_was_overtaken_still_gets_it():
    """Also where nothing else goes on that would wake it."""
    wire = Wire(quick(Limits(per_second=2, chat_interval=0.4)), jitter=0.01)
    async with under_way(wire.send(chat(0)), wire.send(chat(1), name="digest")), asyncio.timeout(5):
        await wire.send(chat(1), urgent=True, name="reply")
    assert len(wire.order) == 3
    assert wire.order.index("reply") < wire.order.index("digest")


async def test_who_gives_up_leaves_the_place_to_others():
    """Cancelled while waiting, at any moment, a turn neither counts nor holds anybody up."""
    wire = Wire(quick(Limits(per_second=20, chat_interval=0.1)), jitter=0.005)
    chance = Random(3)
    for _ in range(3):
        async with under_way(*(wire.send(chat(number % 5), name="kept") for number in range(6))):
            givers = [asyncio.ensure_future(wire.send(chat(chance.randrange(5)), name="left")) for _ in range(8)]
            for each in givers:
                await asyncio.sleep(chance.choice((0, 0, 0.01)))
                each.cancel()
            await asyncio.gather(*givers, return_exceptions=True)
    assert Counter(wire.order)["kept"] == 18
    async with asyncio.timeout(5):
        await asyncio.gather(*(wire.send(chat(number)) for number in range(5)))


async def test_a_place_given_back_is_not_counted():
    """A turn that is cancelled just as it is let go leaves no trace in its chat, and its place to the next."""
    pacer = quick(Limits(per_second=2, chat_interval=60.0))
    wire = Wire(pacer)
    await wire.send(chat(0))
    waiting = asyncio.ensure_future(wire.send(chat(1)))
    while pacer.wait_for(chat(1)) == 0:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert pacer.wait_for(chat(1)) == 0
    assert "telegram:1" not in wire.arrivals
    async with asyncio.timeout(5):
        await wire.send(chat(1))


async def test_what_fails_counts_like_what_arrived():
    """Who knows whether the platform counted it."""
    pacer = Pacer(Limits(per_second=5, chat_interval=60.0))
    with pytest.raises(ValueError, match="broken"):
        async with pacer.turn(chat(1)):
            raise ValueError("broken")
    assert 59 < pacer.wait_for(chat(1)) <= 60


async def test_no_more_are_under_way_than_a_second_takes():
    """Where answers are slow, requests do not pile up."""
    wire = Wire(quick(), jitter=0.3)
    await asyncio.gather(*(wire.send(chat(number)) for number in range(12)))
    assert wire.most <= 5


async def test_chats_that_took_nothing_lately_are_forgotten():
    """The memory of many chats does not grow for ever, and those that wait are not lost."""
    pacer = Pacer(Limits(per_second=1_000_000, chat_interval=0.01), minute=0.01)
    wire = Wire(pacer)
    for _ in range(3):
        await asyncio.gather(*(wire.send(chat(number)) for number in range(1500)))
        await asyncio.sleep(0.02)
        await asyncio.gather(*(wire.send(chat(number)) for number in range(3000, 3600)))
        await asyncio.sleep(0.02)
    assert len(wire.order) == 3 * 2100
    assert len(pacer._buckets) < 2100
