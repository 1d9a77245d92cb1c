"""What several processes on one PostgreSQL do, and what a million readers would take: `python -m bench.scaling`.

Measures on a server of its own: composing digests in one process and by workers, claims under a lease, a durable command
meanwhile, and the sizes of tables; the rest is arithmetic with those figures. Leave the machine alone meanwhile.
`--chats 10000` is what docs/scaling.md shows; the default is a quick look. Exits with 1 where a promise is missed.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median, quantiles

import psycopg

from bot.app import load_taxonomy, make_rankers, utc_now
from bot.calendar import feed_of, latest_day, previous_day
from bot.delivery.rounds import Rounds
from bot.jobs import Jobs
from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.day import DayPhase, DayState
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.pipeline import Pipeline
from bot.sources.sample import SampleSource
from bot.subscriptions import Subscriptions
from handlers.telegram.messenger import TelegramMessenger
from storage.postgres import PostgresStorage
from tests.cluster import Cluster, running_cluster

TOKEN = "123456:" + "x" * 35
DAY = latest_day(datetime.now(UTC))
PAPERS, CATEGORIES = 300, ("cs.AI", "cs.CL", "cs.CV", "cs.LG")
TOPICS = (
    "kv cache", "diffusion model", "speculative decoding", "humanoid robot", "reinforcement learning",
    "graph neural network", "agent memory", "quant*", "protein", "teapot",
)  # fmt: skip
MILLION = 1_000_000
LIMITS = {"Telegram, free": 30, "Discord": 50, "Telegram, paid broadcast": 1_000}
HOST_DOLLARS, PRICE_DOLLARS_A_SUMMARY = 24.0, 0.006
"""A month of a machine with two cores and 4 GB; a summary of 15,000 tokens in and 600 out by a small model."""
SUMMARIES_A_DAY = 600
LEAST_CLAIMS, MOST_P95_SECONDS, LEAST_GAIN = 100.0, 0.25, 1.2
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Composed:
    """What a run composed: so many chats in a second, and how long a durable command took meanwhile."""

    rate: float
    p95: float


def make_batches(random: Random) -> list[Batch]:
    """A busy day: each category with as many papers, of which some match."""
    words = (
        "We present a method for large models on long inputs and measure it against strong baselines. " * 6
    ).split()
    batches = []
    for place, category in enumerate(CATEGORIES):
        rows = []
        for number in range(PAPERS):
            text = " ".join(random.sample(words, 60)) + " " + random.choice(TOPICS).rstrip("*")
            identifier = ArxivId(f"2611.{place * PAPERS + number:05}")
            paper = Paper(
                identifier, 1, f"On {random.choice(TOPICS).rstrip('*')} {number}", text, ("Ada Vale",), (category,)
            )
            rows.append((paper, AnnounceType.NEW))
        batches.append(Batch(category, DAY, tuple(rows)))
    return batches


async def fill(url: str, chats: int) -> None:
    """Chats that wait for today's digest, and the day's papers."""
    random, storage = Random(1), PostgresStorage(url)
    await storage.open()
    for batch in make_batches(random):
        came = feed_of(DAY)
        state = DayState(
            batch.category, DAY, DayPhase.COMPLETE, came, 1, came, came, PAPERS, listed=PAPERS, checked=came
        )
        await storage.save_day(state, batch)
    before = previous_day(DAY)
    created, progress = datetime.now(UTC) - timedelta(days=30), Progress(before, feed_of(before))

    async def subscribe(number: int) -> None:
        chat = Chat("telegram", str(number))
        made = Subscription(chat, created, CATEGORIES[:2], tuple(random.sample(TOPICS, 3)))
        await storage.change_subscription(chat, lambda _: made)
        await storage.plan(chat, progress)

    for first in range(1, chats + 1, AT_ONCE):
        await asyncio.gather(*(subscribe(each) for each in range(first, min(first + AT_ONCE, chats + 1))))
    await storage.close()


def make_rounds(storage: PostgresStorage) -> Rounds:
    """What composes, as the bot has it, without arXiv."""
    pipeline = Pipeline(storage, SampleSource(), make_rankers(), utc_now, CATEGORIES)
    subscriptions = Subscriptions(storage, load_taxonomy(), utc_now)
    return Rounds(
        pipeline, subscriptions, {"telegram": TelegramMessenger(TOKEN, "http://127.0.0.1:9", storage.move_chat)}
    )


async def drain(url: str, latencies: list[float]) -> None:
    """Take what was planned for sent, so that the outbox has room; a person changes a setting meanwhile."""
    storage = PostgresStorage(url)
    await storage.open()
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                await connection.execute("update deliveries set state = 'sent', body = '' where state = 'planned'")
                begun = time.perf_counter()
                chat = Chat("telegram", "1")
                await storage.change_subscription(chat, lambda old: replace(old, max_papers=old.max_papers + 1))
                latencies.append(time.perf_counter() - begun)
                await asyncio.sleep(0.05)
    finally:
        await storage.close()


@contextmanager
def workers(url: str, count: int) -> Iterator[None]:
    """Real `paperround worker` processes."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1]), "DATABASE_URL": url,
        "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": "http://127.0.0.1:9", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bot", "worker"]
        processes = [subprocess.Popen(command, cwd=folder, env=environment) for _ in range(count)]
        try:
            yield
        finally:
            for each in processes:
                each.terminate()
            for each in processes:
                each.wait()


