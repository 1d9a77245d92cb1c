"""Lists, lookups and harvests from the invented arXiv on loopback."""

import asyncio
import logging
from collections import deque
from datetime import UTC, date, datetime

import pytest

from bot.app import make_client, make_listing_source, make_lookup, make_record_source, make_source
from bot.errors import SourceError, SourceFault
from bot.sources import arxiv_listing
from bot.sources.arxiv_api import ArxivApiLookup
from bot.sources.arxiv_listing import ArxivListingSource
from bot.sources.arxiv_oai import ArxivOaiSource
from bot.sources.http import PoliteClient
from config.settings import Settings
from tests.adapters.arxiv_server import Canned
from tests.servers.arxiv import FakeArxiv

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 8, day) for day in (10, 11, 12))
NOW = datetime(2026, 8, 12, 12, tzinfo=UTC)


@pytest.fixture
async def arxiv():
    async with FakeArxiv(clock=lambda: NOW) as running:
        yield running


@pytest.fixture
async def client():
    async with PoliteClient("paperround/test", min_interval=0.0, sleep=lambda _: asyncio.sleep(0)) as opened:
        yield opened


def spell(listing):
    return {identifier: kind.value for identifier, kind in listing.entries}


async def test_a_list_is_what_was_announced(arxiv, client):
    """Day, types and count of the newest announcement, in one request."""
    arxiv.fill(TUESDAY, 3, "cs.AI")
    first, _ = arxiv.fill(WEDNESDAY, 2, "cs.AI", "cs.LG")
    arxiv.replace(WEDNESDAY, "2608.00001")
    found = await ArxivListingSource(client, arxiv.site_url, 20).fetch_listing("cs.LG")
    assert (found.category, found.day, found.total, found.is_whole) == ("cs.LG", WEDNESDAY, 2, True)
    assert spell(found) == arxiv.types(WEDNESDAY, "cs.LG")
    assert spell(found)[first] == "cross"
    assert [each.path for each in arxiv.seen] == ["/list/cs.LG/new?skip=0&show=2000"]


async def test_the_pages_of_a_list_are_put_together(arxiv, client, monkeypatch):
    """A list longer than one page comes whole and in order."""
    monkeypatch.setattr(arxiv_listing, "_SHOW", 4)
    arxiv.fill(WEDNESDAY, 9, "cs.AI")
    found = await ArxivListingSource(client, arxiv.site_url, 20).fetch_listing("cs.AI")
    assert found.is_whole
    assert spell(found) == arxiv.types(WEDNESDAY, "cs.AI")
    assert len(arxiv.seen) == 3


async def test_a_list_that_changes_between_pages_is_refused(arxiv, client, monkeypatch):
    """Pages of two announcements are never mixed, and a page that comes twice ends the asking."""
    monkeypatch.setattr(arxiv_listing, "_SHOW", 4)
    arxiv.fill(TUESDAY, 9, "cs.AI")
    source = ArxivListingSource(client, arxiv.site_url, 20)
    (first,) = (arxiv._render("/list/cs.AI/new?skip=0&show=4", NOW),)
    arxiv.fill(WEDNESDAY, 9, "cs.AI")
    for second in (first, arxiv._render("/list/cs.AI/new?skip=4&show=4", NOW)):
        arxiv.script("/list/cs.AI/new?skip=0&show=4", first)
        arxiv.script("/list/cs.AI/new?skip=4&show=4", second)
        with pytest.raises(SourceError, match="does not go on") as caught:
            await source.fetch_listing("cs.AI")
        assert caught.value.fault is SourceFault.INVALID


@pytest.mark.parametrize(
    ("answer", "what", "fault"),
    [
        (Canned(b"no", 404, "text/html"), "no category", SourceFault.MISSING),
        (Canned(b"gone", 410, "text/html"), "HTTP 410", SourceFault.INVALID),
        (Canned(b"<rss/>"), "rss", SourceFault.INVALID),
        (Canned(b"<html></html>", content_type="text/html"), "of which day", SourceFault.INVALID),
        (Canned(b"Rate exceeded.", 429, "text/plain"), "left alone", SourceFault.REFUSED),
    ],
)
async def test_a_bad_list_says_what_and_where(arxiv, client, answer, what, fault):
    """Every bad answer is a SourceError with its address."""
    path = "/list/cs.AI/new?skip=0&show=2000"
    arxiv.script(path, answer)
    with pytest.raises(SourceError, match=what) as caught:
        await ArxivListingSource(client, arxiv.site_url, 5).fetch_listing("cs.AI")
    assert (caught.value.where, caught.value.fault) == (f"{arxiv.site_url}{path}", fault)


