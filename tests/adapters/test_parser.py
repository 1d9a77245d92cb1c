"""The process in which answers are parsed, and how long it is kept."""

import asyncio
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from bot.errors import SourceError
from bot.sources.apart import Parser
from bot.sources.api import parse_answer
from bot.sources.feed import parse_feed
from bot.sources.listing import parse_listing
from bot.sources.oai import parse_records
from tests.adapters.arxiv_server import make_feed, make_item
from tests.children import read_children
from tests.servers import arxiv_pages as pages
from tests.servers.arxiv_truth import Truth

DAY = date(2026, 8, 11)
NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)
FEED = make_feed("cs.CL", make_item("2608.00001"))
BROKEN = FEED[:-20]


def make_answers():
    """A list, an answer of the API and one of OAI-PMH about the same paper."""
    truth = Truth()
    truth.announce(DAY, "2608.00001", "cs.CL", comment="9 pages")
    paper = truth.papers["2608.00001"]
    seen = paper.seen_on(DAY)
    listing = pages.listing("cs.CL", DAY, truth.rows(DAY, ["cs.CL"]), 0, 2000)
    records = pages.oai_record(paper, seen, DAY, "arXivRaw")
    token = '<resumptionToken completeListSize="7">more</resumptionToken>'
    return (
        listing,
        pages.api(NOW, [pages.api_entry(paper, *seen)]),
        pages.oai(NOW, {}, f"<ListRecords>{records}{token}</ListRecords>"),
    )


LISTING, ANSWER, RECORDS = make_answers()


@pytest.fixture
async def parser():
    async with Parser(keep=30) as opened:
        yield opened


async def test_every_kind_of_answer_is_what_the_pure_function_says(parser):
    """Feeds, lists, answers and records come out of one process as they come out of the functions."""
    assert await parser.parse_feed(FEED) == parse_feed(FEED)
    process = parser._process
    assert await parser.parse_listing(LISTING, "cs.CL") == parse_listing(LISTING, "cs.CL")
    assert await parser.parse_answer(ANSWER) == parse_answer(ANSWER)
    assert await parser.parse_records(RECORDS) == parse_records(RECORDS)
    assert parser._process is process


async def test_answers_at_once_take_turns(parser):
    """However many parse at once, each gets its own."""
    feeds = [make_feed(f"cs.A{number}", *[make_item(f"2608.{number:05}")] * 20) for number in range(5)]
    batches = await asyncio.gather(*map(parser.parse_feed, feeds))
    assert [each.category for each in batches] == [f"cs.A{number}" for number in range(5)]


async def test_after_an_error_the_process_is_another(parser):
    """Whoever met something strange is not trusted again; the next answer is parsed all the same."""
    await parser.parse_feed(FEED)
    first = parser._process
    with pytest.raises(SourceError, match="broken off"):
        await parser.parse_feed(BROKEN, where="x.xml")
    assert first.returncode is not None
    assert len((await parser.parse_feed(FEED)).papers) == 1


async def test_a_process_that_died_in_between_is_replaced(parser):
    """What happens to a waiting process is no error of the next answer."""
    await parser.parse_feed(FEED)
    parser._process.kill()
    await parser._process.wait()
    assert len((await parser.parse_feed(FEED)).papers) == 1


async def test_a_process_is_kept_for_a_while_only():
    """Without another answer it ends by itself."""
    async with Parser(keep=0.05) as parser:
        await parser.parse_feed(FEED)
        process = parser._process
        await asyncio.wait_for(process.wait(), 5)
        assert parser._process is None
        assert len((await parser.parse_feed(FEED)).papers) == 1


async def test_a_process_that_waits_is_ended_in_the_end():
    """Closing leaves no process behind; closing twice is fine."""
    before = read_children()
    parser = Parser(keep=30)
    await parser.parse_feed(FEED)
    assert len(read_children() - before) == 1
    await parser.aclose()
    await parser.aclose()
    assert read_children() == before


async def test_a_cancelled_answer_does_not_mix_with_the_next(parser):
    """Who is cancelled takes the process along, so that the next answer is not the last one's."""
    large = make_feed("cs.AI", *(make_item(f"2608.{number:05}") for number in range(3000)))
    await parser.parse_feed(FEED)
    parsing = asyncio.create_task(parser.parse_feed(large))
    await asyncio.sleep(0.02)
    parsing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    assert (await parser.parse_feed(FEED)).category == "cs.CL"


def test_the_worker_shows_what_the_bot_sees():
    """By hand it takes one answer and tells each item in a line."""
    command = [sys.executable, "-m", "bot.sources.worker", "listing", "cs.CL"]
    told = subprocess.run(command, input=LISTING, capture_output=True, check=True).stdout
    assert told.splitlines() == [
        b'{"day":"2026-08-11","total":1}',
        b'{"id":"2608.00001","type":"new"}',
        b'{"items":1}',
    ]
