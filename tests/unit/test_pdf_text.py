"""The text of PDFs."""

import io
import itertools

import pypdfium2
import pytest

from bot.errors import SourceError, SourceFault
from bot.model.summary import SectionKind, TextSource
from bot.sources.headings import Headings
from bot.sources.pdf_text import MAX_PAGES, mend, parse_pdf
from tests.texts import make_pdf

FIRST = (
    "arXiv:2611.00001v1 [cs.CL] 20 Nov 2026", "Teapots", "Ada Vale", "1 University of Pots", "Abstract",
    "We count teapots.", "1 Introduction", "Teapots were never coun-", "ted before [1].", "2 Method", "2.1 Shelves",
    "2 of the shelves are full.", "3.5 Litres fit.", "2.2 Kettles", "See https://example.org/pots.", "1",
)  # fmt: skip
SECOND = (
    "Running head", "more of it.", "3 Results and Discussion", "We found 42 pots.", "Acknowledgments", "Thanks.",
    "References", "[1] J. Oak. Kettles. 2019.", "A Proofs", "A.1 First", "Thus.", "2",
)  # fmt: skip


def outline(text):
    return [(section.title, section.kind.value) for section in text.sections]


def test_headings_make_sections():
    """Numbered headings in order and well-known ones divide the text; what stands on every page's edge is left out."""
    text = parse_pdf(make_pdf(FIRST, SECOND, links=("https://github.com/a/b",)))
    assert text.source is TextSource.PDF
    assert outline(text) == [
        ("", "body"),
        ("Abstract", "body"),
        ("1 Introduction", "body"),
        ("2 Method", "body"),
        ("2.1 Shelves", "body"),
        ("2.2 Kettles", "body"),
        ("3 Results and Discussion", "body"),
        ("Acknowledgments", "body"),
        ("References", "references"),
        ("A Proofs", "appendix"),
        ("A.1 First", "appendix"),
    ]
    parts = {section.title: section.text for section in text.sections}
    assert parts["1 Introduction"].replace("\n", " ") == "Teapots were never counted before [1]."
    assert parts["2.1 Shelves"] == "2 of the shelves are full.\n3.5 Litres fit."
    assert parts["2.2 Kettles"].splitlines()[0] == "See https://example.org/pots."
    assert "arXiv:" not in parts[""]
    assert text.links == ("https://github.com/a/b", "https://example.org/pots")


def test_running_heads_and_page_numbers_go():
    """A line at the edge of page after page is not the paper, whatever number it bears."""
    pages = [
        (f"Teapots, page {number}", *[chr(97 + number) + each * 9 for each in "abcdefgh"], str(number))
        for number in range(5)
    ]
    text = parse_pdf(make_pdf(*pages)).sections[0].text
    assert "page" not in text
    assert len(text.splitlines()) == 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tea\x02pots", "teapots"),
        ("state-of-the\x02art", "state-of-the-art"),
        ("GPT\x024", "GPT-4"),
        ("Navier\x02Stokes", "Navier-Stokes"),
        ("coun-\r\nted", "counted"),
        ("a-\r\n1", "a-\r\n1"),
    ],
)
def test_words_divided_at_line_ends_are_mended(text, expected):
    """A hyphen goes where only the line's end put it."""
    assert mend(text) == expected


@pytest.mark.parametrize(
    ("lines", "headings"),
    [
        (["I. INTRODUCTION", "II. METHOD", "IX. NO"], ["I. INTRODUCTION", "II. METHOD"]),
        (["Abstract—We count.", "1. Introduction"], ["Abstract", "1. Introduction"]),
        (["1 Pots University", "2 Kettle Institute", "Introduction"], ["Introduction"]),
        (["1 Introduction", "3 Pots", "2 Kettles"], ["1 Introduction", "2 Kettles"]),
        (["1 Introduction . . . . 3", "2 Method 5", "Introduction"], ["Introduction"]),
        (["Abstract", "1 We show that so many words in one line are never a heading of anything"], ["Abstract"]),
        (["Abstract", "1 A sentence ends here.", "A Lettered"], ["Abstract"]),
        (["1 Introduction", "1.1 A", "1.1.1 Below", "2 Up"], ["1 Introduction", "2 Up"]),
        (
            ["1 Introduction", "1.1 Aim", "1.1.1 Below", "1.2 Beside", "2 Up"],
            ["1 Introduction", "1.1 Aim", "1.1.1 Below", "1.2 Beside", "2 Up"],
        ),
    ],
)
def test_what_is_a_heading(lines, headings):
    """Numbers must follow each other and names be known: lists, affiliations, tables of contents are text."""
    reader = Headings()
    found = [heading.title for line in lines if (heading := reader.read(line, SectionKind.BODY))]
    assert found == headings


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not a PDF"),
        (b"<html>Sorry</html>", "not a PDF"),
        (make_pdf(FIRST)[:300], "not a PDF|no text"),
        (make_pdf(FIRST, extra="/Encrypt << /Filter /Standard /V 9 /R 9 >>"), "not a PDF"),
        (make_pdf(FIRST, extra="/Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (y) /P -4 >>"), "not a PDF"),
        (make_pdf(), "not a PDF|no text"),
        (make_pdf((), ()), "no text"),
    ],
)
def test_a_pdf_without_text_is_an_error(content, what):
    """Broken, encrypted, empty and scanned PDFs are refused."""
    with pytest.raises(SourceError, match=what) as caught:
        parse_pdf(content)
    assert caught.value.fault is SourceFault.INVALID


def test_an_empty_document_of_the_library_is_an_error():
    """A PDF that PDFium made itself, of blank pages, has no text."""
    document = pypdfium2.PdfDocument.new()
    document.new_page(100, 100)
    target = io.BytesIO()
    document.save(target)
    document.close()
    with pytest.raises(SourceError, match="no text"):
        parse_pdf(target.getvalue())


def test_a_broken_page_is_left_out():
    """One page that cannot be opened costs no other."""
    content = make_pdf(("One",), ("Two",), ("Three",)).replace(b"[3 0 R 5 0 R 7 0 R]", b"[3 0 R 1 0 R 7 0 R]")
    assert parse_pdf(content).sections[0].text == "One\nThree"


def test_letters_are_headings_in_appendices_only_in_order():
    """A line that begins with a letter is a heading if it is the next one's turn."""
    text = parse_pdf(
        make_pdf(("Introduction", "A Word", "Appendix", "A Proofs", "C Word", "B Data", "Appendix C", "x"))
    )
    assert outline(text) == [
        ("Introduction", "body"),
        ("Appendix", "appendix"),
        ("A Proofs", "appendix"),
        ("B Data", "appendix"),
        ("Appendix C", "appendix"),
    ]


def test_only_the_first_pages_are_read():
    """Of 2,000 pages the first ones are the text."""
    text = parse_pdf(make_pdf(*[(f"Page {number} of many",) for number in range(1, 2001)]))
    assert f"Page {MAX_PAGES} of many" in text.sections[0].text
    assert f"Page {MAX_PAGES + 1} of many" not in text.sections[0].text


def test_time_is_bounded_and_leaves_a_beginning():
    """When the time is over, the pages read so far are the text."""
    clock = itertools.count(step=6)
    text = parse_pdf(make_pdf(*[(f"Page {number}",) for number in range(1, 50)]), lambda: next(clock))
    assert text.sections[0].text == "Page 1\nPage 2\nPage 3"
