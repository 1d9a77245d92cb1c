"""What one durable update costs, beside TinyDB's own storage and beside the bare disk: `python -m bench.storage`.

Exits with 1 where a promise is missed. What is compared is measured in turns, because a disk has good and bad minutes.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from tinydb import TinyDB

from bot.model.chat import Chat
from bot.model.subscription import Subscription
from storage.codec import subscription_to_document
from storage.disk import Disk
from storage.files import JournalFiles
from storage.memory import encode_operation
from storage.records import encode_document, encode_record
from storage.schemas import CHATS
from storage.tinydb import TinyDBStorage

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 40
UPDATES_A_ROUND = 10
JSON_EVERY = 8
QUIET_SECONDS = 2.0
TICK = 0.001
WORDS = (
    "sparse attention cache tensor graph neural radar quantum lattice bayes kernel proof robot speech vision".split()
)


def chat_of(number: int) -> Chat:
    return Chat("telegram", str(100_000_000 + number))


def documents_of(number: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """One chat: five topics, three categories, 30 to 60 seen papers, at most ten a day."""
    random = Random(number)
    topics = tuple(f'"{random.choice(WORDS)} {random.choice(WORDS)}"' for _ in range(5))
    created = datetime(2026, 1, 1, tzinfo=UTC)
    subscription = Subscription(chat_of(number), created, ("cs.LG", "cs.CL", "stat.ML"), topics)
    yield "subscriptions", chat_of(number).key, subscription_to_document(subscription)
    ids = [f"2608.{random.randrange(100_000):05}" for _ in range(random.randint(30, 60))]
    for start in range(0, len(ids), 10):
        day = date(2026, 8, 3) + timedelta(days=start // 10)
        yield f"seen {day}", chat_of(number).key, {"ids": ids[start : start + 10]}


def fill(folder: Path, chats: int) -> None:
    """The folder as if every chat had just been written: all in the journal, compaction due."""
    folder.mkdir()
    files = JournalFiles(folder, "chats", CHATS.version, Disk())
    for start in range(0, chats, 1_000):
        operations = [
            encode_operation(table, key, encode_document(document))
            for number in range(start, start + 1_000)
            for table, key, document in documents_of(number)
        ]
        files.append(encode_record(b"[%b]" % b",".join(operations)))
    files.close()


def fill_json(path: Path, chats: int) -> None:
    """The same chats as anyone would lay them out for TinyDB alone: one document each, with `get_seen`'s mapping."""
    table = {}
    for number in range(chats):
        (_, _, subscription), *seen = documents_of(number)
        days = {each: name.removeprefix("seen ") for name, _, document in seen for each in document["ids"]}
        table[str(number)] = {**subscription, "seen": days}
    path.write_text(json.dumps({"chats": table}), encoding="utf-8")


@dataclass(slots=True)
class Lag:
    """How late the event loop woke a task that wanted to wake every millisecond, in milliseconds."""

    worst: float = 0.0

    async def watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            self.worst = max(self.worst, (time.perf_counter() - before - TICK) * 1e3)


async def update(storage: TinyDBStorage, number: int, papers: int) -> float:
    """The seconds that one durable update took."""

    def change(old: Subscription | None) -> Subscription:
        assert old is not None
        return replace(old, max_papers=papers)

    before = time.perf_counter()
    await storage.change_subscription(chat_of(number), change)
    return time.perf_counter() - before


def is_compacted(folder: Path) -> bool:
    return any(folder.glob("chats.*.snapshot"))


async def compaction_lag(folder: Path, chats: int) -> tuple[float, float]:
    """The worst lag in milliseconds while nothing happens, and during compaction beside updates."""
    quiet, busy = Lag(), Lag()
    storage = TinyDBStorage(folder)
    await storage.open()
    watching = asyncio.create_task(quiet.watch())
    await asyncio.sleep(QUIET_SECONDS)
    watching.cancel()
    watching = asyncio.create_task(busy.watch())
    papers = 0
    while not is_compacted(folder):
        papers += 1
        await update(storage, papers % chats, papers % 97)
    await storage.close()
    watching.cancel()
    return quiet.worst, busy.worst


async def measure_load(folder: Path) -> None:
    """In a process of its own: print the seconds and bytes that an opened storage took."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    storage = TinyDBStorage(folder)
    bytes_before, before = resident(), time.perf_counter()
    await storage.open()
    print(json.dumps([time.perf_counter() - before, resident() - bytes_before]))
    await storage.close()


def load(folder: Path) -> tuple[float, float]:
    """Seconds and megabytes."""
    command = [sys.executable, "-m", "bench.storage", "--load", str(folder)]
    seconds, size = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return seconds, size / 1e6


class BareDisk:
    """Append and fsync: what no durable update can go below."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._record = b"x" * size

    def append(self) -> float:
        before = time.perf_counter()
        os.write(self._file, self._record)
        os.fsync(self._file)
        return time.perf_counter() - before


def update_json(database: TinyDB, number: int, papers: int) -> float:
    before = time.perf_counter()
    database.table("chats").update({"max_papers": papers}, doc_ids=[number])
    return time.perf_counter() - before


