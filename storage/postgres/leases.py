"""Leases, and the ledger that ends with one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from typing import NamedTuple, TypeVar
from zlib import crc32

import psycopg

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.delivery import Delivery
from bot.ports import Lease
from storage.postgres import deliveries
from storage.postgres.database import Connection, Database, one

_LOCKS = 0x6C656173
"""The first half of the advisory locks that stand for a lease; the second half stands for its name."""
_TURNS = 0x7475726E
_IS_ALIVE = "exists (select from pg_stat_activity where pid = held.pid and backend_start = held.backend)"
# By the clock, and not by `now()`: a transaction may have waited since it began.
_IS_FREE = f"""
    select not exists (select from leases as held where name = %s and until > clock_timestamp() and {_IS_ALIVE})"""  # noqa: S608 - our own words
_TAKE = f"""
    insert into leases as held
    values (%(name)s, 1, clock_timestamp() + %(seconds)s * interval '1 second', %(pid)s, %(backend)s)
    on conflict (name) do update
    set token = held.token + 1, until = excluded.until, pid = excluded.pid, backend = excluded.backend
    where held.until <= clock_timestamp() or not {_IS_ALIVE}
    returning token"""  # noqa: S608 - as above
_RENEW = """
    update leases
    set until = clock_timestamp() + %(seconds)s * interval '1 second', pid = %(pid)s, backend = %(backend)s
    where name = %(name)s and token = %(token)s and until > clock_timestamp()"""
_RELEASE = "update leases set until = clock_timestamp() where name = %(name)s and token = %(token)s"
_SESSION = "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()"
_HOLDS = "select count(*) from leases where name = %s and token = %s and until > clock_timestamp()"

Result = TypeVar("Result")


class Session(NamedTuple):
    """What tells one connection from every other that there ever was."""

    pid: int
    backend: datetime


class Presence:
    """A session that is there as long as this process is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = AsyncExitStack()
        self._connection: Connection | None = None
        self._looking = asyncio.Lock()

    async def session(self) -> Session:
        """By what the server knows it; another one, if it was lost. Raises StorageError."""
        async with self._looking:
            if self._connection is not None:
                with suppress(psycopg.Error):
                    return Session(*await one(await self._connection.execute(_SESSION)))
                await self._leave()
            self._connection = await self._stack.enter_async_context(self._database.alone())
            return Session(*await one(await self._connection.execute(_SESSION)))

    async def close(self) -> None:
        """End it."""
        async with self._looking:
            await self._leave()

    async def _leave(self) -> None:
        self._connection = None
        with suppress(StorageError):
            await self._stack.aclose()


async def take(connection: Connection, name: str, seconds: float, session: Session) -> Lease | None:
    """The lease, when every write under the one before has ended."""
    (is_free,) = await one(await connection.execute(_IS_FREE.encode(), (name,)))
    if not is_free:
        return None
    await connection.execute("select pg_advisory_xact_lock(%s, %s)", (_LOCKS, _number_of(name)))
    # Else the sessions of a moment ago would count, without that of whoever was quicker.
    await connection.execute("select pg_stat_clear_snapshot()")
    values = {"name": name, "seconds": seconds, **session._asdict()}
    row = await (await connection.execute(_TAKE.encode(), values)).fetchone()
    return None if row is None else Lease(name, row[0])


async def renew(connection: Connection, lease: Lease, seconds: float, session: Session) -> bool:
    """Hold it from now on for so long; False where it has ended."""
    values = {"name": lease.name, "token": lease.token, "seconds": seconds, **session._asdict()}
    return (await connection.execute(_RENEW, values)).rowcount > 0


async def release(connection: Connection, lease: Lease) -> None:
    """End it."""
    await connection.execute(_RELEASE, {"name": lease.name, "token": lease.token})


async def is_any_held(connection: Connection) -> bool:
    """Whether some process does what only one may do at a time."""
    query = f"select exists (select from leases as held where until > now() and {_IS_ALIVE})"  # noqa: S608 - as above
    (is_held,) = await one(await connection.execute(query.encode()))
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
