"""`python -m bench.search`: searching ninety days of papers, beside going through their texts in lower case, and what it holds in memory.

The papers are the real ones in the corpus in PAPERROUND_DATA, again and again under other ids, as many as ninety days bring.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.archive import Archive
from bot.evaluation import read_corpus
from bot.model.announcement import Batch
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.pipeline import Pipeline
from bot.ranking.rules import RulesRanker
from bot.sources.sample import SampleSource
from storage.tinydb import TinyDBStorage

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[2] / "shared" / "data")
PAPERS = 60_000
TODAY = date(2026, 11, 20)
QUERIES = ("kv cache", "language model", "ti:diffusion AND NOT survey", 'au:"Li" AND quant*', "graph neural network")
RECENT_SINCE = timedelta(days=29)


def make_days(papers: Sequence[Paper]) -> dict[date, list[AnnouncedPaper]]:
    """The papers of each day, oldest first, each with an id of its own."""
    days: dict[date, list[AnnouncedPaper]] = {}
    for number in range(PAPERS):
        day = TODAY - timedelta(days=89 - number * 90 // PAPERS)
        paper = replace(papers[number % len(papers)], id=ArxivId(f"2611.{number:05}"))
        days.setdefault(day, []).append(AnnouncedPaper(paper, AnnounceType.NEW, day))
    return days


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(papers: Sequence[Paper]) -> None:
    days = make_days(papers)
    with tempfile.TemporaryDirectory() as folder:
        storage = TinyDBStorage(Path(folder))
        await storage.open()
        for day, announced in days.items():
            if day >= TODAY - RECENT_SINCE:
                await storage.save_batch(
                    Batch("cs.CL", day, tuple((each.paper, each.announce_type) for each in announced))
                )
            else:
                await storage.save_archive(day, announced)
        now = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
        pipeline = Pipeline(storage, SampleSource(), {"rules": RulesRanker()}, lambda: now, ())
        await pipeline.announcements()
        archive = Archive(pipeline)
        before, begun, worked = resident(), time.perf_counter(), time.process_time()
        await archive.search("warming up")
        first, worked = time.perf_counter() - begun, time.process_time() - worked
        print(f"{PAPERS} papers in {len(days)} days")
        print(
            f"first search: {first:.1f} s ({worked:.1f} s of work); memory it took: {(resident() - before) / 2**20:.0f} MiB"
        )
        archive.pipeline.clock = lambda: now + timedelta(hours=2)
        begun, worked = time.perf_counter(), time.process_time()
        await archive.rest()
        print(f"rest after an hour: {time.process_time() - worked:.1f} s of work")
        begun, worked = time.perf_counter(), time.process_time()
        await archive.search("warming up again")
        again, worked = time.perf_counter() - begun, time.process_time() - worked
        print(
            f"first search after an hour: {again:.1f} s ({worked:.1f} s of work) = {again / first:.2f} x the first of all"
        )
        await plain_and_ours(archive, [each.paper for announced in days.values() for each in announced])
        await storage.close()


async def plain_and_ours(archive: Archive, papers: Sequence[Paper]) -> None:
    texts = [f"{each.title} {each.abstract}".lower() for each in papers]
    for query in QUERIES:
        begun = time.perf_counter()
        results = await archive.search(query)
        ours = time.perf_counter() - begun
        begun = time.perf_counter()
        await archive.search(query)
        again = time.perf_counter() - begun
        begun = time.perf_counter()
        sum("kv cache" in text for text in texts)
        plain = time.perf_counter() - begun
        print(
            f"{query:32} {results.count:6} found  {ours * 1000:7.0f} ms, again {again * 1000:5.1f} ms"
            f"  = {ours / plain:5.1f} x one pass over lower-case texts"
        )


def main() -> None:
    asyncio.run(
        measure(
            list({each: paper for day in read_corpus(DATA / "corpus") for each, paper in day.papers.items()}.values())
        )
    )


if __name__ == "__main__":
    main()
