"""Leases, and the ledger that ends with one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from zlib import crc32

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.delivery import Delivery
from bot.ports import Lease
from storage.postgres import deliveries
from storage.postgres.database import Connection, Database, one

_LOCKS = 0x6C656173
"""The first half of the advisory locks that stand for a lease; the second half stands for its name."""
_TURNS = 0x7475726E
# By the clock, and not by `now()`: a transaction may have waited since it began.
_TAKE = """
    insert into leases as held values (%(name)s, 1, clock_timestamp() + %(seconds)s * interval '1 second')
    on conflict (name) do update set token = held.token + 1, until = excluded.until
    where held.until <= clock_timestamp()
    returning token"""
_RENEW = """
    update leases set until = clock_timestamp() + %(seconds)s * interval '1 second'
    where name = %(name)s and token = %(token)s and until > clock_timestamp()"""
_RELEASE = "update leases set until = clock_timestamp() where name = %(name)s and token = %(token)s"
_HOLDS = "select count(*) from leases where name = %s and token = %s and until > clock_timestamp()"

Result = TypeVar("Result")


async def take(connection: Connection, name: str, seconds: float) -> Lease | None:
    """The lease, when every write under the one before has ended."""
    (is_free,) = await one(
        await connection.execute("select not exists (select from leases where name = %s and until > now())", (name,))
    )
    if not is_free:
        return None
    await connection.execute("select pg_advisory_xact_lock(%s, %s)", (_LOCKS, _number_of(name)))
    row = await (await connection.execute(_TAKE, {"name": name, "seconds": seconds})).fetchone()
    return None if row is None else Lease(name, row[0])


async def renew(connection: Connection, lease: Lease, seconds: float) -> bool:
    """Hold it from now on for so long; False where it has ended."""
    values = {"name": lease.name, "token": lease.token, "seconds": seconds}
    return (await connection.execute(_RENEW, values)).rowcount > 0


async def release(connection: Connection, lease: Lease) -> None:
    """End it."""
    await connection.execute(_RELEASE, {"name": lease.name, "token": lease.token})


async def is_any_held(connection: Connection) -> bool:
    """Whether some process does what only one may do at a time."""
    (is_held,) = await one(await connection.execute("select exists (select from leases where until > now())"))
    return bool(is_held)


async def claim(connection: Connection, name: str, number: int) -> bool:
    """Whether nobody claimed it before."""
    cursor = await connection.execute(
        "insert into updates (platform, id) values (%s, %s) on conflict do nothing", (name, number)
    )
    return cursor.rowcount > 0


@asynccontextmanager
async def exclusive(database: Database, name: str) -> AsyncIterator[None]:
    """While entered, nobody else is. A connection of its own holds it, and ends with whoever has it."""
    async with database.alone() as connection:
        await connection.execute("select pg_advisory_lock(%s, %s)", (_TURNS, _number_of(name)))
        yield


class FencedLedger:
    """The deliveries for a sender that holds `lease`."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database, self._lease = database, lease

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        return await self._database.read(deliveries.find_deliveries, chat)

    async def record(self, delivery: Delivery) -> bool:
        return await self._write(delivery.chat, lambda connection: deliveries.record(connection, delivery))

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        return await self._write(before.chat, lambda connection: deliveries.record_after(connection, before, delivery))

    async def _write(self, chat: Chat, change: Callable[[Connection], Awaitable[Result]]) -> Result:
        return await self._database.write((chat,), _fence, self._lease, change)


async def _fence(connection: Connection, lease: Lease, change: Callable[[Connection], Awaitable[Result]]) -> Result:
    # Shared with all writes under this lease; who takes it next waits for their end.
    await connection.execute("select pg_advisory_xact_lock_shared(%s, %s)", (_LOCKS, _number_of(lease.name)))
    (holds,) = await one(await connection.execute(_HOLDS, (lease.name, lease.token)))
    if not holds:
        raise StorageError(f"the right {lease.name} has ended; another process has it")
    return await change(connection)


def _number_of(name: str) -> int:
    return crc32(name.encode()) - (1 << 31)
