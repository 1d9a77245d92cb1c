"""Authors out of arXiv's one string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.authors import split_authors


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ("Ada Vale", ["Ada Vale"]),
        ("Ada Vale, Bo Oak, Cy Elm", ["Ada Vale", "Bo Oak", "Cy Elm"]),
        ("Ada Vale and Bo Oak", ["Ada Vale", "Bo Oak"]),
        ("Ada Vale, Bo Oak, and Cy Elm", ["Ada Vale", "Bo Oak", "Cy Elm"]),
        ("Andrea Sand, Alexandra Brand", ["Andrea Sand", "Alexandra Brand"]),
        (r"J\"org Sch\"onherr, Mar\'ia Jim\'enez", ["Jörg Schönherr", "María Jiménez"]),
        (r"Tu\u{g}\c{c}e K{\i}z{\i}ltepe, {\L}ukasz Kra{\ss}", ["Tuğçe Kızıltepe", "Łukasz Kraß"]),
        (
            r"Pi\v{z}urica Milovi\'c, Jan Jakub\r{u}v, S{\o}ren \O rsted",
            ["Pižurica Milović", "Jan Jakubův", "Søren Ørsted"],
        ),
        (r"Niccol\`o Bo~Ba, \.Inci {\'{E}}mile", ["Niccolò Bo Ba", "İnci Émile"]),
        ("Ada Vale (1), Bo Oak (1 and 2) ((1) Elm Institute, Ashton, (2) Fir Lab)", ["Ada Vale", "Bo Oak"]),
        (r"Ada Vale$^1$, Bo Oak$^{1,2}$, Cy Elm $^*$", ["Ada Vale", "Bo Oak", "Cy Elm"]),
        ("Ada Vale, Jr., Bo Oak III, Cy Elm, IV", ["Ada Vale Jr.", "Bo Oak III", "Cy Elm IV"]),
        ("Jr-Shin Li, IV Ramakrishnan", ["Jr-Shin Li", "IV Ramakrishnan"]),
        ("Ada Vale (STAR Collaboration)", ["Ada Vale", "STAR Collaboration"]),
        ("Ada Vale for the ELM Collaboration", ["Ada Vale", "the ELM Collaboration"]),
        ("Ada Vale on behalf of the ELM collaboration, Bo Oak", ["Ada Vale", "the ELM collaboration", "Bo Oak"]),
        ("The Elm and Oak Collaborations, Ada Vale", ["The Elm and Oak Collaborations", "Ada Vale"]),
        ("Elm Team, :, Ada Vale", ["Elm Team", "Ada Vale"]),
        ("Ada Va\\\\, Bo \\ünal, A. Mu\\ noz", ["Ada Va", "Bo ünal", "A. Mu noz"]),
        ("O'Neill, D'Arcy, Xu-Wei Li", ["O'Neill", "D'Arcy", "Xu-Wei Li"]),
        ("", []),
        (" , ; ()", []),
    ],
)
def test_authors_come_out_one_by_one(raw, names):
    """Each name is readable, in order, without what is not part of it."""
    assert split_authors(raw) == tuple(names)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_author_holds_tex(raw):
    """Whatever arXiv wrote, no backslash, brace or dollar reaches a reader, and nothing is raised."""
    assert not any(set("\\{}$") & set(name) for name in split_authors(raw))


@given(st.lists(st.from_regex(r"[A-Z][a-z]{2,8} [A-Z][a-z]{3,8}", fullmatch=True), max_size=8))
def test_plain_names_come_back(names):
    """Plain names joined by commas are given back as they are."""
    plain = [name for name in names if not {"Team", "Group", "Project", "Network"} & set(name.split())]
    assert split_authors(", ".join(plain)) == tuple(plain)
