"""Papers as BibTeX, RIS, CSV and Markdown: every file is read back by the strict reader of its format."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.exports import FORMATS, Reference, write_file
from bot.exports.bibtex import bibtex_entry
from bot.exports.names import split_name
from tests.build import make_paper
from tests.reading import read_bibtex, read_csv, read_ris, spell_out

HOSTILE = [
    "Braces } that { never match",
    "100% of \\input{/etc/passwd} & more_or_less #1 ~ ^ `quoted`",
    "Lines\nthat\r\nbreak\u2028everywhere",
    '=HYPERLINK("https://evil.example", "win")',
    "+1 -1 @everyone",
    "<script>alert(1)</script> [a](javascript:x) ![i](x)",
    "ER  - \r\nTY  - BOOK",
    "}, author = {Mallory",
    "\u202egnp.exe \x00\x1b[2J",
    "$\\immediate\\write18{rm -rf ~}$ and $x^2$",
]
FORMS = {each.name: each for each in FORMATS}


def write(name, *papers):
    return FORMS[name].write([Reference(each, date(2026, 11, 20)) for each in papers])


def of(title="A title", raw="", **fields):
    return Reference(make_paper(title=title, raw_title=raw, **fields))


def test_a_bibtex_entry_has_what_arxiv_writes():
    """The fields that reference styles and Zotero read, with the title's capitals kept."""
    paper = make_paper(
        "2608.11232", "Small KV Caches", authors=("Jan van den Berg", "José García"), categories=("cs.CL", "cs.LG"),
        doi="10.1000/xyz", journal_ref="J. Caches & Co. 5",
    )  # fmt: skip
    [(kind, key, fields)] = read_bibtex(bibtex_entry(Reference(paper)))
    assert (kind, key) == ("misc", "vandenberg-2608.11232")
    assert fields == {
        "title": "{Small KV Caches}",
        "author": "van den Berg, Jan and García, José",
        "year": "2026",
        "eprint": "2608.11232",
        "archivePrefix": "arXiv",
        "primaryClass": "cs.CL",
        "doi": "10.1000/xyz",
        "url": "https://arxiv.org/abs/2608.11232",
        "note": r"J. Caches \& Co. 5",
    }


