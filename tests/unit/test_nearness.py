"""How near papers are to interests, in units that mean the same for every model."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.meaning import MOST_LEVELS, Vector
from bot.nearness import LEAST_SAMPLED, MOST_MEASURED, Background, find_near
from tests.servers.openai_embeddings import embed

USUAL = [f"word{chr(97 + number % 26)}{chr(97 + number // 26)} text about things" for number in range(60)]


def vector(text, size=64):
    return Vector.of(embed(text, size, {}))


def near(texts, topics, usual=USUAL, liked=(), **fields):
    background = Background([vector(each) for each in usual])
    interests = [[vector(each) for each in kind] for kind in (topics, liked)]
    return find_near([each and vector(each) for each in texts], interests, background, **fields)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40).filter(lambda numbers: max(map(abs, numbers)) > 1e-3))
def test_a_vector_is_kept_in_a_byte_for_each_dimension(numbers):
    """What is read is what was written, has length 1, and points where the numbers do."""
    made = Vector.of(numbers)
    assert Vector.from_bytes(made.to_bytes()) == made
    assert len(made.to_bytes()) == len(numbers) + 4
    levels = memoryview(made.levels).cast("b")
    assert made.scale * math.hypot(*levels) == pytest.approx(1)
    most = max(map(abs, numbers))
    assert all(
        abs(level / MOST_LEVELS - each / most) <= 0.5 / MOST_LEVELS + 1e-9
        for level, each in zip(levels, numbers, strict=True)
    )
    assert made.signs.bit_count() == sum(level >= 0 for level in levels)


@pytest.mark.parametrize("numbers", [[], [0.0, 0.0], [1.0, math.nan], [1.0, math.inf], [math.inf, -math.inf]])
def test_what_points_nowhere_is_no_vector(numbers):
    """Nothing, zeros and what is not finite have no direction."""
    with pytest.raises(ValueError, match="no direction"):
        Vector.of(numbers)
    with pytest.raises(ValueError, match="no vector"):
        Vector.from_bytes(b"1234")


def test_of_several_interests_the_nearest_counts_most():
    """A paper about one of two interests stands out nearly as if there were no other; one between both stands out less."""
    papers = [
        "teapots teapots pour",
        "robots robots walk",
        "walls and fences",
        "teapots robots walls fences gates",
        None,
    ]
    alone = near(papers, ["teapots"])
    both = near(papers, ["teapots", "robots"])
    assert both[0].excess == alone[0].excess
    assert (both[0].place, both[1].place) == (0, 1)
    assert both[1].excess > 3 > alone[1].excess
    assert both[2].excess < 3
    assert min(both[0].total, both[1].total) > both[3].total > both[2].total
    assert both[0].total > 0.7 * alone[0].total
    assert both[4] is None


def test_topics_and_liked_papers_are_taken_together():
    """However many papers were liked, the topics keep their part; places count through both."""
    papers = ["teapots teapots pour", "robots robots walk"]
    found = near(papers, ["teapots"], liked=["robots robots walk far"] * 20)
    assert [each.place for each in found] == [0, 1]
    assert found[0].total > near(papers, ["robots"] * 20 + ["teapots"])[0].total


def test_a_liked_paper_is_not_near_to_itself():
    """It is measured by the other interests, and is named by none of them but these."""
    [found] = near(["kv cache of language models"], ["kv cache"], liked=["kv cache of language models", "tea pots"])
    assert found.place == 0


def test_an_interest_that_nothing_is_about_raises_nobody():
    """What nobody writes about today lifts no paper above one that an interest is about."""
    papers = ["teapots teapots pour", *USUAL[:20]]
    found = near(papers, ["zebras in the savannah", "teapots"])
    assert max(range(len(papers)), key=lambda place: found[place].total) == 0
    assert found[0].place == 1


def test_without_usual_papers_nothing_is_told():
    """With too few of them, or where a model gives every text the same vector, there is no nearness."""
    assert near(["teapots"], ["teapots"], USUAL[: LEAST_SAMPLED - 1]) == [None]
    assert near(["teapots"], ["teapots"], ["the same"] * 50) == [None]
    assert near(["teapots"], []) == [None]


def test_vectors_of_another_size_are_as_none():
    """Those of a model before cannot be compared with those of the present one."""
    background = Background([vector(each) for each in USUAL])
    assert find_near([vector("teapots", 32)], [[vector("teapots")]], background) == [None]
    assert find_near([vector("teapots")], [[vector("teapots", 32), None]], background) == [None]


def test_of_very_many_only_the_front_is_measured():
    """Those that come first, half of the room at most, and those that are nearest by their signs."""
    papers = [*(f"{text} {number}" for number in range(10) for text in USUAL), "teapots pour"]
    found = near(papers, ["teapots"], first=range(MOST_MEASURED))
    assert sum(each is not None for each in found) == MOST_MEASURED
    assert None not in found[: MOST_MEASURED // 2]
    assert max(each.excess for each in found if each) == found[-1].excess
