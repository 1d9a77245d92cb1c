"""What PostgreSQL costs with 100,000 chats in it, beside a bare upsert of the same size: `python -m bench.postgres`.

Starts a server of its own, which syncs as it should; exits with 1 where a promise is missed. What is compared is measured in
turns, because a disk has good and bad minutes.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import median, quantiles

import psycopg

from bench.storage import chat_of, documents_of
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from storage.codec import progress_to_document
from storage.postgres import PostgresStorage
from storage.postgres.values import document, register_values
from tests.cluster import Cluster, running_cluster

DAY = date(2026, 8, 3)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
DELIVERY_DAYS, PARTS = 7, 2
TURNS, AT_ONCE = 400, 8
BODY = "<b>Quantising the KV Cache After the Fact</b>\n" * 60
TABLES = ("subscriptions", "progress", "seen", "deliveries")


def fill(url: str, chats: int) -> None:
    """Subscriptions with their progress, 30 to 60 seen papers each, and a week of deliveries."""
    with psycopg.connect(url) as connection:
        register_values(connection)
        cursor = connection.cursor()
        with cursor.copy("copy subscriptions (chat, document) from stdin") as copy:
            for number in range(chats):
                _, key, content = next(documents_of(number))
                copy.write_row((key, document(content)))
        with cursor.copy("copy progress (chat, document) from stdin") as copy:
            done = document(progress_to_document(Progress(DAY, NOON)))
            for number in range(chats):
                copy.write_row((chat_of(number).key, done))
        with cursor.copy("copy seen from stdin") as copy:
            for number in range(chats):
                for table, key, content in documents_of(number):
                    if table.startswith("seen"):
                        copy.write_row((key, table.removeprefix("seen "), content["ids"]))
        cursor.execute(
            """insert into deliveries (chat, day, part, first, planned_at, changed_at, body, papers, state, tries,
                message_id, must_publish, resends, reason)
            select 'telegram:' || (100000000 + number), %s::date - age, part, 1, %s, %s, '', '{2608.00001,2608.00002}', 'sent', 0,
                '12345', false, 0, ''
            from generate_series(0, %s) number, generate_series(1, %s) age, generate_series(1, %s) part""",
            (DAY, NOON, NOON, chats - 1, DELIVERY_DAYS, PARTS),
        )
        cursor.execute("create table bare (chat text primary key, document json not null)")
        cursor.execute("insert into bare select chat, document from subscriptions")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


async def timed(work: Awaitable[object]) -> float:
    before = time.perf_counter()
    await work
    return time.perf_counter() - before


def command(storage: PostgresStorage, number: int, papers: int) -> Awaitable[object]:
    def change(old: Subscription | None) -> Subscription:
        assert old is not None
        return replace(old, max_papers=papers)

    return storage.change_subscription(chat_of(number), change)


def scattered(chats: int) -> Iterator[int]:
    """Chats all over the table, none twice in a row."""
    number = 0
    while True:
        number = (number + 7919) % chats
        yield number


async def measure_commands(storage: PostgresStorage, url: str, chats: int) -> dict[str, list[float]]:
    """Seconds of single commands and of bare upserts in turns, and of commands while others are made."""
    times: dict[str, list[float]] = {"bare": [], "command": [], "busy": []}
    numbers = scattered(chats)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as bare:
        register_values(bare)
        for turn in range(TURNS):
            number = next(numbers)
            _, key, content = next(documents_of(number))
            upsert = "insert into bare values (%s, %s) on conflict (chat) do update set document = excluded.document"
            content["max_papers"] = turn % 90
            times["bare"].append(await timed(bare.execute(upsert, (key, document(content)))))
            times["command"].append(await timed(command(storage, number, turn % 90)))

    async def go_on(turns: int) -> None:
        for turn in range(turns):
            times["busy"].append(await timed(command(storage, next(numbers), turn % 90)))

    await asyncio.gather(*(go_on(TURNS // 2) for _ in range(AT_ONCE)))
    return times


async def per_second(work: Callable[[int], Awaitable[object]], count: int) -> float:
    """How many are done in a second, with `AT_ONCE` at a time."""
    numbers = iter(range(count))

    async def go_on() -> None:
        for number in numbers:
            await work(number)

    before = time.perf_counter()
    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - before)


async def measure_rates(storage: PostgresStorage, chats: int) -> dict[str, float]:
    """Claims of tokens, and the three writes of each part."""
    planned = [
        Delivery(
            chat_of(number * 37 % chats), DAY, 1, 1, NOON, NOON, BODY, (ArxivId("2608.00009"), ArxivId("2608.00010"))
        )
        for number in range(TURNS * 2)
    ]
    states = {"sending": DeliveryState.SENDING, "sent": DeliveryState.SENT}
    rates = {
        "claims of tokens": await per_second(lambda _: storage.reserve_tokens(DAY, 1, 10**9), TURNS * 2),
        "parts planned": await per_second(
            lambda turn: storage.plan(planned[turn].chat, Progress(DAY, NOON), [planned[turn]]), len(planned)
        ),
    }
    for name, state in states.items():
        rates[f"parts noted as {name}"] = await per_second(
            lambda turn, state=state: storage.record(replace(planned[turn], state=state)), len(planned)
        )
    return rates


async def measure_lists(storage: PostgresStorage) -> dict[str, float]:
    """Seconds of listing all chats: at first, again, and after one changed."""
    times = {"all chats, first": await timed(storage.get_subscriptions())}
    times["all chats, again"] = await timed(storage.get_subscriptions())
    await command(storage, 1, 42)
    times["all chats, one changed"] = await timed(storage.get_subscriptions())
    times["all progress, first"] = await timed(storage.get_all_progress())
    times["chats with open parts"] = await timed(storage.get_open_chats())
    times["parts of a week, counted"] = await timed(storage.count_deliveries(DAY - timedelta(days=7)))
    return times


def print_sizes(cluster: Cluster, chats: int, name: str) -> None:
    print(f"tables with {chats:,} chats, megabytes with their indexes:")
    for table in TABLES:
        [(size, rows)] = cluster.execute(f"select pg_total_relation_size('{table}'), count(*) from {table}", name)  # noqa: S608 - our own names
        print(f"  {table:<14} {size / 1e6:>8.1f}  {rows:>10,} rows")


async def report(cluster: Cluster, chats: int) -> list[str]:
    """Measure and print everything; the promises that were missed."""
    url = cluster.new_database()
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    fill(url, chats)
    storage = PostgresStorage(url)
    await storage.open()
    await command(storage, 0, 5)
    times = await measure_commands(storage, url, chats)
    rates = await measure_rates(storage, chats)
    lists = await measure_lists(storage)
    await storage.close()
    missed, p95s = [], {}
    print(f"{'milliseconds':<28} {'median':>8} {'p95':>8}")
    for what, label in (
        ("bare", "a bare upsert"),
        ("command", "a durable command"),
        ("busy", f"the same, {AT_ONCE} at once"),
    ):
        p95 = quantiles(times[what], n=20)[-1]
        print(f"{label:<28} {median(times[what]) * 1e3:>8.2f} {p95 * 1e3:>8.2f}")
        p95s[what] = p95
    # On a disk or machine that is busy with others even a bare upsert is late.
    if p95s["command"] >= max(0.020, 4 * p95s["bare"]):
        missed.append(f"p95 of a durable command with {chats:,} chats is {p95s['command'] * 1e3:.1f} ms, not below 20")
    ratio = median(times["command"]) / median(times["bare"])
    print(f"a durable command costs {ratio:.1f} bare upserts")
    if ratio > 6:
        missed.append(f"a durable command costs {ratio:.1f} bare upserts, not at most 6")
    print("a second, eight at a time:", ", ".join(f"{rate:,.0f} {what}" for what, rate in rates.items()))
    for what, seconds in lists.items():
        print(f"{what:<28} {seconds * 1e3:>8.1f} ms")
    print_sizes(cluster, chats, str(name))
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chats", type=int, default=100_000)
    arguments = parser.parse_args()
    with running_cluster(options="") as cluster:
        if cluster is None:
            print("PostgreSQL is not installed (Debian: apt-get install postgresql)")
            return 1
        missed = asyncio.run(report(cluster, arguments.chats))
    for promise in missed:
        print(f"MISSED: {promise}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
