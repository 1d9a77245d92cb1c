"""What is believed of answers of the API and of OAI-PMH, and what is refused."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceError, SourceFault
from bot.model.listing import Record
from bot.sources.api import parse_answer
from bot.sources.oai import parse_records, set_of
from tests.servers import arxiv_pages as pages
from tests.servers.arxiv_truth import Truth

MONDAY, TUESDAY = date(2026, 8, 10), date(2026, 8, 11)
NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)


def make_paper():
    truth = Truth()
    truth.announce(
        MONDAY,
        "2608.00001",
        "cs.CL",
        "cs.AI",
        title=r"Teapots of \'Etienne",
        abstract="  They hold $x_1$ cups.\nNo more.",
        authors=("Ren\\'e Vale", "The Teapot Collaboration", "J. Oak, Jr."),
        comment="9 pages,\n  2 figures",
        doi="10.1000/tea",
        journal_ref="J. Tea 1 (2026)",
    )
    truth.replace(TUESDAY, "2608.00001")
    return truth.papers["2608.00001"]


PAPER = make_paper()
SEEN = PAPER.seen_on(TUESDAY)
API = pages.api(NOW, [pages.api_entry(PAPER, *SEEN)])


def make_oai(prefix="arXivRaw", rest=""):
    record = pages.oai_record(PAPER, SEEN, TUESDAY, prefix)
    return pages.oai(NOW, {"verb": "ListRecords"}, f"<ListRecords>{record}{rest}</ListRecords>")


def refusal(parse, content):
    with pytest.raises(SourceError) as caught:
        parse(content, where="here.xml")
    assert caught.value.where == "here.xml"
    assert caught.value.fault is SourceFault.INVALID
    return caught.value


def check_paper(paper):
    """What both ways must tell of the invented paper."""
    assert paper.versioned_id == "2608.00001v2"
    assert (paper.title, paper.abstract) == ("Teapots of Étienne", "They hold x₁ cups. No more.")
    assert paper.raw_title == r"Teapots of \'Etienne"
    assert paper.categories == ("cs.CL", "cs.AI")
    assert (paper.doi, paper.journal_ref) == ("10.1000/tea", "J. Tea 1 (2026)")


def test_the_api_tells_what_feeds_do_not():
    """Comment, authors one by one, days, DOI and journal; the primary category comes first."""
    (record,) = parse_answer(API)
    check_paper(record.paper)
    assert record.paper.authors == ("René Vale", "The Teapot Collaboration", "J. Oak, Jr.")
    assert (record.comment, record.is_deleted) == ("9 pages, 2 figures", False)
    assert (record.created, record.changed) == (date(2026, 8, 7), MONDAY)


def test_the_primary_category_is_first_wherever_it_is_listed():
    """The element that names the primary decides."""
    other = API.replace(b'primary_category term="cs.CL"', b'primary_category term="cs.AI"')
    assert parse_answer(other)[0].paper.categories == ("cs.AI", "cs.CL")


def test_unknown_papers_are_no_papers():
    """An answer without entries is empty."""
    assert parse_answer(pages.api(NOW, [])) == ()


def test_an_error_of_the_api_is_an_error():
    """What the API says in an entry, also beside papers and with any status, is raised and not tried again."""
    error = refusal(
        parse_answer, pages.api(NOW, [pages.api_entry(PAPER, *SEEN), pages.api_error("incorrect id format")])
    )
    assert "arXiv answered: incorrect id format" in str(error)
    assert error.retry is False


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"http://arxiv.org/abs/2608.00001v2", b"http://arxiv.org/abs/2608.00001", "with its version"),
        (b"<published>2026", b"<published>soon", "no date"),
        (b"<entry>", b"<entree>", "not well-formed"),
        (b"<author>", b"<x/><author><!--", "not well-formed"),
        (b"Teapots of", b"<!ENTITY a 'b'>", "not well-formed"),
        (b"<feed ", b"<!DOCTYPE feed [<!ENTITY a 'b'>]><feed ", "document type"),
        (b"feed", b"fool", "<fool>"),
    ],
)
def test_an_answer_understood_in_part_is_refused(old, new, what):
    """No entry is dropped silently."""
    assert old in API
    assert what in str(refusal(parse_answer, API.replace(old, new)))


def test_an_answer_with_fewer_papers_than_it_says_is_refused():
    """The API counts what it found; where entries lack, they were lost."""
    short = API.replace(b"itemsPerPage>1<", b"itemsPerPage>9<").replace(b"totalResults>1<", b"totalResults>2<")
    assert "speaks of 2 papers, but has 1" in str(refusal(parse_answer, short))


def test_the_raw_format_tells_versions_and_their_dates():
    """The version is how many there are, `created` the day of the first, `changed` the record's."""
    (record,) = parse_records(make_oai()).records
    check_paper(record.paper)
    assert record.paper.authors[:2] == ("René Vale", "The Teapot Collaboration")
    assert (record.created, record.changed, record.comment) == (date(2026, 8, 7), TUESDAY, "9 pages, 2 figures")


def test_the_other_format_is_understood_too():
    """`arXiv` names authors one by one, and tells at least that there was more than one version."""
    (record,) = parse_records(make_oai("arXiv")).records
    check_paper(record.paper)
    assert record.paper.authors[1] == "The Teapot Collaboration"


