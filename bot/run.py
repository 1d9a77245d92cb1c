"""`paperround run`: the bot on its platforms or, without any, in this terminal."""

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import SystemRandom

from bot import __version__
from bot.app import App, open_app, utc_now
from bot.clockwork import Clockwork
from bot.crew import duties_of, hold_rounds, share
from bot.errors import ConfigError, StorageError
from bot.language import tr
from bot.logs import Redaction, begin_trace, set_up_logs
from bot.sentry import reporting
from bot.supervision import Supervisor
from bot.watchdog import watch_over
from config.hosts import check_disk
from config.settings import Settings
from handlers.command import Services
from handlers.commands import COMMANDS
from handlers.console import bot as console
from handlers.execution import adopt_language

log = logging.getLogger(__name__)

PULL_EVERY, HOLD_EVERY = timedelta(minutes=1), timedelta(seconds=30)
"""How often it is asked whether it is time to look at arXiv, and whether a digest is due."""
BATCHES_EVERY = timedelta(minutes=5)
"""How often batches of summaries are sent and asked for."""
FINISH_SECONDS, RESTART_SECONDS = 8.0, 5.0
"""How long parts under way may take at the end, and how long a crashed outbox rests."""
STOP_SECONDS = 12.0
"""How long platforms may take to finish what is in flight; each keeps to ten seconds by itself."""
LONGEST_STOP = 18.0
"""How long all of that may take together, in seconds: hosts kill after 20. A database that does not answer would keep us for ever."""
SWITCH_SECONDS = 0.001
"""How long a thread may compute before others get their turn: ranking must not keep replies and readers of pages waiting."""
LOG_FILE = "paperround.log"


