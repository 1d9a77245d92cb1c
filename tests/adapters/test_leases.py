"""Rights that one process has at a time, in PostgreSQL: what holds, what ends, and what ends with it."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from bot.errors import StorageError
from bot.leasing import hold
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.subscription import Subscription
from storage.postgres import PostgresStorage

NOON, DAY, CHAT = datetime(2026, 8, 3, 12, tzinfo=UTC), date(2026, 8, 3), Chat("telegram", "1")
PLANNED = Delivery(CHAT, DAY, 1, 1, NOON, NOON, "text")
SENDING = Delivery(CHAT, DAY, 1, 1, NOON, NOON, "text", state=DeliveryState.SENDING, began=NOON)


@pytest.fixture
async def two(database_url):
    """Two processes' ways to the same database, in which a part waits to be sent."""
    both = PostgresStorage(database_url), PostgresStorage(database_url)
    for each in both:
        await each.open()
    await both[0].change_subscription(CHAT, lambda _: Subscription(CHAT, NOON))
    await both[0].plan(CHAT, Progress(DAY, NOON), [PLANNED])
    yield both
    for each in both:
        await each.close()


async def test_one_holds_it_until_it_ends(two):
    """Nobody else has it meanwhile; whoever has it next has a higher token, and the one before cannot renew it."""
    one, other = two
    first = await one.take("telegram", 60)
    assert await other.take("telegram", 60) is None
    assert await one.take("telegram", 60) is None
    assert await other.take("discord", 60) is not None
    assert await one.renew(first, 60)
    await one.release(first)
    second = await other.take("telegram", 60)
    assert second.token == first.token + 1
    assert not await one.renew(first, 60)
    await one.release(first)
    assert await other.renew(second, 60)


async def test_it_ends_by_itself(two):
    """After so many seconds without a renewal another may have it."""
    one, other = two
    lease = await one.take("telegram", 0.2)
    async with asyncio.timeout(30):
        while await other.take("telegram", 60) is None:
            await asyncio.sleep(0.05)
    assert not await one.renew(lease, 60)


async def test_it_ends_with_whoever_holds_it(two):
    """When the holder's session is gone, as where its process was killed, nobody waits for the time to run out."""
    one, other = two
    lease = await one.take("telegram", 600)
    assert await other.take("telegram", 600) is None
    await one._presence.close()
    async with asyncio.timeout(30):
        while (taken := await other.take("telegram", 600)) is None:
            await asyncio.sleep(0.05)
    assert taken.token == lease.token + 1
    assert not await one.renew(lease, 600)
    assert await other.renew(taken, 600)


async def test_a_session_that_was_lost_costs_nothing_if_nobody_came(two):
    """The holder has another one at its next renewal."""
    one, other = two
    lease = await one.take("telegram", 600)
    await one._presence.close()
    assert await one.renew(lease, 600)
    assert await other.take("telegram", 600) is None


async def test_of_many_that_try_at_once_one_has_it(two):
    """Also where it was held before, and has ended."""
    for _ in range(3):
        taken = await asyncio.gather(*(each.take("telegram", 60) for each in two * 4))
        [lease] = [each for each in taken if each]
        await two[0].release(lease)


async def test_a_sender_whose_right_has_ended_writes_nothing(two):
    """Neither what it is about to do, nor what it did."""
    one, other = two
    old = one.ledger(await one.take("telegram", 60))
    assert await old.record_after(PLANNED, SENDING)
    await one.release(await one.take("discord", 60))
    lease = await one.take("discord", 60)
    ended = one.ledger(lease)
    await one.release(lease)
    for write in (lambda: ended.record(PLANNED), lambda: ended.record_after(SENDING, PLANNED)):
        with pytest.raises(StorageError, match="another process has it"):
            await write()
    assert await other.get_deliveries(CHAT) == await ended.get_deliveries(CHAT) == (SENDING,)
    assert await old.record(PLANNED)


async def test_whoever_takes_over_waits_for_a_write_under_way(two, database_url):
    """A claim that the server has not ended yet is seen by the next holder, or never happened."""
    one, other = two
    lease = await one.take("telegram", 0.5)
    ledger = one.ledger(lease)
    async with one.exclusive("a test"):
        claims = [asyncio.create_task(ledger.record_after(PLANNED, SENDING)) for _ in range(4)]
        while (taken := await other.take("telegram", 60)) is None:
            await asyncio.sleep(0.05)
        seen = await other.get_deliveries(CHAT)
        done = [each for each in await asyncio.gather(*claims, return_exceptions=True) if each is True]
        assert seen == ((SENDING,) if done else (PLANNED,))
        assert taken.token == lease.token + 1


async def test_what_is_exclusive_is_done_by_one_at_a_time(two):
    """Under one name; under others nobody waits."""
    inside, most = 0, 0

    async def enter(storage):
        nonlocal inside, most
        async with storage.exclusive("arxiv"), storage.exclusive("another"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.02)
            inside -= 1

    await asyncio.gather(*(enter(each) for each in two * 3))
    assert most == 1


async def test_work_goes_on_elsewhere_when_the_right_is_lost(two):
    """It is cancelled where the lease ended, and begins where it was taken next; what it raises is raised."""
    one, other = two
    began = asyncio.Queue()

    async def work(lease):
        began.put_nowait(lease.token)
        await asyncio.Event().wait()

    first = asyncio.create_task(hold(one, "telegram", work, seconds=1.0))
    second = asyncio.create_task(hold(other, "telegram", work, seconds=1.0))
    async with asyncio.timeout(30):
        token = await began.get()
        # Somebody at the database ends it.
        await one._database.write((), lambda connection: connection.execute("update leases set until = now()"))
        assert await began.get() > token
        for each in (first, second):
            each.cancel()
        await asyncio.wait({first, second})

    async def fail(_):
        raise LookupError

    async with asyncio.timeout(30):
        with pytest.raises(LookupError):
            await hold(one, "telegram", fail, seconds=1.0)
