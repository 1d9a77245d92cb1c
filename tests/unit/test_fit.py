"""What of a paper fits into a request: never more than there is room for, and the best of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError
from bot.model.summary import FullText, Section, SectionKind, TextSource
from bot.preferences import LANGUAGES
from bot.summaries.fit import cost, estimate_tokens, fit
from bot.summaries.prompts import Prompt, encode_paper
from bot.summaries.talk import estimate, take_sections
from config.settings import read_bundled
from tests.build import make_paper

PAPER = make_paper(abstract="We count teapots.")
PROMPT_FILE = read_bundled("prompts/summary.toml")
PROMPT = Prompt.from_toml(PROMPT_FILE)
TITLES = [
    "1 Introduction",
    "2 Related Work",
    "3 Method",
    "4 Results",
    "5 Conclusion",
    "Acknowledgements",
    "A Proofs",
    "x",
]
sections = st.builds(
    Section,
    st.sampled_from(TITLES) | st.text(),
    st.text() | st.text().map(lambda each: each * 300),
    st.sampled_from(SectionKind),
)


def total(chosen):
    return sum(map(cost, chosen))


def make_text(*parts):
    return FullText(TextSource.HTML, tuple(parts))


def section(title, words, kind=SectionKind.BODY):
    return Section(title, "tea " * words, kind)


@given(st.lists(sections, max_size=8), st.text(), st.integers(0, 3_000))
def test_the_budget_is_never_exceeded(parts, abstract, room):
    """Whatever the sections, together they cost at most the room there is, and keep their order."""
    chosen = fit(make_paper(abstract=abstract), make_text(*parts), room)
    assert total(chosen) <= room
    titles = ["Abstract", *(each.title for each in parts)]
    for each in chosen:
        titles = titles[titles.index(each.title) + 1 :]


@given(st.lists(sections, max_size=5), st.integers(4_000, 9_000))
def test_the_whole_request_keeps_to_the_budget(parts, most):
    """Instructions, title and JSON included; an estimate covers two such requests and their answers."""
    text = make_text(*parts)
    messages = PROMPT.messages(PAPER, take_sections(PROMPT, PAPER, text, most), "zh", "untrue")
    asked = sum(estimate_tokens(each["content"]) for each in messages)
    assert asked <= most
    assert 2 * asked < estimate(PROMPT, PAPER, text, most)


def test_everything_goes_where_there_is_room_but_references_and_thanks():
    """A short paper is sent as it is, its abstract once."""
    text = make_text(
        section("Abstract", 5),
        section("1 Introduction", 9),
        section("Appendix", 9, SectionKind.APPENDIX),
        section("Acknowledgements", 9),
        section("References", 9, SectionKind.REFERENCES),
    )
    assert [each.title for each in fit(PAPER, text, 5_000)] == ["Abstract", "1 Introduction", "Appendix"]
    assert fit(PAPER, text, 5_000)[0].text == PAPER.abstract


def test_what_matters_most_is_taken_first():
    """Of a long paper: introduction, conclusion and results before related work and appendices."""
    text = make_text(
        section("1 Introduction", 200),
        section("2 Related Work", 2_000),
        section("3 Method", 400),
        section("4 Experiments", 400),
        section("5 Conclusion", 200),
        section("A Proofs", 2_000, SectionKind.APPENDIX),
    )
    whole = [each.title for each in fit(PAPER, text, 2_500) if each in text.sections]
    assert whole == ["1 Introduction", "3 Method", "4 Experiments", "5 Conclusion"]


def test_a_section_that_is_too_long_keeps_beginning_and_end():
    """Such as a PDF without headings: it is one section, with the conclusion last."""
    text = make_text(Section("", "We begin. " + "Middle words go here. " * 5_000 + "We conclude."))
    _, piece = fit(PAPER, text, 2_000)
    assert piece.text.startswith("We begin. ")
    assert piece.text.endswith("We conclude.")
    assert "[…]" in piece.text
    assert total((piece,)) > 1_500


@pytest.mark.parametrize(
    ("text", "least"),
    [("word " * 300, 300), ("数" * 100, 100), ("3.14159265", 10), ("🦉" * 10, 20), ("", 0), ("Zusammenfassung", 4)],
)
def test_tokens_are_never_counted_too_low(text, least):
    """At least what the tokenizers of usual models make of it."""
    assert estimate_tokens(text) >= least


def test_an_edit_of_the_prompt_has_another_name():
    """Whoever edits the file without raising its version gets new summaries all the same."""
    edited = Prompt.from_toml(PROMPT_FILE.replace("over coffee", "over tea"))
    assert edited.name.partition("-")[0] == PROMPT.name.partition("-")[0]
    assert edited.name != PROMPT.name


def test_every_language_has_a_name():
    """The file names each language that a chat can choose, and no other."""
    assert set(PROMPT.languages) == set(LANGUAGES)


def test_the_language_is_named_and_the_paper_is_json():
    """Also a language that the file does not name, and text that cannot be sent as it is."""
    assert "Write in German." in PROMPT.fill("de")
    assert "ISO 639-1 code xx" in PROMPT.fill("xx")
    assert "{language}" not in PROMPT.fill("zh", "language")
    assert encode_paper(PAPER, [Section("\ud800", "x")]).encode()


@pytest.mark.parametrize(
    "broken", ["version", "version = 1", PROMPT_FILE.replace("untrue", "x"), "version=1\nreminders=3"]
)
def test_a_broken_prompt_is_the_operators_mistake(broken):
    """The message says what is wrong."""
    with pytest.raises(ConfigError, match="prompt"):
        Prompt.from_toml(broken)
