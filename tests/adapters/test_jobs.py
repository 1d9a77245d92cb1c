"""Jobs in PostgreSQL: each done, by one at a time, and again where nobody ended it."""

import asyncio
from contextlib import asynccontextmanager
from importlib.resources import files

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from bot.jobs import BUSY_SECONDS, IDLE_SECONDS, Duties, Jobs
from bot.model.chat import Chat
from bot.model.summary import SummaryKey
from tests.build import make_paper
from tests.cluster import running_cluster

CHATS = [Chat("telegram", str(number)) for number in range(300)]
PAPER = make_paper("2608.00001", "Teapots, é🙂", authors=("Ada Vale", "李 明"), categories=("cs.CL", "cs.LG"))
KEY = SummaryKey(PAPER.id, 1, "p", "m", "en")


async def nothing(*_):
    """A duty that is done at once."""


@asynccontextmanager
async def working(url, compose=nothing, summarise=nothing):
    """A worker."""
    async with Jobs(url) as jobs:
        task = asyncio.create_task(jobs.work(Duties(compose, summarise)))
        async with asyncio.timeout(30):
            while not await jobs.has_workers():
                await asyncio.sleep(0.05)
        try:
            yield jobs
        finally:
            task.cancel()
            await asyncio.wait({task})


async def until(condition, seconds=60.0):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def count_jobs(url):
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return (await (await connection.execute("select count(*) from procrastinate_jobs")).fetchone())[0]


async def is_empty(url):
    return await count_jobs(url) == 0


async def test_without_a_worker_nothing_is_handed_on(database_url):
    """Who would wait for a worker in vain does it himself."""
    async with Jobs(database_url) as jobs:
        assert not await jobs.compose(CHATS)
        assert not await jobs.summarise(KEY, PAPER, {}, 1.0)
    assert await count_jobs(database_url) == 0


async def test_every_chat_is_composed_for_once(database_url):
    """By whichever worker has time; what is handed on again meanwhile waits its turn, and is not done twice at once."""
    composed, under_way, twice = [], set(), []

    async def compose(chats):
        twice.extend(under_way.intersection(chats))
        under_way.update(chats)
        await asyncio.sleep(0.05)
        under_way.difference_update(chats)
        composed.extend(chats)

    async with working(database_url, compose) as one, working(database_url, compose):
        assert await one.compose(CHATS)
        assert await one.compose(CHATS[:10])
        await until(lambda: is_empty(database_url))
    assert set(composed) == set(CHATS)
    assert twice == []


async def test_a_summary_that_many_want_is_made_once_at_a_time(database_url):
    """Everybody waits for its end, and the paper arrives as it was."""
    made, most, now = [], 0, 0

    async def summarise(paper, language, groups):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.2)
        now -= 1
        made.append((paper, language, groups))

    async with working(database_url, summarise=summarise) as one, working(database_url, summarise=summarise) as other:
        wishes = [each.summarise(KEY, PAPER, {"telegram private": 2}, 0.5) for each in (one, other, one)]
        assert await asyncio.gather(*wishes) == [True, True, True]
    assert most == 1
    assert len(made) <= 2
    assert made[0] == (PAPER, "en", {"telegram private": 2})


async def test_a_job_under_way_is_finished_at_the_end(database_url):
    """A worker that is told to stop takes no more, and leaves nothing to be rescued."""
    begun, done = asyncio.Event(), []

    async def compose(chats):
        begun.set()
        await asyncio.sleep(0.5)
        done.extend(chats)

    async with working(database_url, compose) as jobs:
        await jobs.compose(CHATS[:1])
        await begun.wait()
    assert done == CHATS[:1]
    assert await count_jobs(database_url) == 0


async def test_a_job_that_fails_is_over(database_url, caplog):
    """It is logged; what it left undone is found by whoever looks for what is due."""

    async def compose(_):
        raise LookupError("no such thing")

    async with working(database_url, compose) as jobs:
        assert await jobs.compose(CHATS[:1])
        await until(lambda: is_empty(database_url))
    assert "no such thing" in caplog.text


@pytest.mark.parametrize("waiting", [0, 1])
@pytest.mark.parametrize("is_own", [True, False])
async def test_a_job_that_nobody_does_any_more_is_done_again(database_url, is_own, waiting):
    """Its worker died, or could not tell the database that it was done; also where the next of its name waits for its end."""
    composed = []

    async def compose(chats):
        composed.extend(chats)

    async with working(database_url, compose) as jobs:
        await jobs.compose(CHATS[:1])
        await until(lambda: is_empty(database_url))
        query = "insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id) "
        worker = next(iter(jobs._workers)) if is_own else None
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            for state, owner in [("doing", worker)] + [("todo", None)] * waiting:
                values = "values ('compose', 'compose', 'x', 'x', '{\"chats\": [\"telegram:lost\"]}', %s, %s)"
                await connection.execute(query + values, (state, owner))
        await until(lambda: is_empty(database_url))
    assert composed == [CHATS[0], Chat("telegram", "lost")]


async def test_who_asks_for_no_job_any_more_has_stalled(database_url):
    """Each queue by itself, with a job that does not end for two hours; while all hands are busy nobody need ask."""
    gate, begun, now = asyncio.Event(), [], 0.0

    async def compose(chats):
        begun.extend(chats)
        await gate.wait()

    async with Jobs(database_url, timer=lambda: now) as jobs:
        assert jobs.stalled() == ()
        task = asyncio.create_task(jobs.work(Duties(compose, nothing)))
        async with asyncio.timeout(30):
            while not await jobs.has_workers():
                await asyncio.sleep(0.05)
        await jobs.compose(CHATS[:1])
        async with asyncio.timeout(30):
            while not begun:
                await asyncio.sleep(0.05)
        assert jobs.stalled() == ()
        now = BUSY_SECONDS + 1
        assert "compose" in jobs.stalled()
        gate.set()
        await until(nobody_stalls(jobs))
        task.cancel()
        await asyncio.wait({task})
        now += IDLE_SECONDS + 1
        assert jobs.stalled() == ("compose", "summarise")


async def test_a_database_that_is_away_stalls_nothing():
    """It is asked again and again, and what asks goes on."""
    now = 0.0
    with running_cluster() as cluster:
        if cluster is None:
            pytest.skip("PostgreSQL is not installed")
        async with Jobs(cluster.new_database(), timer=lambda: now) as jobs:
            task = asyncio.create_task(jobs.work(Duties(nothing, nothing)))
            async with asyncio.timeout(30):
                while not await jobs.has_workers():
                    await asyncio.sleep(0.05)
            cluster.stop("immediate")
            # First whoever works finds it gone, and then those that shall take the place of that.
            for _ in range(3):
                now += IDLE_SECONDS + 1
                await until(nobody_stalls(jobs))
            cluster.start()
            task.cancel()
            await asyncio.wait({task})


def nobody_stalls(jobs):
    async def ask():
        return jobs.stalled() == ()

    return ask


def test_the_schema_is_that_of_the_library():
    """A newer procrastinate with another schema needs a migration of ours, and then this test another file."""
    ours = (files("storage") / "migrations" / "0003_procrastinate.sql").read_text(encoding="utf-8")
    assert ours.partition("\n")[2] == SchemaManager.get_schema()
