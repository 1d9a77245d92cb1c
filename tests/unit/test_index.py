"""What `rules` finds by its index, beside what it would find going through every paper; and what its scores do not depend on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.folding import fold_letters, fold_words
from bot.model.announcement import merge_batches
from bot.model.feedback import Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.rules import RulesRanker
from tests.build import DAY, make_batch, make_paper
from tests.oracle import Oracle

WORDS = st.sampled_from("kv cache caches legged tea model Dao a C++ queries query métal pre-train".split())
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)
AUTHORS = st.lists(st.sampled_from(["Tri Dao", "T. Dao", "Kv Cache", "Ada M. Vale", "Kv Cache"]), max_size=3).map(tuple)
CATEGORIES = st.sampled_from([("cs.CL",), ("cs.LG", "cs.CL"), ("stat.ML",), ("cs.CV", "stat.ML")])
CONTENTS = st.tuples(TEXTS, TEXTS, AUTHORS, CATEGORIES)
FIELDS = st.sampled_from(["", "", "", "ti:", "abs:", "au:", "all:"])
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
ATOMS = st.one_of(
    PHRASES,
    st.builds('{}"{}"'.format, FIELDS, PHRASES),
    st.builds("{}{}".format, FIELDS, WORDS),
    st.builds(
        "{}{}*".format, FIELDS, st.sampled_from(["ca", "qu", "quer", "queries", "kv ca", "Da", "cs", "leg", "no"])
    ),
    st.sampled_from(["au:Dao", 'au:"Dao, Tri"', "au:Dao_T", "cat:cs.LG", "cat:cs", "cat:st*", "tri dao", "all:cs.cl"]),
)
QUERIES = st.one_of(
    ATOMS,
    ATOMS,
    st.builds("{} AND {}".format, ATOMS, ATOMS),
    st.builds("{} OR {}".format, ATOMS, ATOMS),
    st.builds("{} -{}".format, ATOMS, ATOMS),
    st.builds("({} OR {}) AND {}".format, ATOMS, ATOMS, ATOMS),
    st.builds("({})^{}".format, ATOMS, st.sampled_from(["2", "0.5"])),
)
TOPICS = st.lists(st.one_of(QUERIES, QUERIES, QUERIES, st.builds("-({})".format, ATOMS)), max_size=6)
unhurried = settings(deadline=None)


def make_papers(contents, first=0):
    papers = [
        make_paper(f"2611.{number:05}", title, abstract, authors=authors, categories=categories)
        for number, (title, abstract, authors, categories) in enumerate(contents, start=first)
    ]
    return [AnnouncedPaper(each, AnnounceType.NEW, DAY) for each in papers]


def announce(papers, day=DAY):
    return merge_batches([make_batch(*(each.paper for each in papers), day=day)])


def liked(papers, numbers):
    return tuple(papers[number % len(papers)].paper for number in numbers) if papers else ()


NUMBERS = st.lists(st.integers(0, 30), max_size=6)


@unhurried
@given(st.lists(CONTENTS, max_size=14), st.lists(CONTENTS, max_size=3), TOPICS, NUMBERS, NUMBERS)
def test_the_index_finds_what_going_through_all_papers_finds(contents, others, topics, ups, downs):
    """Phrases, words near each other, beginnings, fields, weights, AND OR NOT and exclusions; in known papers and in others."""
    known = make_papers(contents)
    recent, papers = announce(known), [*known, *make_papers(others, first=100)]
    feedback = Feedback(liked(papers, ups), liked(papers, downs))
    scores = RulesRanker().rank(papers, topics, recent, feedback)
    expected = Oracle(recent).rank(papers, topics, feedback)
    assert [bool(each.excluded_by) for each in scores] == [each is None for each in expected]
    assert [each.points for each in scores] == pytest.approx([each or 0.0 for each in expected], abs=1e-9)


@unhurried
@given(st.lists(CONTENTS, min_size=1, max_size=10), TOPICS, NUMBERS, st.randoms())
def test_no_order_changes_a_score(contents, topics, ups, random):
    """Neither that of the papers, nor of the topics, nor of the announced papers, nor that of the chats that ask."""
    papers = make_papers(contents)
    feedback = Feedback(liked(papers, ups))
    ranker, recent = RulesRanker(), announce(papers)
    scores = dict(zip(map(id, papers), ranker.rank(papers, topics, recent, feedback), strict=True))
    mixed, others = (random.sample(each, len(each)) for each in (papers, topics))
    ranker.rank(mixed, topics[:2], recent)
    again = ranker.rank(mixed, others, announce(random.sample(papers, len(papers))), feedback)
    assert [(each.points, bool(each.excluded_by)) for each in again] == [
        (scores[id(each)].points, bool(scores[id(each)].excluded_by)) for each in mixed
    ]
    assert [{(each.topic, each.points) for each in score.reasons} for score in again] == [
        {(each.topic, each.points) for each in scores[id(paper)].reasons} for paper in mixed
    ]


@unhurried
@given(st.lists(CONTENTS, min_size=1, max_size=10), CONTENTS, TOPICS)
def test_one_more_paper_moves_no_other(contents, one_more, topics):
    """Where the papers known stay the same, one that comes along changes nothing about the rest."""
    papers = make_papers(contents)
    recent = announce(papers, DAY - timedelta(1))
    more = [*papers, *make_papers([one_more], first=100)]
    assert RulesRanker().rank(more, topics, recent)[:-1] == RulesRanker().rank(papers, topics, recent)


@unhurried
@given(st.lists(CONTENTS, min_size=1, max_size=10), TOPICS, ATOMS, NUMBERS)
def test_excludes_always_win(contents, topics, unwanted, ups):
    """What an exclusion matches has no points and no reason, whatever else it has, and whatever was liked."""
    papers = make_papers(contents)
    recent, feedback = announce(papers), Feedback(liked(papers, ups))
    left = RulesRanker().rank(papers, [*topics, f"-({unwanted})"], recent, feedback)
    for score, alone in zip(left, RulesRanker().rank(papers, [f"-({unwanted})"], recent), strict=True):
        assert bool(score.excluded_by) >= bool(alone.excluded_by)
        assert not (score.excluded_by and (score.points or score.reasons))


@unhurried
@given(st.lists(CONTENTS, min_size=1, max_size=10), TOPICS, NUMBERS, NUMBERS)
def test_without_feedback_all_is_as_before(contents, topics, ups, downs):
    """Taking back every mark gives exactly the scores of the topics alone."""
    papers = make_papers(contents)
    ranker, recent = RulesRanker(), announce(papers)
    cold = RulesRanker().rank(papers, topics, recent)
    ranker.rank(papers, topics, recent, Feedback(liked(papers, ups), liked(papers, downs)))
    assert ranker.rank(papers, topics, recent, Feedback()) == cold


@unhurried
@given(st.lists(CONTENTS, min_size=1, max_size=8), st.lists(CONTENTS, max_size=4), TOPICS, TOPICS)
def test_what_was_asked_yesterday_changes_nothing_today(contents, more, topics, others):
    """Topics of one announcement are looked for together in the next, before anybody asks for them."""
    before, after = make_papers(contents), make_papers(more, first=50)
    recent = announce(before, DAY - timedelta(1)) + announce(after)
    ranker = RulesRanker()
    for asked in (topics, others, ["unclosed (", ""]):
        ranker.rank(before, asked, recent[:1])
    for asked in (topics, others):
        assert ranker.rank([*before, *after], asked, recent) == RulesRanker().rank([*before, *after], asked, recent)


@pytest.mark.parametrize("topics", [["kv cache", '"kv cache"'], ['"kv caches"', "KV Cache"]])
def test_of_two_spellings_the_wider_counts(topics):
    """Quotes only keep words together, so without them the topic finds more; it counts whatever was typed first."""
    (paper,) = make_papers([("A kv for a cache", "", (), ("cs.CL",))])
    assert RulesRanker().rank([paper], topics, ())[0].points > 0
    assert RulesRanker().rank([paper], topics[::-1], ()) == RulesRanker().rank([paper], topics, ())


@pytest.mark.parametrize("topics", [["tea"], ["tea", "kv cache"]])
def test_chats_may_ask_at_once(topics):
    """Several threads with one ranker get what each would get alone."""
    papers = make_papers([("Tea", "A kv cache", (), ("cs.CL",)), ("Model", "Tea, legged", (), ("cs.LG",))] * 20)
    ranker, recents = RulesRanker(), [announce(papers), announce(papers[:7]), announce(papers[9:])]
    with ThreadPoolExecutor(4) as pool:
        asked = [recent for recent in recents for _ in range(4)]
        found = list(pool.map(lambda recent: ranker.rank(papers, topics, recent), asked))
    assert found == [RulesRanker().rank(papers, topics, recent) for recent in asked]


@unhurried
@given(st.text(alphabet="aSsC'’+#*-_.12 \n", max_size=30))
def test_plain_texts_fold_as_all_others(text):
    """Texts of plain letters are folded faster, and to the same words as beside a letter that is not plain."""
    assert fold_words(f"{text} 漢") == f"{fold_words(text).rstrip()} 漢 "
    assert fold_letters(f"{text} 漢") == f"{fold_letters(text).rstrip()} 漢 "
