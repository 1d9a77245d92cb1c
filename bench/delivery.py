"""How a broadcast goes where limits are kept to the letter, beside what bots are made with: `python -m bench.delivery`.

Exits with 1 where a promise is missed. Leave the machine alone meanwhile: it takes a quarter of an hour. Replies are
measured on Telegram alone: Discord does not count those to commands, and they wait for none of what is measured here.
"""

import argparse
import asyncio
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aiohttp import ClientSession

from bench.senders import Sender, has_rate_limiter, paperround, plain_discord, rate_limiter

CEILINGS = {"telegram": 30, "discord": 50}
"""Messages a second over all chats."""
CHATS_A_COMMAND = 15
IDLE_COMMANDS, IDLE_SECONDS = 20, 8.0
LAST_REPLIES_SECONDS = 3.0
SHARE, REPLY_SECONDS, GAP_SECONDS = 0.98, 0.1, 0.15
FIRST_CHAT = 100_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """Who broadcasts to how many chats; there and back a message is up to `jitter` seconds on its way.

    `stall`: for how many seconds the chat in the middle takes nothing.
    """

    platform: str
    name: str
    sender: Sender
    chats: int
    jitter: float
    stall: float = 0.0

    @property
    def ids(self) -> list[str]:
        return [str(FIRST_CHAT + number) for number in range(self.chats)]

    @property
    def stalled(self) -> str:
        """The chat that takes nothing, empty where there is none."""
        return self.ids[self.chats // 2] if self.stall else ""

    @property
    def seconds(self) -> float:
        """How long it takes at least."""
        return self.chats / CEILINGS[self.platform]


@dataclass(slots=True)
class Report:
    """What the server saw: `times` of the messages to all but a chat that stalled, and seconds until replies."""

    times: list[float]
    told_off: int
    lost: int
    doubled: int
    replies: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    unanswered: int = 0

    @property
    def a_second(self) -> float:
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])

    @property
    def longest_gap(self) -> float:
        return max(after - before for before, after in pairwise(self.times))

    @property
    def late(self) -> tuple[float, float]:
        """By how much replies came later than on an idle bot: 95 % of them at most, and the last."""
        usual = median(self.idle)
        return quantiles(self.replies, n=20)[-1] - usual, max(self.replies) - usual


async def measure(run: Run) -> Report:
    with serving(run) as url, tempfile.TemporaryDirectory() as folder:
        async with ClientSession(url) as server, run.sender(run.platform, url, Path(folder)) as broadcast:
            asks = run.platform == "telegram" and not run.stall
            if asks:
                await server.get(f"/ask?text=/status&count={IDLE_COMMANDS}&seconds={IDLE_SECONDS}")
                await asyncio.sleep(IDLE_SECONDS + 1)
                count = run.chats // CHATS_A_COMMAND
                await server.get(f"/ask?text=/status&count={count}&seconds={run.seconds}")
            if run.stall:
                await server.get(f"/stall?chat={run.stalled}&seconds={run.stall}")
            await broadcast(run.ids)
            await asyncio.sleep(LAST_REPLIES_SECONDS if asks else 0)
            async with server.get("/report") as answer:
                return read(run, await answer.json())


def read(run: Run, told: dict[str, Any]) -> Report:
    chats = set(run.ids)
    counts = Counter(chat for _, chat in told["arrivals"])
    others = chats - {run.stalled}
    ours = [at for at, chat in told["arrivals"] if chat in others]
    answered = {chat: at for at, chat in reversed(told["arrivals"]) if chat in told["asked"]}
    waits = [answered[chat] - at for chat, at in told["asked"].items() if chat in answered]
    return Report(
        [at for at, chat in told["arrivals"] if ours[0] <= at <= ours[-1] and chat != run.stalled],
        told["told_off"],
        sum(not counts[chat] for chat in chats),
        sum(counts[chat] > 1 for chat in chats),
        waits[IDLE_COMMANDS:],
        waits[:IDLE_COMMANDS],
        len(told["asked"]) - len(answered),
    )


@contextmanager
def serving(run: Run) -> Iterator[str]:
    """The address of a fresh server in a process of its own."""
    command = [sys.executable, "-m", "bench.servers", run.platform, str(run.jitter / 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def runs_of(chats: int, jitter: float, stall: float) -> Iterator[Run]:
    """All that is measured, ours beside the others."""
    for platform, name, sender in (
        ("telegram", "Paperround", paperround),
        ("telegram", "AIORateLimiter", rate_limiter),
        ("discord", "Paperround", paperround),
        ("discord", "discord.py", plain_discord),
    ):
        if sender is rate_limiter and not has_rate_limiter():
            print("AIORateLimiter: aiolimiter is not installed, skipped")
            continue
        yield Run(platform, name, sender, chats, jitter)
        # Long enough for the others to see the whole of it.
        yield Run(platform, name, sender, min(chats, int(stall * CEILINGS[platform])), jitter, stall)


def missed_promises(run: Run, report: Report) -> list[str]:
    """What of this run of ours was promised otherwise."""
    if run.stall:
        promises = [("no gap above 0.15 s beside a chat that stalls", report.longest_gap <= GAP_SECONDS)]
    else:
        promises = [
            ("at least 98 % of the ceiling", report.a_second >= SHARE * CEILINGS[run.platform]),
            ("no 429", report.told_off == 0),
        ]
    promises.append(("nothing lost or doubled", report.lost == report.doubled == report.unanswered == 0))
    if report.replies:
        promises.append(("95 % of the replies less than 100 ms late", report.late[0] < REPLY_SECONDS))
    return [f"{run.platform}: {text}" for text, is_kept in promises if not is_kept]


def print_row(run: Run, report: Report) -> None:
    what = f"a chat stalls {run.stall:.0f} s" if run.stall else "broadcast"
    replies = "".join(f"{1e3 * each:>9,.0f} ms" for each in report.late) if report.replies else ""
    print(
        f"{run.platform:<8} {run.name:<14} {what:<18} {run.chats:>6,} {report.a_second / CEILINGS[run.platform]:>9.2%} "
        f"{report.told_off:>6,} {report.lost:>6,} {report.doubled:>7,} {report.longest_gap:>7.2f} s{replies}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chats", type=int, default=3_000, help="with fewer, such as 600, it is quick, and shows less")
    parser.add_argument("--jitter", type=float, default=15.0, help="milliseconds there and back, at most")
    parser.add_argument("--stall", type=float, default=60.0, help="seconds for which one chat answers 429")
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # the others tell of each 429
    print(
        f"{'':<42} {'chats':>6} {'of limit':>9} {'429s':>6} {'lost':>6} {'doubled':>7} {'longest gap':>9} "
        f"{'reply p95':>10} {'max':>11}"
    )
    missed = []
    for run in runs_of(arguments.chats, arguments.jitter / 1e3, arguments.stall):
        report = asyncio.run(measure(run))
        print_row(run, report)
        missed += missed_promises(run, report) if run.sender is paperround else []
    for promise in missed:
        print(f"MISSED: {promise}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
