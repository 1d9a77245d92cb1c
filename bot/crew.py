"""One of several processes of a bot: what only one may do at a time, and what is handed on to workers; see ADR 0021."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from bot.app import App, Crew, utc_now
from bot.clockwork import Clockwork
from bot.errors import ConfigError, StorageError
from bot.jobs import Duties
from bot.leasing import hold
from bot.model.chat import Chat
from bot.model.paper import Paper
from bot.ports import Lease, Platform

log = logging.getLogger(__name__)

SCHEDULE = "schedule"
"""The lease of whoever keeps time."""
FINISH_SECONDS, RESTART_SECONDS, STOP_SECONDS = 8.0, 5.0, 12.0
RECALL_EVERY = 5.0
"""How often it is looked what other processes know of arXiv."""
LONGEST_JOB = 180.0
"""Seconds after which digests are not waited for any longer by the job that composes them; the next one goes on."""
_LOOK_SECONDS = 2.0

Timetable = Mapping[str, tuple[timedelta, Callable[[], Awaitable[object]]]]
Work = Callable[[Lease], Awaitable[None]]


async def share(
    app: App,
    crew: Crew,
    timetable: Timetable,
    keep: Callable[[Platform], Awaitable[None]],
    collect: Callable[[], Awaitable[None]],
) -> None:
    """Be one of several processes until cancelled: send, serve people and keep time whenever it is ours to do that.

    `keep` serves one platform until it is refused for good. Raises ConfigError where all are. `collect` is what whoever keeps
    time does beside that.
    """
    refused: set[str] = set()
    app.serving.clear()

    async def serve(platform: Platform) -> None:
        app.serving.append(platform)
        # Nobody heard of it here while another process served it.
        app.watch.since[platform.name] = utc_now()
        try:
            await keep(platform)
        finally:
            app.serving.remove(platform)
        refused.add(platform.name)
        if len(refused) == len(app.platforms):
            raise ConfigError(
                "No platform is left: every token was refused. The log says why; correct it and start again."
            )

    works: dict[str, list[Work]] = {name: [partial(_send, app, crew, name)] for name in app.outbox.carriers}
    works[SCHEDULE] = [partial(_keep_time, app, timetable), _under_lease(collect)]
    everywhere: list[Awaitable[None]] = [_recall(app)]
    for each in app.platforms:
        right = crew.rights.get(each.name, "")
        if right:
            works.setdefault(right, []).append(_under_lease(partial(serve, each)))
        else:
            everywhere.append(serve(each))
    tasks = [asyncio.ensure_future(hold(crew.leases, right, partial(_do_all, some))) for right, some in works.items()]
    tasks += [asyncio.ensure_future(each) for each in everywhere]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_SECONDS)


async def hold_rounds(app: App) -> None:
    """Have the rounds that are due held: by workers, where there are any, else here."""
    if app.crew is not None:
        try:
            chats = await app.rounds.find_waiting()
            if not chats:
                return
            if await app.crew.jobs.compose(chats):
                app.rounds.pass_on(chats)
                return
        except StorageError as error:
            log.warning("rounds status=not-handed-on error=%r", str(error))
            return
    await app.rounds.hold_due()


def duties_of(app: App, crew: Crew) -> Duties:
    """What a worker does."""

    async def compose(chats: Sequence[Chat]) -> None:
        await app.services.pipeline.pulling.recall()
        loop, left = asyncio.get_running_loop(), list(chats)
        until = loop.time() + LONGEST_JOB
        while left and loop.time() < until:
            await app.rounds.hold(left)
            left = [each for each in left if app.rounds.is_waiting([each])]
            if left:
                await asyncio.sleep(_LOOK_SECONDS)

    async def summarise(paper: Paper, language: str, groups: Mapping[str, int]) -> None:
        if crew.maker is not None:
            await crew.maker.make(paper, language, groups)

    return Duties(compose, summarise)


async def _do_all(works: Sequence[Work], lease: Lease) -> None:
    tasks = [asyncio.ensure_future(each(lease)) for each in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in ended:
            task.result()
    finally:
        # Once: a second time would end what finishes.
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _under_lease(work: Callable[[], Awaitable[None]]) -> Work:
    return lambda _: work()


async def _send(app: App, crew: Crew, name: str, lease: Lease) -> None:
    """Keep a platform's outbox going; in the end let what is under way end first."""
    try:
        while True:
            try:
                await app.outbox.run_one(name, crew.leases.ledger(lease))
            except Exception:
                log.exception("outbox name=%s status=crashed", name)
                await asyncio.sleep(RESTART_SECONDS)
    finally:
        await app.outbox.carriers[name].finish(FINISH_SECONDS)


async def _keep_time(app: App, timetable: Timetable, _: Lease) -> None:
    await app.services.pipeline.pulling.begin_anew()
    async with Clockwork(utc_now, timetable) as clockwork:
        app.health.stalled = clockwork.stalled
        try:
            await asyncio.Event().wait()
        finally:
            app.health.stalled = tuple


async def _recall(app: App) -> None:
    """Know what others know of arXiv, and tell the owner of platforms that are silent here."""
    while True:
        try:
            await app.services.pipeline.pulling.recall()
            await app.watch.look_at_platforms()
        except StorageError as error:
            log.warning("recall status=failed error=%r", str(error))
        await asyncio.sleep(RECALL_EVERY)
