"""One fixture per port, over every implementation of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.ports import Storage
from storage.postgres import PostgresStorage
from storage.tinydb import TinyDBStorage
from tests.fakes import FakeStorage


@pytest.fixture(params=["fake", "tinydb", "postgres"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """An open, empty storage; closing and opening it again is a restart."""
    opened = {
        "fake": FakeStorage,
        "tinydb": lambda: TinyDBStorage(tmp_path / "data"),
        "postgres": lambda: PostgresStorage(request.getfixturevalue("database_url")),
    }[request.param]()
    await opened.open()
    yield opened
    await opened.close()
