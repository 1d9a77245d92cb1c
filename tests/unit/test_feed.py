"""What is believed of a feed, and what is refused."""

import sys
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceError, SourceFault
from bot.model.paper import AnnounceType
from bot.sources.feed import parse_feed
from tests.adapters.arxiv_server import error_feed, make_feed, make_item

ONE = make_feed("cs.CL", make_item("2608.00001"))


def parse_one(**fields):
    ((paper, kind),) = parse_feed(make_feed("cs.CL", make_item("2608.00001", **fields))).papers
    return paper, kind


def refusal(content):
    with pytest.raises(SourceError) as caught:
        parse_feed(content, where="here.xml")
    assert caught.value.where == "here.xml"
    assert str(caught.value).startswith("here.xml: ")
    return str(caught.value)


@pytest.mark.parametrize("kind", [each.value for each in AnnounceType])
def test_every_announce_type_is_read(kind):
    """Each of arXiv's four types comes out as itself."""
    assert parse_one(kind=kind)[1] == kind


def test_the_description_tells_the_type_where_the_element_is_missing():
    """An item without announce_type is announced as its description says."""
    content = make_feed("cs.CL", make_item("2608.00001", kind="cross"))
    without = content.replace(b"<arxiv:announce_type>cross</arxiv:announce_type>", b"")
    assert [kind for _, kind in parse_feed(without).papers] == [AnnounceType.CROSS]


@pytest.mark.parametrize("text", ["$a<b$ and $c>d$", "<b>bold</b> & <x|y>", "&lt; &amp;amp; &quot;", "100% of $5"])
def test_markup_in_a_text_is_text(text):
    """Titles and abstracts are neither sanitised nor unescaped twice: what arXiv wrote is kept to the character."""
    paper, _ = parse_one(title=text, abstract=text)
    assert (paper.raw_title, paper.raw_abstract) == (text, text)


def test_an_abstract_is_whole_with_its_paragraphs():
    """No line of an abstract is lost; its paragraphs stay apart in the readable text and in the raw one."""
    paper, _ = parse_one(abstract="First line\nstill first.\n  Second $x_1$.\n  Third.")
    assert paper.raw_abstract == "First line\nstill first.\n  Second $x_1$.\n  Third."
    assert paper.abstract == "First line still first.\nSecond x₁.\nThird."


def test_a_paper_listed_twice_is_one_paper():
    """The stronger type and the newer version are kept, in the place of the first."""
    items = (
        make_item("2608.00001", kind="replace", version=2),
        make_item("2608.00002"),
        make_item("2608.00001", kind="cross"),
    )
    batch = parse_feed(make_feed("cs.CL", *items))
    assert [(paper.versioned_id, kind.value) for paper, kind in batch.papers] == [
        ("2608.00001v2", "cross"),
        ("2608.00002v1", "new"),
    ]


def test_the_papers_day_wins_over_the_channels():
    """The announcement day is the one all papers state; the channel's where they disagree or there are none."""
    earlier, later = (make_item(f"2608.0000{day}", day=date(2026, 8, day)) for day in (3, 4))
    channel = date(2026, 8, 5)
    assert parse_feed(make_feed("cs.CL", earlier, day=channel)).day == date(2026, 8, 3)
    assert parse_feed(make_feed("cs.CL", earlier, later, day=channel)).day == channel
    assert parse_feed(make_feed("cs.CL", day=channel)).day == channel


def test_the_day_is_new_yorks():
    """A channel dated 04:00 UTC is of the New York day that begins then; at 03:59 it is still the day before."""
    empty = make_feed("cs.CL").replace(b"00:00:00 -0400", b"04:00:00 +0000")
    assert parse_feed(empty).day == date(2026, 8, 13)
    assert parse_feed(empty.replace(b"04:00:00", b"03:59:59")).day == date(2026, 8, 12)


def test_a_feed_without_papers_is_a_quiet_day():
    """A valid feed with nothing in it is an empty batch of its category and day."""
    batch = parse_feed(make_feed("cs.CL"))
    assert (batch.category, batch.day, batch.papers) == ("cs.CL", date(2026, 8, 13), ())


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_answer_is_no_quiet_day(content):
    """Nothing at all is an error, not a day without papers."""
    refusal(content)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_feed_broken_off_anywhere_is_refused(share):
    """No prefix of a feed passes for the whole."""
    whole = make_feed("cs.CL", *(make_item(f"2608.{number:05}") for number in range(20)))
    assert "broken off" in refusal(whole[: int(len(whole) * share)])


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"oai:arXiv.org:2608.00001v1", b"urn:uuid:17", "no arXiv id"),
        (b"oai:arXiv.org:2608.00001v1", b"oai:arXiv.org:2608.00001", "no arXiv id with its version"),
        (b"<arxiv:announce_type>new<", b"<arxiv:announce_type>nova<", "no announce type"),
        (b"\nAbstract: ", b"\nSummary: ", "no abstract"),
        (b"<category>cs.CL</category>", b"", "no category"),
        (b'Ada Vale, J\\"org Oak', b" ", "no author"),
        (b"Teapots, part 2608.00001", b"", "no title"),
        (b"<arxiv:announce_type>", b"<arxiv:announce_type><b/>", "no text"),
        (b"Thu, 13 Aug 2026", b"Someday", "date"),
        (b"Thu, 13 Aug 2026", b"Thu, 13 Aug 9999", "date"),
        (b"encoding='UTF-8'", b"encoding='iso-8859-1'", "not UTF-8"),
        (b"We count teapots.", b"We count \xff teapots.", "not well-formed"),
        (b"We count teapots.", b"We count &nbsp; teapots.", "not well-formed"),
        (b"<arxiv:announce_type>new</arxiv:announce_type>", b"<no:type>new</no:type>", "unbound prefix"),
    ],
)
def test_one_paper_that_cannot_be_read_spoils_the_feed(old, new, what):
    """A feed understood in part is refused, and the refusal says what is wrong."""
    assert old in ONE
    assert what in refusal(ONE.replace(old, new))


