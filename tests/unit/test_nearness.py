"""How near papers are to interests, in units that mean the same for every model."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.meaning import MOST_LEVELS, Vector
from bot.nearness import FAR, LEAST_SAMPLED, MOST_MEASURED, Background, find_near
from tests.servers.openai_embeddings import embed

USUAL = [f"word{chr(97 + number % 26)}{chr(97 + number // 26)} text about things" for number in range(60)]


def vector(text, size=64):
    return Vector.of(embed(text, size, {}))


def near(texts, interests, usual=USUAL, size=64):
    background = Background([vector(each, size) for each in usual])
    return find_near(
        [each and vector(each, size) for each in texts], [vector(each, size) for each in interests], background
    )


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


def test_of_several_interests_the_nearest_counts():
    """A paper about one of two interests stands out as much as if there were no other; one between both stands out less."""
    papers = ["teapots teapots pour", "robots robots walk", "walls and fences", None]
    alone = near(papers, ["teapots"])
    both = near(papers, ["teapots", "robots"])
    assert both[0] == alone[0]
    assert both[1].place == 1
    assert both[1].excess > 3 > alone[1].excess
    assert both[2].excess < 3
    assert both[3] is None


def test_an_interest_that_nothing_is_about_raises_nobody():
    """What nobody writes about today lifts no paper above one that an interest is about."""
    papers = ["teapots teapots pour", *USUAL[:20]]
    found = near(papers, ["zebras in the savannah", "teapots"])
    assert max(range(len(papers)), key=lambda place: found[place].excess) == 0
    assert found[0].place == 1


def test_without_usual_papers_nothing_is_told():
    """With too few of them, or where a model gives every text the same vector, there is no nearness."""
    assert near(["teapots"], ["teapots"], USUAL[: LEAST_SAMPLED - 1]) == [None]
    assert near(["teapots"], ["teapots"], ["the same"] * 50) == [None]
    assert near(["teapots"], []) == [None]


def test_vectors_of_another_size_are_as_none():
    """Those of a model before cannot be compared with those of the present one."""
    background = Background([vector(each) for each in USUAL])
    assert find_near([vector("teapots", 32)], [vector("teapots")], background) == [None]
    assert find_near([vector("teapots")], [vector("teapots", 32)], background) == [None]


def test_of_very_many_only_the_front_is_measured():
    """The others are known to be far, and none of the near ones is missed."""
    papers = ["teapots pour", *(f"{text} {number}" for number in range(10) for text in USUAL)]
    found = near(papers, ["teapots"])
    assert sum(each.excess == FAR for each in found) == len(papers) - MOST_MEASURED
    assert max(each.excess for each in found) == found[0].excess
