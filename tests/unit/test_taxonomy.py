"""The taxonomy: which category a person means, and what is said when there is none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError, UserError
from bot.taxonomy import Taxonomy

TAXONOMY = Taxonomy.from_toml((Path(__file__).parents[2] / "config/categories.toml").read_text(encoding="utf-8"))


def refusal(text):
    with pytest.raises(UserError) as caught:
        TAXONOMY.check(text)
    return str(caught.value)


def found(words):
    return [category.code for category in TAXONOMY.search(words)]


def test_a_code_is_known_in_any_case():
    """A code is found however it is written, and comes back as arXiv writes it."""
    assert TAXONOMY.check(" CS.lg ") == "cs.LG"
    assert TAXONOMY.check("Cond-Mat.MTRL-SCI") == "cond-mat.mtrl-sci"
    assert TAXONOMY.get("QUANT-PH").label == "quant-ph (Quantum Physics)"
    assert TAXONOMY.get("cs.XX") is None


def test_the_bundled_file_holds_together():
    """Every code is there once, and every alias and example is the code of a category."""
    assert len(TAXONOMY.codes) == len({code.casefold() for code in TAXONOMY.codes}) == 155
    for category in TAXONOMY:
        assert category.name, category.code
        assert category.words, category.code
        assert all(phrase == phrase.lower() for phrase in category.words), category.code
        assert not category.alias_of or category.alias_of in TAXONOMY.codes
    for archive in TAXONOMY.archives.values():
        codes = [category.code for category in archive.categories]
        assert set(archive.examples) <= set(codes)
        assert archive.examples or codes == [archive.code]


def test_an_alias_is_itself():
    """An alias has a feed of its own, so it stays the code that was asked for and names its twin."""
    assert TAXONOMY.check("CS.NA") == "cs.NA"
    assert TAXONOMY.get("cs.NA").alias_of == "math.NA"
    assert TAXONOMY.get("math.NA").alias_of == ""


def test_categories_keep_the_order_of_the_file():
    """Iteration follows the file, archive by archive."""
    assert TAXONOMY.codes[:2] == ("cs.AI", "cs.AR")
    assert TAXONOMY.codes[-1] == "stat.TH"
    assert [category.code for category in TAXONOMY] == list(TAXONOMY.codes)


def test_a_near_miss_gets_a_suggestion():
    """A code that does not exist is answered with the categories it may stand for, each with its name."""
    assert (
        refusal("cs.Ml")
        == "There is no category cs.Ml. Did you mean cs.LG (Machine Learning) or stat.ML (Machine Learning)?"
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("csLG", "cs.LG"),
        ("cs lg", "cs.LG"),
        ("q-bioNC", "q-bio.NC"),
        ("LG", "cs.LG"),
        ("stat.LG", "cs.LG"),
        ("physics.quant-ph", "quant-ph"),
        ("cs.VC", "cs.CV"),
        ("cs.LC", "cs.CL"),
        ("cs.NLP", "cs.CL"),
        ("cs.RL", "cs.LG"),
        ("physics.optic", "physics.optics"),
        ("astro-ph.EPS", "astro-ph.EP"),
        ("robotics", "cs.RO"),
        ("natural language", "cs.CL"),
        ("compter vision and patern recognition", "cs.CV"),
    ],
)
def test_the_first_suggestion_is_what_was_meant(typed, meant):
    """Slips of punctuation, order, archive and spelling, abbreviations and plain words lead to the right category."""
    assert f"Did you mean {meant} (" in refusal(typed)


@pytest.mark.parametrize("typed", ["cs.ST", "hep", "cs.XL", "quantum"])
def test_there_are_never_more_than_three_suggestions(typed):
    """A message for a chat stays short."""
    assert refusal(typed).partition("Did you mean ")[2].count(" (") == 3


def test_what_resembles_nothing_gets_the_whole_list():
    """Where nothing is near, the message says where all categories are listed."""
    assert refusal("xyzzy") == "There is no category xyzzy. All of them: https://arxiv.org/category_taxonomy"
    assert refusal("  ") == "Name a category. All of them: https://arxiv.org/category_taxonomy"


def test_a_long_text_is_not_repeated_whole():
    """What a person pasted by mistake does not come back in full."""
    assert len(refusal("a" * 4000)) < 200
    assert "\n" not in refusal("cs\n\n.\nqq")


@pytest.mark.parametrize("typed", ["cs", "CS.*", "cs.", "Computer Science"])
def test_a_whole_archive_is_answered_with_some_of_its_categories(typed):
    """An archive is not a category; the message says so and what could be added."""
    message = refusal(typed)
    assert message.startswith(f"{typed} is a whole archive (Computer Science). Add its categories one by one, such as ")
    assert "cs.LG (Machine Learning), cs.CL (Computation and Language) and cs.CV (" in message


@pytest.mark.parametrize(
    "code", ["math", "physics", "astro-ph", "cond-mat", "q-bio", "q-fin", "econ", "eess", "nlin", "stat"]
)
def test_every_archive_with_categories_is_known_as_one(code):
    """No archive is mistaken for a misspelled category."""
    assert refusal(code).startswith(f"{code} is a whole archive (")


def test_an_archive_without_categories_is_a_category():
    """The archives of physics that have no parts are followed by their own code."""
    codes = ("gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nucl-ex", "nucl-th", "quant-ph")
    assert tuple(TAXONOMY.check(code.upper()) for code in codes) == codes


@given(st.text() | st.from_regex(r"\A[a-z-]{1,8}\.[A-Za-z-]{0,8}\Z"))
def test_any_text_gives_a_code_or_a_user_error(text):
    """Whatever is typed, the answer is a category's code or a message for the person, never another error."""
    try:
        answer = TAXONOMY.check(text)
    except UserError:
        assert TAXONOMY.get(text) is None
    else:
        assert answer.casefold() == text.strip().casefold()
        assert answer in TAXONOMY.codes


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("machine learning", ["cs.LG", "stat.ML"]),
        ("Computer Vision", ["cs.CV"]),
        ("robots", ["cs.RO"]),
        ("the folding of proteins", ["q-bio.BM"]),
        ("nlp", ["cs.CL"]),
        ("statistics theory", ["math.ST", "stat.TH"]),
        ("numerical analysis", ["math.NA", "cs.NA"]),
        ("exoplanet", ["astro-ph.EP"]),
        ("of the", []),
        ("cs", []),
        ("Economics", []),
        ("cs.ml", []),
        ("", []),
    ],
)
def test_fields_are_found_by_words(words, codes):
    """Words of names and of the trade find a field, an alias last; archives and codes are no words."""
    assert found(words) == codes


