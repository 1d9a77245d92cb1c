"""What is promised of every digest by rules, whatever there is to read and whatever people marked."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.calibration import weight_of
from bot.digests import DESERVING_POINTS, compose, rank
from bot.model.announcement import merge_batches
from bot.model.digest import LeftOut, ReasonKind
from bot.model.feedback import Feedback
from bot.ranking.rules import RulesRanker
from bot.similar import find_similar
from bot.topics import compile_topic, document_of
from tests.build import DAY, make_batch, make_paper, make_subscription

WORDS = ("cache", "agent", "robot", "coffee", "protein", "survey", "memory", "speech")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
PAPERS = st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from("abc")), min_size=1, max_size=10).map(
    lambda drawn: [
        make_paper(f"2611.{number:05}", f"On {title}", f"We study {abstract} here.", authors=(author,))
        for number, (title, abstract, author) in enumerate(drawn)
    ]
)
TOPICS = st.lists(
    st.sampled_from(
        ("cache", "ti:agent^3", "robot^0.5", "coffee OR tea", '"agent memory"^2', "au:a", "-survey", "-au:b")
    ),
    min_size=1,
    max_size=8,
    unique=True,
)
MARKED = st.sets(st.integers(0, 9))
LEAST = st.sampled_from([0, 20, 40, 60])
MOST = st.integers(1, 10)


def marked(papers, liked, disliked):
    return Feedback(
        tuple(papers[each] for each in sorted(liked) if each < len(papers)),
        tuple(papers[each] for each in sorted(disliked - liked) if each < len(papers)),
    )


def judged(papers, topics, feedback=None, **fields):
    recent = merge_batches([make_batch(*papers)])
    announced = [each for announcement in recent for each in announcement.papers_for(("cs.CL",))]
    subscription = make_subscription(topics=tuple(topics), **fields)
    return rank(
        RulesRanker(), subscription, announced, recent, {}, feedback or Feedback(), find_similar(papers)
    )  # fmt: skip


@settings(max_examples=40)
@given(PAPERS, TOPICS, MARKED, MARKED, LEAST)
def test_what_is_excluded_never_appears(papers, topics, liked, disliked, least):
    """Not shown, not named beside another, not waiting for room, however well it is liked."""
    excluded = [compile_topic(each) for each in topics if each.startswith("-")]
    verdicts = judged(papers, topics, marked(papers, liked, disliked), min_score=least)
    digest = compose(DAY, ("cs.CL",), verdicts)
    named = {each for shown in digest.papers for each in shown.ids}
    for verdict in verdicts:
        if any(each.match(document_of(verdict.announced.paper)) for each in excluded):
            assert verdict.left_out is LeftOut.EXCLUDED
            assert verdict.announced.paper.id not in named
            assert verdict.score.value == 0


@settings(max_examples=40)
@given(PAPERS, TOPICS, MARKED, MARKED, LEAST)
def test_no_mark_hides_what_matches_a_topic(papers, topics, liked, disliked, least):
    """What passed by its topics passes with every 👍 and 👎 there may be, and its numbers still add up."""
    cold = judged(papers, topics, min_score=least)
    warm = judged(papers, topics, marked(papers, liked, disliked), min_score=least)
    passed = {each.announced.paper.id for each in warm if each.place}
    interested = any(not each.startswith("-") for each in topics)
    assert {each.announced.paper.id for each in cold if each.place} <= passed or not interested
    for verdict in warm:
        assert sum(verdict.score.shares) == verdict.score.value


@settings(max_examples=40)
@given(PAPERS, TOPICS, MARKED, MARKED, LEAST, st.randoms())
def test_order_makes_no_difference(papers, topics, liked, disliked, least, chance):
    """Of papers and of topics: every paper has the same score, and passes or not."""
    feedback = marked(papers, liked, disliked)

    def found(some_papers, some_topics):
        verdicts = judged(some_papers, some_topics, feedback, min_score=least, max_papers=100)
        return {
            each.announced.paper.id: (
                each.score.points,
                each.score.reasons,
                bool(each.score.excluded_by),
                bool(each.place),
            )
            for each in verdicts
        }

    shuffled = chance.sample(papers, len(papers)), chance.sample(topics, len(topics))
    assert found(*shuffled) == found(papers, topics)


@settings(max_examples=60)
@given(PAPERS, TOPICS, MARKED, MARKED, LEAST, MOST)
def test_a_digest_is_as_broad_as_its_topics(papers, topics, liked, disliked, least, most):
    """Each topic with a match worth a place, in a paper that passed, has one among those shown, if all topics have room."""
    verdicts = judged(papers, topics, marked(papers, liked, disliked), min_score=least, max_papers=most)

    def topics_of(chosen):
        return {
            reason.topic
            for each in chosen
            for reason in each.score.reasons
            if reason.kind is ReasonKind.TOPIC and reason.points >= DESERVING_POINTS * weight_of(reason.topic)
        }

    deserving = topics_of(each for each in verdicts if each.place)
    shown = topics_of(each for each in verdicts if each.left_out is None)
    assert len(shown) >= min(len(deserving), most)
    assert shown == deserving or len(deserving) > most
