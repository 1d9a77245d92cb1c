"""The texts of papers, from a server on loopback: page, PDF, abstract, and whatever else comes instead."""

import asyncio
import gzip
import logging
import time
from dataclasses import replace

import pytest

from bot.app import make_full_texts
from bot.model.summary import Section, TextSource
from bot.sources.apart import Parser
from bot.sources.fulltext import ArxivFullTexts
from bot.sources.html_text import parse_html
from bot.sources.http import PoliteClient
from bot.sources.pdf_text import parse_pdf
from bot.sources.text_cache import TextCache
from config.settings import Settings
from tests.adapters.arxiv_server import HTML_TYPE, PDF_TYPE, ArxivServer, Canned
from tests.build import make_paper
from tests.texts import make_long_page, make_page, make_pdf, make_section, make_swelling_pdf

PAPER = make_paper(abstract="We count teapots.", raw_abstract=r"We count teapots: \url{https://pots.example.org}.")
PAGE = make_page(make_section("Introduction", "Why teapots matter.", number="1"))
PDF = make_pdf(("Abstract", "We count teapots.", "1 Introduction", "Why teapots matter."))
HTML_PATH, PDF_PATH = "/html/2611.00001v1", "/pdf/2611.00001v1"


@pytest.fixture
async def server():
    async with ArxivServer() as running:
        yield running


@pytest.fixture
async def texts(server, tmp_path):
    async with PoliteClient("paperround/test", min_interval=0.0) as client:
        yield ArxivFullTexts(client, TextCache(tmp_path / "fulltext"), server.url, patience=3.0)


def paths(server):
    return [each.path for each in server.seen]


async def test_the_page_comes_first(server, texts):
    """Where there is a page, it is the text, and the PDF is not asked for."""
    server.add_text("2611.00001v1", html=PAGE, pdf=PDF)
    assert await texts.fetch(PAPER) == parse_html(PAGE)
    assert paths(server) == [HTML_PATH]


async def test_the_pdf_comes_second_without_a_word(server, texts, caplog):
    """A paper without a page is read from its PDF, which is no reason for a warning."""
    server.add_text("2611.00001v1", pdf=PDF)
    with caplog.at_level(logging.WARNING):
        assert await texts.fetch(PAPER) == parse_pdf(PDF)
    assert paths(server) == [HTML_PATH, PDF_PATH]
    assert not caplog.records


async def test_the_abstract_comes_last(server, texts, caplog):
    """A paper with neither has its abstract, with the addresses in it, and the log says why."""
    with caplog.at_level(logging.WARNING):
        text = await texts.fetch(PAPER)
    assert (text.source, text.sections) == (TextSource.ABSTRACT, (Section("Abstract", "We count teapots."),))
    assert text.links == ("https://pots.example.org",)
    assert "paper=2611.00001v1 form=abstract" in caplog.text


async def test_an_old_id_is_asked_for_as_it_is(server, texts):
    """An id with a slash keeps it, and its version."""
    server.add_text("hep-th/9711200v3", html=PAGE)
    text = await texts.fetch(make_paper("hep-th/9711200", version=3))
    assert text.source is TextSource.HTML


async def test_a_text_is_fetched_once(server, texts):
    """Whoever asks again, or at the same time, is answered from what is kept; a new version is another text."""
    server.add_text("2611.00001v1", html=PAGE)
    server.add_text("2611.00001v2", html=PAGE)
    found = await asyncio.gather(*(texts.fetch(PAPER) for _ in range(5)))
    assert len(set(found)) == 1
    await texts.fetch(replace(PAPER, version=2))
    assert paths(server) == [HTML_PATH, "/html/2611.00001v2"]


async def test_what_is_kept_waits_for_nobody(server, texts):
    """A text that is here is had while another is still on its way."""
    server.add_text("2611.00001v1", html=PAGE)
    await texts.fetch(PAPER)
    server.script("/html/2611.00002v1", Canned(PAGE, pause=2, content_type=HTML_TYPE))
    other = asyncio.create_task(texts.fetch(make_paper("2611.00002")))
    await asyncio.sleep(0.1)
    assert (await texts.fetch(PAPER)).source is TextSource.HTML
    assert not other.done()
    other.cancel()