def test_the_fields_that_hold_most_words_come_first():
    """A word that fits many fields is led by the field it fits most, and no field that holds fewer words is shown."""
    assert found("quantum")[0] == "quant-ph"
    assert set(found("vision robots")) == {"cs.CV", "cs.RO"}


def test_typing_is_completed():
    """Codes that begin as typed come first, then endings of codes, fields by words and archives; never more than 25."""
    assert [category.code for category in TAXONOMY.complete("CS.L")] == ["cs.LG", "cs.LO"]
    assert [category.code for category in TAXONOMY.complete("lg")] == ["cs.LG"]
    assert [category.code for category in TAXONOMY.complete("quant")][:2] == ["quant-ph", "cond-mat.quant-gas"]
    assert TAXONOMY.complete("prot")[0].code == "q-bio.BM"
    assert len(TAXONOMY.complete("")) == len(TAXONOMY.complete("cs")) == 25
    assert {category.archive_name for category in TAXONOMY.complete("Statistics")} == {"Statistics"}
    assert TAXONOMY.complete("zz") == ()


@pytest.mark.parametrize(
    "text",
    [
        "archive = [",
        "",
        "[[archive]]\ncode = 'cs'",
        "archive = 3",
        "[[archive]]\ncode = 'x'\nname = 'X'\ngroup = 'X'\ncategories = [{ code = 'x', name = 'X' }]",
    ],
)
def test_a_broken_file_is_a_config_error(text):
    """The operator is told which file cannot be read, whatever is wrong with it."""
    with pytest.raises(ConfigError, match=r"categories\.toml"):
        Taxonomy.from_toml(text)