@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_breaks_out_of_any_format(title):
    """Each file parses, has the one paper, and says of the title what a person can read."""
    paper = make_paper(
        title=title, raw_title=title, abstract=title, authors=(title, "Ada Vale"), doi=title, journal_ref=title
    )
    [(_, key, fields)] = read_bibtex(write("bibtex", paper))
    assert key.endswith("-2611.00001")
    assert "\n" not in spell_out(fields["title"])
    [record] = read_ris(write("ris", paper))
    assert [tag for tag, _ in record].count("TI") == 1
    [row] = read_csv(write("csv", paper))
    assert row["id"] == "2611.00001"
    markdown = write("markdown", paper)
    assert len([line for line in markdown.splitlines() if line.startswith("- [")]) == 1
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(javascript|\x1b|\u202e", markdown)


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_read_back(title, name):
    """Whatever arXiv serves, no reader stumbles, and the other fields stay what they are."""
    paper = make_paper(title=title, raw_title=title, authors=(name,), abstract=name)
    [(_, _, fields)] = read_bibtex(write("bibtex", paper))
    assert fields["eprint"] == "2611.00001"
    read_ris(write("ris", paper))
    [row] = read_csv(write("csv", paper))
    assert row["link"] == "https://arxiv.org/abs/2611.00001"


def test_formulas_stay_tex_where_they_are_harmless():
    """A formula that we can read is kept for TeX; one with commands we do not know is shown, and does nothing."""
    [(_, _, fields)] = read_bibtex(bibtex_entry(of(raw=r"On $\alpha$-Divergences and $L_1$, 50\% off")))
    assert fields["title"] == r"{On $\alpha$-Divergences and $L_1$, 50\% off}"
    [(_, _, fields)] = read_bibtex(bibtex_entry(of(raw=r"Run $\write18{ls}$ now")))
    assert "\\write" not in fields["title"]
    [(_, _, fields)] = read_bibtex(bibtex_entry(of(raw="From $5 to $10")))
    assert fields["title"] == r"{From \$5 to \$10}"


@pytest.mark.parametrize(
    ("name", "bibtex", "inverted"),
    [
        ("Ada Vale", "Vale, Ada", "Vale, Ada"),
        ("Ludwig van Beethoven", "van Beethoven, Ludwig", "van Beethoven, Ludwig"),
        ("María de la Cruz", "de la Cruz, María", "de la Cruz, María"),
        ("Nguyen Van Anh", "Anh, Nguyen Van", "Anh, Nguyen Van"),
        ("Martin Luther King Jr.", "King, Jr., Martin Luther", "King, Martin Luther, Jr."),
        ("ATLAS Collaboration", "{ATLAS Collaboration}", "ATLAS Collaboration"),
        ("Plato", "{Plato}", "Plato"),
        ("Bjørn Ångström", "Ångström, Bjørn", "Ångström, Bjørn"),
        ("Rosencrantz and Guildenstern", "{Rosencrantz and Guildenstern}", "Rosencrantz and Guildenstern"),
    ],
)  # fmt: skip
def test_names_come_in_parts(name, bibtex, inverted):
    """Particles go with the family, suffixes stand apart, groups are one name, and `and` only separates authors."""
    assert split_name(name).inverted == inverted
    [(_, _, fields)] = read_bibtex(bibtex_entry(of(authors=(name, "Ada Vale"))))
    assert fields["author"] == f"{bibtex} and Vale, Ada"


def test_keys_are_unique_and_always_the_same():
    """Two papers of one family and year have two keys, and neither depends on what else is exported."""
    one, two, old = (make_paper(each, authors=("Ada Vale",)) for each in ("2611.00001", "2611.00002", "hep-th/9711200"))
    together = [key for _, key, _ in read_bibtex(write("bibtex", one, two, old))]
    assert together == ["vale-2611.00001", "vale-2611.00002", "vale-hep-th-9711200"]
    assert [key for _, key, _ in read_bibtex(write("bibtex", two))] == ["vale-2611.00002"]


@pytest.mark.parametrize(
    ("identifier", "year", "month"),
    [("2611.00001", 2026, 11), ("hep-th/9711200", 1997, 11), ("math/0309136", 2003, 9), ("0704.0001", 2007, 4)],
)
def test_the_year_is_that_of_the_first_version(identifier, year, month):
    """It follows from the id, whatever day the paper was announced anew."""
    reference = of()
    reference = Reference(replace(reference.paper, id=identifier))
    assert (reference.year, reference.month) == (year, month)


def test_ris_has_its_tags_in_order():
    """TY first, ER last, an AU for each author."""
    [record] = read_ris(write("ris", make_paper(title="Small KV Caches", authors=("Ada Vale", "Bo Li"))))
    assert record[0] == ("TY", "UNPB")
    assert record[-1] == ("ER", "")
    assert [value for tag, value in record if tag == "AU"] == ["Vale, Ada", "Li, Bo"]
    assert ("DO", "10.48550/arXiv.2611.00001") in record
    assert ("DA", "2026/11//") in record


def test_csv_opens_in_a_spreadsheet():
    """Cells that begin like formulas are text, quotes and commas stay in their cell."""
    [row] = read_csv(
        write("csv", make_paper(title='=1+1, "two"', authors=("Ada Vale", "Bo Li"), categories=("cs.CL", "cs.LG")))
    )
    assert row["title"] == '\'=1+1, "two"'
    assert (row["authors"], row["categories"], row["saved"]) == ("Ada Vale; Bo Li", "cs.CL cs.LG", "2026-11-20")


def test_what_is_known_no_longer_has_id_title_and_link():
    """Every format takes a paper of which nothing else is left."""
    bare = Reference.bare("2401.00001", "Old News", date(2026, 11, 20))
    [(_, key, fields)] = read_bibtex(FORMS["bibtex"].write([bare]))
    assert key == "arxiv-2401.00001"
    assert set(fields) == {"title", "year", "eprint", "archivePrefix", "url"}
    read_ris(FORMS["ris"].write([bare]))
    read_csv(FORMS["csv"].write([bare]))
    assert write_file(FORMS["markdown"], [bare], "saved").name == "saved.md"