async def test_an_abstract_is_not_kept(server, texts):
    """What failed once is tried again when the text is asked for again."""
    assert (await texts.fetch(PAPER)).source is TextSource.ABSTRACT
    server.add_text("2611.00001v1", html=PAGE)
    assert (await texts.fetch(PAPER)).source is TextSource.HTML


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Canned(b"<html><body>Sorry</body></html>", content_type=HTML_TYPE), "no article"),
        (Canned(b"<article class='ltx_document'></article>", content_type=HTML_TYPE), "is empty"),
        (Canned(b"<article><p>Short.</p></article>", content_type=HTML_TYPE), "less text than in the abstract"),
        (Canned(PAGE, content_type="text/plain"), "text/plain"),
        (Canned(PAGE, 410, HTML_TYPE), None),
        (Canned(PAGE, 400, HTML_TYPE), "HTTP 400"),
        (Canned(PAGE, 302, HTML_TYPE, (("Location", "https://evil.example/x"),)), "not arXiv"),
        (Canned(b"", 302, HTML_TYPE, (("Location", "/html/2611.99999v1"),)), "another paper"),
        (Canned(b"x" * 1_000_000, content_type=HTML_TYPE, repeat=100, sent=0), "larger than"),
        (Canned(b"x" * 1_000_000, content_type=HTML_TYPE, repeat=11, sized=False), "larger than"),
        (Canned(b"<div>" * 2_000_000, content_type=HTML_TYPE), "parsing"),
    ],
)
async def test_a_page_that_is_none_leads_to_the_pdf(server, texts, caplog, answer, reason):
    """Whatever is wrong with the page, the PDF is tried, and the log says what it was."""
    server.add_text("2611.00001v1", pdf=PDF)
    server.add_text("2611.99999v1", html=PAGE)
    server.script(HTML_PATH, answer)
    text = await replace(texts, parse_seconds=3.0).fetch(PAPER)
    assert text.source is TextSource.PDF
    assert reason is None or reason in caplog.text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Canned(b"", content_type=PDF_TYPE), "not a PDF"),
        (Canned(PDF[:200], content_type=PDF_TYPE), "the PDF|not a PDF"),
        (Canned(PAGE, content_type=HTML_TYPE), "text/html"),
        (Canned(make_pdf(("",)), content_type=PDF_TYPE), "no text"),
        (Canned(make_pdf(("x",), extra="/Encrypt << /V 9 >>"), content_type=PDF_TYPE), "not a PDF"),
        (Canned(b"x" * 1_000_000, content_type=PDF_TYPE, repeat=43), "larger than"),
    ],
)
async def test_a_pdf_that_is_none_leads_to_the_abstract(server, texts, caplog, answer, reason):
    """Whatever is wrong with the PDF, the abstract is there, and the log says what it was."""
    server.script(PDF_PATH, answer)
    assert (await texts.fetch(PAPER)).source is TextSource.ABSTRACT
    assert any(each in caplog.text for each in reason.split("|"))


async def test_a_compressed_bomb_costs_nothing(server, texts):
    """A page of kilobytes that swells to gigabytes ends where the limit is."""
    bomb = gzip.compress(b"\0" * 64 * 1024 * 1024)
    server.script(HTML_PATH, Canned(bomb, content_type=HTML_TYPE, headers=(("Content-Encoding", "gzip"),)))
    server.add_text("2611.00001v1", pdf=PDF)
    assert (await texts.fetch(PAPER)).source is TextSource.PDF


async def test_a_pdf_that_swells_ends_the_parser_alone(server, texts, caplog):
    """A PDF of kilobytes whose page has gigabytes costs the child process, and the abstract is left."""
    bomb = make_swelling_pdf(4 * 1024**3)
    assert len(bomb) < 100_000
    server.add_text("2611.00001v1", pdf=bomb)
    begun = time.monotonic()
    assert (await texts.fetch(PAPER)).source is TextSource.ABSTRACT
    assert time.monotonic() - begun < 10
    assert "parsing it failed" in caplog.text


