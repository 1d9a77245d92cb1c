"""The `paperround` command line.

Exit codes: 0; 1 something on this machine is wrong; 2 wrong usage or settings; 3 arXiv could not be read.
"""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from bot import __version__, doctor, hindsight, oneshot, upkeep
from bot.app import make_models, make_rankers, storage_url
from bot.errors import BotError, ConfigError, SourceError, UserError
from bot.evaluation import TASKS, Evaluation, evaluate
from bot.logs import set_up_logs
from bot.model.paper import AnnounceType
from bot.preferences import RANKERS
from bot.run import run_bot, run_worker
from config.settings import Settings, load_settings
from storage import open_storage

FAILED, USAGE, UNREADABLE = 1, 2, 3


def run_cli(arguments: Sequence[str]) -> int:
    """Do what the arguments say; the process's exit code."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters is no reason to stop
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        return _dispatch(options, settings)
    except (ConfigError, UserError) as error:
        return _complain(error, USAGE)
    except SourceError as error:
        return _complain(error, UNREADABLE)
    except BotError as error:
        return _complain(error, FAILED)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough. Without this Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _dispatch(options: argparse.Namespace, settings: Settings) -> int:
    match options.action:
        case "digest":
            set_up_logs(_quieter(settings.log_level), settings.log_format)
            print(asyncio.run(oneshot.make_digest(_wish(options), settings)), end="", flush=True)  # noqa: T201 - its output
            return 0
        case "evaluate":
            print(asyncio.run(_evaluate(options, settings)), end="", flush=True)  # noqa: T201 - its output
            return 0
        case "doctor":
            set_up_logs(_quieter(settings.log_level), settings.log_format)
            return asyncio.run(doctor.run_checks(settings, print))
        case "migrate" | "backup" | "restore":
            set_up_logs(_quieter(settings.log_level), settings.log_format, secrets=settings.secrets)
            asyncio.run(_keep_up(options, settings))
            return 0
        case "worker":
            asyncio.run(run_worker(settings))
            return 0
        case _:
            asyncio.run(run_bot(settings))
            return 0


async def _keep_up(options: argparse.Namespace, settings: Settings) -> None:
    url = storage_url(settings)
    match options.action:
        case "backup":
            await upkeep.back_up(url, options.file, print)
        case "restore":
            await upkeep.restore(options.file, url, print)
        case _ if options.source and options.target:
            await upkeep.move(options.source, options.target, print)
        case _ if options.source or options.target:
            raise UserError("To move what is stored, say both --from URL and --to URL.")
        case _ if not settings.database_url.get_secret_value():
            # Hosts run this before every release, whatever the bot keeps its things in.
            print("Nothing to migrate: a folder is brought up to date when it is opened.", flush=True)  # noqa: T201 - its output
        case _:
            await upkeep.migrate(url, print)


def _quieter(level: str) -> str:
    """What goes wrong in a single run is its error message; only DEBUG asks for the story behind it."""
    return level if level == "DEBUG" else "ERROR"


def _complain(error: BotError, code: int) -> int:
    print(f"paperround: {error}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    return code


def _wish(options: argparse.Namespace) -> oneshot.Wish:
    return oneshot.Wish(
        categories=tuple(options.category),
        topics=tuple(options.topic),
        excludes=tuple(options.exclude),
        types=tuple(AnnounceType(each) for each in options.type),
        feeds=tuple(options.feed),
        top=options.top,
        config=options.config,
        ranker=options.ranker,
        form=options.format,
    )


async def _evaluate(options: argparse.Namespace, settings: Settings) -> str:
    if options.chat is not None:
        if options.bench or options.corpus or options.out or options.task or options.ranker:
            raise UserError("--chat measures what a chat got; it goes with no other option and no BENCH_DIR.")
        return await hindsight.measure_chat(options.chat, open_storage(storage_url(settings)))
    if options.bench is None or options.corpus is None:
        raise UserError("Say what to measure: BENCH_DIR and --corpus CORPUS_DIR, or --chat ID.")
    async with AsyncExitStack() as stack:
        return await evaluate(_evaluation(options), make_rankers(), make_models(stack, settings))


def _evaluation(options: argparse.Namespace) -> Evaluation:
    return Evaluation(
        bench=options.bench,
        corpus=options.corpus,
        ranker=options.ranker or RANKERS[0],
        tasks=(options.task,) if options.task else TASKS,
        out=options.out,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="paperround",
        description="The arXiv papers you care about, ranked and explained, each announcement morning.",
        epilog="Exit codes: 0; 1 a failure on this machine; 2 wrong usage or settings; 3 arXiv could not be read.",
    )
    parser.add_argument("--version", action="version", version=f"paperround {__version__}")
    actions = parser.add_subparsers(dest="action", metavar="COMMAND")
    actions.add_parser("run", help="run the bot; without a token it opens a chat in this terminal (the default)")
    actions.add_parser("worker", help="compose digests and summaries for the bot on the same DATABASE_URL")
    actions.add_parser("doctor", help="check settings, storage and arXiv's addresses")
    migrate = actions.add_parser(
        "migrate", help="bring the database of DATABASE_URL up to date; with --from and --to, move all that is stored"
    )
    migrate.add_argument(
        "--from", dest="source", metavar="URL", help="such as tinydb:///absolute/folder; stop the bot before"
    )
    migrate.add_argument("--to", dest="target", metavar="URL", help="an empty one, such as postgresql://host/database")
    for name, text in (
        ("backup", "write all that is stored to a file"),
        ("restore", "load a backup into an empty storage"),
    ):
        actions.add_parser(name, help=text).add_argument("file", type=Path, metavar="FILE")
    _add_digest(actions.add_parser("digest", help="write one digest to standard output; keeps nothing"))
    _add_evaluate(
        actions.add_parser("evaluate", help="measure a ranker on a benchmark, or what a chat got; asks arXiv nothing")
    )
    return parser


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bench", type=Path, nargs="?", metavar="BENCH_DIR", help="a folder with profiles.json and labels.json"
    )
    parser.add_argument("--corpus", type=Path, metavar="CORPUS_DIR", help="a folder of papers, *.jsonl.gz")
    parser.add_argument("--ranker", choices=RANKERS, help=f"how papers are scored (default {RANKERS[0]})")
    parser.add_argument("--task", choices=TASKS, help="cold: by topics alone; warm: with liked papers (default both)")
    parser.add_argument("--out", type=Path, metavar="RANKED.json", help="write the rankings here")
    parser.add_argument(
        "--chat",
        metavar="ID",
        help="instead of a benchmark: how many of the papers that a chat, such as telegram:123, saved were in its digests, and "
        "at what place, as far as deliveries are kept (30 days; that a paper was delivered is known for 180). The bot must be stopped",
    )


def _add_digest(parser: argparse.ArgumentParser) -> None:
    def add(flag: str, text: str, metavar: str, *choices: str) -> None:
        parser.add_argument(flag, action="append", default=[], metavar=metavar, choices=choices or None, help=text)

    add("--category", "an arXiv category such as cs.CL (repeatable)", "CODE")
    add("--topic", "a topic to rank by, such as 'kv cache' (repeatable); without any, every paper is listed", "QUERY")
    add("--exclude", "leave out papers that match this (repeatable)", "QUERY")
    kinds = [each.value for each in AnnounceType]
    add("--type", f"{', '.join(kinds)} (repeatable; default new and cross)", "TYPE", *kinds)
    add("--feed", "read this feed instead of arXiv's of today (repeatable)", "FILE_OR_URL")
    parser.add_argument("--top", type=_count, help="how many papers at most; 0 is no limit", metavar="N")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="what /export wrote, or a config.json of arxiv_rss_bot"
    )
    parser.add_argument("--ranker", choices=RANKERS, help="how papers are scored (default rules)")
    parser.add_argument("--format", choices=tuple(oneshot.FORMS), default="text", help="default text")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("must be a whole number, 0 or more")
    return int(text)
