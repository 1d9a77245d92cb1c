"""What every ranker promises: see the docstring of `Ranker` in bot/ports.py."""

import pytest

from bot.model.announcement import merge_batches
from bot.model.digest import Score
from bot.model.feedback import Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from tests.build import DAY, make_batch, make_paper

PAPERS = [
    AnnouncedPaper(make_paper(identifier, title, abstract), AnnounceType.NEW, DAY)
    for identifier, title, abstract in (
        ("2611.00001", "A kv cache for diffusion", "We shrink the kv cache."),
        ("2611.00002", "Pruning", "About diffusion, with a kv cache and more diffusion."),
        ("2611.00003", "A survey of diffusion", "Everything."),
        ("2611.00004", "Something else", "Nothing of interest."),
    )
]
RECENT = merge_batches([make_batch(*(each.paper for each in PAPERS))])
TOPICS = ("kv cache", "diffusion", "-survey")


@pytest.fixture(params=[ClassicRanker, RulesRanker], ids=["classic", "rules"])
def ranker(request):
    return request.param()


def test_it_has_the_name_settings_use(ranker):
    """A ranker is chosen by its name."""
    assert ranker.name in ("classic", "rules")


def test_one_score_per_paper_in_order(ranker):
    """Scores stand in the order of the papers, whatever that order is."""
    scores = ranker.rank(PAPERS, TOPICS, RECENT)
    assert len(scores) == len(PAPERS)
    assert ranker.rank(PAPERS[::-1], TOPICS, RECENT) == scores[::-1]


def test_equal_arguments_give_equal_scores(ranker):
    """A ranker forgets what it was asked before, and a fresh one says the same."""
    first = ranker.rank(PAPERS, TOPICS, RECENT)
    ranker.rank(PAPERS[:1], ("pruning",), ())
    assert ranker.rank(PAPERS, TOPICS, RECENT) == first
    assert type(ranker)().rank(PAPERS, TOPICS, RECENT) == first


def test_no_papers_no_scores(ranker):
    """An empty day is no fault."""
    assert ranker.rank([], TOPICS, RECENT) == []


@pytest.mark.parametrize("recent", [(), RECENT], ids=["nothing known", "papers known"])
def test_without_topics_nothing_scores(ranker, recent):
    """Without a topic every score is 0 and has no reason."""
    assert ranker.rank(PAPERS, (), recent) == [Score(0.0)] * len(PAPERS)


def test_an_exclusion_alone_scores_nothing(ranker):
    """A topic that leaves papers out names itself on those and gives the others no points."""
    scores = ranker.rank(PAPERS, ("-survey",), RECENT)
    assert scores == [Score(0.0), Score(0.0), Score(0.0, excluded_by="-survey"), Score(0.0)]


def test_a_quoted_exclusion_is_named_as_typed(ranker):
    """The reason for leaving a paper out is the topic the person knows."""
    assert ranker.rank(PAPERS, ("diffusion", '-"survey of"'), RECENT)[2].excluded_by == '-"survey of"'


def test_points_are_the_sum_of_the_reasons(ranker):
    """Every point of a score is explained."""
    for score in ranker.rank(PAPERS, TOPICS, RECENT):
        assert score.points == pytest.approx(sum(reason.points for reason in score.reasons))


def test_reasons_name_topic_and_places(ranker):
    """A reason names the topic as typed and the fields it was found in, title first; the strongest reason leads."""
    score = ranker.rank(PAPERS, ("we shrink", "kv cache"), RECENT)[0]
    assert [(reason.topic, reason.fields) for reason in score.reasons] == [
        ("kv cache", ("title", "abstract")),
        ("we shrink", ("abstract",)),
    ]


def test_reasons_of_equal_points_are_ordered_by_topic(ranker):
    """Equal reasons have a fixed order."""
    score = ranker.rank(PAPERS[3:], ("something", "else"), ())[0]
    assert [reason.topic for reason in score.reasons] == ["else", "something"]


def test_a_match_scores_and_a_title_scores_more(ranker):
    """A paper that matches has points, one with the topic in its title more, one without the topic none."""
    in_title, in_abstract, _, nowhere = ranker.rank(PAPERS, ("kv cache",), RECENT)
    assert in_title.points > in_abstract.points > 0
    assert nowhere == Score(0.0)


def test_an_unreadable_topic_disturbs_nothing(ranker):
    """A topic that does not parse changes no other topic's points."""
    assert ranker.rank(PAPERS, ("((", *TOPICS, ""), RECENT) == ranker.rank(PAPERS, TOPICS, RECENT)


LIKED = Feedback(liked=(PAPERS[3].paper,) * 9)
DISLIKED = Feedback(disliked=tuple(each.paper for each in PAPERS) * 9)


@pytest.mark.parametrize("feedback", [LIKED, DISLIKED], ids=["liked", "disliked"])
def test_explicit_rules_win_over_feedback(ranker, feedback):
    """Whatever people marked: what a topic leaves out stays out, and what matches a topic keeps points that are explained."""
    before, after = ranker.rank(PAPERS, TOPICS, RECENT), ranker.rank(PAPERS, TOPICS, RECENT, feedback)
    for cold, warm in zip(before, after, strict=True):
        assert warm.excluded_by == cold.excluded_by
        assert (warm.points > 0) >= (cold.points > 0)
        assert warm.points == pytest.approx(sum(reason.points for reason in warm.reasons))


def test_no_feedback_is_no_difference(ranker):
    """Without marks the scores are those of the topics alone, whatever was learned before."""
    before = ranker.rank(PAPERS, TOPICS, RECENT)
    ranker.rank(PAPERS, TOPICS, RECENT, LIKED)
    assert ranker.rank(PAPERS, TOPICS, RECENT, Feedback()) == before