async def test_papers_are_looked_up_a_hundred_at_a_time(arxiv, client):
    """However many ids, each request has at most a hundred and a short address; each paper is asked for once."""
    ids = arxiv.fill(TUESDAY, 250, "cs.AI", comment="9 pages")
    arxiv.announce(TUESDAY, "cond-mat/9901001", "cond-mat.str-el")
    arxiv.replace(WEDNESDAY, ids[0])
    found = await ArxivApiLookup(client, arxiv.api_url, 20).fetch_papers([*ids, *ids, "cond-mat/9901001", "9999.99999"])
    assert set(found) == {*ids, "cond-mat/9901001"}
    assert (found[ids[0]].paper.version, found[ids[1]].paper.version) == (2, 1)
    assert found[ids[1]].comment == "9 pages"
    assert [each.path.count(",") + 1 for each in arxiv.seen] == [100, 100, 52]
    assert max(len(each.path) for each in arxiv.seen) < 4000


async def test_no_ids_cost_no_request(arxiv, client):
    """Nothing is asked for nothing."""
    assert await ArxivApiLookup(client, arxiv.api_url, 20).fetch_papers([]) == {}
    assert arxiv.seen == []


async def test_a_withdrawn_paper_says_so_in_its_comment(arxiv, client):
    """What authors withdrew keeps its record; what was removed is not known."""
    withdrawn, removed = arxiv.fill(TUESDAY, 2, "cs.AI")
    arxiv.withdraw(WEDNESDAY, withdrawn)
    arxiv.remove(WEDNESDAY, removed)
    found = await ArxivApiLookup(client, arxiv.api_url, 20).fetch_papers([withdrawn, removed])
    assert set(found) == {withdrawn}
    assert found[withdrawn].comment.startswith("This paper has been withdrawn")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Canned(b"<html/>", 200, "text/html"), "text/html"),
        (Canned(b"<html/>", 404, "text/html"), "HTTP 404"),
        (Canned(b"<feed", 200), "wrong type|rss"),
        (Canned(b"<feed", 200, "application/atom+xml"), "broken off"),
        (Canned(b'<feed xmlns="http://www.w3.org/2005/Atom"/>', 400, "application/atom+xml"), "HTTP 400"),
    ],
)
async def test_a_bad_lookup_says_what_and_where(arxiv, client, answer, what):
    """A failed slice fails the lookup."""
    path = "/api/query?id_list=2608.00001&max_results=1"
    arxiv.script(path, answer)
    with pytest.raises(SourceError, match=what) as caught:
        await ArxivApiLookup(client, arxiv.api_url, 5).fetch_papers(["2608.00001"])
    assert caught.value.where == f"{arxiv.api_url}/query?id_list=2608.00001&max_results=1"


async def test_an_id_that_arxiv_refuses_is_told(arxiv, client):
    """The API's own words come out, though it answers 400."""
    with pytest.raises(SourceError, match="incorrect id format for abc"):
        await ArxivApiLookup(client, arxiv.api_url, 5).fetch_papers(["abc"])


def harvest(arxiv, client, archive="cs", since=MONDAY, until=WEDNESDAY):
    return ArxivOaiSource(client, arxiv.oai_url, 20).harvest(archive, since, until)


async def test_a_harvest_follows_its_tokens(arxiv, client, caplog):
    """All pages come together, with versions and first days, and the log tells the progress."""
    ids = arxiv.fill(TUESDAY, 5, "cs.AI")
    arxiv.replace(WEDNESDAY, ids[0])
    arxiv.fill(TUESDAY, 1, "math.CO")
    arxiv.oai_page = 2
    with caplog.at_level(logging.INFO):
        records = await harvest(arxiv, client)
    assert [each.paper.id for each in records] == ids
    assert (records[0].paper.version, records[0].created, records[0].changed) == (2, MONDAY, WEDNESDAY)
    assert len(arxiv.seen) == 3
    assert "harvested set=cs page=3 records=5" in caplog.text


async def test_a_harvest_is_bounded_by_days_and_set(arxiv, client):
    """Only what changed in these days comes, cross-lists of the category among it."""
    arxiv.fill(MONDAY, 1, "cs.AI")
    (crossed,) = arxiv.fill(TUESDAY, 1, "math.CO", "cs.AI")
    arxiv.fill(TUESDAY, 1, "cs.LG")
    arxiv.fill(WEDNESDAY, 1, "cs.AI")
    assert [each.paper.id for each in await harvest(arxiv, client, "cs.AI", TUESDAY, TUESDAY)] == [crossed]


async def test_nothing_changed_is_an_empty_harvest(arxiv, client):
    """arXiv's noRecordsMatch is no error."""
    assert await harvest(arxiv, client) == ()


