"""Connections to PostgreSQL, and the transactions in which everything happens: short, retried, and never in doubt."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Concatenate, Generic, NamedTuple, ParamSpec, TypeVar
from uuid import UUID, uuid4
from zlib import crc32

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq.abc import PGconn
from psycopg.rows import AsyncRowFactory, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bot.errors import ConfigError, StorageError
from bot.model.chat import Chat
from storage.postgres.values import Row, register_values

MOST_CONNECTIONS = 8
"""Of one process. A small server allows twenty in all."""
PATIENCE = 10.0
_LONGEST_ANSWER = 4
"""Times our patience: by then the server has given up a statement, if it is there."""
PAUSES = (0.1, 0.5, 2.0)
"""Seconds before a lost transaction is tried again."""
_LOCKS = 0x70617065
"""The first half of all our advisory locks, so that they are nobody else's; the second half stands for a chat."""
_DEFAULTS = {
    "application_name": "paperround",
    "connect_timeout": "5",
    # A peer that vanished is noticed in 15 seconds, not in two hours.
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_SETTINGS = {
    "timezone": "UTC",
    "client_encoding": "UTF8",
    "synchronous_commit": "on",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    # Shorter than our patience: by then it is known what became of a transaction whose connection was lost.
    "idle_in_transaction_session_timeout": "5s",
}
_MAY_PASS = (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout)
_LOST = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleInTransactionSessionTimeout)

_VIEW = b"""
    set transaction isolation level repeatable read, read only;
    set local idle_in_transaction_session_timeout = '60s'"""
"""A view locks nothing, and taking over very many rows takes a while."""
_NUMBER = """
    insert into writers values (%s, %s, now())
    on conflict (connection) do update set number = excluded.number, at = excluded.at returning number"""
# A row that is being written is waited for only by who would write it as well.
_ASK = """
    insert into writers values (%s, 0, now())
    on conflict (connection) do update set at = excluded.at returning number"""

