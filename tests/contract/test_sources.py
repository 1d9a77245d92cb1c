"""What every paper source promises (`bot.ports.PaperSource`), whoever keeps it."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.errors import SourceError
from bot.model.paper import AnnounceType
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.http import PoliteClient
from bot.sources.sample import SampleSource
from tests.adapters.arxiv_server import ArxivServer, make_feed, make_item

FULL, QUIET = "cs.CL", "nlin.CG"
FEED = make_feed(
    FULL,
    make_item("2608.00001", categories=("cs.CL", "cs.LG")),
    make_item("2608.00002", kind="cross", categories=("cs.RO", "cs.CL")),
)


@asynccontextmanager
async def arxiv_rss(*, broken=False):
    feeds = {FULL: FEED[:-30] if broken else FEED, QUIET: make_feed(QUIET)}
    async with ArxivServer(feeds) as server, PoliteClient("paperround/test", min_interval=0.0) as client:
        yield ArxivRssSource(client, server.url, patience=20)


@asynccontextmanager
async def sample(*, broken=False):
    yield SampleSource(Path("no such file.xml") if broken else None)


SOURCES = pytest.mark.parametrize("opened", [arxiv_rss, sample])


@SOURCES
async def test_a_batch_is_of_the_category_asked_for(opened):
    """The batch carries the category, and every paper in it has that category, once, with all a reader needs."""
    async with opened() as source:
        batch = await source.fetch(FULL)
    assert batch.category == FULL
    assert batch.papers
    papers = [paper for paper, _ in batch.papers]
    assert len({paper.id for paper in papers}) == len(papers)
    for paper in papers:
        assert FULL in paper.categories
        assert paper.title
        assert paper.abstract
        assert paper.authors
        assert paper.version >= 1
        assert all((paper.raw_title, paper.raw_abstract, paper.raw_authors))


@SOURCES
async def test_a_paper_of_another_primary_is_a_cross_list(opened):
    """What is new has the category as its primary, a cross-list has another."""
    async with opened() as source:
        batch = await source.fetch(FULL)
    kinds = {kind for _, kind in batch.papers}
    assert {AnnounceType.NEW, AnnounceType.CROSS} <= kinds
    for paper, kind in batch.papers:
        assert (paper.categories[0] == FULL) == (kind in {AnnounceType.NEW, AnnounceType.REPLACE})


@SOURCES
async def test_no_author_holds_tex(opened):
    """Names come readable, one by one."""
    async with opened() as source:
        batch = await source.fetch(FULL)
    for paper, _ in batch.papers:
        assert not any(set("\\{}$,") & set(name) for name in paper.authors)


@SOURCES
async def test_nothing_announced_is_an_empty_batch(opened):
    """A category without papers is a batch without papers, with a day."""
    async with opened() as source:
        batch = await source.fetch(QUIET)
    assert batch.papers == ()
    assert batch.category == QUIET
    assert batch.day


@SOURCES
async def test_asking_twice_gives_the_same(opened):
    """Reading changes nothing, and two may ask at once."""
    async with opened() as source:
        first, second = await asyncio.gather(source.fetch(FULL), source.fetch(FULL))
    assert first == second


@SOURCES
async def test_what_cannot_be_read_is_a_source_error(opened):
    """A source that cannot give the whole batch raises SourceError with the place."""
    async with opened(broken=True) as source:
        with pytest.raises(SourceError) as caught:
            await source.fetch(FULL)
    assert caught.value.where


@pytest.mark.parametrize(("opened", "is_sample"), [(arxiv_rss, False), (sample, True)])
async def test_invented_papers_are_labelled(opened, is_sample):
    """Only the sample says that it is one."""
    async with opened() as source:
        assert (await source.fetch(FULL)).is_sample is is_sample
