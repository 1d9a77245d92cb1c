"""arXiv's RSS feeds, fetched from a server on loopback and parsed in a process of their own."""

import asyncio
import logging
import sys
from dataclasses import replace
from datetime import date

import pytest

from bot.errors import SourceError, SourceFault
from bot.sources.apart import parse_feed_apart
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.feed import parse_feed
from bot.sources.http import PoliteClient
from tests.adapters.arxiv_server import ArxivServer, Canned, make_feed, make_item
from tests.children import read_children

FEED = make_feed("cs.CL", make_item("2608.00001"), make_item("2608.00002", kind="cross", categories=("cs.RO", "cs.CL")))


@pytest.fixture
async def server():
    async with ArxivServer(feeds={"cs.CL": FEED, "cs.AI+q-bio.NC": make_feed("cs.AI+q-bio.NC")}) as running:
        yield running


@pytest.fixture
async def source(server):
    async with PoliteClient("paperround/test", min_interval=0.0) as client:
        yield ArxivRssSource(client, server.url, patience=1.5)


async def test_one_request_brings_a_category(server, source):
    """One category costs one request and comes whole, with its day."""
    batch = await source.fetch("cs.CL")
    assert [each.path for each in server.seen] == ["/rss/cs.CL"]
    assert (batch.category, batch.day, batch.is_sample) == ("cs.CL", date(2026, 8, 13), False)
    assert [(paper.id, kind.value) for paper, kind in batch.papers] == [("2608.00001", "new"), ("2608.00002", "cross")]
    assert batch.papers[0][0].authors == ("Ada Vale", "Jörg Oak")


@pytest.mark.parametrize("category", ["cs.cl", "CS.CL"])
async def test_the_batch_has_the_spelling_asked_for(source, category):
    """arXiv minds no case, so what was asked for is what the batch says."""
    assert (await source.fetch(category)).category == category


async def test_joined_categories_are_one_feed(source):
    """A query of two categories is answered by a feed of both."""
    assert (await source.fetch("cs.AI+q-bio.NC")).papers == ()


async def test_an_unknown_category_is_named_and_not_retried(source):
    """arXiv's 400 is an error about the category that no later attempt will change."""
    with pytest.raises(SourceError, match=r"no category cs\.XX") as caught:
        await source.fetch("cs.XX")
    assert caught.value.retry is False
    assert caught.value.fault is SourceFault.MISSING


async def test_a_strange_category_cannot_leave_the_feeds(server, source):
    """Whatever a category is spelled, the request stays below /rss/."""
    with pytest.raises(SourceError):
        await source.fetch("../admin?x=1#y")
    assert server.seen[0].path == "/rss/../admin?x=1#y"


async def test_the_feed_of_another_category_is_refused(server, source):
    """A feed about something else is never taken for the one asked for."""
    server.feeds["cs.CV"] = FEED
    with pytest.raises(SourceError, match=r"feed of cs\.CL, not of cs\.CV"):
        await source.fetch("cs.CV")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Canned(b""), "empty"),
        (Canned(FEED[:-40]), "broken off"),
        (Canned(FEED[:800], sized=False), "broken off"),
        (Canned(b"<html>Sorry</html>", content_type="text/html"), "text/html"),
        (Canned(b"<html>Sorry</html>"), "<html>"),
        (Canned(b"Rate exceeded."), "not well-formed"),
        (Canned(FEED, status=404), "HTTP 404"),
        (Canned(FEED, status=410), "HTTP 410"),
        (Canned(b"x" * 1_000_000, repeat=50, sized=False), "larger than"),
        (Canned(b'<!DOCTYPE r [<!ENTITY a "b">]><rss/>'), "document type"),
        (Canned(FEED, status=429), "left alone until"),
        (Canned(FEED, status=503), "left alone until"),
        (Canned(FEED, pause=5), "no answer within"),
    ],
)
async def test_a_bad_answer_says_what_and_where(server, source, answer, what):
    """Every kind of broken, hostile or missing answer is a SourceError with the address, never a batch."""
    server.script("/rss/cs.CL", answer)
    with pytest.raises(SourceError, match=what) as caught:
        await source.fetch("cs.CL")
    assert caught.value.where == f"{server.url}/rss/cs.CL"


async def test_patience_is_the_callers(server, source):
    """The same source waits longer for someone who can."""
    server.script("/rss/cs.CL", *[Canned(FEED, pause=2.0)] * 2)
    with pytest.raises(SourceError, match="no answer within"):
        await source.fetch("cs.CL")
    assert len((await replace(source, patience=30).fetch("cs.CL")).papers) == 2


async def test_a_full_feed_is_reported(server, source, caplog):
    """2,000 papers are what arXiv gives at most, so some may be missing, and the log says so."""
    server.feeds["cs.CL"] = make_feed("cs.CL", *(make_item(f"2608.{number:05}") for number in range(2000)))
    with caplog.at_level(logging.WARNING):
        batch = await replace(source, patience=60).fetch("cs.CL")
    assert len(batch.papers) == 2000
    assert "category=cs.CL papers=2000 status=maybe_cut" in caplog.text


async def test_parsing_apart_is_parsing():
    """The process of its own gives the same batch, and the same refusal, as the pure function."""
    assert await parse_feed_apart(FEED) == parse_feed(FEED)
    with pytest.raises(SourceError) as apart:
        await parse_feed_apart(b"<html/>", where="x.xml")
    with pytest.raises(SourceError) as here:
        parse_feed(b"<html/>", where="x.xml")
    assert vars(apart.value) == vars(here.value)
    assert str(apart.value) == str(here.value)
    assert apart.value.fault is SourceFault.INVALID


@pytest.mark.parametrize("script", ["import sys; sys.exit('out of memory')", "import os; os.kill(os.getpid(), 9)"])
async def test_a_worker_that_dies_is_a_source_error(script):
    """A parser that ends early, with or without a last word, gives an error with the place, and hangs nobody."""
    with pytest.raises(SourceError, match=r"out of memory|ended with code -9") as caught:
        await parse_feed_apart(b"x" * 5_000_000, where="x.xml", worker=(sys.executable, "-c", script))
    assert caught.value.where == "x.xml"


async def test_a_worker_that_hangs_is_a_source_error():
    """A parser that takes too long is ended."""
    with pytest.raises(SourceError, match="more than 0 s"):
        await parse_feed_apart(FEED, seconds=0.2, worker=(sys.executable, "-c", "import time; time.sleep(60)"))


async def test_the_event_loop_stays_free():
    """While 300 papers are parsed, another task gets its turn again and again; for how long it waits, see bench.feed."""
    content = make_feed(
        "cs.CL", *(make_item(f"2608.{number:05}", abstract="word $x_1$ " * 200) for number in range(300))
    )
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    counting = asyncio.create_task(count())
    await parse_feed_apart(content)
    counting.cancel()
    assert turns > 20


async def test_a_cancelled_parse_leaves_no_process():
    """Who no longer wants the answer leaves nothing running behind."""
    worker = (sys.executable, "-c", "import time; time.sleep(60)")
    before = read_children()
    parsing = asyncio.create_task(parse_feed_apart(FEED, worker=worker))
    while not read_children() - before:
        await asyncio.sleep(0.05)
    parsing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    assert read_children() == before


async def test_the_child_gets_no_secrets(monkeypatch):
    """The process that reads hostile input does not inherit the bot's tokens, and works without them."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "secret")
    from bot.sources import apart

    assert "TELEGRAM_BOT_TOKEN" not in apart._environment()
    assert (await parse_feed_apart(FEED)).category == "cs.CL"
