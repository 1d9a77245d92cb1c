"""The schema in PostgreSQL: made, brought up to date from every version, and refused where that is not for us to do."""

import asyncio

import psycopg
import pytest

from bot.errors import ConfigError, StorageError
from storage import migrate_storage, open_storage
from storage.postgres import Migration, PostgresStorage, migrate, read_migrations
from storage.postgres.database import Database
from storage.postgres.migrating import require_schema

KNOWN = read_migrations()
NEXT = Migration(len(KNOWN) + 1, "next", "create table more (id bigint); insert into more values (1)")


@pytest.fixture
def bare_url(cluster):
    """A database in which nothing is."""
    url = cluster.bare_database()
    yield url
    cluster.drop(url)


def ask(url, query):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def describe(url):
    """Every column and index that there is."""
    columns = """select table_name, column_name, data_type, is_nullable, column_default, collation_name
        from information_schema.columns where table_schema = 'public' order by table_name, column_name"""
    return ask(url, columns), ask(url, "select indexdef from pg_indexes where schemaname = 'public' order by indexdef")


def test_versions_are_numbered_without_gaps():
    """From 1 on, so that the number of the last is how many there are."""
    assert [each.number for each in KNOWN] == list(range(1, len(KNOWN) + 1))


@pytest.mark.parametrize("version", range(len(KNOWN)))
async def test_every_earlier_version_becomes_the_newest(bare_url, database_url, version):
    """The schema is the same as if it had been made today; doing it again finds nothing to do."""
    await migrate(Database(bare_url), KNOWN[:version])
    assert await migrate_storage(bare_url) == (version, len(KNOWN))
    assert describe(bare_url) == describe(database_url)
    assert await migrate_storage(bare_url) == (len(KNOWN), len(KNOWN))


async def test_an_empty_database_is_set_up_by_whoever_opens_it_first(bare_url):
    """Also where several do so at once."""
    storages = [open_storage(bare_url) for _ in range(4)]
    await asyncio.gather(*(each.open() for each in storages))
    for each in storages:
        await each.check()
        await each.close()
    assert ask(bare_url, "select number from migrations order by 1") == [(each.number,) for each in KNOWN]


async def test_several_that_migrate_at_once_do_it_once(bare_url):
    """The others wait, and find nothing to do."""
    done = await asyncio.gather(*(migrate(Database(bare_url)) for _ in range(4)))
    assert sorted(done) == [(0, len(KNOWN)), *[(len(KNOWN), len(KNOWN))] * 3]


async def test_a_newer_schema_is_refused(database_url):
    """By whoever opens it, and by whoever would migrate it; the message says which version is which."""
    await migrate(Database(database_url), (*KNOWN, NEXT))
    before = describe(database_url)
    for refused in (PostgresStorage(database_url).open(), migrate_storage(database_url)):
        with pytest.raises(
            StorageError, match=f"version {NEXT.number}, newer than this program, which knows {len(KNOWN)}"
        ):
            await refused
    assert describe(database_url) == before


async def test_an_older_schema_is_not_opened(database_url):
    """Other processes may be at work in it: the message says what to run."""
    with pytest.raises(StorageError, match="run `paperround migrate`"):
        await require_schema(Database(database_url), (*KNOWN, NEXT))
    await migrate(Database(database_url), (*KNOWN, NEXT))
    await require_schema(Database(database_url), (*KNOWN, NEXT))


async def test_a_migration_that_fails_changes_nothing(database_url):
    """Neither its own first half, nor those before it."""
    before = describe(database_url)
    broken = Migration(NEXT.number + 1, "broken", "create table half (id bigint); select 1 / 0")
    with pytest.raises(StorageError, match="division by zero"):
        await migrate(Database(database_url), (*KNOWN, NEXT, broken))
    assert describe(database_url) == before
    assert ask(database_url, "select max(number) from migrations") == [(len(KNOWN),)]


async def test_other_encodings_are_refused(cluster):
    """A database that cannot hold every character is not used."""
    cluster.execute("create database narrow encoding 'LATIN1' template template0")
    with pytest.raises(StorageError, match="LATIN1"):
        await migrate_storage(cluster.url("narrow"))
    cluster.execute("drop database narrow")


async def test_a_folder_needs_no_migration(tmp_path):
    """It is brought up to date as it is opened, and the command says so."""
    with pytest.raises(ConfigError, match="nothing to migrate"):
        await migrate_storage(f"tinydb://{tmp_path}")
