"""Where a bot under test keeps everything: in a folder, or in a PostgreSQL database beside it."""

import os
import resource
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from storage.postgres import PostgresStorage
from storage.tinydb import TinyDBStorage
from tests.cluster import Cluster
from tests.fakes import FakeStorage
from tests.faults.faulty_disk import FaultyDisk

IS_POSTGRES = os.environ.get("PAPERROUND_TEST_STORAGE", "") == "postgres"
"""Whether PostgreSQL takes the place of the folder, and of the memory, that tests have otherwise."""

make_storage: Callable[[], object] = FakeStorage
"""An empty storage, where any will do. tests/conftest.py says which, if it is not this one."""


@dataclass
class Place:
    """`cluster` has the database; None: everything is in the folder. What is stored can be opened again and again."""

    folder: Path
    cluster: Cluster | None = None
    _urls: dict[Path, str] = field(default_factory=dict)

    @property
    def url(self):
        """The database of this folder, made when it is first asked for."""
        if self.folder not in self._urls:
            self._urls[self.folder] = self.cluster.new_database()
        return self._urls[self.folder]

    @property
    def environment(self):
        """What a process is told so that it finds everything."""
        return {} if self.cluster is None else {"DATABASE_URL": self.url}

    def storage(self):
        """Not yet open."""
        return TinyDBStorage(self.folder / "data") if self.cluster is None else PostgresStorage(self.url)

    def breakable(self):
        """A storage, not yet open, in whose time seconds may be skipped, and what it rests on: sound while `is_sound`."""
        if self.cluster is None:
            disk = FaultyDisk(lambda _: True)
            disk.is_sound = True
            return TinyDBStorage(self.folder / "data", disk=disk), disk
        return PostgresStorage(f"{self.url}&connect_timeout=3600", patience=3600.0), Switch(self.cluster, self.url)

    @contextmanager
    def without_writes(self, process):
        """Meanwhile the process with this number can write nothing here."""
        if self.cluster is None:
            before = resource.prlimit(process, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            yield
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)
        else:
            switch = Switch(self.cluster, self.url)
            switch.is_sound = False
            yield
            switch.is_sound = True

    def room(self, name):
        """A place of its own below this one."""
        folder = self.folder / name
        folder.mkdir()
        return Place(folder, self.cluster, self._urls)

    def leave(self):
        """Drop what is not in the folder."""
        for url in self._urls.values():
            self.cluster.drop(url)


class Switch:
    """A database that takes writes or, where it `is_sound` no longer, only answers."""

    def __init__(self, cluster, url):
        self._cluster, self._name = cluster, psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        self._is_sound = True

    @property
    def is_sound(self):
        return self._is_sound

    @is_sound.setter
    def is_sound(self, value):
        self._is_sound = value
        self._cluster.execute(
            f"alter database {self._name} set default_transaction_read_only = {'off' if value else 'on'}"
        )
        # Sessions keep what they began with.
        self._cluster.end_sessions(self._name)