async def compose(cluster: Cluster, chats: int, count: int) -> Composed:
    """Compose for all chats in this process, or by so many workers."""
    url = cluster.new_database()
    await fill(url, chats)
    storage, latencies = PostgresStorage(url), list[float]()
    await storage.open()
    rounds, draining = make_rounds(storage), asyncio.create_task(drain(url, latencies))
    with workers(url, count):
        async with Jobs(url) as jobs:
            while count and not await jobs.has_workers():  # noqa: ASYNC110 - in other processes
                await asyncio.sleep(0.1)
            if count:
                await asyncio.sleep(2.0)  # until the last of them is ready, too
            latencies.clear()
            begun = time.perf_counter()
            while waiting := await rounds.find_waiting():
                if count:
                    await jobs.compose(waiting)
                    await asyncio.sleep(0.5)
                else:
                    await rounds.hold_due()
            seconds = time.perf_counter() - begun
    draining.cancel()
    await asyncio.wait({draining})
    await storage.close()
    cluster.drop(url)
    return Composed(chats / seconds, quantiles(latencies, n=20)[-1])


async def claim(cluster: Cluster, parts: int) -> tuple[float, float]:
    """Parts claimed and written down as sent in a second, without a lease and with one."""
    url = cluster.new_database()
    storage, now = PostgresStorage(url), datetime.now(UTC)
    await storage.open()
    rates = []
    for day in (DAY, DAY + timedelta(days=1)):
        planned = [Delivery(Chat("telegram", str(each)), day, 1, 1, now, now, "x" * 3000) for each in range(parts)]
        for each in planned:
            if day == DAY:
                await storage.change_subscription(each.chat, lambda _, each=each: Subscription(each.chat, now))
            await storage.plan(each.chat, Progress(DAY, now), [each])
        lease = await storage.take("telegram", 3600.0)
        ledger = storage if day == DAY or lease is None else storage.ledger(lease)
        if lease is not None and day == DAY:
            await storage.release(lease)
        queue = iter(planned)

        async def send(queue: Iterator[Delivery] = queue, ledger: object = ledger) -> None:
            for each in queue:
                sending = replace(each, state=DeliveryState.SENDING, began=now)
                assert await ledger.record_after(each, sending)
                await ledger.record(replace(sending, state=DeliveryState.SENT))

        begun = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
        rates.append(parts / (time.perf_counter() - begun))
    await storage.close()
    cluster.drop(url)
    return rates[0], rates[1]