async def test_deleted_records_are_told(arxiv, client):
    """What was removed comes with its id alone."""
    kept, gone = arxiv.fill(TUESDAY, 2, "cs.AI")
    arxiv.remove(WEDNESDAY, gone)
    assert {each.paper.id: each.is_deleted for each in await harvest(arxiv, client)} == {kept: False, gone: True}


async def test_an_expired_token_begins_the_harvest_again_once(arxiv, client):
    """After badResumptionToken all is asked for anew; the second time it is an error."""
    ids = arxiv.fill(TUESDAY, 5, "cs.AI")
    arxiv.oai_page = 2
    expired = Canned(arxiv._render("/oai?verb=ListRecords&resumptionToken=x", NOW).body, content_type="text/xml")
    arxiv.script("/oai?verb=ListRecords&resumptionToken=token|0", expired)
    assert [each.paper.id for each in await harvest(arxiv, client)] == ids
    for number in range(20):
        arxiv.script(f"/oai?verb=ListRecords&resumptionToken=token|{number}", expired)
    with pytest.raises(SourceError, match="expire at once"):
        await harvest(arxiv, client)


async def test_a_token_that_comes_again_ends_the_harvest(arxiv, client):
    """A server that goes in circles is not followed for ever."""
    arxiv.fill(TUESDAY, 5, "cs.AI")
    arxiv.oai_page = 2
    first = arxiv._render("/oai?verb=ListRecords&set=cs", NOW)
    arxiv.scripts["/oai?verb=ListRecords&resumptionToken=token|0"] = deque([first] * 9)
    arxiv.script("/oai?verb=ListRecords&metadataPrefix=arXivRaw&set=cs&from=2026-08-10&until=2026-08-12", first)
    with pytest.raises(SourceError, match="no end after 2 pages"):
        await harvest(arxiv, client)


async def test_a_harvest_waits_when_asked_to(arxiv, client):
    """503 with Retry-After in the middle of a harvest is waited out, and nothing is lost."""
    seconds = [0.0]

    async def sleep(duration):
        seconds[0] += duration

    ids = arxiv.fill(TUESDAY, 5, "cs.AI")
    arxiv.oai_page = 2
    busy = Canned(b"", 503, headers=(("Retry-After", "300"),))
    arxiv.script("/oai?verb=ListRecords&resumptionToken=token|0", busy, busy)
    async with PoliteClient("paperround/test", 3.0, clock=lambda: seconds[0], sleep=sleep) as patient:
        records = await ArxivOaiSource(patient, arxiv.oai_url).harvest("cs", MONDAY, WEDNESDAY)
    assert [each.paper.id for each in records] == ids
    assert 600 <= seconds[0] < 620


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Canned(b"no", 404, "text/html"), "HTTP 404"),
        (Canned(b"<html/>", 200, "text/html"), "text/html"),
        (Canned(b"<OAI-PMH", 200, "text/xml"), "broken off"),
        (Canned(b"x" * 1_000_000, repeat=50, sized=False, content_type="text/xml"), "larger than"),
    ],
)
async def test_a_bad_harvest_says_what_and_where(arxiv, client, answer, what):
    """Half a harvest is never taken for a whole."""
    arxiv.fill(TUESDAY, 5, "cs.AI")
    arxiv.oai_page = 2
    arxiv.script("/oai?verb=ListRecords&resumptionToken=token|0", answer)
    with pytest.raises(SourceError, match=what) as caught:
        await harvest(arxiv, client)
    assert caught.value.where.startswith(arxiv.oai_url)


async def test_however_many_ask_requests_go_one_by_one(arxiv):
    """Feeds, lists, lookups and harvests asked for at once never overlap, and keep their distance over all hosts."""
    arxiv.fill(WEDNESDAY, 3, "cs.AI", "cs.LG")
    settings = Settings(
        _env_file=None,
        arxiv_rss_url=arxiv.rss_url,
        arxiv_api_url=arxiv.api_url,
        arxiv_oai_url=arxiv.oai_url,
        arxiv_site_url=arxiv.site_url,
        arxiv_min_interval=0.05,
    )
    async with make_client(settings) as client:
        lists, feeds = make_listing_source(client, settings), make_source(client, settings)
        await asyncio.gather(
            *(feeds.fetch(each) for each in ("cs.AI", "cs.LG", "cs.CL")),
            *(lists.fetch_listing(each) for each in ("cs.AI", "cs.LG", "cs.CL")),
            make_lookup(client, settings).fetch_papers(["2608.00001"]),
            make_record_source(client, settings).harvest("cs", MONDAY, WEDNESDAY),
        )
    assert len(arxiv.seen) == 8
    assert len({each.headers["host"] for each in arxiv.seen}) == 2
    assert arxiv.overlaps == []
    assert min(arxiv.gaps()) >= 0.05