P = ParamSpec("P")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Connection(AsyncConnection[Row]):
    """A connection that numbers what it writes. Once it is lost, its last number tells whether that was committed."""

    def __init__(self, pgconn: PGconn, row_factory: AsyncRowFactory[Row] = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self.id = uuid4()
        self.writes = 0


class _Doubt(NamedTuple, Generic[Result]):
    """A transaction of which it is not known whether it was committed, and its result if it was."""

    connection: UUID
    number: int
    result: Result


class Database:
    """The PostgreSQL database that `url` names. Raises ConfigError for a url that is none, without repeating it.

    `patience`: seconds for which a connection is waited for. `losses`: how often one was lost since, by which time the
    server may be another one, and know less.
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        try:
            known = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise ConfigError(
                "the PostgreSQL URL is not of the form postgresql://user:password@host/database"
            ) from None
        self._conninfo = make_conninfo("", **{**_DEFAULTS, **known})
        self.name = f"PostgreSQL at {known.get('host') or 'this machine'}"
        self._patience = patience
        self.losses = 0
        self._pool: AsyncConnectionPool[Connection] | None = None

    async def open(self) -> None:
        """Make a pool of connections. Raises StorageError with the reason where none can be had."""
        # The pool would log the reason, and tell that it took too long.
        async with self.alone():
            pass
        self._pool = AsyncConnectionPool(
            self._conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=MOST_CONNECTIONS,
            open=False,
            configure=_configure,
            timeout=self._patience,
            reconnect_timeout=self._patience,
            name="storage",
        )
        await self._pool.open()

    async def close(self) -> None:
        """Let go of all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Connection]:
        """A connection of its own, without limits of time: for the schema. Raises StorageError."""
        with self._complaints():
            async with await Connection.connect(self._conninfo, autocommit=True) as connection:
                await _configure(connection)
                await connection.execute("set statement_timeout = 0; set lock_timeout = 0")
                yield connection

    async def read(
        self, query: Callable[Concatenate[Connection, P], Awaitable[Result]], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """What `query` finds by one statement. Raises StorageError."""

        async def attempt() -> Result:
            async with self._connection() as connection:
                return await query(connection, *args, **kwargs)

        return await self._insist(attempt)

    async def view(
        self, query: Callable[Concatenate[Connection, P], Awaitable[Result]], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """What `query` finds by several statements that see the same moment. Raises StorageError."""

        async def attempt() -> Result:
            async with self._connection() as connection, connection.transaction():
                await connection.execute(_VIEW)
                return await query(connection, *args, **kwargs)

        return await self._insist(attempt)

    async def write(
        self,
        chats: Sequence[Chat],
        change: Callable[Concatenate[Connection, P], Awaitable[Result]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Result:
        """What `change` returns, when all that it did is on the disk: all or nothing.

        No other write about one of these chats comes between. What `change` raises is passed on. Raises StorageError.
        """
        doubt: _Doubt[Result] | None = None

        async def attempt() -> Result:
            nonlocal doubt
            async with self._connection() as connection:
                if doubt is not None and await _was_committed(connection, doubt.connection, doubt.number):
                    return doubt.result
                doubt = None
                async with connection.transaction():
                    await _begin(connection, chats)
                    result = await change(connection, *args, **kwargs)
                    doubt = _Doubt(connection.id, connection.writes, result)
                return result

        return await self._insist(attempt)

    async def _insist(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Try again where the connection was lost, or the server asks for it; give up where nobody answers."""
        pauses = iter(PAUSES)
        with self._complaints():
            while True:
                try:
                    async with asyncio.timeout(_LONGEST_ANSWER * self._patience):
                        return await attempt()
                except _MAY_PASS as error:
                    if not _is_passing(error):
                        raise
                    self.losses += 1
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    log.warning("storage status=retried error=%r", _text_of(error))
                await asyncio.sleep(pause)
                await self._drop_lost()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if self._pool is None:
            raise StorageError(f"{self.name} is not open")
        async with self._pool.connection() as connection:
            yield connection

    async def _drop_lost(self) -> None:
        """After one lost connection the others are likely to be lost as well."""
        if self._pool is not None:
            await self._pool.check()

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise StorageError(f"{self.name} does not answer") from error
        except PoolTimeout as error:
            raise StorageError(f"{self.name} cannot be reached, or is too busy") from error
        except (
            psycopg.OperationalError,
            psycopg.InternalError,
            psycopg.DataError,
            errors.InsufficientPrivilege,
            errors.UndefinedTable,
        ) as error:
            raise StorageError(f"{self.name}: {_text_of(error)}") from error


async def _configure(connection: Connection) -> None:
    register_values(connection)
    settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
    await connection.execute(f"select {settings}".encode())


async def _begin(connection: Connection, chats: Sequence[Chat]) -> None:
    """Number the transaction, and let it have the chats for itself from now on."""
    # Always in the same order: two that want the same two chats must not wait for each other.
    keys = sorted({crc32(each.key.encode("utf-8", "surrogatepass")) - (1 << 31) for each in chats})
    connection.writes += 1
    # A text for each number of chats, so that the server need not plan it every time.
    query = _NUMBER + ", pg_advisory_xact_lock(%s, %s)" * len(keys)
    locks = (number for key in keys for number in (_LOCKS, key))
    await connection.execute(query.encode(), (connection.id, connection.writes, *locks))


async def _was_committed(connection: Connection, lost: UUID, number: int) -> bool:
    """Whether the lost connection's transaction of this number was; waits for the server to notice that it is lost."""
    cursor = await connection.execute(_ASK, (lost,))
    (known,) = await one(cursor)
    return bool(known == number)


async def one(cursor: psycopg.AsyncCursor[Row]) -> Row:
    """The row of a query that always has one."""
    row = await cursor.fetchone()
    if row is None:
        raise StorageError("PostgreSQL gave no row")
    return row


def _is_passing(error: psycopg.Error) -> bool:
    """Whether the same may succeed on another connection, or at another moment."""
    if isinstance(error, PoolTimeout):
        return False
    state = error.sqlstate or ""
    return not state or state[:2] in {"08", "40"} or isinstance(error, _LOST)


def _text_of(error: psycopg.Error) -> str:
    """The message in one line. It holds no password: PostgreSQL and libpq never repeat it."""
    return " ".join((error.diag.message_primary or str(error)).split())