async def measure_sizes(cluster: Cluster, chats: int) -> dict[str, float]:
    """Bytes a chat, by table, after a day of deliveries of two parts with ten papers each."""
    url = cluster.new_database()
    storage, now = PostgresStorage(url), datetime.now(UTC)
    await storage.open()

    async def live(number: int) -> None:
        chat = Chat("telegram", str(100_000_000 + number))
        made = Subscription(chat, now, CATEGORIES[:2], TOPICS[:3])
        await storage.change_subscription(chat, lambda _: made)
        ids = [ArxivId(f"2611.{each:05}") for each in range(20)]
        parts = [
            Delivery(chat, DAY, part, 1, now, now, "x" * 3000, tuple(ids[10 * part - 10 : 10 * part]))
            for part in (1, 2)
        ]
        await storage.plan(chat, Progress(DAY, now), parts)
        for each in parts:
            await storage.record(replace(each, state=DeliveryState.SENT, message_id="12345"))

    for first in range(0, chats, AT_ONCE):
        await asyncio.gather(*(live(each) for each in range(first, min(first + AT_ONCE, chats))))
    await storage.close()
    cluster.execute("vacuum full", psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    rows = cluster.execute(
        "select relname, pg_total_relation_size(oid) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
        psycopg.conninfo.conninfo_to_dict(url)["dbname"],
    )
    cluster.drop(url)
    return {name: size / chats for name, size in rows if name in {"subscriptions", "progress", "deliveries", "seen"}}


def simulate(rate: float, claims: float, sizes: dict[str, float]) -> None:
    """A million subscriptions, each with a digest of one part on 21 days a month."""
    print(f"\na million subscriptions, of which one process composes for {rate:.0f} a second:")
    for count in (1, 2, 4, 8, 16):
        print(f"  {count:2} workers on a core each: {MILLION / rate / count / 60:7.0f} min to compose")
    for name, limit in LIMITS.items():
        print(
            f"  {name}, {limit:5} a second: {MILLION / limit / 60:7.0f} min to send, {limit / claims:.0%} of one process's claims"
        )
    fixed = sizes["subscriptions"] + sizes["progress"]
    daily = sizes["deliveries"] / 2 * 21, sizes["seen"] * 21 * 6
    total = MILLION * (fixed + sum(daily)) / 1e9
    print(f"  storage: {MILLION * fixed / 1e9:.1f} GB of chats, {MILLION * daily[0] / 1e9:.0f} GB of deliveries (a month), "
          f"{MILLION * daily[1] / 1e9:.0f} GB of seen papers (six months); {total:.0f} GB in all")  # fmt: skip
    hosts = 1 + MILLION / rate / 3600 / 2
    dollars = hosts * HOST_DOLLARS + total * 0.1
    summaries = SUMMARIES_A_DAY * 21 * PRICE_DOLLARS_A_SUMMARY
    print(f"  composed within an hour: {hosts:.1f} machines of two cores, {dollars:.0f} $ a month with the disk, and {summaries:.0f} $ "
          f"for summaries, which all share: {(dollars + summaries) / MILLION * 1e6:.0f} $ for a million readers")  # fmt: skip


async def run(chats: int) -> bool:
    """Measure everything; whether all promises were kept."""
    with running_cluster(options="-c shared_buffers=256MB -c synchronous_commit=on") as cluster:
        if cluster is None:
            print("PostgreSQL is not installed")
            return False
        composed = {}
        for count in (0, 1, 2):
            composed[count] = await compose(cluster, chats, count)
            name = f"{count} worker{'s' * (count > 1)}" if count else "in process"
            gain = composed[count].rate / composed[0].rate
            print(f"composing for {chats} chats, {name:10}: {composed[count].rate:6.1f} chats/s ({gain:.2f} x), "
                  f"a durable command meanwhile p95 {1000 * composed[count].p95:.0f} ms")  # fmt: skip
        plain, fenced = await claim(cluster, min(chats, 2000))
        print(f"claimed and written down: {plain:.0f} parts/s, under a lease {fenced:.0f} ({fenced / plain:.2f} x)")
        sizes = await measure_sizes(cluster, min(chats, 2000))
        for name, size in sorted(sizes.items()):
            print(
                f"table {name}: {size * 100_000 / 1e6:.0f} MB for 100,000 chats"
                + " and a day" * (name in {"deliveries", "seen"})
            )
    simulate(median((composed[0].rate, composed[1].rate)), fenced, sizes)
    kept = {
        f"two workers compose {LEAST_GAIN} times as fast as one": composed[2].rate >= LEAST_GAIN * composed[1].rate,
        f"{LEAST_CLAIMS:.0f} claims a second": fenced >= LEAST_CLAIMS,
        f"a durable command under load in {1000 * MOST_P95_SECONDS:.0f} ms": composed[2].p95 <= MOST_P95_SECONDS,
    }
    for promise, is_kept in kept.items():
        print(f"{'kept  ' if is_kept else 'MISSED'} {promise}")
    return all(kept.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0] if __doc__ else None)
    parser.add_argument("--chats", type=int, default=1_000)
    sys.exit(0 if asyncio.run(run(parser.parse_args().chats)) else 1)
