"""Both rankers, each in what is its own."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.announcement import merge_batches
from bot.model.digest import Reason, ReasonKind, Score
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ranking.classic import ClassicRanker, classic_scores
from bot.ranking.corpus import MOST_RECENT
from bot.ranking.rules import RulesRanker
from tests.build import DAY, make_batch, make_paper


def announced(*, announce_type=AnnounceType.NEW, **fields):
    return AnnouncedPaper(make_paper(**fields), announce_type, DAY)


def rules(topics, *, recent=(), **fields):
    return RulesRanker().rank([announced(**fields)], topics, recent)[0]


def points(topic, **fields):
    return rules([topic], **fields).points


def classic(topics, **fields):
    return ClassicRanker().rank([announced(**fields)], topics, ())[0]


def announcements(*titles):
    return merge_batches(
        [
            make_batch(
                *(make_paper(f"2610.{number:05}", title) for number, title in enumerate(titles)), day=DAY - timedelta(1)
            )
        ]
    )


def test_classic_counts_substrings():
    """One point for a keyword anywhere, half a point more in the title, parts of words included."""
    score = classic(["RL", "World", "cache"], title="Hello world", abstract="Nothing.")
    assert score == Score(3.0, (Reason("RL", ("title",), 1.5), Reason("World", ("title",), 1.5)))
    assert classic(["noth"], title="T", abstract="Nothing.") == Score(1.0, (Reason("noth", ("abstract",), 1.0),))


def test_classic_counts_repeated_keywords():
    """The original counted a keyword as often as the configuration has it."""
    assert classic(["framework", "Framework"], title="A Framework").points == 3.0


def test_classic_reads_the_abstract_to_its_first_line_break():
    """What stands after the first line break was never read; white space before the abstract was skipped."""
    assert classic(["kv"], title="T", abstract="one\nkv").points == 0
    assert classic(["kv"], title="T", abstract=" \n kv\ntwo").points == 1


def test_classic_prefers_the_raw_text():
    """The original saw the text as arXiv wrote it."""
    assert classic([r"\'e"], title="é", raw_title=r"\'e").points == 1.5
    assert classic(["x<y"], abstract="x", raw_abstract="x<y").points == 1


def test_classic_finds_a_keyword_across_title_and_abstract():
    """Title and abstract were one text with a blank between."""
    score = classic(["end begin"], title="The end", abstract="Beginning.")
    assert score.reasons == (Reason("end begin", ("title", "abstract"), 1.0),)


@pytest.mark.parametrize("announce_type", [AnnounceType.CROSS, AnnounceType.REPLACE, AnnounceType.REPLACE_CROSS])
def test_classic_scores_new_papers_only(announce_type):
    """A paper of another type has no points and is not called excluded."""
    assert classic(["title"], title="A title", announce_type=announce_type) == Score(0.0)


def test_classic_leaves_out_by_substring():
    """An exclude keyword rules a paper out wherever it occurs, in parts of words, too."""
    assert classic(["kv", "-view"], title="kv", abstract="A review.") == Score(0.0, excluded_by="-view")


def test_classic_scores_take_any_keywords():
    """Keywords of an original configuration need not be topics."""
    paper = announced(title="a AND (b", abstract="^2")
    assert classic_scores([paper], ["AND (", "^"], [])[0].points == 2.5
    assert classic_scores([paper], ["AND ("], ["^2"])[0].excluded_by == "^2"


def test_classic_reads_topics_that_do_not_parse():
    """A keyword that is no query still counts as the text it is."""
    assert classic(["(b"], title="a (b").points == 1.5


def test_rules_never_count_parts_of_words():
    """`RL` inside `world` is nothing."""
    assert rules(["RL"], title="Hello world", abstract="Worldly girls.") == Score(0.0)


def test_rules_read_abstracts_whole():
    """A line break ends nothing."""
    assert points("kv cache", abstract="First line.\nSecond line.\n\nA kv\ncache.") > 0


def test_rules_read_every_type():
    """Which types are shown is not for the ranker to say."""
    assert points("kv", title="kv", announce_type=AnnounceType.REPLACE) > 0


def test_a_first_hit_of_an_unknown_word_is_about_one_point():
    """Where nothing is known of a word, it counts about 1 in the abstract and 2 in the title."""
    assert points("kv", abstract="kv and" + " so on" * 74) == pytest.approx(1, abs=0.1)
    assert points("kv", title="kv") == pytest.approx(2, abs=0.2)


def test_places_have_an_order():
    """An author counts most, then the title, then the abstract; both together count more than either."""
    author, title, abstract = points("au:Vale"), points("kv", title="kv"), points("kv", abstract="kv")
    assert author > title > abstract
    assert title < points("kv", title="kv", abstract="kv") < title + abstract


def test_a_category_that_all_have_is_worth_little():
    """A category says little where most papers have it, but never nothing."""
    recent = announcements(*("Other",) * 500)
    assert 0 < points("cat:cs.CL", recent=recent) < 0.5


def test_repetition_counts_less_and_less():
    """Each further occurrence adds less, and and no number is worth more than a fixed sum."""
    one, two, three, many = (
        points("kv", abstract="kv and " * number + "and so " * (300 - number)) for number in (1, 2, 3, 300)
    )
    assert one < two < three < many < 6 * one
    assert two - one > three - two


def test_one_topic_of_two_words_is_worth_less_than_two_topics():
    """The terms of one topic share its interest; two topics are two interests."""
    paper = {"title": "kv pruning"}
    assert points("kv", **paper) < points("kv OR pruning", **paper) < rules(["kv", "pruning"], **paper).points


def test_rare_words_count_more_than_common_ones():
    """A word that most recent papers have is worth less than one that few have."""
    recent = announcements(*("A model of cars",) * 300, *("A kv cache",) * 3)
    paper = {"title": "A model with a kv cache", "recent": recent}
    assert points("kv cache", **paper) > points("model", **paper) > 0


def test_each_paper_is_counted_once():
    """Papers to be ranked that are among the recent ones do not make a word more common."""
    recent = announcements(*("Other",) * 50)
    (paper,) = [each for each in recent[0].papers_for() if each.paper.id == "2610.00000"]
    ranker = RulesRanker()
    assert ranker.rank([paper], ["other"], recent) == ranker.rank([paper, paper], ["other"], recent)[:1]


def test_frequencies_follow_new_announcements():
    """One ranker asked with other announcements counts anew."""
    ranker = RulesRanker()
    paper = announced(title="A kv cache")
    rare = ranker.rank([paper], ["kv"], announcements(*("Other",) * 300))[0]
    common = ranker.rank([paper], ["kv"], announcements(*("A kv",) * 300))[0]
    assert rare.points > common.points
    assert ranker.rank([paper], ["kv"], announcements(*("Other",) * 300))[0] == rare


def test_only_the_newest_papers_are_counted():
    """Beyond the limit the oldest announcements no longer matter."""
    newest = announcements(*("Other",) * MOST_RECENT)
    older = merge_batches([make_batch(make_paper("2601.00001", "A kv cache"), day=DAY - timedelta(9))])
    assert rules(["kv"], title="kv", recent=newest) == rules(["kv"], title="kv", recent=(*older, *newest))


def test_weights_multiply_points():
    """`^3` makes a topic count three times."""
    assert points("kv^3", title="kv") == pytest.approx(3 * points("kv", title="kv"))


def test_a_topic_spelled_twice_counts_once():
    """Two spellings of one topic are one interest, named as it was first typed."""
    score = rules(["KV Cache", '"kv-caches"'], title="kv cache")
    assert [reason.topic for reason in score.reasons] == ["KV Cache"]


def test_a_negative_clause_only_filters():
    """What a topic leaves out costs no points and gives none."""
    assert points("kv -survey", title="kv") == pytest.approx(points("kv", title="kv"))
    assert rules(["kv -survey"], title="A kv survey") == Score(0.0)


def test_fields_are_told_in_order():
    """Title, abstract, author, category, whatever the order of the query."""
    score = rules(["cat:cs.CL AND au:Vale AND abs:kv AND ti:kv"], title="kv", abstract="kv")
    assert score.reasons[0].fields == ("title", "abstract", "author", "category")


def test_rules_skip_topics_that_do_not_parse():
    """A stored topic that no longer parses is passed over."""
    assert rules(["((", "kv"], title="kv") == rules(["kv"], title="kv")


def test_one_topic_often_does_not_beat_three_topics_once():
    """Breadth counts more than repetition."""
    topics = ["kv", "pruning", "speech"]
    often = rules(topics, title="kv", abstract="kv and " * 5)
    once = rules(topics, title="Title", abstract="kv and pruning and speech, that is all we say")
    assert once.points > often.points


def test_long_abstracts_say_less_with_one_word():
    """A word in a long abstract counts less than in a short one."""
    assert points("kv", abstract="kv" + " word" * 300) < points("kv", abstract="kv" + " word" * 50)


def test_words_of_a_phrase_near_each_other_count_less():
    """Side by side counts most, near each other less, far apart or one alone nothing."""
    phrase, near, farther, far, one = (
        points("gui agent", abstract=text)
        for text in (
            "A GUI agent for many a page",
            "An agent for a GUI on many",
            "An agent for many a GUI page",
            f"An agent {'and so on ' * 10} GUI",
            "An agent for many a web page",
        )
    )
    assert phrase > near > farther > far == one == 0


@pytest.mark.parametrize("topic", ['"gui agent"', "gui agen*", "gui AND mobile agent -web"])
def test_quotes_stars_and_other_words_keep_a_phrase_together(topic):
    """In quotes, or with a star, a phrase is a phrase; and what is left out stays out."""
    assert rules([topic], title="A mobile agent for the web", abstract="This agent has a GUI.") == Score(0.0)


def test_an_exclusion_is_taken_at_its_word():
    """A topic that leaves papers out never does so for words that are only near each other."""
    assert not rules(["-gui agent", "agent"], title="An agent for a GUI").excluded_by


def relatives():
    texts = [("Legged balance", "A humanoid walks.")] * 4 + [("Other", "Tea and coffee.")] * 200
    papers = [make_paper(f"2610.{number:05}", *text) for number, text in enumerate(texts)]
    return merge_batches([make_batch(*papers, day=DAY - timedelta(1))])


def test_words_close_to_the_topics_add_a_little():
    """Words that recent matches share count for a paper that matches, by name, and never more than the topics do."""
    recent = relatives()
    plain, related = (
        rules(["humanoid"], recent=recent, title="A humanoid", abstract=text)
        for text in ("It drinks tea.", "It has legged balance.")
    )
    assert plain.points < related.points <= 2 * plain.reasons[0].points
    (reason,) = [each for each in related.reasons if each.kind is ReasonKind.RELATED]
    assert reason.topic == "balance, legged"
    assert reason.fields == ()
    assert related.points == pytest.approx(sum(each.points for each in related.reasons))


def test_related_words_alone_are_no_match():
    """A paper that has no topic has no points."""
    assert rules(["humanoid"], recent=relatives(), title="Legged balance", abstract="Walking.") == Score(0.0)


WORDS = st.sampled_from("kv cache humanoid legged balance tea coffee model".split())
TEXT = st.lists(WORDS, max_size=8).map(" ".join)


@settings(deadline=None)
@given(
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8),
    st.permutations(["kv cache", "humanoid", "-tea", "model"]),
    st.randoms(),
)
def test_order_changes_no_score(texts, topics, random):
    """Scores depend neither on the order of papers, nor on that of topics or of announced papers."""
    papers = [
        AnnouncedPaper(make_paper(f"2611.{number:05}", *text), AnnounceType.NEW, DAY)
        for number, text in enumerate(texts)
    ]
    shuffled = random.sample(papers, len(papers))
    recent, other = (merge_batches([make_batch(*(each.paper for each in some))]) for some in (papers, shuffled))
    scores = dict(zip(map(id, papers), RulesRanker().rank(papers, sorted(topics), recent), strict=True))
    assert RulesRanker().rank(shuffled, topics, other) == [scores[id(each)] for each in shuffled]


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8), st.tuples(TEXT, TEXT))
def test_one_more_paper_to_rank_changes_no_other_score(texts, one_more):
    """What is asked about at the same time does not matter, and what is excluded has no points."""
    papers = [
        AnnouncedPaper(make_paper(f"2611.{number:05}", *text), AnnounceType.NEW, DAY)
        for number, text in enumerate(texts)
    ]
    recent = merge_batches([make_batch(*(each.paper for each in papers))])
    more = [*papers, AnnouncedPaper(make_paper("2611.99999", *one_more), AnnounceType.NEW, DAY)]
    topics = ["kv cache", "model", "-tea"]
    scores = RulesRanker().rank(more, topics, recent)
    assert scores[:-1] == RulesRanker().rank(papers, topics, recent)
    assert all(not each.points for each in scores if each.excluded_by)
