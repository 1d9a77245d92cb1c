"""Scores and a further opinion, fused: the points stay, the order changes, and every change is a reason."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.fusion import MOST_ADMITTED, MOST_ADMITTED_POINTS, Opinion, fuse
from bot.model.digest import Reason, ReasonKind, Score

EXCLUDED = Score(0.0, excluded_by="-survey")


def make_score(points):
    return Score(points, (Reason("kv cache", ("title",), points),) if points else ())


def give(values, **fields):
    return Opinion(ReasonKind.MEANING, values, [f"topic {place}" for place in range(len(values))], **fields)


def ids_of(scores):
    return [f"2611.{place:05}" for place in range(len(scores))]


def points_of(scores):
    return [each.points for each in scores]


def test_an_opinion_that_agrees_changes_nothing():
    """Where both orders are the same there is no further reason."""
    scores = [make_score(each) for each in (3.0, 2.0, 1.0)]
    assert fuse(scores, ids_of(scores), give([9, 8, 7])) == scores


def test_an_opinion_about_nothing_changes_nothing():
    """What nothing is known of keeps its place."""
    scores = [make_score(each) for each in (1.0, 3.0, 2.0)]
    assert fuse(scores, ids_of(scores), give([None] * 3)) == scores


def test_places_are_exchanged_with_their_points():
    """A paper that is thought much better of takes the points of its new place, and says why."""
    scores = [make_score(each) for each in (4.0, 3.0, 2.0, 1.0)]
    fused = fuse(scores, ids_of(scores), give([0, 1, 2, 9], weight=3))
    assert points_of(fused) == [1.0, 2.0, 3.0, 4.0]
    assert fused[3].reasons[0] == Reason("topic 3", (), 3.0, ReasonKind.MEANING)
    assert fused[0].reasons[-1] == Reason("topic 0", (), -3.0, ReasonKind.MEANING)


def test_a_paper_without_a_match_comes_in_below_all_others():
    """It needs as much as the opinion admits, gets less than the last match, and less than one mention."""
    scores = [make_score(5.0), make_score(0.0), make_score(0.0), make_score(0.0), EXCLUDED]
    first, best, good, poor, excluded = fuse(scores, ids_of(scores), give([1, 9, 8, 2, 9], admits=frozenset({1, 2, 4})))
    assert first.points == 5.0
    assert MOST_ADMITTED_POINTS > best.points > good.points > 0
    assert (poor, excluded) == (Score(0.0), EXCLUDED)
    assert best.reasons == (Reason("topic 1", (), best.points, ReasonKind.MEANING),)
    faint = [make_score(0.1), make_score(0.0)]
    assert 0 < fuse(faint, ids_of(faint), give([1, 9], admits=frozenset({1})))[1].points < 0.1


def test_few_papers_come_in_without_a_match():
    """The best of them."""
    scores = [make_score(0.0)] * 6
    fused = fuse(scores, ids_of(scores), give([1, 2, 3, 4, 5, 6], admits=frozenset(range(6))))
    assert [each.points > 0 for each in fused] == [False] * (6 - MOST_ADMITTED) + [True] * MOST_ADMITTED


@given(st.data(), st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5, 2.5, 7.0, None]), max_size=12))
def test_what_always_holds(data, points):
    """Points are kept and explained, exclusions hold, matches stay, and the order of the papers decides nothing."""
    scores = [EXCLUDED if each is None else make_score(each) for each in points]
    some = st.none() | st.floats(-3, 9) | st.sampled_from([-math.inf, 1.0])
    values = data.draw(st.lists(some, min_size=len(scores), max_size=len(scores)))
    opinion = give(values, admits=data.draw(st.frozensets(st.integers(0, 11))))
    fused = fuse(scores, ids_of(scores), opinion)
    matched = [place for place, each in enumerate(scores) if each.points > 0]
    assert sorted(fused[place].points for place in matched) == sorted(scores[place].points for place in matched)
    for before, after in zip(scores, fused, strict=True):
        assert after.excluded_by == before.excluded_by
        assert after.points == pytest.approx(sum(each.points for each in after.reasons))
        assert after.merit >= before.points or after.points >= before.points
        assert not (after.excluded_by and after.points)
    order = data.draw(st.permutations(range(len(scores))))
    mixed = fuse(
        [scores[place] for place in order],
        [ids_of(scores)[place] for place in order],
        Opinion(
            opinion.kind,
            [values[place] for place in order],
            [opinion.subjects[place] for place in order],
            admits=frozenset(new for new, place in enumerate(order) if place in opinion.admits),
        ),
    )
    assert mixed == [fused[place] for place in order]
