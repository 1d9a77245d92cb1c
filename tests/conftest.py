"""What holds for every test."""

import os
import sys

import pytest

from tests.cluster import REQUIRED, running_cluster

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
