"""`python -m bench.feeds`: what a reader costs that polls a feed, beside the cheapest answer there is, `/healthz`."""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_bytes

from aiohttp import ClientSession

from bot.feeding import Feeding
from bot.model.chat import Chat
from bot.model.digest import Digest, DigestPaper, Score
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription
from bot.pipeline import Pipeline
from bot.sources.sample import SampleSource
from bot.web import WebServer, feeds
from bot.web.security import Allowance
from storage.tinydb import TinyDBStorage

PORT, REQUESTS, DIGESTS, PAPERS = 18_765, 2_000, 30, 10
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHAT = Chat("telegram", "501")


def make_page(number: int) -> Page:
    papers = tuple(
        DigestPaper(
            place, AnnouncedPaper(make_paper(number * PAPERS + place), AnnounceType.NEW, date(2026, 11, 20)), Score(1.0)
        )
        for place in range(1, PAPERS + 1)
    )
    digest = Digest(date(2026, 11, 20), ("cs.CL",), papers, {})
    return Page(f"page{number:018}", CHAT, NOW.replace(minute=number), "en", digest)


def make_paper(number: int) -> Paper:
    return Paper(
        ArxivId(f"2611.{number:05}"),
        1,
        f"Paper {number}",
        "A sentence of an abstract. " * 50,
        ("Ada Vale",) * 5,
        ("cs.CL",),
    )


async def seconds(session: ClientSession, path: str, status: int, headers: Mapping[str, str]) -> float:
    """For one request, when one follows the other."""
    begun = time.perf_counter()
    for _ in range(REQUESTS):
        async with session.get(f"http://127.0.0.1:{PORT}{path}", headers=headers) as answer:
            assert answer.status == status
            await answer.read()
    return (time.perf_counter() - begun) / REQUESTS


async def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = TinyDBStorage(Path(folder))
        await storage.open()
        await storage.change_subscription(CHAT, lambda _: Subscription(CHAT, NOW, ("cs.CL",)))
        for number in range(DIGESTS):
            await storage.save_page(make_page(number))
        pipeline = Pipeline(storage, SampleSource(), {}, lambda: NOW, ("cs.CL",))
        feeding = Feeding(storage, lambda: NOW, token_bytes)
        web = WebServer(PORT, "127.0.0.1", allowance=Allowance(10**9, 10**9))
        web.add_routes(feeds.routes(pipeline, feeding, web.templates, "https://x.test", "en", time.monotonic))
        path = f"/f/{(await feeding.renew(CHAT)).secret}.atom"
        async with web, ClientSession() as session:
            begun = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{PORT}{path}") as answer:
                etag, size = answer.headers["ETag"], len(await answer.read())
            first = time.perf_counter() - begun
            plain = await seconds(session, "/healthz", 200, {})
            same = await seconds(session, path, 304, {"If-None-Match": etag})
            whole = await seconds(session, path, 200, {})
            print(f"written once: {first * 1000:.0f} ms, {size / 1024:.0f} KiB of {DIGESTS * PAPERS} papers")
            for name, each in (("/healthz", plain), ("304", same), ("the whole, compressed", whole)):
                print(f"{name:24} {each * 1e6:7.0f} us  = {each / plain:4.2f} x /healthz")
        await storage.close()


if __name__ == "__main__":
    asyncio.run(measure())
