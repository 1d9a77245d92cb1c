"""The score that people see: its range, what it is made of, and what it is measured by."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.calibration import HALF_POINTS, half_points, least_score
from bot.model.digest import Reason, ReasonKind, Score
from bot.rendering.scores import format_reason, format_score, format_shares

POINTS = st.floats(0.001, 1000)
HALF = st.floats(0.05, 100)
REASONS = st.lists(st.floats(-100, 100).filter(bool), min_size=1, max_size=12)
TOPICS = st.lists(st.integers(0, 200).map("topic{}".format), min_size=1, max_size=40, unique=True)
WEIGHTS = st.floats(0.1, 10).map(lambda weight: round(weight, 2))


def scored(points, half):
    reasons = [Reason("t", ("title",), each, ReasonKind.TOPIC if each > 0 else ReasonKind.DISLIKED) for each in points]
    return Score(math.fsum(points), tuple(reasons), half=half)


@given(POINTS, POINTS, HALF)
def test_the_score_rises_with_the_points(one, other, half):
    """It never reorders, is never 0 for a paper with points, and 100 is out of reach."""
    low, high = sorted((one, other))
    assert 1 <= Score(low, half=half).value <= Score(high, half=half).value <= 99


@example([-1.0770988095719787, -27.07709880957198, -99.93442774256211, -1.6994419617532088], 1.0)
@given(REASONS, HALF)
def test_shares_add_up_to_the_score(points, half):
    """Whole numbers whose sum is the number shown, those above 0 for what speaks for the paper, the others below."""
    score = scored(points, half)
    assert all(isinstance(each, int) for each in (score.value, score.merit, *score.shares))
    assert sum(score.shares) == score.value <= score.merit
    assert sum(each for each in score.shares if each > 0) == score.merit
    assert all(share * each >= 0 for share, each in zip(score.shares, points, strict=True))
    assert all(abs(each) <= 99 for each in score.shares)


@given(REASONS, HALF)
def test_shares_are_in_proportion(points, half):
    """A share is less than 1 away from its part of what all reasons of its sign make."""
    score = scored(points, half)
    assume(score.merit)
    added = math.fsum(each for each in points if each > 0)
    for share, each in zip(score.shares, points, strict=True):
        assert each < 0 or abs(share - score.merit * each / added) < 1


@given(REASONS)
def test_points_that_are_no_scores_stay_as_they_are(points):
    """What is not calibrated is shown to the half point."""
    score = scored(points, 0.0)
    assert (score.value, score.shares) == (score.points, tuple(points))


def test_what_marks_take_off_is_shown_and_no_minimum_is_asked_of_it():
    """The merit is what speaks for the paper alone."""
    score = scored([3.0, 1.0, -2.0], 2.0)
    assert (score.merit, score.value, score.shares) == (67, 50, (50, 17, -17))
    assert format_shares(score)[2].startswith("-17 ")


@given(TOPICS, st.randoms())
def test_the_measure_follows_from_the_topics_alone(topics, chance):
    """In any order, whatever is left out; more topics make it no smaller, and no more than twice as large."""
    shuffled = [*topics, "-survey", "NOT (a OR b)", "(("]
    chance.shuffle(shuffled)
    assert half_points(shuffled) == pytest.approx(half_points(topics))
    assert HALF_POINTS <= half_points(topics) <= half_points([*topics, "one more"]) <= 2 * HALF_POINTS
    assert half_points(()) == HALF_POINTS


@given(TOPICS, WEIGHTS)
def test_weights_alike_change_no_score(topics, weight):
    """Where every topic counts so much more, so does the measure: only weights that differ say anything."""
    heavy = [f"{topic}^{weight}" for topic in topics]
    assert half_points(heavy) == pytest.approx(weight * half_points(topics), rel=1e-6)


@given(st.lists(WEIGHTS, min_size=1, max_size=15))
def test_a_heavy_topic_is_measured_by_itself(weights):
    """With lighter ones beside it, it reads nearly as if it stood alone: never as more, and never as less than half."""
    topics = [f"topic{number}^{weight}" for number, weight in enumerate(weights)]
    alone = HALF_POINTS * max(weights)
    assert alone <= half_points(topics) * 1.0000001
    assert half_points(topics) <= 2 * alone


@given(POINTS, POINTS, TOPICS)
def test_a_minimum_in_points_is_as_strict_as_a_score(minimum, points, topics):
    """What was below the one is below the other, but for what rounds to the same."""
    half = half_points(topics)
    exact = [100 * each / (each + half) for each in (minimum, points)]
    least, value = least_score(minimum, topics), Score(points, half=half).value
    assert 1 <= least <= 100
    if exact[1] >= exact[0] + 1 and least < 100:
        assert value >= least
    if exact[1] <= exact[0] - 1.5:
        assert value < least


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason("kv cache", ("title", "abstract"), 1), "title and abstract: kv cache"),
        (Reason('ti:"kv cache"^2.5', ("title",), 1), "title: kv cache"),
        (Reason("quant*", ("title",), 1), "title: quant*"),
        (Reason('au:"Tri Dao"', ("author",), 1), "author you follow: Tri Dao"),
        (Reason("au:Dao OR au:Gu", ("author",), 1), "author you follow: au:Dao OR au:Gu"),
        (Reason("cat:cs.LG", ("category",), 1), "category: cs.LG"),
        (Reason("(a OR b)^2", ("abstract",), 1), "abstract: (a OR b)^2"),
        (Reason("paged, serving", (), 1, ReasonKind.RELATED), "close to your topics: paged, serving"),
        (
            Reason("au:tri dao, kv, cat:cs.lg, cat:cond-mat.str-el", (), 1, ReasonKind.LIKED, 3),
            "like 3 papers you liked or saved: author Tri Dao, kv, category cs.LG, category cond-mat.str-el",
        ),
        (Reason("survey", (), -1, ReasonKind.DISLIKED, 1), "like 1 paper you did not like: survey"),
    ],
)
def test_reasons_are_plain_words(reason, said):
    """What was found where, without the syntax of topics."""
    assert format_reason(reason) == said


def test_a_score_says_itself():
    """Calibrated as a whole number, otherwise to two places, and what leaves out says that."""
    reasons = (Reason("kv cache", ("title",), 1.5), Reason("au:Dao", ("author",), 1.5))
    assert format_score(Score(3.0, reasons, half=1.8)) == "Score 62: title: kv cache; author you follow: Dao"
    assert format_score(Score(3.0, reasons)) == "Score 3.00: title: kv cache; author you follow: Dao"
    assert format_shares(Score(3.0, reasons)) == ("+1.50 title: kv cache", "+1.50 author you follow: Dao")
    faint = Reason("barrier", (), -0.001, ReasonKind.DISLIKED, 1)
    assert (
        format_score(Score(2.999, (*reasons, faint), half=1.8)) == "Score 62: title: kv cache; author you follow: Dao"
    )
    assert "did not like" in format_shares(Score(2.999, (*reasons, faint), half=1.8))[2]
    assert format_score(Score(0.0, excluded_by="-survey")) == "Left out by the topic -survey"
