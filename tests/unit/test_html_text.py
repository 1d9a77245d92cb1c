"""The text of LaTeXML's pages."""

import os
import time
from pathlib import Path

import pytest

from bot.errors import SourceError, SourceFault
from bot.model.summary import SectionKind, TextSource
from bot.sources.html_text import parse_html
from bot.sources.outline import MAX_CHARACTERS, MAX_LINKS, MAX_SECTIONS
from tests.texts import make_long_page, make_math, make_page, make_section

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[3] / "shared" / "data")
REAL = DATA / "fulltext"

NOTE = (
    '<span class="ltx_note ltx_role_footnote"><sup class="ltx_note_mark">1</sup><span class="ltx_note_outer">'
    '<span class="ltx_note_content"><sup class="ltx_note_mark">1</sup><span class="ltx_tag ltx_tag_note">1</span>'
    "See the shelf.</span></span></span>"
)
TABLE = """<figure class="ltx_table"><figcaption class="ltx_caption"><span class="ltx_tag">Table 1: </span>Pots.</figcaption>
<table class="ltx_tabular"><thead class="ltx_thead"><tr class="ltx_tr"><th class="ltx_td ltx_th"></th>
<th class="ltx_td ltx_th">Pots</th></tr></thead><tbody><tr class="ltx_tr"><td class="ltx_td"><p class="ltx_p">Ours</p></td>
<td class="ltx_td">3.5</td></tr></tbody></table></figure>"""
EQUATION = f"""<table class="ltx_equation ltx_eqn_table"><tbody><tr class="ltx_equation">
<td class="ltx_eqn_cell">{make_math("a%&#10;  =b", "block")}</td><td class="ltx_eqn_cell">(1)</td></tr></tbody></table>"""
LIST = """<ul class="ltx_itemize"><li class="ltx_item"><span class="ltx_tag ltx_tag_item">•</span>
<div class="ltx_para"><p class="ltx_p">First.</p></div></li></ul>"""
FIGURE = """<figure class="ltx_figure"><img alt="Refer to caption"><svg><text>noise</text></svg>
<figcaption class="ltx_caption">Figure 1: A pot.</figcaption></figure>"""


def read(*blocks):
    """The text of a page with one section that holds these blocks."""
    return parse_html(make_page(make_section("One", *blocks, number="1"))).sections[1].text


def outline(text):
    return [(section.title, section.kind.value) for section in text.sections]


def test_sections_come_by_name_and_in_order():
    """Every heading gives a section, those below others too; references and appendices are marked."""
    inner = make_section("Kettles", "Hot.", number="2.1", kind="subsection")
    proofs = make_section("More", "So.", number="A.1", kind="subsection")
    text = parse_html(
        make_page(
            make_section("Introduction", "Why.", number="1"),
            make_section("Method", number="2", inner=inner),
            make_section("Proofs", "Thus.", number="Appendix A", kind="appendix", inner=proofs),
        )
    )
    assert text.source is TextSource.HTML
    assert outline(text) == [
        ("Abstract", "body"),
        ("1 Introduction", "body"),
        ("2 Method", "body"),
        ("2.1 Kettles", "body"),
        ("Appendix A Proofs", "appendix"),
        ("A.1 More", "appendix"),
        ("References", "references"),
    ]
    assert [section.text for section in text.sections[:4]] == ["We count teapots, all of them.", "Why.", "", "Hot."]
    assert text.sections[-1].text == "[1] J. Oak. Kettles, 2019."


def test_what_follows_the_references_is_an_appendix():
    """Also where the author only began a section; but the methods of journals that print them last are the paper."""
    after = make_section("Details", "x") + make_section("Methods", "x")
    assert outline(parse_html(make_page(bibliography=make_section("6 References", "x") + after)))[1:] == [
        ("6 References", "references"),
        ("Details", "appendix"),
        ("Methods", "body"),
    ]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (f"Let {make_math('x_{1}&lt;2')}.", "Let $x_{1}<2$."),
        (make_math(r"\displaystyle y"), "$y$"),
        (EQUATION, "$a=b$ (1)"),
        (TABLE, "Table 1: Pots.\n| Pots\nOurs | 3.5"),
        (LIST, "• First."),
        (FIGURE, "Figure 1: A pot."),
        (f"Pots{NOTE} here.", "Pots (See the shelf.) here."),
        (
            "<section class='ltx_paragraph'><h5 class='ltx_title ltx_title_paragraph'>So</h5><p>it is.</p></section>",
            "So\nit is.",
        ),
        ("e\u200bﬃcient \u202eso\u00adft\n  white", "efficient soft white"),
        ("a<script>b</script><p hidden>c</p><button>d</button><nav>e</nav>", "a"),
    ],
)
def test_what_a_block_reads_like(block, expected):
    """Mathematics is TeX, said once; tables are rows, captions lines; what nobody would read is left out."""
    assert read(block) == expected


def test_text_after_an_abstract_or_a_part_is_not_under_its_heading():
    """A paper without sections has its text under no name."""
    text = parse_html(make_page('<div class="ltx_para"><p class="ltx_p">All of it.</p></div>', bibliography=""))
    assert [(section.title, section.text) for section in text.sections][1:] == [("", "All of it.")]


