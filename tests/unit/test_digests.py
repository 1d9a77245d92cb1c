"""From scores to a digest: what is chosen, in which order, and what is left out why."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.digests import broaden, candidates, compose, judge, judge_by
from bot.model.announcement import merge_batches
from bot.model.digest import LeftOut, Reason, ReasonKind, Score
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.rules import RulesRanker
from tests.build import DAY, make_batch, make_paper, make_subscription
from tests.walk import spread, walk, walked_digest

SUBSCRIPTION = make_subscription(topics=("kv cache",))


def announced(number, kind=AnnounceType.NEW, day=DAY):
    return AnnouncedPaper(make_paper(f"2611.{number:05}"), kind, day)


def left_out(subscription, paper, score, seen=()):
    [verdict] = judge(subscription, [paper], [score], dict.fromkeys(seen, DAY))
    return verdict.left_out


def test_every_reason_to_leave_a_paper_out():
    """Type, delivery, exclusion, no match and a low score each have their own word."""
    paper = announced(1)
    picky = make_subscription(topics=("kv cache",), min_score=2)
    assert left_out(SUBSCRIPTION, announced(1, AnnounceType.REPLACE), Score(3.0)) is LeftOut.TYPE
    assert left_out(SUBSCRIPTION, paper, Score(3.0), seen=[paper.paper.id]) is LeftOut.DELIVERED
    assert left_out(SUBSCRIPTION, paper, Score(3.0, excluded_by="-survey")) is LeftOut.EXCLUDED
    assert left_out(SUBSCRIPTION, paper, Score(0.0)) is LeftOut.NO_MATCH
    assert left_out(picky, paper, Score(1.9)) is LeftOut.BELOW_MIN_SCORE
    assert left_out(picky, paper, Score(2.0)) is None


def test_without_topics_every_paper_passes_in_feed_order():
    """A chat that names no topic reads its categories whole, whatever its minimum score."""
    subscription = make_subscription(topics=("-survey",), min_score=5, max_papers=2)
    papers = [announced(number) for number in (3, 1, 2)]
    verdicts = judge(subscription, papers, [Score(0.0)] * 3, {})
    assert [(each.announced.paper.id, each.left_out) for each in verdicts] == [
        ("2611.00003", None),
        ("2611.00001", None),
        ("2611.00002", LeftOut.NO_ROOM),
    ]


def test_equal_scores_go_by_day_then_by_feed_order():
    """Ties are broken by the newest day and then by arXiv's own order, never by chance."""
    old, first, second = announced(1, day=DAY - timedelta(days=1)), announced(2), announced(3)
    verdicts = judge(SUBSCRIPTION, [old, first, second], [Score(1.0)] * 3, {})
    assert [each.announced for each in verdicts] == [first, second, old]


def test_the_digest_counts_what_it_leaves_out():
    """The last line of a digest adds up to the announcement."""
    papers = [announced(number) for number in range(5)]
    scores = [Score(5.0), Score(4.0), Score(3.0), Score(0.0), Score(0.0)]
    subscription = make_subscription(topics=("kv cache",), max_papers=2)
    digest = compose(DAY, ("cs.CL",), judge(subscription, papers, scores, {}))
    assert [each.place for each in digest.papers] == [1, 2]
    assert digest.left_out == {LeftOut.NO_MATCH: 2, LeftOut.NO_ROOM: 1}
    assert digest.total == 5


def test_papers_without_room_stay_candidates_for_some_days():
    """Yesterday's papers compete again, until days_back, and only if they came after the chat subscribed."""
    batches = [make_batch(make_paper(f"2611.0000{age}"), day=DAY - timedelta(days=age)) for age in (0, 1, 6, 7, 8)]
    announcements = merge_batches(batches)

    def ages(**fields):
        return [each.paper.id[-1] for each in candidates(make_subscription(**fields), announcements)]

    assert ages(topics=("kv cache",)) == ["0", "1", "6", "7"]
    assert ages(topics=("kv cache",), days_back=1) == ["0", "1"]
    assert ages(topics=("kv cache",), created=datetime(2026, 11, 19, 9, tzinfo=UTC)) == ["0", "1"]
    assert ages(topics=("kv cache",), created=datetime(2027, 1, 1, tzinfo=UTC)) == ["0"]
    assert ages(topics=()) == ["0"]


