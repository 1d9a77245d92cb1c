"""What marks teach the ranker `rules`."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.digests import judge
from bot.model.announcement import merge_batches
from bot.model.digest import ReasonKind
from bot.model.feedback import Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.rules import RulesRanker
from tests.build import DAY, make_batch, make_paper, make_subscription

ROBOTS = [
    make_paper(f"2610.1000{number}", f"Humanoid walking {word}", f"Legged balance on {word}.", authors=("Robo Ann",))
    for number, word in enumerate("stairs ice sand grass mud snow gravel ramps".split())
]
TEA = [
    make_paper(f"2610.2000{number}", f"Tea brewing in {word}", f"Green leaves steeped in {word}.", authors=("Tea Bo",))
    for number, word in enumerate("Kyoto Assam Darjeeling".split())
]
OTHERS = [make_paper(f"2610.3{number:04}", "A model", "We train a model of language.") for number in range(200)]
RECENT = merge_batches([make_batch(*ROBOTS, *TEA, *OTHERS, day=DAY - timedelta(1))])
ROBOT = make_paper("2611.00001", "A humanoid model", "Legged balance, again, of a humanoid.")
TEA_POT = make_paper("2611.00002", "Brewing model", "Tea brewing with green leaves.")
PLAIN = make_paper("2611.00003", "A model", "We train a model of coffee.")


def rank(topics, feedback, *papers):
    announced = [AnnouncedPaper(each, AnnounceType.NEW, DAY) for each in papers]
    return RulesRanker().rank(announced, topics, RECENT, feedback)


def learned(score):
    return sum(each.points for each in score.reasons if each.kind in (ReasonKind.LIKED, ReasonKind.DISLIKED))


def test_likes_lift_what_is_like_them():
    """A paper like the liked ones gets points, with the reason and the number of those; another gets none."""
    robot, plain = rank(["model"], Feedback(liked=tuple(ROBOTS)), ROBOT, PLAIN)
    (reason,) = [each for each in robot.reasons if each.kind is ReasonKind.LIKED]
    assert reason.points > 0
    assert "humanoid" in reason.topic
    assert reason.count == len(ROBOTS)
    assert learned(plain) == 0


def test_dislikes_lower_but_never_hide():
    """A paper like the disliked ones loses at most half of what its topics gave, and still passes its minimum score."""
    cold, warm = (rank(["model"], each, ROBOT)[0] for each in (Feedback(), Feedback(disliked=tuple(ROBOTS) * 9)))
    assert cold.points / 2 <= warm.points < cold.points
    subscription = make_subscription(topics=("model",), min_score=cold.points)
    announced = AnnouncedPaper(ROBOT, AnnounceType.NEW, DAY)
    assert judge(subscription, [announced], [warm], {})[0].left_out is None


def test_few_votes_shift_little():
    """Each further vote adds to the trust in them; a single one is worth less than a topic in the title."""
    shifts = [learned(rank(["model"], Feedback(liked=tuple(ROBOTS[:number])), ROBOT)[0]) for number in (1, 3, 8)]
    assert 0 < shifts[0] < 1.8
    assert shifts[0] < shifts[2]


def test_a_paper_without_a_topic_must_be_quite_like_the_liked_ones():
    """Many likes can show what no topic asks for, one cannot."""
    walker = make_paper("2611.00004", "Humanoid walking on rocks", "Legged balance on rocks.")
    assert rank(["coffee"], Feedback(liked=tuple(ROBOTS)), walker)[0].points > 0
    assert rank(["coffee"], Feedback(liked=tuple(ROBOTS[:1])), walker)[0].points == 0


def test_interests_that_differ_are_not_averaged():
    """A small interest counts beside a large one that is far from it."""
    both = rank(["model"], Feedback(liked=(*ROBOTS, *TEA)), TEA_POT)[0]
    alone = rank(["model"], Feedback(liked=tuple(TEA)), TEA_POT)[0]
    assert learned(both) >= learned(alone) * 0.9 > 0


def test_likes_and_dislikes_of_the_same_papers_cancel_out():
    """Members who disagree leave the ranking to the topics."""
    papers = tuple(ROBOTS)
    assert learned(rank(["model"], Feedback(papers, papers), ROBOT)[0]) == 0


def test_muted_terms_count_for_nothing():
    """What was muted is neither counted nor named."""
    (before,), (after,) = (
        rank(["model"], Feedback(liked=tuple(ROBOTS), muted=muted), ROBOT)
        for muted in (frozenset(), frozenset({"humanoid", "legged balance"}))
    )
    (reason,) = [each for each in after.reasons if each.kind is ReasonKind.LIKED]
    assert "humanoid" not in reason.topic.split(", ")
    assert reason.topic != next(each for each in before.reasons if each.kind is ReasonKind.LIKED).topic


def test_a_title_alone_teaches():
    """Of a paper that is no longer kept the title counts."""
    titles = tuple(make_paper(each.id, each.title, "", authors=()) for each in ROBOTS)
    assert learned(rank(["model"], Feedback(liked=titles), ROBOT)[0]) > 0


PAPERS = st.lists(st.sampled_from([*ROBOTS, *TEA, *OTHERS[:3]]), max_size=8)


@settings(deadline=None)
@given(PAPERS, PAPERS, st.randoms())
def test_feedback_has_no_order_and_breaks_no_rule(liked, disliked, random):
    """The order of votes changes nothing; excludes win; matches keep points; points add up."""
    topics, papers = ["model", "-coffee"], (ROBOT, TEA_POT, PLAIN)
    scores = rank(topics, Feedback(tuple(liked), tuple(disliked)), *papers)
    shuffled = Feedback(*(tuple(random.sample(each, len(each))) for each in (liked, disliked)))
    assert rank(topics, shuffled, *papers) == scores
    for score in scores[:2]:
        assert score.points > 0
        assert score.points == pytest.approx(sum(each.points for each in score.reasons))
    assert scores[2].excluded_by == "-coffee"
