"""`python -m bench.feed`: how long 2,700 papers take, beside bare feedparser, and how long the event loop waits."""

import asyncio
import io
import sys
import time
from collections.abc import Callable
from random import Random
from xml.sax.saxutils import escape

import feedparser

from bot.sources.apart import parse_feed_apart
from bot.sources.feed import parse_feed

PAPERS = 2700
MAX_LAG = 0.020
WORDS = (
    "we show that a model of language learns to plan with less data than before and its error falls when attention is "
    "sparse while robust features of the signal remain hidden in deep layers under strong noise"
).split()
TEX = (r"$\mathcal{O}(n^2)$", r"$10^{-3}$", r"$x_i \in \mathbb{R}^d$", "``so called''", r"\textbf{bold}", r"95\%", "--")
NAMES = (r"J\"org Oak", "Ada Vale", r"Mar\'ia Fir", r"Pi\v{z}u Elm", "Wei Ash", r"S{\o}ren Yew")


def make_feed(papers: int) -> bytes:
    """An invented feed of arXiv's size: a third of the abstracts hold TeX, as on a real day."""
    random = Random(17)
    items = "".join(_make_item(number, random) for number in range(papers))
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
<channel><title>cs updates on arXiv.org</title><pubDate>Thu, 13 Aug 2026 00:00:00 -0400</pubDate>{items}</channel></rss>
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


async def measure_lag(content: bytes) -> tuple[float, float]:
    """Seconds for parsing apart, and the longest wait of another task beside it."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append(time.perf_counter() - begun - 0.001)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    begun = time.perf_counter()
    batch = await parse_feed_apart(content)
    seconds = time.perf_counter() - begun
    watching.cancel()
    assert len(batch.papers) == PAPERS
    return seconds, max(lags)


def clock(work: Callable[[], object]) -> float:
    """Processor seconds, the best of three."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def main() -> None:
    content = make_feed(PAPERS)
    bare = clock(lambda: feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False))
    ours = clock(lambda: parse_feed(content))
    seconds, lag = asyncio.run(measure_lag(content))
    print(f"{PAPERS} papers, {len(content) / 1e6:.1f} MB")
    print(f"bare feedparser       {bare:6.2f} s CPU")
    print(f"parse_feed            {ours:6.2f} s CPU, {ours / bare:.2f} times feedparser")
    print(f"apart, wall clock     {seconds:6.2f} s")
    print(f"longest event-loop lag {lag * 1000:5.1f} ms (limit {MAX_LAG * 1000:.0f} ms)")
    if lag >= MAX_LAG:
        sys.exit(f"the event loop waited {lag * 1000:.1f} ms")


if __name__ == "__main__":
    main()
