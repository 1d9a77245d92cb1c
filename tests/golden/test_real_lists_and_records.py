"""Real lists and records of arXiv, read from the folder in PAPERROUND_DATA; skipped where it is absent."""

import os
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from bot.errors import SourceError
from bot.sources.api import parse_answer
from bot.sources.listing import parse_listing
from bot.sources.oai import parse_records

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[3] / "shared" / "data")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real answers: set PAPERROUND_DATA")

LISTS = {"listing_new_cs.AI_2026-08-12_sample.html": ("cs.AI", date(2026, 8, 12), (2, 2, 2))}
NO_LISTS = ("list_cs.CL_2026-01.html", "list_cs.CL_recent.html")
ANSWERS = {
    "api_1706.03762.xml": 1,
    "api_zero_results.xml": 0,
    "arxivpy_id_0000.0000_s0_m100_8b51d9633a68_http200.xml": 0,
    "arxivpy_id_astro-ph_0601001_s0_m100_3150dca9dc76_http200.xml": 1,
    "arxivpy_q_testing_s0_m10_bc5a6c384fe9_http200.xml": 10,
    "query_cs.AI_OR_cs.LG_50_2026-07-13.xml": 50,
    "query_cs.LG_OR_cs.AI_20_2026-04-30.xml": 20,
}
REFUSED_ANSWERS = {
    "api_error_start.xml": "start must be an integer",
    "arxivpy_id_abc_s0_m100_b79c8dcf6bc3_http400.xml": "incorrect id format for abc",
}
RECORDS = {
    "oai-pmh_ListRecords_cs_2016-03-01_40records.xml": 40,
    "oai_arxiv_1706.03762.xml": 1,
    "oai_raw_1706.03762.xml": 1,
    "oai_raw_hep-th_9711200.xml": 1,
}
REFUSED_RECORDS = {"oai_dc_1706.03762.xml": "in no known format"}


def read(folder, name):
    return (DATA / folder / name).read_bytes()


def test_every_sample_is_used():
    """No real answer lies about untested."""
    for folder, used in (
        ("listing", {*LISTS, *NO_LISTS}),
        ("api", {*ANSWERS, *REFUSED_ANSWERS}),
        ("oai", {*RECORDS, *REFUSED_RECORDS}),
    ):
        assert {each.name for each in (DATA / folder).iterdir()} == used


@pytest.mark.parametrize("name", LISTS)
def test_a_list_tells_its_day_and_counts(name):
    """Day, total and types are those of the page."""
    category, day, counts = LISTS[name]
    found = parse_listing(read("listing", name), category, where=name)
    kinds = Counter(kind.value for _, kind in found.entries)
    assert (found.day, found.total, found.is_whole) == (day, sum(counts), True)
    assert tuple(kinds[each] for each in ("new", "cross", "replace")) == counts


@pytest.mark.parametrize("name", NO_LISTS)
def test_other_lists_are_refused(name):
    """A month, and several days at once, are no announcement."""
    with pytest.raises(SourceError, match="of which day"):
        parse_listing(read("listing", name), "cs.CL", where=name)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_the_api_are_read(name):
    """Every paper comes out, readable and complete."""
    records = parse_answer(read("api", name), where=name)
    assert len(records) == ANSWERS[name]
    for each in records:
        check(each)


@pytest.mark.parametrize("name", REFUSED_ANSWERS)
def test_errors_of_the_api_are_told(name):
    """What arXiv said is in the error."""
    with pytest.raises(SourceError, match=REFUSED_ANSWERS[name]):
        parse_answer(read("api", name), where=name)


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_read(name):
    """Every record comes out, readable and complete."""
    page = parse_records(read("oai", name), where=name)
    assert (len(page.records), page.token, page.is_expired) == (RECORDS[name], "", False)
    for each in page.records:
        check(each)


@pytest.mark.parametrize("name", REFUSED_RECORDS)
def test_another_format_is_refused(name):
    """Dublin Core has neither categories nor versions."""
    with pytest.raises(SourceError, match=REFUSED_RECORDS[name]):
        parse_records(read("oai", name), where=name)


def test_two_ways_tell_the_same_of_a_paper():
    """The API and the raw format agree on 1706.03762, but for the day of its change and the licence."""
    (api,) = parse_answer(read("api", "api_1706.03762.xml"))
    (raw,) = parse_records(read("oai", "oai_raw_1706.03762.xml")).records
    assert (api.paper.versioned_id, api.created, api.comment) == (raw.paper.versioned_id, raw.created, raw.comment)
    assert (api.paper.title, api.paper.abstract) == (raw.paper.title, raw.paper.abstract)
    assert (api.paper.authors, api.paper.categories) == (raw.paper.authors, raw.paper.categories)
    assert (api.created, api.paper.version) == (date(2017, 6, 12), 7)


def check(record):
    """What every record must have."""
    paper = record.paper
    assert all((paper.title, paper.abstract, paper.authors, paper.categories, paper.raw_authors))
    assert record.created <= record.changed
    assert "\n" not in record.comment
    assert not any(set("\\{}$") & set(author) for author in paper.authors), paper.authors