async def bytes_of_update(storage: TinyDBStorage, folder: Path) -> int:
    def journal() -> int:
        return sum(path.stat().st_size for path in folder.glob("chats.*.journal"))

    # The first write after opening begins a journal.
    await update(storage, 0, 11)
    before = journal()
    await update(storage, 0, 12)
    return journal() - before


async def measure_updates(folder: Path) -> dict[str, list[float]]:
    """Seconds of each update, by what was updated."""
    storages = {chats: TinyDBStorage(folder / str(chats)) for chats in SIZES}
    for storage in storages.values():
        await storage.open()
    disk = BareDisk(folder / "bare", await bytes_of_update(storages[SIZES[0]], folder / str(SIZES[0])))
    for storage in storages.values():
        await update(storage, 0, 13)
    databases = {chats: TinyDB(folder / f"{chats}.json") for chats in SIZES}
    times: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        for step in range(UPDATES_A_ROUND):
            papers = 20 + turn % 60
            times.setdefault("bare", []).append(disk.append())
            for chats, storage in storages.items():
                number = (turn * 7919 + step * 104_729) % chats
                times.setdefault(f"ours {chats}", []).append(await update(storage, number, papers))
        if turn % JSON_EVERY == 0:
            for chats in SIZES[:-1]:
                times.setdefault(f"json {chats}", []).append(update_json(databases[chats], turn, turn))
    times[f"json {SIZES[-1]}"] = [update_json(databases[SIZES[-1]], 1, 1)]
    times["grouped"] = [await grouped(storages[10_000])]
    for storage in storages.values():
        await storage.close()
    return times


async def grouped(storage: TinyDBStorage) -> float:
    """Seconds for each of a thousand updates made at once."""
    before = time.perf_counter()
    await asyncio.gather(*(update(storage, number, 99) for number in range(1_000)))
    return (time.perf_counter() - before) / 1_000


def report(folder: Path) -> list[str]:
    """Measure and print everything; the promises that were missed."""
    for chats in SIZES:
        fill(folder / str(chats), chats)
        fill_json(folder / f"{chats}.json", chats)
    lags = []
    for turn in range(3):
        copy = folder / f"lag-{turn}"
        shutil.copytree(folder / str(SIZES[-1]), copy)
        lags.append(asyncio.run(compaction_lag(copy, SIZES[-1])))
    for chats in SIZES[:-1]:
        asyncio.run(compaction_lag(folder / str(chats), chats))
    shutil.rmtree(folder / str(SIZES[-1]))
    (folder / "lag-0").rename(folder / str(SIZES[-1]))
    loads = {chats: load(folder / str(chats)) for chats in SIZES}
    times = {name: median(each) for name, each in asyncio.run(measure_updates(folder)).items()}
    print_table(times, loads)
    quiet, busy = median(each[0] for each in lags), median(each[1] for each in lags)
    print(
        f"event loop lag at {SIZES[-1]:,} chats, worst of a run, median of 3: {busy:.1f} ms in compaction, {quiet:.1f} ms idle"
    )
    promises: list[tuple[str, Callable[[], bool]]] = [
        (
            "1,000 times faster than JSONStorage at 10,000 chats",
            lambda: times["json 10000"] >= 1_000 * times["ours 10000"],
        ),
        ("at most 3 times the bare append at 10,000 chats", lambda: times["ours 10000"] <= 3 * times["bare"]),
        ("at 100,000 chats at most 1.5 times 1,000 chats", lambda: times["ours 100000"] <= 1.5 * times["ours 1000"]),
        (
            "at most 50 MB per 10,000 chats",
            lambda: all(size <= 50 * max(chats / 10_000, 1) for chats, (_, size) in loads.items()),
        ),
        ("compaction holds the event loop for less than 10 ms", lambda: busy < 10),
    ]
    return [text for text, holds in promises if not holds()]


def print_table(times: dict[str, float], loads: dict[int, tuple[float, float]]) -> None:
    print(f"bare append and fsync of as many bytes: {times['bare'] * 1e3:.3f} ms")
    print(
        f"{'chats':>8} {'update ms':>10} {'x bare':>7} {'JSONStorage ms':>15} {'x faster':>9} {'load s':>7} {'load MB':>8}"
    )
    for chats in SIZES:
        ours, theirs = times[f"ours {chats}"], times[f"json {chats}"]
        seconds, size = loads[chats]
        print(
            f"{chats:>8,} {ours * 1e3:>10.3f} {ours / times['bare']:>7.2f} {theirs * 1e3:>15.1f} "
            f"{theirs / ours:>9,.0f} {seconds:>7.2f} {size:>8.1f}"
        )
    print(f"each of 1,000 updates at once, at 10,000 chats: {times['grouped'] * 1e3:.3f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to write; a folder on the disk that counts")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        asyncio.run(measure_load(arguments.load))
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        missed = report(Path(folder))
    for promise in missed:
        print(f"MISSED: {promise}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
