"""Formulas as MathML: right where they can be, and harmless and small whatever they are."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latex2mathml.commands import CONVERSION_MAP

from bot.rendering.latex import to_pieces, to_readable
from bot.web.mathml import LONGEST_FORMULA, to_mathml, width_of
from bot.web.prose import abstract_html, title_html

COMMANDS = sorted(each for each in CONVERSION_MAP if each.startswith("\\"))


def parse(made):
    return ET.fromstring(made)  # noqa: S314 - of our own making


@pytest.mark.parametrize(
    ("formula", "inside"),
    [
        ("x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        (r"\mathcal{O}(n)", '<mi>𝒪</mi><mo stretchy="false">(</mo><mi>n</mi><mo stretchy="false">)</mo>'),
        (r"\frac{a}{b}", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
        (r"\mathbf{x} \in \mathbb{R}", "<mi>𝐱</mi><mo>∈</mo><mi>ℝ</mi>"),
        (r"\boldsymbol{\alpha}", "<mi>𝜶</mi>"),
        (r"\mathfrak{C}", "<mi>ℭ</mi>"),
        (r"\mathrm{d}", '<mi mathvariant="normal">d</mi>'),
        (r"\sim", "∼"),
        (r"\text{if } x", "if"),
        ("a<b", "<mo>&lt;</mo>"),
        (r"\sqrt[3]{x}", "<mroot><mi>x</mi><mn>3</mn></mroot>"),
    ],
)
def test_formulas_become_mathml(formula, inside):
    """What authors mostly write, with letters that every browser shows, and the source for those who listen."""
    made = to_mathml(formula)
    assert inside in made
    assert parse(made).attrib == {"alttext": formula}


@pytest.mark.parametrize(
    "formula",
    [
        r"\unheardof{x}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\class{a}{b}",
        r"\color{red}{x}",
        r"\newcommand{\a}{\b\b}\a",
        r"\def\a{\a\a}\a",
        r"\sideset{_1}{^2}{\sum}",
        r"\mathchoice{a}{b}{c}{d}",
        r"\rule{100em}{100em}",
        r"\verb|x|",
        r"\begin{tikzpicture}x\end{tikzpicture}",
        "x^",
        "{" * 40,
        r"\left(",
        "a" * (LONGEST_FORMULA + 1),
        r"\unicode{x202e}",
    ],
)
def test_what_is_not_known_to_be_harmless_stays_tex(formula):
    """Commands of authors, links, styles, macros, and what multiplies itself."""
    assert to_mathml(formula) is None


@pytest.mark.parametrize(
    "formula", [r"\text{<b onload=x>}", r"<script>", r"\mathrm{&lt;b&gt;}", r'\text{"}', r"&#60;b&#62;"]
)
def test_markup_in_a_formula_is_text(formula):
    """Nothing an author writes becomes an element or an attribute."""
    made = to_mathml(formula)
    tags = set(re.findall(r"</?(\w+)", made))
    assert tags <= {"math", "mrow", "mi", "mo", "mn", "mtext", "mspace", "mtable", "mtr", "mtd", "msub", "msup"}
    attributes = {name for each in parse(made).iter() for name in each.attrib}
    assert attributes <= {"alttext", "mathvariant", "stretchy"}


HOSTILE = st.lists(
    st.sampled_from(
        [*COMMANDS, "{", "}", "^", "_", "&", "\\\\", "\\left(", "\\right)", "<script>", "&lt;", "x", "1", " ", "[", "]",
         "\\begin{matrix}", "\\end{matrix}", "\\begin{cases}", "\\end{cases}", "'", '"', "\u202e", "\x00", "量", "$"]
    )
    | st.text(max_size=5),
    max_size=60,
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(HOSTILE)
def test_no_formula_is_more_than_mathml(formula):
    """Whatever is written, it is TeX still, or one well-formed element that is not out of proportion to it."""
    made = to_mathml(formula)
    if made is None:
        return
    assert len(made) < 2_000 + 150 * len(formula)
    for each in parse(made).iter():
        assert each.tag.startswith("m")
        assert not set(each.attrib) & {"href", "style", "class", "id", "src", "mathcolor", "mathbackground"}
    assert width_of(made) >= 0


@settings(deadline=None, max_examples=200)
@given(
    st.lists(HOSTILE | st.sampled_from(["$", "$$", r"\(", r"\)", "\n  ", " and ", "$5 and $10"]), max_size=12).map(
        "".join
    )
)
def test_pieces_say_what_readable_text_says(text):
    """Word for word; the HTML of any text is made, and has no element of its own."""
    paragraphs = (" ".join("".join(piece.text for piece in each).split()) for each in to_pieces(text))
    assert "\n".join(each for each in paragraphs if each) == to_readable(text)
    for markup in (title_html(text, text), *abstract_html(text, text)):
        assert not re.search(r"<(?!/?(?:m[a-z]+|code|span)\b)", markup)


def test_an_abstract_is_paragraphs_with_formulas():
    """Prices are none; what stays TeX is marked; a wide formula gets a line that scrolls."""
    wide = "$" + " + ".join("abcdefghijklmnopqrstuvwxyz") + "$"
    first, second = abstract_html(f"It costs \\$5 & $x_1$ or $\\own{{y}}$.\n  {wide}", "unused")
    assert "It costs $5 &amp; <math" in first
    assert '<code class="tex">$\\own{y}$</code>' in first
    assert second.startswith('<span class="wide" tabindex="0"')


def test_a_title_wraps():
    """A narrow formula is one; a wide one, which could not be broken, is text."""
    assert "<math" in title_html("On $x_1$", "unused")
    wide = title_html("On $" + " + ".join("abcdefghij") + "$", "unused")
    assert wide == "On a + b + c + d + e + f + g + h + i + j"


def test_without_its_source_a_text_is_shown_as_it_reads():
    """As for papers that were kept before there was one."""
    assert abstract_html("", "One <b>.\nTwo.") == ("One &lt;b&gt;.", "Two.")
    assert title_html("", "A <i> title") == "A &lt;i&gt; title"
