"""`python -m bench.feed`: one poll of 40 categories on a day of 2,700 papers, beside what feedparser alone takes for it.

Exits with 1 where a promise is missed. Each way runs in a process of its own, starting it included.
"""

import argparse
import asyncio
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from bot.sources.apart import KEEP, Parser

PAPERS, CATEGORIES = 2700, 40
MAX_RATIO = 1.3
MAX_LAG = 0.020
WORDS = (
    "we show that a model of language learns to plan with less data than before and its error falls when attention is "
    "sparse while robust features of the signal remain hidden in deep layers under strong noise"
).split()
TEX = (r"$\mathcal{O}(n^2)$", r"$10^{-3}$", r"$x_i \in \mathbb{R}^d$", "``so called''", r"\textbf{bold}", r"95\%", "--")
NAMES = (r"J\"org Oak", "Ada Vale", r"Mar\'ia Fir", r"Pi\v{z}u Elm", "Wei Ash", r"S{\o}ren Yew")


@dataclass(frozen=True)
class Result:
    """Rows found, processor seconds, megabytes of the process that parses and of what is kept, longest wait in seconds."""

    rows: float
    seconds: float
    memory: float
    kept: float = 0.0
    lag: float = 0.0


def make_feeds() -> list[bytes]:
    """Invented feeds: large and small categories, a paper in one to three of them, TeX in a third of the abstracts."""
    random = Random(17)
    weights = [1 / number for number in range(1, CATEGORIES + 1)]
    listed: list[list[str]] = [[] for _ in range(CATEGORIES)]
    for number in range(PAPERS):
        item = _make_item(number, random)
        for category in set(random.choices(range(CATEGORIES), weights, k=random.choice((1, 2, 2, 3)))):
            listed[category].append(item)
    return [make_feed(f"cs.{number:02}", items) for number, items in enumerate(listed)]


def make_feed(category: str, items: list[str]) -> bytes:
    """A whole feed of these items."""
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
<channel><title>{category} updates on arXiv.org</title><pubDate>Thu, 13 Aug 2026 00:00:00 -0400</pubDate>{"".join(items)}</channel></rss>
""".encode()


def _make_item(number: int, random: Random) -> str:
    words = random.choices(WORDS, k=200)
    for _ in range(random.choice((0, 0, 6))):
        words[random.randrange(len(words))] = random.choice(TEX)
    identifier = f"2608.{number:05}v1"
    categories = "".join(
        f"<category>{each}</category>" for each in random.sample(["cs.CL", "cs.LG", "cs.AI", "cs.CV"], 2)
    )
    return f"""<item><title>{" ".join(words[:9])}</title><link>https://arxiv.org/abs/{identifier[:-2]}</link>
<description>arXiv:{identifier} Announce Type: new \nAbstract: {escape(" ".join(words))}</description>
<guid isPermaLink="false">oai:arXiv.org:{identifier}</guid>{categories}
<pubDate>Thu, 13 Aug 2026 00:00:00 -0400</pubDate><arxiv:announce_type>new</arxiv:announce_type>
<dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
<dc:creator>{", ".join(random.choices(NAMES, k=5))}</dc:creator></item>"""


def parse_with_feedparser(feeds: list[Path]) -> Result:
    """What bare feedparser takes, keeping nothing, as our own parsing process does."""
    import feedparser  # noqa: PLC0415 - only this way shall pay for it

    options = {"sanitize_html": False, "resolve_relative_uris": False}
    rows = sum(len(feedparser.parse(io.BytesIO(each.read_bytes()), **options).entries) for each in feeds)
    return Result(rows, _cpu_seconds(), _peak("self"))


async def parse_with_ours(feeds: list[Path]) -> Result:
    """What the bot takes: its own time and that of its parsing process, whose memory is told apart from that of the papers."""
    lags: list[float] = []
    before = _peak("self")
    watching = asyncio.create_task(watch(lags))
    async with Parser(KEEP) as parser:
        batches = [await parser.parse_feed(_read(each)) for each in feeds]
        memory = _peak(_child())
    watching.cancel()
    rows = sum(len(each.papers) for each in batches)
    return Result(rows, _cpu_seconds(), memory, _peak("self") - before, max(lags))


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _child() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()[0]


async def watch(lags: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        lags.append(time.perf_counter() - begun - 0.001)


def measure(way: str, folder: Path) -> Result:
    """In a process of its own."""
    begun = _cpu_seconds()
    feeds = sorted(folder.iterdir())
    result = parse_with_feedparser(feeds) if way == "feedparser" else asyncio.run(parse_with_ours(feeds))
    # Our parsing process is counted once it has ended.
    return replace(result, seconds=_cpu_seconds() - begun)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak(process: str) -> float:
    """Megabytes. (`ru_maxrss` of a child begins with the size of the process that started it.)"""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def run(way: str, folder: Path) -> Result:
    """The best of three, each figure for itself."""
    command = [sys.executable, "-m", "bench.feed", "--way", way, "--folder", str(folder)]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
    return Result(*(min(each) for each in zip(*runs, strict=True)))


def report(folder: Path) -> list[str]:
    """Measure and print everything; the promises that were missed."""
    feeds = make_feeds()
    for number, content in enumerate(feeds):
        (folder / f"{number:02}.xml").write_bytes(content)
    theirs, ours = run("feedparser", folder), run("ours", folder)
    seconds, memory = ours.seconds / theirs.seconds, ours.memory / theirs.memory
    print(f"{PAPERS} papers in {CATEGORIES} feeds: {ours.rows:.0f} rows, {sum(map(len, feeds)) / 1e6:.1f} MB")
    print(f"bare feedparser  {theirs.seconds:6.2f} s CPU {theirs.memory:6.1f} MB")
    print(f"a poll           {ours.seconds:6.2f} s CPU {ours.memory:6.1f} MB, and {ours.kept:.1f} MB for the papers")
    print(f"ratio            {seconds:6.2f}       {memory:6.2f}    (limit {MAX_RATIO})")
    print(f"longest event-loop lag {ours.lag * 1000:.1f} ms (limit {MAX_LAG * 1000:.0f} ms)")
    promises = {
        "as many rows": ours.rows == theirs.rows,
        "time": seconds <= MAX_RATIO,
        "memory": memory <= MAX_RATIO,
        "lag": ours.lag < MAX_LAG,
    }
    return [name for name, is_kept in promises.items() if not is_kept]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(astuple(measure(arguments.way, arguments.folder))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        missed = report(Path(folder))
    for name in missed:
        print(f"MISSED: {name}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
