"""What holds for every test."""

import sys

import pytest

_SERVERS = ("tests.servers.telegram", "tests.servers.discord", "tests.servers.openai", "tests.servers.zotero")


@pytest.fixture(autouse=True)
def no_token_in_any_log(caplog):
    """Whatever a test does, at DEBUG, no log record of it holds a token that one of our servers takes."""
    yield
    for server in _SERVERS:
        if server in sys.modules:
            assert sys.modules[server].TOKEN not in caplog.text