async def test_a_pdf_of_slow_pages_is_given_up(server, texts, caplog):
    """A page that takes longer to read than there is time ends the child process, and the abstract is left."""
    slow = make_pdf(["x" * 90] * 400_000)
    server.add_text("2611.00001v1", pdf=slow)
    assert (await replace(texts, parse_seconds=0.3).fetch(PAPER)).source is TextSource.ABSTRACT
    assert "parsing took more than" in caplog.text


async def test_two_thousand_pages_give_a_beginning(server, texts):
    """A huge PDF takes bounded time and still gives its first pages."""
    pages = [
        [f"Page {number}" if each == 9 else f"We count {each} teapots." for each in range(40)] for number in range(2000)
    ]
    server.add_text("2611.00001v1", pdf=make_pdf(*pages))
    begun = time.monotonic()
    text = await replace(texts, patience=30).fetch(PAPER)
    assert text.source is TextSource.PDF
    assert "Page 0\n" in text.sections[0].text
    assert time.monotonic() - begun < 25


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_a_site_that_asks_us_to_wait_is_left_alone(server, texts, status):
    """Where the page is refused, the same host is not asked for the PDF."""
    server.script(HTML_PATH, Canned(b"Rate exceeded.", status))
    server.add_text("2611.00001v1", pdf=PDF)
    assert (await texts.fetch(PAPER)).source is TextSource.ABSTRACT
    assert paths(server) == [HTML_PATH]


async def test_without_a_network_there_is_the_abstract(server, texts):
    """Nobody there: the abstract, without asking for the PDF, too."""
    await server.hang_up()
    assert (await replace(texts, patience=0.5).fetch(PAPER)).source is TextSource.ABSTRACT


async def test_a_text_that_takes_too_long_is_not_waited_for(server, texts):
    """The wait for those before it counts, too."""
    server.script(HTML_PATH, Canned(PAGE, pause=2.5, content_type=HTML_TYPE))
    hurried = replace(texts, longest=0.3)
    begun = time.monotonic()
    found = await asyncio.gather(hurried.fetch(PAPER), hurried.fetch(make_paper("2611.00002")))
    assert [each.source for each in found] == [TextSource.ABSTRACT] * 2
    assert time.monotonic() - begun < 1.5


async def test_a_cancelled_fetch_lets_the_next_one_go_on(server, texts):
    """Whoever gives up holds nobody up."""
    server.script(HTML_PATH, Canned(PAGE, pause=5, content_type=HTML_TYPE))
    server.add_text("2611.00001v1", html=PAGE)
    fetching = asyncio.create_task(texts.fetch(PAPER))
    await server.asked.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert (await texts.fetch(PAPER)).source is TextSource.HTML


async def test_parsing_apart_is_parsing():
    """The process of its own gives what the pure functions give."""
    async with Parser() as parser:
        assert await parser.parse_text(PAGE, TextSource.HTML) == parse_html(PAGE)
        assert await parser.parse_text(PDF, TextSource.PDF) == parse_pdf(PDF)


async def test_the_event_loop_stays_free(server, texts):
    """While a page of a megabyte is fetched, parsed and kept, another task gets its turn again and again; see bench.fulltext."""
    server.add_text("2611.00001v1", html=make_long_page(1_000_000))
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    counting = asyncio.create_task(count())
    text = await replace(texts, patience=30).fetch(PAPER)
    counting.cancel()
    assert text.source is TextSource.HTML
    assert turns > 20


async def test_it_is_wired(server, tmp_path):
    """The app reads ARXIV_SITE_URL and keeps texts in DATA_DIR."""
    server.add_text("2611.00001v1", html=PAGE)
    settings = Settings(_env_file=None, data_dir=tmp_path, arxiv_site_url=server.url)
    async with PoliteClient("paperround/test", min_interval=0.0) as client:
        await make_full_texts(client, settings).fetch(PAPER)
    assert [each.name for each in (tmp_path / "fulltext").iterdir()] == ["2611.00001v1.json.gz"]
