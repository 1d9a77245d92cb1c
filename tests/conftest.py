"""What holds for every test."""

import sys

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_SERVERS = ("tests.servers.telegram", "tests.servers.discord", "tests.servers.openai")


@pytest.fixture(autouse=True)
def no_token_in_any_log(caplog):
    """Whatever a test does, at DEBUG, no log record of it holds a token that one of our servers takes."""
    yield
    for server in _SERVERS:
        if server in sys.modules:
            assert sys.modules[server].TOKEN not in caplog.text
