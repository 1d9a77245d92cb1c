"""What is believed of a list's page, and what is refused."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceError, SourceFault
from bot.sources.listing import parse_listing
from tests.servers.arxiv_pages import listing, order_listing
from tests.servers.arxiv_truth import Truth

MONDAY, TUESDAY = date(2026, 8, 10), date(2026, 8, 11)


def make_truth():
    """On Tuesday one new paper, a cross-list, a replacement, and a replacement of a cross-list, all as cs.AI sees them."""
    truth = Truth()
    truth.announce(MONDAY, "2608.00001", "cs.AI")
    truth.announce(MONDAY, "2608.00002", "cs.LG", "cs.AI")
    truth.announce(TUESDAY, "2608.00003", "cs.AI", "cs.LG")
    truth.announce(TUESDAY, "hep-th/9901001", "hep-th", "cs.AI")
    truth.replace(TUESDAY, "2608.00001")
    truth.replace(TUESDAY, "2608.00002")
    return truth


def make_page(skip=0, show=2000, name="cs.AI", day=TUESDAY):
    return listing(name, day, order_listing(make_truth().rows(day, [name])), skip, show)


PAGE = make_page()


def refusal(content):
    with pytest.raises(SourceError) as caught:
        parse_listing(content, "cs.AI", where="here.html")
    assert caught.value.where == "here.html"
    assert caught.value.fault is SourceFault.INVALID
    return str(caught.value)


def test_a_page_tells_its_day_and_every_entry_with_its_type():
    """Day, count and entries come in the page's order; replacements of cross-lists are told by their primary."""
    found = parse_listing(PAGE, "cs.AI")
    assert (found.category, found.day, found.total, found.is_whole) == ("cs.AI", TUESDAY, 4, True)
    assert [(identifier, kind.value) for identifier, kind in found.entries] == [
        ("2608.00003", "new"),
        ("hep-th/9901001", "cross"),
        ("2608.00001", "replace"),
        ("2608.00002", "replace-cross"),
    ]


def test_an_archives_list_covers_its_categories():
    """For all of cs, a replacement in any category of cs is no cross-list."""
    kinds = [kind.value for _, kind in parse_listing(make_page(name="cs"), "cs").entries]
    assert kinds == ["new", "cross", "replace", "replace"]


def test_a_replacement_whose_primary_is_not_told_is_a_replacement():
    """Without the subjects the weaker assumption holds."""
    kinds = [kind.value for _, kind in parse_listing(PAGE.replace(b"primary-subject", b"x"), "cs.AI").entries]
    assert kinds[2:] == ["replace", "replace"]


@pytest.mark.parametrize("show", [1, 2, 3])
def test_a_page_of_many_says_how_long_the_list_is(show):
    """Every page states the total; what it shows itself is less."""
    pages = [parse_listing(make_page(skip, show), "cs.AI") for skip in range(0, 4, show)]
    assert {page.total for page in pages} == {4}
    assert not any(page.is_whole for page in pages)
    assert sum((page.entries for page in pages), ()) == parse_listing(PAGE, "cs.AI").entries


def test_a_list_without_entries_is_a_quiet_day():
    """A page that says so has none; a page that merely shows none is refused."""
    empty = make_page(name="cs.CL")
    found = parse_listing(empty, "cs.CL")
    assert (found.day, found.total, found.entries) == (TUESDAY, 0, ())
    assert "neither entries nor a word" in refusal(empty.replace(b"No updates today.", b"Sorry."))


def test_headings_alone_tell_the_total_where_they_are_all():
    """Without a stated total the headings are summed, unless one of them goes on on another page."""
    assert parse_listing(PAGE.replace(b"Total of", b"Some"), "cs.AI").total == 4
    assert "how long it is" in refusal(make_page(0, 3).replace(b"Total of", b"Some"))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"Showing new listings for", b"Listings of", "of which day"),
        (b"Tuesday, 11 August 2026", b"Tuesday, 31 Febtober 2026", "of which day"),
        (b"Tuesday, 11 August 2026", b"Tuesday, 31 February 2026", "of which day"),
        (b"showing 1 of 1 entries", b"showing 2 of 2 entries", "announces 2 entries as new, but has 1"),
        (b"New submissions", b"Old submissions", "under no heading"),
        (b'href ="/abs/2608.00003"', b'href ="/abs/"', "no arXiv id"),
        (b'href ="/abs/2608.00003"', b'href ="/cat/2608.00003"', "no arXiv id"),
        (b"Total of 4", b"Total of 3", "counts disagree"),
        (b"Total of 4", b"Total of " + b"9" * 5000, "no list"),
        (b"teapots", b"\xff", "no list"),
    ],
)
def test_a_page_that_contradicts_itself_is_refused(old, new, what):
    """A wrong count never passes for a right one, and the refusal says what is wrong."""
    assert old in PAGE
    assert what in refusal(PAGE.replace(old, new))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Rate exceeded.",
        b"<html><body>Service unavailable</body></html>",
        b"<dl>" * 50_000,
        b"\x89PNG\r\n",
        PAGE[:900],
    ],
)
def test_what_is_no_list_is_refused(content):
    """Error pages, nothing, and pages broken off are refused."""
    refusal(content)


@given(st.integers(0, len(PAGE) - 1), st.binary(max_size=6), st.integers(0, 400))
def test_a_damaged_page_is_never_longer_than_it_says(start, inserted, removed):
    """Whatever happens to some bytes of a page, it ends in entries that agree with its counts, or in a SourceError."""
    with suppress(SourceError):
        found = parse_listing(PAGE[:start] + inserted + PAGE[start + removed :], "cs.AI")
        assert len(found.entries) <= found.total