async def run_bot(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM, or in a terminal /quit or the end of input; then let go of everything in order.

    Raises ConfigError where every platform refused us, PORT cannot be listened on, or the host would erase what we keep.
    """
    check_disk(os.environ, settings.data_dir, is_chosen=settings.is_place_chosen)
    if settings.public_url and settings.port is None:
        raise ConfigError("PUBLIC_URL needs PORT, too: where to listen for what arrives at this address.")
    folder = _make_folder(settings.data_dir)
    log_file = None if settings.has_platform else folder / LOG_FILE
    set_up_logs(settings.log_level, settings.log_format, log_file, settings.secrets)
    sys.setswitchinterval(SWITCH_SECONDS)
    stop = _listen()
    with reporting(settings.sentry_dsn.get_secret_value(), __version__, Redaction(settings.secrets)):
        await _run_until(stop, settings)
    log.info("stopped")


async def _run_until(stop: asyncio.Event, settings: Settings) -> None:
    async with open_app(settings, _write_aside if sys.stderr.isatty() else None) as app, app.web:
        jobs = {
            "pull": (PULL_EVERY, partial(_pull, app)),
            "check": (PULL_EVERY, partial(_check, app)),
            "backfill": (PULL_EVERY, partial(_backfill, app)),
            "rounds": (HOLD_EVERY, partial(_hold, app)),
            "rest": (BATCHES_EVERY, partial(_rest, app)),
            "batches": (BATCHES_EVERY, partial(_look_at_batches, app)),
            "publish": (PULL_EVERY, partial(_publish, app)),
        }
        # Parts and replies under way share the time that is left after a signal.
        works = [_pull_on_interest, _hold_on_summaries, _hold_on_meaning, _watch_over]
        works += [] if app.crew else [_send, _collect]
        aside = [asyncio.create_task(_until(stop, work(app)), name=work.__name__) for work in works]
        try:
            if app.crew is not None:
                keep = Supervisor(app.owners, utc_now, SystemRandom()).keep
                await _until(stop, share(app, app.crew, jobs, keep, partial(_collect, app)))
            else:
                async with Clockwork(utc_now, jobs) as clockwork:
                    app.health.stalled = clockwork.stalled
                    await _until(stop, _serve(app) if app.platforms else _chat(app.services))
        finally:
            stop.set()
            await asyncio.wait(aside)


async def _watch_over(app: App) -> None:
    await watch_over(os.environ, lambda: app.health.stalled())  # noqa: PLW0108 - it is set later


async def run_worker(settings: Settings) -> None:
    """Compose and summarise for the bot on the same database until SIGINT or SIGTERM.

    Raises ConfigError without a database, or where PORT cannot be listened on.
    """
    if not (settings.database_url.get_secret_value() and settings.has_platform):
        raise ConfigError(
            "A worker needs DATABASE_URL and the tokens of the platforms, the same as the bot it works for."
        )
    set_up_logs(settings.log_level, settings.log_format, secrets=settings.secrets)
    stop = _listen()
    with reporting(settings.sentry_dsn.get_secret_value(), __version__, Redaction(settings.secrets)):
        async with open_app(settings, is_worker=True) as app, app.web:
            assert app.crew is not None  # noqa: S101 - with a database and a platform there is one
            app.health.stalled = app.crew.jobs.stalled
            log.info("worker status=started")
            aside = asyncio.create_task(_until(stop, _watch_over(app)))
            await _until(stop, app.crew.jobs.work(duties_of(app, app.crew)))
            await asyncio.wait([aside])
    log.info("stopped")


async def _pull(app: App) -> None:
    """Look at arXiv if it is time to, and hold at once the rounds that waited for what it brought."""
    pipeline = app.services.pipeline
    if await pipeline.is_paused():
        return
    brought = await pipeline.look()
    if brought:
        if app.services.archive is not None:
            await app.services.archive.keep()
        await pipeline.prune()
    await hold_rounds(app)
    await app.following.look()
    if brought:
        await _publish(app)


async def _check(app: App) -> None:
    """Check what came and catch up on what was missed. That takes minutes, and nobody waits for it."""
    if not await app.services.pipeline.is_paused():
        await app.services.pipeline.check()


async def _backfill(app: App) -> None:
    """Look up what feeds lack of the papers that people saw. Nobody waits for it."""
    if not await app.services.pipeline.is_paused():
        await app.following.backfill.run()


async def _pull_on_interest(app: App) -> None:
    """What a chat begins to follow is read at once: only then is it known what came before the chat did."""
    while True:
        await app.interest.wait()
        app.interest.clear()
        begin_trace()
        try:
            await _pull(app)
        except Exception:
            log.exception("pull status=crashed")


async def _hold_on_summaries(app: App) -> None:
    """Digests that waited for their summaries go out as soon as nothing is left to be written."""
    summaries = app.services.summaries
    while summaries is not None:
        await summaries.finished.wait()
        summaries.finished.clear()
        begin_trace()
        try:
            await hold_rounds(app)
        except Exception:
            log.exception("rounds status=crashed")


async def _hold_on_meaning(app: App) -> None:
    """So do digests that waited for what may change their order."""
    meaning = app.services.pipeline.meaning
    while meaning is not None:
        await meaning.finished.wait()
        meaning.finished.clear()
        try:
            await hold_rounds(app)
        except Exception:
            log.exception("rounds status=crashed")


async def _collect(app: App) -> None:
    """Saved papers go to the Zotero libraries of those who saved them."""
    if app.services.collecting is not None:
        await app.services.collecting.run()


async def _hold(app: App) -> None:
    await hold_rounds(app)
    await app.watch.look()


async def _rest(app: App) -> None:
    if app.services.archive is not None:
        await app.services.archive.rest()


async def _look_at_batches(app: App) -> None:
    """Summaries that can wait. Their texts take a while to be had, and nobody waits for it."""
    if app.services.summaries is not None:
        await app.services.summaries.look_at_batches()


async def _publish(app: App) -> None:
    if app.publishing is None:
        return
    try:
        await app.publishing.look()
    except StorageError as error:
        log.error("publish status=failed error=%r", str(error))  # noqa: TRY400 - a full disk is no bug


async def _send(app: App) -> None:
    """Keep the outbox going; when stopped, let what is under way end first."""
    while True:
        try:
            await app.outbox.run()
        except asyncio.CancelledError:
            await app.outbox.finish(FINISH_SECONDS)
            raise
        except Exception:
            log.exception("outbox status=crashed")
            await asyncio.sleep(RESTART_SECONDS)


async def _serve(app: App) -> None:
    """Keep every platform running, each in a task of its own; ends only where all of them refused us."""
    supervisor = Supervisor(app.owners, utc_now, SystemRandom())
    kept = [asyncio.create_task(supervisor.keep(each), name=each.name) for each in app.platforms]
    try:
        await asyncio.wait(kept)
    finally:
        for task in kept:
            task.cancel()
        await asyncio.wait(kept, timeout=STOP_SECONDS)
    raise ConfigError("No platform is left: every token was refused. The log says why; correct it and start again.")


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"DATA_DIR {folder} cannot be made: {error.strerror}") from error
    return folder


def _listen() -> asyncio.Event:
    """What is set by SIGINT and SIGTERM. Long after that the process ends with what still waits: all that is stored is whole."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def begin_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            loop.call_later(LONGEST_STOP, give_up)

    def give_up() -> None:
        log.warning("stopped status=unfinished seconds=%g", LONGEST_STOP)
        logging.shutdown()
        os._exit(1)

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, begin_to_stop)
    return stop


async def _until(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Work until it is done or `stop` is set, whichever comes first. What the work raises is raised."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def _chat(services: Services) -> None:
    interactive = console.is_interactive()
    if interactive:
        await adopt_language(services, console.CHAT)
        greeting = tr(
            "Paperround {version}. /start sets this chat up, /help lists the commands, /quit ends.", version=__version__
        )
        print(greeting)  # noqa: T201
    bot = console.ConsoleBot(
        services,
        COMMANDS,
        write=lambda text: print(f"{text}\n", flush=True),  # noqa: T201 - the console's own output
        notice=_write_aside,
        width=lambda: shutil.get_terminal_size().columns if interactive else console.PIPE_WIDTH,
        colour=console.wants_colour(sys.stdout),
    )
    await bot.run(console.typed_lines(COMMANDS) if interactive else console.piped_lines(sys.stdin))


def _write_aside(text: str) -> None:
    """Show a passing remark to a person; a script reading our output never sees it."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201