def test_nothing_of_the_site_is_taken():
    """Neither text nor links of what surrounds the article, nor its authors' addresses."""
    text = parse_html(make_page(make_section("One", "Pots.")))
    everything = " ".join(section.title + section.text for section in text.sections)
    assert not any(word in everything for word in ("License", "Report", "chrome", "LaTeXML", "Ada", "Teapots"))
    assert text.links == ()


def test_links_are_web_addresses_of_the_article():
    """Those behind words and those written out, once each; nothing that only opens here, or is no web address."""
    block = (
        '<a href="https://github.com/a/b">code</a> <a href="#S1">1</a> <a href="javascript:x()">x</a> '
        '<a href="./extra.txt">y</a> <a href="data:text/plain,x">z</a> at https://github.com/a/b, or (http://c.org/d).'
    )
    assert parse_html(make_page(make_section("One", block))).links == ("https://github.com/a/b", "http://c.org/d")


@pytest.mark.parametrize(
    ("page", "what"),
    [
        (b"", "no article"),
        (b"<html><body><h1>Something went wrong</h1></body></html>", "no article"),
        (b"<article></article>", "empty"),
        (b"<article><h1 class='ltx_title ltx_title_document'>Pots</h1><nav>1</nav></article>", "empty"),
        (b"%PDF-1.4\x00\xff\xfe", "no article"),
    ],
)
def test_a_page_without_a_paper_is_an_error(page, what):
    """An error page with status 200, or an article of nothing, is refused and not summarised."""
    with pytest.raises(SourceError, match=what) as caught:
        parse_html(page)
    assert caught.value.fault is SourceFault.INVALID


def test_broken_bytes_and_markup_are_read_as_far_as_they_go():
    """A page cut anywhere, in no encoding, still gives what is there."""
    page = make_page(make_section("One", "Pots \xff here."))
    assert "Pots" in parse_html(page[: page.index(b"here")].replace("ÿ".encode(), b"\xff")).sections[1].text


def test_depth_costs_no_stack():
    """Ten thousand elements inside one another are read like any others."""
    page = make_page("<div>" * 10_000 + "deep" + "</div>" * 10_000)
    assert "deep" in parse_html(page).sections[1].text


def test_sizes_are_bounded():
    """However long a page, so many characters, sections and links are kept."""
    link = "".join(f'<a href="https://x.org/{number}">.</a>' for number in range(MAX_LINKS + 100))
    text = parse_html(
        make_page(make_section("One", link, "word " * 300_000), make_section("Late", "late"), bibliography="")
    )
    assert sum(len(section.text) for section in text.sections) <= MAX_CHARACTERS
    assert len(text.links) == MAX_LINKS
    many = parse_html(make_page(*[make_section("One", "x")] * (MAX_SECTIONS + 5)))
    assert len(many.sections) == MAX_SECTIONS
    assert len(parse_html(make_page(make_section("t" * 5000, "x"))).sections[1].title) <= 300


def test_a_megabyte_is_read_in_a_moment():
    """A long page takes well below a second of processor time."""
    page = make_long_page(1_000_000)
    begun = time.process_time()
    text = parse_html(page)
    assert time.process_time() - begun < 2
    assert len(text.sections) > 100


@pytest.mark.skipif(not REAL.is_dir(), reason="no real pages: set PAPERROUND_DATA")
@pytest.mark.parametrize("name", ["html_1706.03762v7.html", "html_2401.00001v1.html"])
def test_real_pages_give_ordered_sections(name):
    """Real pages give numbered sections in order, references marked, no markup and no site."""
    text = parse_html((REAL / name).read_bytes())
    tops = [int(each.title.split()[0]) for each in text.sections if each.title.split(" ")[0].isdigit()]
    assert tops == sorted(tops)
    assert len(tops) >= 6
    assert text.sections[0].title == "Abstract" or text.sections[1].title == "Abstract"
    assert [each.kind for each in text.sections].count(SectionKind.REFERENCES) == 1
    everything = "\n".join(each.text for each in text.sections)
    assert everything.count("$") % 2 == 0
    assert not any(word in everything for word in ("<span", "ltx_", "Report GitHub Issue", "\t"))


@pytest.mark.skipif(not REAL.is_dir(), reason="no real pages: set PAPERROUND_DATA")
def test_a_real_page_keeps_formulas_tables_and_links():
    """The numbers a summary would quote are there, and so is the address of the code."""
    text = parse_html((REAL / "html_1706.03762v7.html").read_bytes())
    parts = {section.title: section.text for section in text.sections}
    assert (
        r"$\mathrm{Attention}(Q,K,V)=\mathrm{softmax}(\frac{QK^{T}}{\sqrt{d_{k}}})V$ (1)"
        in parts["3.2.1 Scaled Dot-Product Attention"]
    )
    assert "Transformer (big) | 28.4 | 41.8" in parts["6.1 Machine Translation"]
    assert "Figure 1: The Transformer" in parts["3 Model Architecture"]
    assert text.links == ("https://github.com/tensorflow/tensor2tensor",)
