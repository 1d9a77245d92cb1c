"""What holds for every test."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from storage.postgres import PostgresStorage
from tests import places
from tests.cluster import REQUIRED, running_cluster
from tests.places import IS_POSTGRES, Place

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


_SERVERS = ("tests.servers.telegram", "tests.servers.discord", "tests.servers.openai", "tests.servers.zotero")


@pytest.fixture(autouse=True)
def no_token_in_any_log(caplog):
    """Whatever a test does, at DEBUG, no log record of it holds a token that one of our servers takes."""
    yield
    for server in _SERVERS:
        if server in sys.modules:
            assert sys.modules[server].TOKEN not in caplog.text


@pytest.fixture(scope="session")
def cluster():
    """The PostgreSQL server of this run."""
    with running_cluster() as running:
        if running is None and os.environ.get(REQUIRED):
            pytest.fail("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        yield running or pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")


@pytest.fixture
def database_url(cluster):
    """The url of a PostgreSQL database of this test's own, with today's schema and nothing in it."""
    url = cluster.new_database()
    yield url
    cluster.drop(url)


@pytest.fixture
def place(request, tmp_path):
    """Where a bot keeps everything: in a folder, if PAPERROUND_TEST_STORAGE does not say otherwise."""
    chosen = Place(tmp_path, request.getfixturevalue("cluster") if IS_POSTGRES else None)
    yield chosen
    chosen.leave()


@pytest.fixture(params=["tinydb", "postgres"])
def each_place(request, tmp_path):
    """Where a bot keeps everything: every kind of place, whatever PAPERROUND_TEST_STORAGE says."""
    chosen = Place(tmp_path, request.getfixturevalue("cluster") if request.param == "postgres" else None)
    yield chosen
    chosen.leave()


if IS_POSTGRES:

    @pytest.fixture(autouse=True)
    async def postgres_for_any_storage(cluster):
        """Tests that would do with any storage have one in PostgreSQL."""
        made = {}

        def make_storage():
            url = cluster.new_database()
            made[url] = PostgresStorage(url)
            return made[url]

        places.make_storage = make_storage
        yield
        for url, storage in made.items():
            await storage.close()
            cluster.drop(url)
