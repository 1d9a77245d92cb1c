"""What a model says that its paper does not: none of it is left."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.summary import FullText, Section, TextSource
from bot.summaries.answers import Answer, read_answer
from bot.summaries.figures import is_borne_out, numbers_in
from bot.summaries.truth import LONGEST_LINE, LONGEST_TLDR, MOST_LINES, Source, check
from bot.summaries.writing import can_be
from tests.build import make_paper

PAPER = make_paper("2611.00001", "Teapots", "We reach 93.1% on three sets. They are “made of clay”.")
TEXT = FullText(
    TextSource.HTML,
    (Section("1 Data", "See https://github.com/ada/teapots. Metric: Recall@10."),),
    ("https://ada.example/demo",),
)
SOURCE = Source.of(PAPER, TEXT.sections, TEXT)


def left_of(line, language="en", source=SOURCE):
    """What is left of a line."""
    lines = check(Answer("x", {"results": (line,)}), source, language).lists["results"]
    return lines[0] if lines else ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("93.1%", "93.1 %"),
        (r"$93.1\%$", "93.1 percent"),
        ("93.1%", "0.931"),
        ("0.931", "93.1%"),
        ("10,000 cups", "10000 cups"),
        ("10{,}000", "10,000"),
        ("10\u202f000", "10k"),
        ("24k", "24,000"),
        ("7B", "7 billion"),
        ("1.5 million", "1.5M"),
        ("10⁻⁴", "1e-4"),
        (r"$1\times10^{-4}$", "0.0001"),
        ("3 x 10-4", "3e-4"),
        ("3.5x", "3.5×"),
        ("3.5×", "3.5 times"),
        ("2-5", "2 to 5"),
        ("from 2 to 5", "2–5"),
        ("three sets", "3 sets"),
        ("3 sets", "three sets"),
        ("-0.5", "−0.5"),
        ("24GB", "24 GB"),
        ("GPT-4", "GPT-4 and ResNet-4"),
        ("v1.2.3", "1.2.3"),
        (".95", "0.95"),
        ("12.50", "12.5"),
        ("4,8,16", "4, 8 and 16"),
        ("nothing", "one of the zero-shot results"),
    ],
)
def test_a_number_may_be_written_in_other_ways(source, said):
    """Percent, thousands, units, words, suffixes and powers make no difference."""
    assert is_borne_out(said, "en", numbers_in(source))


@pytest.mark.parametrize(
    ("language", "source", "said"),
    [
        ("de", "12.5% of 10,000", "12,5 % von 10.000"),
        ("fr", "10,000", "10 000"),
        ("zh", "2 sets of 20,000", "两个数据集，2万"),
        ("zh", "12% of 100M", "百分之12，1亿"),
        ("zh", "x", "十分有效的第三方方法"),
        ("de", "7 million", "7 Millionen"),
        ("ar", "93.1%", "٩٣٫١٪"),
        ("de", "x", "ten"),
    ],
)
def test_a_number_may_be_written_as_its_language_does(language, source, said):
    """Decimal commas, blanks, Chinese units, other digits."""
    assert is_borne_out(said, language, numbers_in(source))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("93.1%", "93%"),
        ("93.1%", "94.1%"),
        ("24k", "24"),
        ("7B", "7M"),
        ("10,000", "10"),
        ("1,000", "1,001"),
        ("10^-4", "10^-5"),
        ("10 and 0", "10,000"),
        ("12 000", "12,000"),
        ("three", "four"),
        ("1.25", "12.5"),
        ("3", "3.5"),
        ("12.5", "12,5"),
        ("9" * 40, "9" * 39 + "8"),
    ],
)
def test_another_number_is_another_number(source, said):
    """Rounded, scaled, or put together from pieces."""
    assert not is_borne_out(said, "en", numbers_in(source))


figures = st.integers(11, 99_999).map(str) | st.decimals(0, 99, places=2).map(str)
forms = st.sampled_from(["{}", "{}%", "{} ms", "{}x", "by {} points", "({} in all)", "“{}”", "{}k", "n={}", "x_{}"])


@given(st.lists(figures, min_size=1), st.lists(figures, min_size=1), st.lists(forms, min_size=1), st.randoms())
def test_nothing_invented_survives(true, invented, shapes, chance):
    """Every number that is left of any line stands in the source."""
    source = Source.of(make_paper(title="T", abstract=" ; ".join(true)), (), FullText(TextSource.ABSTRACT, ()))
    said = [chance.choice(shapes).format(each) for each in true + invented]
    chance.shuffle(said)
    line = " ".join(f"{each}{chance.choice(['.', ';', ',', ''])}" for each in said)
    known = set(map(float, true))
    for figure, unit in re.findall(r"(\d+(?:\.\d+)?)([k%]?)", left_of(line, source=source)):
        value = float(figure) * (1_000 if unit == "k" else 1)
        readings = (value, value / 100) if unit == "%" else (value,)
        assert any(abs(reading - each) < 1e-9 for reading in readings for each in known)


@given(st.text(max_size=3_000))
def test_whatever_is_said_comes_out_as_a_short_plain_line(said):
    """No controls, no line ends, no more than fits; and nothing raises."""
    checked = check(Answer(said, {"results": tuple(said.split("\n"))}, said), SOURCE, "en")
    assert len(checked.tldr) <= LONGEST_TLDR
    assert len(checked.lists["results"]) <= MOST_LINES
    for line in (checked.tldr, *checked.lists["results"]):
        assert len(line) <= LONGEST_LINE or line == checked.tldr
        assert not re.search(r"[\x00-\x1f\u202a-\u202e]", line)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("It reaches 93.1%. It gains 4.2 points.", "It reaches 93.1%."),
        ("It gains (4.2 points) on all sets.", "It gains on all sets."),
        ("It gains 4.2 points.", ""),
        ("很好。提高了4.2个点。", "很好。"),
        ("They are “made  of clay”.", "They are “made of clay”."),
        ("They are “made of gold”.", ""),
        ('They are "made of gold', ""),
        ("Better than all, e.g. on three sets.", "Better than all, e.g. on three sets."),
        ("- **Bold** claim", "Bold claim"),
        ("2) Numbered claim", "Numbered claim"),
        ("<b>Bold</b> <script>claim</script>", "Bold claim"),
        ("a<b and c>d", "a<b and c>d"),
        ("See https://evil.example/x now", "See now"),
        ("See evil.com or t.me/evil now", "See or now"),
        ("See [the site](https://evil.example) now", "See the site now"),
        ("See https://github.com/ada/teapots now", "See https://github.com/ada/teapots now"),
        ("See https://arxiv.org/abs/2611.00001v1 now", "See https://arxiv.org/abs/2611.00001v1 now"),
        ("See https://arxiv.org/abs/2611.99999 now", "See now"),
        ("See https://github.com/ada/teapots-evil now", "See now"),
        ("Write to eve@evil.example now", "Write to now"),
        ("Hello @everyone and <@123>, Recall@10 is not measured", "Hello and , Recall@10 is not measured"),
        ("snake_case and A* stay", "snake_case and A* stay"),
    ],
)
def test_what_is_left_of_a_line(said, left):
    """True parts stay, false parts go, markup is gone."""
    assert left_of(said) in {left, left.replace("Recall@10 is not measured", "").strip(" ,")}


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://github.com/ada/teapots", "https://github.com/ada/teapots"),
        ("https://github.com/ada/teapots/", "https://github.com/ada/teapots"),
        ("https://ada.example/demo", "https://ada.example/demo"),
        ("https://github.com/ada", ""),
        ("https://github.com/ada/teapots2", ""),
        ("javascript:alert(1)", ""),
        ("github.com/ada/teapots", ""),
        ("none", ""),
        ("", ""),
    ],
)
def test_the_address_of_the_code_stands_in_the_paper(url, left):
    """Exactly so, and it is one of the web."""
    checked = check(Answer("x", {}, url), SOURCE, "en")
    assert checked.code_url == left
    assert checked.removed == (1 if url and not left else 0)


def test_a_tldr_is_one_sentence_and_lists_are_short():
    """More than that is cut off between words, repetitions are left out."""
    answer = Answer("We pour. We drink.", {"results": ("word " * 100, *(f"line {'x' * n}" for n in range(9)), "line")})
    checked = check(answer, SOURCE, "en")
    assert checked.tldr == "We pour."
    assert checked.lists["results"][0].endswith("word…")
    assert len(checked.lists["results"]) == MOST_LINES
    assert left_of("x" * 500) == ""


def test_an_answer_is_read_in_linear_time():
    """100 KB of prose, braces, brackets or digits."""
    for each in (
        "I think that ",
        "{",
        '{"a":',
        "[",
        "1",
        "1.",
        '{"tldr": "x", ',
        "a.",
        "<think>",
        '"',
        "\\",
        "10^",
        "@",
        "http://",
    ):
        answer = read_answer(each * (100_000 // len(each)))
        assert answer is None or answer.tldr == "x"
        left_of(each * 50_000)
        numbers_in(each * 50_000)


@pytest.mark.parametrize(
    ("text", "tldr"),
    [
        ('{"tldr": "a"}', "a"),
        ('{"tldr": ["a", "b"]}', "a b"),
        ('{"tldr": {"x": "a"}}', "a"),
        (r'{"tldr": "\alpha of \"x\""}', r'\alpha of "x"'),
        ('{"tldr": "a\nb"}', "a b"),
        ('{"x": 1} {"tldr": "a"}', "a"),
        ('{"tldr": "a", "methods": ["b", "c', "a"),
        ('{"tldr": "a", "methods": [{"x": "b"}, {"y', "a"),
    ],
)
def test_answers_of_many_forms_are_read(text, tldr):
    """What the model must have meant."""
    assert read_answer(text).tldr == tldr


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"tldr": 3}', '{"tldr": "a', '{"tldr": " "}', '"tldr"'])
def test_what_is_no_answer_is_none(text):
    """No guess is made."""
    assert read_answer(text) is None


@pytest.mark.parametrize(
    ("text", "language", "is_so"),
    [
        ("我们 propose Transformer-based KV cache quantization", "zh", False),
        ("我们提出了一种 Transformer 量化方法", "zh", True),
        ("We propose", "zh", False),
        ("我们提出", "en", False),
        ("We prove it for α and 数", "en", True),
        ("Wir zählen Teekannen", "de", True),
        ("Мы считаем", "ru", True),
        ("Мы считаем", "en", False),
        ("123", "zh", True),
    ],
)
def test_the_letters_tell_the_language(text, language, is_so):
    """As far as letters can."""
    assert can_be(text, language) == is_so