def test_a_paper_announced_twice_is_one_candidate():
    """A paper that comes again stands in its newest version on its newest day; as a type nobody takes, on the day before."""
    again = make_batch((make_paper("2611.00001", version=2), AnnounceType.REPLACE))
    first = make_batch(make_paper("2611.00001"), day=DAY - timedelta(days=1))
    other = make_batch(make_paper("2611.00009"), day=DAY - timedelta(days=1), category="cs.LG")
    announcements = merge_batches([again, first, other])

    def stands(*types):
        chat = replace(SUBSCRIPTION, types=types)
        return [(each.paper.version, each.announce_type, each.day) for each in candidates(chat, announcements)]

    assert stands(AnnounceType.NEW) == [(2, AnnounceType.NEW, DAY - timedelta(days=1))]
    assert stands(AnnounceType.NEW, AnnounceType.REPLACE) == [(2, AnnounceType.REPLACE, DAY)]


def test_a_quiet_day_leaves_the_last_announcement_in_place():
    """An empty batch of today does not hide yesterday's papers."""
    announcements = merge_batches([make_batch(make_paper(), day=DAY - timedelta(days=1)), make_batch()])
    assert len(candidates(SUBSCRIPTION, announcements)) == 1
    assert candidates(SUBSCRIPTION, ()) == ()


PAPERS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(AnnounceType),
        st.floats(0, 10),
        st.sampled_from(["", "-survey"]),
        st.integers(0, 3),
    ),
    unique_by=lambda each: each[0],
    max_size=30,
)


@given(
    PAPERS,
    st.sets(st.integers(0, 30)),
    st.integers(1, 10),
    st.integers(0, 5),
    st.sampled_from([(), ("kv cache",), ("-survey",)]),
    st.sets(st.sampled_from(AnnounceType), min_size=1),
)
def test_what_holds_for_every_digest(drawn, delivered, max_papers, min_score, topics, types):
    """Never a seen id, never above the limit, best first, stable, and nothing uncounted."""
    subscription = make_subscription(topics=topics, max_papers=max_papers, min_score=min_score, types=tuple(types))
    papers = [announced(number, kind, DAY - timedelta(days=age)) for number, kind, _, _, age in drawn]
    scores = [Score(points, (Reason("t", ("title",), points),), excluded) for _, _, points, excluded, _ in drawn]
    seen = {announced(number).paper.id: date(2026, 11, 1) for number in delivered}
    verdicts = judge(subscription, papers, scores, seen)
    digest = compose(DAY, ("cs.CL",), verdicts)

    shown = [each.announced.paper.id for each in digest.papers]
    points = [each.score.points for each in digest.papers]
    assert len(shown) == len(set(shown)) <= max_papers
    assert not set(shown) & seen.keys()
    assert points == sorted(points, reverse=True)
    assert all(each.announced.announce_type in types and not each.score.excluded_by for each in digest.papers)
    assert all(each.score.points >= min_score for each in digest.papers) or "kv cache" not in topics
    assert [each.place for each in digest.papers] == list(range(1, len(shown) + 1))
    assert len(verdicts) == len(papers)
    assert verdicts == judge(subscription, papers, scores, seen)


PAPERS = [AnnouncedPaper(make_paper(f"2611.0{number:04}"), AnnounceType.NEW, DAY) for number in range(12)]
FOUND = st.lists(st.frozensets(st.sampled_from("abcde"), min_size=1), max_size=12)


def passed_with(*found):
    """Papers, best first, each with the topics found in it."""
    number = len(found)
    return [
        (announced, Score(float(number - place), tuple(Reason(topic, ("title",), 1.0) for topic in sorted(topics))))
        for place, (announced, topics) in enumerate(zip(PAPERS, found, strict=False))
    ]


def test_each_topic_gets_a_place():
    """The best paper of a topic that is not shown takes the last place that no topic needs."""
    passed = passed_with("a", "b", "a", "c", "c", "a")
    assert broaden(passed, 3) == [passed[place] for place in (0, 1, 3, 2, 4, 5)]
    assert broaden(passed, 2) == passed
    assert broaden(passed, 100) == passed


