"""A PostgreSQL server of the tests' own in a temporary folder, reached by its socket; every test has a database of its own."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

from storage.postgres import migrate
from storage.postgres.database import Database

REQUIRED = "PAPERROUND_REQUIRE_POSTGRES"
"""The variable that turns a missing server from a reason to skip into a failure."""
_FAST = "-c fsync=off -c full_page_writes=off"
_TEMPLATE = "migrated"


def find_programs():
    """The folder with initdb and pg_ctl, the newest version's; None where PostgreSQL is not installed."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("pg_ctl")
    places = [Path(on_path).parent] if on_path else []
    return next((each for each in (*places, *known) if (each / "initdb").exists()), None)


class Cluster:
    """A running server. `url(name)` is the address of one of its databases."""

    def __init__(self, programs, folder, *, options=_FAST):
        self._programs, self.folder = programs, folder
        self._options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=200 {options}"
        self._names = count(1)
        # PostgreSQL refuses to run as root.
        self._user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        if self._user:
            shutil.chown(folder, "postgres", "postgres")

    def _call(self, program, *arguments):
        # Without a pipe: the server would inherit it, and reading it would never end.
        with (self.folder / "said").open("ab") as said:
            command = [self._programs / program, *arguments]
            done = subprocess.run(
                command, check=False, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **self._user
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {(self.folder / 'said').read_text(errors='replace')}")

    def create(self):
        """Make and start the server."""
        flags = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._call("initdb", "-D", "data", *flags)
        self.start()

    def start(self):
        """Start the server, and wait until it answers."""
        self._call("pg_ctl", "-D", "data", "-w", "-t", "60", "-l", "log", "-o", self._options, "start")

    def stop(self, mode="fast"):
        """Stop it: `immediate` is as a crash."""
        self._call("pg_ctl", "-D", "data", "-w", "-t", "60", "-m", mode, "stop")

    def url(self, name):
        return f"postgresql:///{name}?user=postgres&host={quote(str(self.folder), safe='')}"

    def execute(self, query, name="postgres"):
        """Run a statement of the administrator's; its rows, if it has any."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def new_database(self):
        """The url of an empty database with today's schema."""
        if not self.execute(f"select 1 from pg_database where datname = '{_TEMPLATE}'"):  # noqa: S608 - our own name
            self.execute(f"create database {_TEMPLATE}")
            # In a thread, as a loop may be running here.
            with ThreadPoolExecutor(1) as aside:
                aside.submit(asyncio.run, migrate(Database(self.url(_TEMPLATE)))).result()
        name = f"test_{next(self._names)}"
        self.execute(f"create database {name} template {_TEMPLATE} strategy file_copy")
        return self.url(name)

    def bare_database(self):
        """The url of a database in which nothing is."""
        name = f"bare_{next(self._names)}"
        self.execute(f"create database {name}")
        return self.url(name)

    def end_sessions(self, name):
        """Cut off whoever is connected to this database; how many that were."""
        query = f"select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '{name}'"  # noqa: S608 - our own name
        return len(self.execute(query))

    def drop(self, url):
        """Drop a database, whoever is connected."""
        self.execute(f"drop database if exists {psycopg.conninfo.conninfo_to_dict(url)['dbname']} with (force)")


def empty_database(url):
    """Drop every row but what the schema begins with."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        kept = {"migrations", "revisions"}
        connection.execute(f"truncate {', '.join(table for (table,) in tables if table not in kept)} cascade")


@contextmanager
def running_cluster(**options):
    """A server that ends with the block. None where PostgreSQL is not installed."""
    programs = find_programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    cluster = Cluster(programs, folder, **options)
    try:
        cluster.create()
        try:
            yield cluster
        finally:
            cluster.stop("immediate")
    finally:
        shutil.rmtree(folder)
