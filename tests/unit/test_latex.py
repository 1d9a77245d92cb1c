"""TeX made readable: what becomes Unicode, what stays, and that nothing is ever lost."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.latex import to_readable


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Sch\"onherr", "Schönherr"),
        (r"Jim\'enez", "Jiménez"),
        (r"Jim\'{e}nez", "Jiménez"),
        (r"Jim{\'e}nez", "Jiménez"),
        (r"{\"{o}}", "ö"),
        (r"\'\i, \'{\i}, \`\i{}", "í, í, ì"),
        (r"\c{C}a \c cao Fran\c cois", "Ça çao François"),
        (r"\v{S}koda O\u{g}uz \H{o} \k{a} \r{u} \=a \.Istanbul \d{e} \b{b}", "Škoda Oğuz ő ą ů ā İstanbul ẹ ḇ"),
        (r"S{\o}ren \O rsted \AA rhus Kra{\ss} {\L}ukasz \L{}ukasz \ae", "Søren Ørsted Århus Kraß Łukasz Łukasz æ"),
        (r"\b{eta} and \k{appa}", "β and κ"),
    ],
)
def test_accents_become_letters(tex, text):
    """Every way of writing an accent gives the letter."""
    assert to_readable(tex) == text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        ("``so''", "“so”"),
        ("''so''", "“so”"),
        ("a `phase transition' isn't", "a ‘phase transition’ isn't"),
        ("LLMs -- a study --- of pages 3--14", "LLMs – a study — of pages 3–14"),
        ("run --force or <!-- x --> or ----", "run --force or <!-- x --> or ----"),
        ("Fig.~3, 10~ps, a~priori", "Fig. 3, 10 ps, a priori"),
        ("z~1, by ~5%, 5~10", "z~1, by ~5%, 5~10"),
        (r"R\&D, 95\%, \#1, a\_b, \$5, \{x\}", "R&D, 95%, #1, a_b, $5, {x}"),
        (r"We get 95% accuracy", "We get 95% accuracy"),
        (r"5\,kg\ of hy\-phens\\and", "5 kg of hyphens and"),
        (r"\|x\| and \ldots \textemdash", "‖x‖ and … —"),
    ],
)
def test_punctuation_becomes_typography(tex, text):
    """Quotes, dashes, ties and escaped characters read as in print; what only looks like them stays."""
    assert to_readable(tex) == text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"$\alpha$-decay", "α-decay"),
        (r"$10^{-3}$", "10⁻³"),
        (r"$x_i^2$ CO$_2$", "xᵢ² CO₂"),
        (r"$\mathcal{O}(n^2)$ in $\mathbb{R}^d$", "𝒪(n²) in ℝᵈ"),
        (r"$O(n\log n)$, $\log_2 n$", "O(n log n), log₂ n"),
        (r"$2.6<\eta<4$", "2.6<η<4"),
        (r"$\frac{1}{2}$, $\frac{a+b}{c}$, $\sqrt{n}$, $\sqrt{a+b}$", "1/2, (a+b)/c, √n, √(a+b)"),
        (r"$\tilde{O}(n)$, $\hat x_i$, $90^\circ$, $x'$", "Õ(n), x̂ᵢ, 90°, x′"),
        (r"$\left( a \right)$, $\{1, 2\}$, $1{,}000$, $N\!-\!1$", "( a ), {1, 2}, 1,000, N-1"),
        (r"$\text{loss} \le 0.5\%$, $\mathbf{v}$, ${\rm eff}$", "loss ≤ 0.5%, v, eff"),
        (r"3$\times$10, $\sim$5, $n$-body", "3×10, ∼5, n-body"),
        (r"\(a \neq b\) and $$c$$ and \[d\]", "a ≠ b and c and d"),
        (r"$ s_{10} $", "s₁₀"),
        (r"$\left. x^ 2 \right|$, $\sqrt[3]{x}$, $a~b$, $f\prime$", "x² |, ∛x, a b, f′"),
        (r"O(\sqrt{n}) or \alpha\unicode{x2013}x", "O(√n) or α–x"),
    ],
)
def test_simple_mathematics_becomes_unicode(tex, text):
    """A formula all of whose parts have a plain form is shown in it."""
    assert to_readable(tex) == text


@pytest.mark.parametrize(
    "tex",
    [
        r"$\sum_{i=1}^{\infty} x_i$",
        r"$A_{N}$",
        r"$\mymacro{x}$",
        r"$\sqrt[5]{x}$",
        r"$\unicode{17}$",
        r"$a & b$",
        r"$x^{a^{b^c}}$",
        r"$\frac{a}$",
        r"$}{$",
        r"$\hat{abc}$",
        r"\unknown{a}{b} \ours",
        r"\begin{equation} x \end{equation}",
        r"the set {1, 2}",
        r"costs $5 and $10",
        r"costs $5-$10, or $800 per sample",
        r"between $5k and US$10k",
        r"C:\Users\me",
        r"{",
        r"a $ b",
        "\\",
        r"$x^{\unicode{x202e}}$",
    ],
)
def test_what_has_no_plain_form_stays(tex):
    """A formula, macro or price that cannot be converted wholly is left exactly as it was."""
    assert to_readable(tex) == tex


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\emph{very {\bf deep} \'etude} \textbf{C}ontinual", "very deep étude Continual"),
        (r"{\it so} and \em so", "so and so"),
        (r"\url{http://a.org/b_c\%20d~e}", "http://a.org/b_c%20d~e"),
        (r"\href{https://a.org/x\_y}{our code}", "our code (https://a.org/x_y)"),
        (r"\href{https://a.org}{https://a.org}", "https://a.org"),
        (r"see https://a.org/~me/b--c", "see https://a.org/~me/b--c"),
        (r"as in \cite{key} and \citep{a,b}", "as in [key] and [a,b]"),
        (r"now\footnote{Really.}", "now (Really.)"),
        (r"\enquote{so} H\textsubscript{2}O m\textsuperscript{2} \textcolor{red}{hot}", "“so” H₂O m² hot"),
        (r"{BERT}-like {G}raph {Neural Networks}", "BERT-like Graph Neural Networks"),
    ],
)
def test_styles_and_links_leave_their_words(tex, text):
    """Commands about looks go, their words and addresses stay."""
    assert to_readable(tex) == text


def test_paragraphs_stay_and_lines_join():
    """An indented or empty line begins a paragraph; any other line break, and every run of blanks, is one blank."""
    assert to_readable("One\nline. \t And\u00a0more.\n  Two.\n\nThree.\r\n") == "One line. And more.\nTwo.\nThree."


def test_nothing_invisible_is_left():
    """Control, bidirectional and zero-width characters never reach a reader's terminal."""
    assert to_readable("a\x1b[31m\x00b\u202ec\u200bd\u2066e\ufefff\u00adg\x9bh\ud800") == "a[31mbcdefgh"