def test_a_topic_found_in_passing_gets_no_place():
    """A mere hint of a topic pushes nothing out."""
    best, other, hint = passed_with("a", "a", "b")
    faint = (hint[0], Score(0.1, (Reason("b", ("abstract",), 0.1),)))
    assert broaden([best, other, faint], 2) == [best, other, faint]


@given(FOUND, st.integers(min_value=0, max_value=13))
def test_breadth_loses_nothing(found, limit):
    """The same papers, no topic of the first ones lost; the order of those shown is the order of their scores."""
    passed = passed_with(*found)
    spread = broaden(passed, limit)
    assert sorted(map(id, spread)) == sorted(map(id, passed))
    before, after = ({each.topic for _, score in some[:limit] for each in score.reasons} for some in (passed, spread))
    assert before <= after
    shown = [score.points for _, score in spread[:limit]]
    assert shown == sorted(shown, reverse=True)


REASONS = st.lists(
    st.builds(
        Reason,
        st.sampled_from(["kv cache", "agent^3", "protein", "words"]),
        st.just(("title",)),
        # Few numbers, so that many papers have equal points, and some topics are found too faintly to deserve a place.
        st.sampled_from([-1.0, 0.2, 0.5, 1.0, 1.5, 3.0]),
        st.sampled_from([ReasonKind.TOPIC, ReasonKind.TOPIC, ReasonKind.RELATED, ReasonKind.DISLIKED]),
    ),
    max_size=4,
)
SCORES = st.one_of(
    st.just(Score(0.0)),
    st.just(Score(0.0, excluded_by="-survey")),
    *[REASONS.map(lambda reasons: Score(max(0.0, sum(each.points for each in reasons)), tuple(reasons)))] * 4,
)
JUDGED = st.lists(
    st.tuples(
        SCORES,
        st.sampled_from([AnnounceType.NEW] * 4 + [AnnounceType.REPLACE]),
        st.integers(0, 2),
        st.sampled_from([False] * 5 + [True]),
        st.sampled_from([0] * 6 + [1, 2]),
    ),
    max_size=25,
)


@given(
    JUDGED,
    st.sampled_from([(), ("-survey",), ("kv cache",), ("kv cache", "agent^3", "protein")]),
    st.integers(1, 6),
    st.sampled_from([0, 0, 1, 30, 60]),
    st.sampled_from([(AnnounceType.NEW,), (AnnounceType.REPLACE,), tuple(AnnounceType)]),
    st.sampled_from([None, DAY, DAY - timedelta(days=1)]),
)
def test_verdicts_are_those_of_a_plain_walk(drawn, topics, max_papers, min_score, types, since):
    """Whatever the short cuts: the verdicts, their order, the digest and its counts are what the rules give one by one."""
    subscription = make_subscription(topics=topics, max_papers=max_papers, min_score=min_score, types=types)
    scores = [score for score, *_ in drawn]
    papers = [announced(number, kind, DAY - timedelta(days=age)) for number, (_, kind, age, _, _) in enumerate(drawn)]
    seen = {each.paper.id: DAY for each, (*_, is_seen, _) in zip(papers, drawn, strict=True) if is_seen}
    # Papers of one group are alike; group 0 is of those that are like none.
    groups = {each.paper.id: group for each, (*_, group) in zip(papers, drawn, strict=True) if group}
    similar = {
        one: frozenset(other for other, its in groups.items() if its == group and other != one)
        for one, group in groups.items()
    }
    verdicts = judge_by(RulesRanker(), subscription, papers, scores, seen, similar)
    assert verdicts == walk(subscription, papers, scores, seen, similar)
    digest = compose(DAY, ("cs.CL",), verdicts, since=since)
    assert (digest.papers, digest.left_out) == walked_digest(DAY, verdicts, since)
    assert list(digest.left_out) == [each for each in LeftOut if each in digest.left_out]


FAINT_OR_WELL = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0.2, 1.0]), min_size=1, max_size=3)


@given(st.lists(FAINT_OR_WELL, max_size=12), st.integers(0, 5))
def test_places_for_topics_are_those_of_a_plain_walk(found, limit):
    """Also where a topic that is shown already was found too faintly to deserve a place, or one beside it is not shown."""
    scores = [Score(1.0, tuple(Reason(topic, ("title",), points) for topic, points in each.items())) for each in found]
    passed = list(zip(PAPERS, scores, strict=False))
    assert broaden(passed, limit) == spread(passed, limit)
