"""What changed between two versions, in few words."""

from dataclasses import replace

import pytest

from bot.model.follow import MOST_ABSTRACT, MOST_AUTHORS, Version
from bot.versions import Changes, Sentences, compare, describe_changes, describe_version, is_withdrawn
from tests.build import make_paper

ABSTRACT = "We shrink the cache. It works. The code is there."
FIRST = Version.of(make_paper(title="Small KV Caches", abstract=ABSTRACT, authors=("Ada Vale", "Bo Oak")))


def later(**fields):
    return replace(FIRST, number=2, **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "title and abstract are as they were"),
        ({"title": "small  KV\ncaches"}, "title and abstract are as they were"),
        ({"abstract": ABSTRACT.replace(". ", ".\n")}, "title and abstract are as they were"),
        ({"title": "Tiny KV Caches"}, 'title changed (it was "Small KV Caches")'),
        ({"abstract": f"{ABSTRACT} It is fast. It is free."}, "abstract changed (2 sentences added)"),
        ({"abstract": "We shrink the cache."}, "abstract changed (2 sentences removed)"),
        ({"abstract": ABSTRACT.replace("It works", "It fails")}, "abstract changed (1 sentence reworded)"),
        (
            {"abstract": "Well. We shrink the cache. It fails. The code is there."},
            "abstract changed (1 sentence added, 1 sentence reworded)",
        ),
        ({"authors": ("Ada Vale", "Bo Oak", "Cy Elm")}, "authors changed (1 added)"),
        ({"authors": ("Bo Oak", "Cy Elm")}, "authors changed (1 added, 1 removed)"),
        ({"authors": ("Bo Oak", "Ada Vale")}, "authors changed (another order)"),
        ({"authors": ("Ada Vale, Bo Oak",)}, "title and abstract are as they were"),
        ({"categories": ("cs.CL", "cs.LG")}, "categories changed (now cs.CL, cs.LG)"),
        (
            {"title": "Tiny", "abstract": f"{ABSTRACT} It is fast."},
            'title changed (it was "Small KV Caches"); abstract changed (1 sentence added)',
        ),
    ],
)
def test_changes_are_described(fields, said):
    """Each kind of change has its words; case, blanks, line breaks, and how a list of names is cut, are none."""
    assert describe_changes(FIRST, later(**fields)) == said


def test_the_order_of_further_categories_is_no_change():
    """Only the first one, the primary, has a place."""
    before, after = (
        replace(FIRST, categories=("cs.CL", "cs.AI", "cs.LG")),
        later(categories=("cs.CL", "cs.LG", "cs.AI")),
    )
    assert compare(before, after) == Changes()
    assert compare(before, later(categories=("cs.AI", "cs.CL", "cs.LG"))).categories == ("cs.AI", "cs.CL", "cs.LG")


def test_nothing_is_said_of_what_is_not_known():
    """Of a paper known by its title alone, only the title is compared."""
    unknown = Version(FIRST.id, 0, "Small KV Caches")
    assert compare(unknown, later()) == Changes()
    assert describe_changes(unknown, later()) == "what changed is not known"


def test_a_line_has_all_that_matters():
    """Title, id, version, changes, comment and the address of that very version."""
    line = describe_version(FIRST, later(abstract=f"{ABSTRACT} It is fast. It is free."), "accepted at ICLR.")
    assert line == (
        '"Small KV Caches" (2611.00001) has version 2: abstract changed (2 sentences added). '
        'Comment: "accepted at ICLR". https://arxiv.org/abs/2611.00001v2'
    )


@pytest.mark.parametrize(
    ("abstract", "comment", "is_gone"),
    [
        ("This paper has been withdrawn", "", True),
        ("This paper has been withdrawn by the author due to an error in Lemma 2. We prove it.", "", True),
        (ABSTRACT, "Withdrawn: the proof has a gap", True),
        (ABSTRACT, "This article is temporarily withdrawn by the authors", True),
        (ABSTRACT, "The submission has been retracted", True),
        (ABSTRACT, "10 pages. Supersedes the withdrawn arXiv:1234.5678", False),
        ("This paper studies drugs. One of them was withdrawn from the market.", "", False),
        ("We study withdrawn drugs.", "accepted at ICLR", False),
    ],
)
def test_withdrawals_are_known_by_their_words(abstract, comment, is_gone):
    """What the comment says, or the abstract begins with; not what a paper is about."""
    assert is_withdrawn(later(abstract=abstract), comment) is is_gone


def test_a_withdrawal_is_flagged():
    """With the comment, or where that is not known with the sentence of the abstract that says so."""
    gone = later(abstract="This paper has been withdrawn by Ada Vale. We shrink the cache.")
    assert describe_version(FIRST, gone).startswith(
        '"Small KV Caches" (2611.00001) was withdrawn: "This paper has been withdrawn by Ada Vale" https://'
    )
    assert '"Lemma 2 is wrong' in describe_version(FIRST, gone, "Lemma 2 is wrong, so withdrawn")


def test_titles_and_comments_cannot_break_out():
    """Quotation marks, line breaks, hidden characters and length of other people's texts are dealt with."""
    line = describe_version(FIRST, later(title='A "quoted"\n\u202etitle'), 'so\x07 "good"\n' + "long " * 200)
    assert line.startswith("\"A 'quoted' title\" (2611.00001) has version ")
    assert "so 'good' long" in line
    assert len(line) < 600
    assert line.isprintable()


def test_what_is_kept_is_bounded():
    """A version of a huge collaboration takes no more than is fair; a change behind the bounds is none."""
    paper = make_paper(abstract="word " * 5_000, authors=tuple(f"Ada {number}" for number in range(3_000)))
    kept = Version.of(paper)
    assert (len(kept.abstract), len(kept.authors)) == (MOST_ABSTRACT, MOST_AUTHORS)
    assert compare(kept, Version.of(replace(paper, version=2))) == Changes()


def test_long_abstracts_are_compared_sentence_by_sentence():
    """Hundreds of sentences, one of them new in the middle."""
    sentences = [f"Sentence {number} is here." for number in range(150)]
    before, after = (later(abstract=" ".join(each)) for each in (sentences, [*sentences[:75], "New.", *sentences[75:]]))
    assert compare(before, after).abstract == Sentences(added=1)