def test_the_category_is_in_the_title_or_the_address():
    """Without arXiv's title the feed's own address tells the category; without both the feed is refused."""
    renamed = ONE.replace(b"cs.CL updates on arXiv.org", b"News of the day")
    assert parse_feed(renamed).category == "cs.CL"
    assert "which category" in refusal(renamed.replace(b"/rss/cs.CL", b"/"))


def test_a_feed_says_of_which_day_it_is():
    """Without any date the feed is refused."""
    empty = make_feed("cs.CL")
    assert "of which day" in refusal(empty.replace(b"pubDate", b"someDate"))


@pytest.mark.parametrize(("old", "new"), [(b"item>", b"ITEM>"), (b"channel>", b"canal>")])
def test_papers_in_the_wrong_place_are_no_quiet_day(old, new):
    """Papers that stand elsewhere, or are spelled otherwise, than in any known format make the feed an error."""
    assert "1 papers are in the feed, but 0 could be read" in refusal(ONE.replace(old, new))


def test_an_old_title_must_end_in_its_id():
    """In RSS 1.0 the id is in the title's last words; without them the feed is refused."""
    old = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        b'<channel><title>hep-ex updates on arXiv.org</title><pubDate>Tue, 06 Mar 2018 00:00:00 -0500</pubDate></channel><item rdf:about="http://arxiv.org/abs/9911.00301">'
        b"<title>Crumbs.</title></item></rdf:RDF>"
    )
    assert "does not end in its id" in refusal(old)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html><body>Service unavailable</body></html>", "document type"),
        (b"<html><body>Service unavailable</body></html>", "<html>"),
        (b"Rate exceeded.", "not well-formed"),
        (b'{"error": 1}', "not well-formed"),
        (b"\x89PNG\r\n\x1a\n", "not well-formed"),
        (ONE.decode().encode("utf-16"), "not well-formed"),
        (b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"/>', "<urlset>"),
    ],
)
def test_what_is_no_feed_is_refused(content, what):
    """Error pages, other XML and other formats are named for what they are."""
    assert what in refusal(content)


def bomb():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE rss [<!ENTITY e0 "ha">{entities}]><rss><channel><title>&e9;</title></channel></rss>'.encode()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bomb(), "document type"),
        (b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><title>&x;</title></rss>', "document type"),
        (b"<rss " + b" ".join(b'a%d="1"' % n for n in range(50_000)) + b"/>", "attributes"),
        (b"<rss>" + b"<b>" * 100_000, "levels"),
        (b"<rss>" + b"<b/>" * 500_000 + b"</rss>", "elements"),
        (ONE.replace(b"We count teapots.", b"&lt;" * 1_000_000), "longer than any"),
        (ONE + b" " * 70_000_000, "larger than"),
    ],
)
def test_a_hostile_feed_is_refused_at_once(content, what):
    """Bombs end in a refusal before they cost more than a moment."""
    assert what in refusal(content)


@given(st.integers(0, len(ONE) - 1), st.binary(max_size=6), st.integers(0, 60))
def test_a_damaged_feed_is_whole_or_refused(start, inserted, removed):
    """Whatever happens to some bytes of a feed, it ends in a batch of its one paper, or of none, or in a SourceError."""
    damaged = ONE[:start] + inserted + ONE[start + removed :]
    with suppress(SourceError):
        assert len(parse_feed(damaged).papers) <= 1


def test_an_unknown_category_is_not_worth_another_try():
    """arXiv's error feed names the category and is not retried; other refusals may be."""
    with pytest.raises(SourceError, match=r"cs\.XX") as caught:
        parse_feed(error_feed("cs.XX"))
    assert (caught.value.retry, caught.value.fault) == (False, SourceFault.MISSING)
    with pytest.raises(SourceError) as broken:
        parse_feed(b"")
    assert (broken.value.retry, broken.value.fault) == (True, SourceFault.INVALID)


def test_a_long_list_of_authors_is_readable_to_the_last():
    """Three thousand authors of a collaboration come out one by one, accents and all."""
    names = ", ".join(rf"Ren\'e Author{number}" for number in range(3000))
    paper, _ = parse_one(authors=names)
    assert len(paper.authors) == 3000
    assert paper.authors[-1] == "René Author2999"
    assert paper.raw_authors == names


def test_parsing_imports_no_network_client():
    """The parser is pure: it works where no HTTP client is loaded."""
    assert "bot.sources.feed" in sys.modules
    assert not hasattr(sys.modules["bot.sources.feed"], "httpx2")