@given(st.text())
def test_any_text_gives_a_text(text):
    """Whatever comes, nothing is raised and nothing invisible comes out."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", to_readable(text))


@given(st.text(alphabet=r"\${}^_~`'-%&ab1 ()[]|." + '"'))
def test_tex_soup_is_survived(text):
    """Any heap of TeX's own characters gives a text that keeps every letter and digit in order or as a script."""
    plain = to_readable(text)
    assert isinstance(plain, str)
    assert plain == " ".join(plain.split())


@given(st.text(alphabet=st.characters(exclude_characters="\\${}~`'-", exclude_categories=["C", "Z"])))
def test_text_without_tex_is_unchanged(text):
    """Where no character is TeX's, the text stays the same."""
    assert to_readable(text) == text


@given(st.lists(st.from_regex(r"[A-Za-z]{2,9}", fullmatch=True), max_size=12), st.data())
def test_no_word_is_lost(words, data):
    """Words in styles, groups, quotes and dashes all come out, in order."""
    wraps = (r"\emph{%s}", "{%s}", "``%s''", "-- %s", r"{\bf %s}", "%s~", r"\unknown{%s}", r"$\text{%s}$", "%s")
    tex = " ".join(data.draw(st.sampled_from(wraps)) % word for word in words)
    found = re.findall(r"[A-Za-z]+", to_readable(tex).replace(r"\unknown", ""))
    assert found == words


@pytest.mark.parametrize(
    "unit", ["{", "}", "$", "\\", "\\(", "`", "{a", "$ _", "\\emph{", "\\href{a}{", "^", "\n ", "\\'"]
)
def test_hostile_repetition_costs_no_time(unit):
    """A hundred thousand characters of anything are done with in a moment; what grew with their square would take minutes."""
    begun = time.process_time()
    to_readable(unit * (100_000 // len(unit)))
    to_readable(f"${unit * (100_000 // len(unit))}$")
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("tex", ["$" + r"\frac" * 60 + "$", "$" + "{" * 150 + "}" * 150 + "$", "$" + "^" * 300 + "$"])
def test_deep_nesting_is_left_alone(tex):
    """Nesting beyond reason stays as it was, instead of ending in a RecursionError."""
    assert to_readable(tex) == tex