def test_a_deleted_record_is_told():
    """What the repository no longer shows has its id and day, and nothing else."""
    PAPER.removed = TUESDAY
    content = pages.oai(NOW, {}, f"<ListRecords>{pages.oai_deleted(PAPER)}</ListRecords>")
    (record,) = parse_records(content).records
    assert (record.paper.id, record.changed, record.is_deleted) == ("2608.00001", TUESDAY, True)


def test_a_token_asks_for_the_next_page():
    """The token and the size of the whole list are read; an empty or no token ends it."""
    page = parse_records(make_oai(rest='<resumptionToken completeListSize="1234">a|b</resumptionToken>'))
    assert (page.token, page.total) == ("a|b", 1234)
    for last in ('<resumptionToken completeListSize="many"/>', ""):
        assert (parse_records(make_oai(rest=last)).token, parse_records(make_oai(rest=last)).total) == ("", 0)


@pytest.mark.parametrize(("code", "is_expired"), [("noRecordsMatch", False), ("badResumptionToken", True)])
def test_two_errors_are_no_errors(code, is_expired):
    """Nothing changed is an empty page; an expired token is told, so that one can begin again."""
    page = parse_records(pages.oai(NOW, {}, f'<error code="{code}"/>'))
    assert (page.records, page.token, page.is_expired) == ((), "", is_expired)


def test_other_errors_are_errors():
    """Their code and text are in the error."""
    error = refusal(parse_records, pages.oai(NOW, {}, '<error code="badArgument">no such set</error>'))
    assert "badArgument no such set" in str(error)
    assert error.retry is False


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"oai:arXiv.org:2608.00001", b"oai:arXiv.org:x", "no arXiv id"),
        (b"<datestamp>2026", b"<datestamp>x", "no day"),
        (b"Fri, 07 Aug 2026", b"Someday", "no date"),
        (b"OAI/arXivRaw/", b"OAI/other/", "no known format"),
        (b"ListRecords>", b"ListSets>", "lists no records"),
        (b"cs.CL cs.AI", b" ", "no category"),
        (b"</OAI-PMH>", b"", "broken off"),
    ],
)
def test_records_understood_in_part_are_refused(old, new, what):
    """One record that cannot be read spoils the page."""
    assert old in make_oai()
    assert what in str(refusal(parse_records, make_oai().replace(old, new)))


@pytest.mark.parametrize("parse", [parse_answer, parse_records])
@pytest.mark.parametrize("content", [b"", b"Rate exceeded.", b"<html/>", b"\xff\xfe<\x00", b"<rss></rss>"])
def test_anything_else_is_refused(parse, content):
    """Error pages, other XML and nothing at all are errors."""
    refusal(parse, content)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("cs", "cs"),
        ("cs.AI", "cs:cs:AI"),
        ("q-bio.NC", "q-bio:q-bio:NC"),
        ("hep-th", "physics:hep-th"),
        ("astro-ph.GA", "physics:astro-ph:GA"),
        ("physics.optics", "physics:physics:optics"),
        ("physics", "physics:physics"),
        ("math-ph", "physics:math-ph"),
    ],
)
def test_sets_are_named_by_group_archive_and_category(category, expected):
    """All of physics is one group of archives; every other archive is a group of its own."""
    assert set_of(category) == expected


@pytest.mark.parametrize(("parse", "content"), [(parse_answer, API), (parse_records, make_oai())])
@given(data=st.data())
def test_damage_ends_in_an_error_or_a_paper(parse, content, data):
    """Whatever happens to some bytes, nothing but a SourceError is raised."""
    start = data.draw(st.integers(0, len(content) - 1))
    removed, inserted = data.draw(st.integers(0, 60)), data.draw(st.binary(max_size=6))
    with suppress(SourceError):
        parse(content[:start] + inserted + content[start + removed :])


def make_record(comment="", abstract="We count teapots."):
    paper = parse_answer(API)[0].paper
    return Record(replace(paper, abstract=abstract), TUESDAY, MONDAY, comment)


@pytest.mark.parametrize(
    "said",
    [
        "This paper has been withdrawn",
        "This article has been withdrawn because it has been merged with the earlier one",
        "withdrawn",
        "Paper withdrawn by the author due to an error in lemma 3",
        "9 pages. This submission has been withdrawn by arXiv administrators",
        "v2 is withdrawn",
    ],
)
def test_a_withdrawal_is_told_by_its_words(said):
    """A comment, or an abstract that begins so, says that a paper is withdrawn."""
    assert make_record(comment=said).is_withdrawn
    assert "9" in said or make_record(abstract=said).is_withdrawn


@pytest.mark.parametrize(
    "said",
    [
        "",
        "9 pages",
        "Replaces withdrawn paper 0704.0001",
        "Withdrawn paper 0704.0001 is corrected here",
        "cash is withdrawn",
    ],
)
def test_the_word_alone_is_no_withdrawal(said):
    """Papers may speak of what was withdrawn."""
    assert not make_record(comment=said).is_withdrawn
    assert not make_record(abstract=said).is_withdrawn
