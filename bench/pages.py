"""What readers of pages wait while the bot holds its rounds and broadcasts: `python -m bench.pages`.

Beside them: the same bot with nothing to do, and a greeting served by aiohttp alone, all in one run. Exits with 1 where the
promise is missed. The platform and the readers are processes of their own.
"""

import argparse
import asyncio
import json
import logging
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import quantiles

from pydantic import SecretStr

from bench.senders import TOKEN
from bot.app import App, open_app, utc_now
from bot.calendar import latest_day
from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.delivery import Progress
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, Score
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.run import SWITCH_SECONDS
from config.settings import Settings

PROMISE = 0.050
"""Seconds within which 95 % of the answers are there."""
WARM_RATE = 20.0
"""Requests a second for the first look at each page, which renders it."""
PAPERS, PAPERS_A_PAGE, PAGES = 150, 30, 20
FIRST_CHAT = 100_000_000
PUBLIC = Chat("telegram", "1")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "sparse attention cache tensor graph neural radar quantum lattice bayes kernel proof robot speech vision".split()
)
FORMULA = r"$f_{i}(x) = \sum_{i=1}^{n} \frac{a_i}{x - b_i} + \mathcal{O}(n \log n)$"


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the readers of one server waited, in seconds; `refused` counts answers other than 200 and 304."""

    took: Sequence[float]
    refused: int

    @property
    def p95(self) -> float:
        return quantiles(self.took, n=20)[-1]


def paper(number: int) -> Paper:
    random = Random(number)
    abstract = " ".join(random.choices(WORDS, k=150))
    raw = f"{abstract} {FORMULA} {FORMULA}"
    identifier = ArxivId(f"2608.{number:05}")
    title = f"On {' '.join(random.choices(WORDS, k=6))}"
    return Paper(identifier, 1, title, abstract, ("Ada Vale", "Bo Li"), ("cs.CL",), title, raw)


def page(number: int) -> Page:
    day = latest_day(utc_now())
    shown = tuple(
        DigestPaper(
            place,
            AnnouncedPaper(paper(number + place), AnnounceType.NEW, day),
            Score(2.0, (Reason("x", ("title",), 2.0),)),
        )
        for place in range(1, PAPERS_A_PAGE + 1)
    )
    digest = Digest(day, ("cs.CL",), shown, {LeftOut.NO_MATCH: PAPERS - PAPERS_A_PAGE})
    return Page(f"{number:022}", PUBLIC, utc_now() - timedelta(hours=number), "en", digest)


async def prepare(app: App, chats: int) -> None:
    """Pages to read, and chats to which the day's digest is due."""
    storage, day = app.services.pipeline.storage, latest_day(utc_now())
    await storage.change_subscription(PUBLIC, lambda _: Subscription(PUBLIC, BEGAN, ("cs.CL",)))
    await storage.plan(PUBLIC, Progress(day, utc_now()))
    for number in range(PAGES):
        await storage.save_page(page(number))
    await storage.save_batch(Batch("cs.CL", day, tuple((paper(n), AnnounceType.NEW) for n in range(PAPERS))))
    for number in range(chats):
        chat = Chat("telegram", str(FIRST_CHAT + number))
        topics = tuple(Random(number).sample(WORDS, 3))
        await storage.change_subscription(
            chat, lambda _, chat=chat, topics=topics: Subscription(chat, BEGAN, ("cs.CL",), topics)
        )  # type: ignore[misc]
        await storage.plan(chat, Progress(day - timedelta(days=1), BEGAN))


async def ask(rate: float, seconds: float, urls: Sequence[str]) -> Waits:
    command = ["-m", "bench.readers", str(rate), str(seconds), *urls]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    report = json.loads(told)
    return Waits(
        report["took"], sum(count for status, count in report["statuses"].items() if status not in {"200", "304"})
    )


@asynccontextmanager
async def serving(*command: str) -> AsyncIterator[str]:
    """The address of a server in a process of its own."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def measure(rate: float, seconds: float, chats: int, tell: Callable[[str, Waits], None]) -> Waits:
    """Tell of the greeting, of the idle bot, and of the busy one, whose waits are returned."""
    async with serving("bench.readers", "hello") as url:
        tell("aiohttp's greeting", await ask(rate, seconds, [f"{url}/"]))
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        async with serving("bench.servers", "telegram", "0.0075") as telegram:
            settings = Settings(
                telegram_bot_token=SecretStr(TOKEN),
                telegram_api_url=telegram,
                discord_bot_token=SecretStr(""),
                data_dir=Path(folder),
                port=port,
                public_url="",
                public_chats=(PUBLIC.key,),
                trusted_proxies=1,
                owner_ids=(),
            )
            async with open_app(settings) as app, app.web:
                await prepare(app, chats)
                ours = f"http://127.0.0.1:{port}"
                urls = [f"{ours}/", *(f"{ours}/d/{number:022}" for number in range(PAGES))]
                await ask(WARM_RATE, len(urls) / WARM_RATE, urls)
                tell("idle", await ask(rate, seconds, urls))
                work = [asyncio.create_task(each) for each in (app.outbox.run(), app.rounds.hold_due())]
                busy = await ask(rate, seconds, urls)
                for task in work:
                    task.cancel()
                await asyncio.wait(work)
                states = await app.services.pipeline.storage.count_deliveries(latest_day(utc_now()))
                tell(f"broadcast, {sum(states.values())} parts", busy)
    return busy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--chats", type=int, default=1_000)
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)
    sys.setswitchinterval(SWITCH_SECONDS)
    first: list[Waits] = []
    print(f"{arguments.rate:.0f} requests a second{'':<22} {'p95':>9} {'max':>9} {'refused':>8} {'of greeting':>12}")

    def tell(what: str, waits: Waits) -> None:
        first.append(waits)
        ratio = waits.p95 / first[0].p95
        print(
            f"{what:<40} {1e3 * waits.p95:>6.1f} ms {1e3 * max(waits.took):>6.1f} ms {waits.refused:>8} {ratio:>11.1f}x",
            flush=True,
        )

    busy = asyncio.run(measure(arguments.rate, arguments.seconds, arguments.chats, tell))
    is_kept = busy.p95 < PROMISE and not busy.refused
    if not is_kept:
        print(f"MISSED: 95 % of the answers within {1e3 * PROMISE:.0f} ms, none refused, while a broadcast runs")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
