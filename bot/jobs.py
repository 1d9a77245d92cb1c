"""Work for whichever process has time for it: procrastinate's queue, in the database that has everything else; see ADR 0021.

A job may be done twice, or begun and never ended: what it does rests on what is stored, and changes it only where that is
still so. So a lost job costs time and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Self
from zlib import crc32

import orjson
import procrastinate
import procrastinate.exceptions
import procrastinate.jobs
import procrastinate.manager
import psycopg

from bot.errors import StorageError
from bot.model.chat import Chat
from bot.model.paper import ArxivId, Paper
from bot.model.summary import SummaryKey

log = logging.getLogger(__name__)

COMPOSE, SUMMARISE = "compose", "summarise"
"""The queues. Who composes waits for summaries, so that these must not wait behind it."""
SLOTS, MOST_CHATS = 64, 200
"""Chats are shared out among so many slots, each with one job at a time, and so many chats in that."""
AT_ONCE = 4
"""How many jobs of each queue a worker does side by side; they wait for a model, or for the database."""
BEAT_SECONDS, STALE_SECONDS = 5.0, 20.0
"""How often a worker shows that it lives, and after how long without that its jobs go to others."""
RESCUE_EVERY = 5.0
REST_SECONDS = 3.0
FINISH_SECONDS, STOP_SECONDS = 8.0, 10.0
"""How long jobs under way may take at the end, and with them all that a queue does then."""
IDLE_SECONDS, BUSY_SECONDS = 300.0, 7200.0
"""For how long nobody may have asked for a job, and how long one may take, before its queue counts as stalled."""
LOOK_SECONDS, LONGEST_SUMMARY = 0.5, 600.0
"""How often it is looked whether a summary is made, and for how long at most."""
_TROUBLE = (procrastinate.exceptions.ConnectorException, psycopg.Error, OSError)
_CONNECTION = {
    "application_name": "paperround jobs",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
    "options": "-c statement_timeout=30s -c idle_in_transaction_session_timeout=5s",
}


@dataclass(frozen=True, slots=True)
class Duties:
    """What a worker does: `compose` holds the due rounds of some chats, `summarise` makes one summary for some kinds of chats."""

    compose: Callable[[Sequence[Chat]], Awaitable[None]]
    summarise: Callable[[Paper, str, Mapping[str, int]], Awaitable[None]]


class _Manager(procrastinate.manager.JobManager):
    """Says when it was asked for a job, also where none can be had."""

    def __init__(self, connector: procrastinate.PsycopgConnector, asked: Callable[[str], None]) -> None:
        super().__init__(connector)
        self._asked = asked

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> procrastinate.jobs.Job | None:
        for queue in queues or ():
            self._asked(queue)
        return await super().fetch_job(queues, worker_id)


class Jobs:
    """The queue in the PostgreSQL database that `url` names; use it between `async with` and its end.

    `timer` is monotonic seconds.
    """

    def __init__(self, url: str, timer: Callable[[], float] = monotonic) -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=url, kwargs=_CONNECTION, min_size=1, max_size=4, timeout=10.0, name="jobs"
        )
        self._app = procrastinate.App(connector=connector)
        self._app.job_manager = _Manager(connector, self._note_life)
        self._timer = timer
        # By queue, when somebody last asked for a job; and by job under way, its queue and when it began.
        self._asked: dict[str, float] = {}
        self._running: dict[int, tuple[str, float]] = {}
        self._workers: set[int] = set()
        self._adrift: set[int] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._app.connector.open_async()
        except _TROUBLE as error:
            raise StorageError(f"the queue of jobs cannot be opened: {_text_of(error)}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._app.close_async()

    async def compose(self, chats: Sequence[Chat]) -> bool:
        """Have the rounds of these chats looked at; False where no worker is there to do it. Raises StorageError."""
        slots: dict[int, list[str]] = {}
        for chat in chats:
            slots.setdefault(crc32(chat.key.encode()) % SLOTS, []).append(chat.key)
        try:
            if not await self.has_workers():
                return False
            for slot, keys in slots.items():
                await self._defer(COMPOSE, f"compose {slot}", 0, {"chats": keys[:MOST_CHATS]})
        except _TROUBLE as error:
            raise StorageError(f"jobs cannot be queued: {_text_of(error)}") from error
        return True

    async def summarise(self, key: SummaryKey, paper: Paper, groups: Mapping[str, int], weight: float) -> bool:
        """Have a summary made, once whoever else wants it, and wait for the end of that; False where no worker is there."""
        name = f"summarise {orjson.dumps([key.id, key.version, key.prompt, key.model, key.language]).decode()}"
        wanted = {"paper": orjson.loads(orjson.dumps(paper)), "language": key.language, "groups": dict(groups)}
        try:
            if not await self.has_workers():
                return False
            await self._defer(SUMMARISE, name, min(int(10 * weight), 10**6), wanted)
            async with asyncio.timeout(LONGEST_SUMMARY):
                while await self._is_queued(name):  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            log.warning("summary id=%s status=not-made reason=nobody-did", key.id)
        except _TROUBLE as error:
            raise StorageError(f"jobs cannot be queued: {_text_of(error)}") from error
        return True

    async def work(self, duties: Duties) -> None:
        """Do jobs until cancelled, then finish those under way within ten seconds. Never raises."""
        self._register(duties)
        ending = asyncio.Event()
        tasks = [asyncio.create_task(self._rescue_always(), name="rescue")]
        tasks += [asyncio.create_task(self._work_on(queue, ending), name=queue) for queue in (COMPOSE, SUMMARISE)]
        try:
            await asyncio.wait(tasks)
        finally:
            ending.set()
            # Once: a second time would end what finishes.
            for each in tasks:
                each.cancel()
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for each in late:
                log.warning("worker queue=%s status=unfinished", each.get_name())
                each.cancel()

    def stalled(self) -> tuple[str, ...]:
        """The queues for which nobody asks any more, though a job more could be done, or of which a job does not end.

        A database that cannot be reached stalls nothing: it is asked again and again.
        """
        now = self._timer()
        return tuple(queue for queue, asked in self._asked.items() if self._is_stalled(queue, now - asked, now))

    def _is_stalled(self, queue: str, idle: float, now: float) -> bool:
        begun = [at for name, at in self._running.values() if name == queue]
        return (idle > IDLE_SECONDS and len(begun) < AT_ONCE) or any(now - at > BUSY_SECONDS for at in begun)

    def _note_life(self, queue: str) -> None:
        self._asked[queue] = self._timer()

    async def _work_on(self, queue: str, ending: asyncio.Event) -> None:
        while not ending.is_set():
            self._note_life(queue)
            try:
                await self._app.run_worker_async(
                    queues=[queue],
                    concurrency=AT_ONCE,
                    fetch_job_polling_interval=1.0,
                    shutdown_graceful_timeout=FINISH_SECONDS,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=BEAT_SECONDS,
                    stalled_worker_timeout=STALE_SECONDS,
                )
                log.warning("worker queue=%s status=ended", queue)
            except _TROUBLE as error:
                log.warning("worker queue=%s status=failed error=%r", queue, _text_of(error))
            except Exception as error:
                if ending.is_set():
                    # It was given up, and the connections it still waits for are closed.
                    log.warning("worker queue=%s status=given-up error=%r", queue, _text_of(error))
                else:
                    log.exception("worker queue=%s status=crashed", queue)
            if not ending.is_set():
                await asyncio.sleep(REST_SECONDS)

    async def has_workers(self) -> bool:
        """Whether some process does jobs."""
        row = await self._app.connector.execute_query_one_async(
            "select exists (select from procrastinate_workers "
            "where last_heartbeat > now() - %(seconds)s * interval '1 second') as found",
            seconds=STALE_SECONDS,
        )
        return bool(row["found"])

    async def rescue(self) -> int:
        """Put back what nobody does any more: of workers that died, and of this one where it could not say that it was done."""
        stalled = {
            each.id for each in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALE_SECONDS)
        }
        doing = await self._app.job_manager.list_jobs_async(status=procrastinate.jobs.Status.DOING.value)
        adrift = {each.id for each in doing if each.worker_id in self._workers and each.id not in self._running}
        # A job that was fetched a moment ago, or ends in a moment, is not adrift at the next look.
        lost = {each for each in stalled | (adrift & self._adrift) if each is not None}
        self._adrift = {each for each in adrift if each is not None}
        for each in lost:
            await self._put_back(each)
        if lost:
            log.warning("jobs status=rescued count=%d", len(lost))
        return len(lost)

    async def _put_back(self, job: int) -> None:
        manager = self._app.job_manager
        try:
            await manager.retry_job_by_id_async(job, retry_at=datetime.now(UTC))
        except procrastinate.exceptions.UniqueViolation:
            # One of the same name waits already, for this one to end.
            await manager.finish_job_by_id_async(job, procrastinate.jobs.Status.FAILED, delete_job=True)
        except procrastinate.exceptions.ConnectorException as error:
            # Most likely another worker was quicker.
            log.info("jobs id=%d status=not-rescued error=%r", job, _text_of(error))

    async def _rescue_always(self) -> None:
        while True:
            await asyncio.sleep(RESCUE_EVERY)
            try:
                await self.rescue()
            except _TROUBLE as error:
                log.warning("jobs status=not-rescued error=%r", _text_of(error))

    async def _defer(self, task: str, name: str, priority: int, arguments: dict[str, Any]) -> None:
        """Queue a job, unless one of this name waits already; two of one name are never done at the same time."""
        deferrer = self._app.configure_task(task, queue=task, lock=name, queueing_lock=name, priority=priority)
        with suppress(procrastinate.exceptions.AlreadyEnqueued):
            await deferrer.defer_async(**arguments)

    async def _is_queued(self, name: str) -> bool:
        row = await self._app.connector.execute_query_one_async(
            "select exists (select from procrastinate_jobs where queueing_lock = %(name)s and status in ('todo', 'doing')) as found",
            name=name,
        )
        return bool(row["found"])

    def _register(self, duties: Duties) -> None:
        async def compose(context: procrastinate.JobContext, chats: list[str]) -> None:
            await self._do(context, duties.compose(list(map(Chat.from_key, chats))))

        async def summarise(
            context: procrastinate.JobContext, paper: dict[str, Any], language: str, groups: dict[str, int]
        ) -> None:
            await self._do(context, duties.summarise(_read_paper(paper), language, groups))

        for each in (compose, summarise):
            self._app.task(name=each.__name__, queue=each.__name__, pass_context=True)(each)

    async def _do(self, context: procrastinate.JobContext, work: Awaitable[None]) -> None:
        """Do a job. One that fails is over: what it left undone is found, and queued, again."""
        job = context.job
        if job.worker_id is not None:
            self._workers.add(job.worker_id)
        if job.id is not None:
            self._running[job.id] = (job.queue, self._timer())
        try:
            await work
        except Exception:
            log.exception("job name=%s status=failed", job.task_name)
        finally:
            self._running.pop(job.id or 0, None)
            self._note_life(job.queue)


def _read_paper(fields: dict[str, Any]) -> Paper:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Paper(**values | {"id": ArxivId(fields["id"])})


def _text_of(error: BaseException) -> str:
    """procrastinate's own errors say nothing; their cause does."""
    return " ".join(str(error.__cause__ or error).split())
