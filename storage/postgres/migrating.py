"""The schema's versions: numbered files of SQL, applied once each and in order. There is no way back but a backup."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from bot.errors import StorageError
from storage.postgres.database import Connection, Database, one

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_OLDEST_SERVER = 130_000
_LOCK = 0x70617065, 0x6D696772
_TABLE = """create table if not exists migrations (
    number integer primary key, name text not null, applied_at timestamptz not null default now())"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    """What brings a schema from the version before to this one."""

    number: int
    name: str
    sql: str


def read_migrations() -> tuple[Migration, ...]:
    """All that this program knows, in order."""
    named = ((_FILE.fullmatch(each.name), each) for each in (files("storage") / "migrations").iterdir())
    found = [Migration(int(name[1]), name[2], file.read_text(encoding="utf-8")) for name, file in named if name]
    return tuple(sorted(found, key=lambda each: each.number))


async def migrate(database: Database, migrations: Sequence[Migration] | None = None) -> tuple[int, int]:
    """Bring the schema to the newest version in one transaction; the versions before and after.

    Whoever comes second waits, and finds nothing to do. Raises StorageError; then nothing has changed.
    """
    known = read_migrations() if migrations is None else migrations
    async with database.alone() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s, %s)", _LOCK)
        await _check_server(connection)
        await connection.execute(_TABLE)
        before = await _version(connection)
        _refuse_newer(database, before, len(known))
        for each in known[before:]:
            # Without parameters, so that one file may hold many statements.
            await connection.execute(each.sql.encode())
            await connection.execute("insert into migrations values (%s, %s)", (each.number, each.name))
    if before < len(known):
        log.info("storage status=migrated from=%d to=%d", before, len(known))
    return before, len(known)


async def require_schema(database: Database, migrations: Sequence[Migration] | None = None) -> None:
    """See that the schema is this program's; an empty database is given it. Raises StorageError with what to do."""
    known = len(read_migrations() if migrations is None else migrations)
    async with database.alone() as connection:
        (table,) = await one(await connection.execute("select to_regclass('migrations')"))
        version = 0 if table is None else await _version(connection)
    _refuse_newer(database, version, known)
    if version == 0:
        await migrate(database, migrations)
    elif version < known:
        raise StorageError(
            f"{database.name} has schema version {version} and this program needs {known}: run `paperround migrate`"
        )


def _refuse_newer(database: Database, version: int, known: int) -> None:
    if version > known:
        raise StorageError(
            f"{database.name} has schema version {version}, newer than this program, which knows {known}: "
            "install the newer version"
        )


async def _version(connection: Connection) -> int:
    (version,) = await one(await connection.execute("select coalesce(max(number), 0) from migrations"))
    return int(version)


async def _check_server(connection: Connection) -> None:
    if connection.info.server_version < _OLDEST_SERVER:
        raise StorageError(
            f"the server is PostgreSQL {connection.info.server_version // 10_000}; 13 or newer is needed"
        )
    (encoding,) = await one(await connection.execute("show server_encoding"))
    if encoding != "UTF8":
        raise StorageError(f"the database has the encoding {encoding}; make one with encoding UTF8")
