"""The composition root: the one module that knows every adapter."""

import asyncio
import logging
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import urlsplit

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import __version__
from bot.logs import set_up_logs
from bot.pipeline import Pipeline
from bot.ports import Messenger, Ranker
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.http import SITE_INTERVALS, PoliteClient, make_user_agent
from bot.sources.sample import SampleSource
from bot.subscriptions import Subscriptions
from bot.taxonomy import Taxonomy
from config.settings import Settings, read_bundled
from handlers.command import Services
from handlers.commands import COMMANDS
from handlers.console import bot as console
from handlers.console.messenger import ConsoleMessenger
from storage import open_storage, tinydb_url

log = logging.getLogger(__name__)

PROBE_EVERY = timedelta(minutes=15)
"""How often arXiv is asked for an announcement that is not out yet."""
PATIENCE = 30.0
"""Seconds for one feed. What fails is asked for again a quarter of an hour later, so nobody need wait longer."""
LOG_FILE = "paperround.log"


@cache
def load_taxonomy() -> Taxonomy:
    """The bundled list of arXiv's categories."""
    return Taxonomy.from_toml(read_bundled("categories.toml"))


def make_rankers() -> dict[str, Ranker]:
    """Every ranker by its name."""
    rankers: tuple[Ranker, ...] = (RulesRanker(), ClassicRanker())
    return {ranker.name: ranker for ranker in rankers}


def make_client(settings: Settings) -> PoliteClient:
    """The one client through which everything of arXiv is read; open it with `async with`."""
    user_agent = make_user_agent(__version__, settings.contact)
    if settings.arxiv_min_interval is not None:
        return PoliteClient(user_agent, settings.arxiv_min_interval, intervals={})
    site = urlsplit(settings.arxiv_site_url).hostname or ""
    return PoliteClient(user_agent, intervals={**SITE_INTERVALS, site: max(SITE_INTERVALS.values())})


def make_source(client: PoliteClient, settings: Settings) -> ArxivRssSource:
    """arXiv's RSS feeds as a paper source."""
    return ArxivRssSource(client, settings.arxiv_rss_url, PATIENCE)


@asynccontextmanager
async def open_services(settings: Settings, *, with_sample: bool) -> AsyncIterator[Services]:
    """Storage opened and everything wired; closed in reverse order."""
    taxonomy = load_taxonomy()
    defaults = tuple(taxonomy.check(code) for code in settings.default_categories)
    storage = open_storage(tinydb_url(settings.data_dir))
    await storage.open()
    try:
        async with make_client(settings) as client:
            pipeline = Pipeline(
                storage,
                make_source(client, settings),
                make_rankers(),
                utc_now,
                defaults,
                SampleSource() if with_sample else None,
            )
            yield Services(Subscriptions(storage, taxonomy, utc_now, settings.default_language), pipeline)
    finally:
        await storage.close()


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


async def run_bot(settings: Settings) -> None:
    """Run until /quit, the end of input, SIGINT or SIGTERM; then let go of everything in order."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    set_up_logs(settings.log_level, settings.log_format, settings.data_dir / LOG_FILE)
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with open_services(settings, with_sample=True) as services:
        scheduler = _start_pulling(services.pipeline, ConsoleMessenger(_write_aside))
        try:
            await _until(stop, _chat(services))
        finally:
            scheduler.shutdown(wait=False)
    log.info("stopped")


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
        print(f"Paperround {__version__}. /start sets this chat up, /help lists the commands, /quit ends.")  # noqa: T201
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


def _start_pulling(pipeline: Pipeline, messenger: Messenger) -> AsyncIOScheduler:
    """Look at arXiv now, and then every minute whether it is time to look again.

    The scheduler only wakes us: what is due follows from the storage and the clock, so that a late start, a long sleep
    or a changed clock loses nothing. Its defaults drop late jobs (https://github.com/agronholm/apscheduler/issues/292).
    """
    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(
        _pull_due,
        "interval",
        (pipeline, messenger),
        minutes=1,
        next_run_time=utc_now(),
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    scheduler.start()
    return scheduler


async def _pull_due(pipeline: Pipeline, messenger: Messenger) -> None:
    brought = await pipeline.pull(await pipeline.followed_categories(), pause=PROBE_EVERY)
    if brought:
        await pipeline.prune()
        await messenger.send(console.CHAT, f"A new announcement is here: {brought} papers. /digest shows yours.")
