"""Which papers are nearly the same, and what a digest makes of them."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.digests import MOST_BESIDE, compose, judge
from bot.model.chat import Chat
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, Score
from bot.model.message import Message
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.rendering.html import render_html
from bot.rendering.json import render_json
from bot.rendering.markdown import render_markdown
from bot.similar import FIRST_AUTHORS, find_similar
from handlers.command import Reply
from handlers.console.messenger import ConsoleMessenger
from handlers.console.render import render_reply as render_console
from handlers.discord.parts import render_parts
from handlers.discord.render import render_reply as render_discord
from handlers.telegram.render import render_reply as render_telegram
from tests.build import DAY, make_batch, make_paper, make_subscription
from tests.world import World

GROUP = ("Ada Vale", "Bo Li", "Cy Roe", "Di Wu")
AGENTS = (
    "Modern imagery of woods needs careful reading. We present a vision language agent that answers questions about "
    "changed forest areas, with a dataset of image pairs, captions and masks, and a benchmark of several backbones."
)
CHAT = (
    "Modern imagery of woods needs careful reading. We present a chat that answers questions about changed forest areas "
    "by vision language agents, with a larger dataset of image pairs, captions and masks, and a study of users."
)
BATCH = (
    "Scaling laws tell how the batch of a long training run should grow, and when more of it stops to pay for itself."
)
RATE = (
    "We fit schedules for the step size over thousands of runs, and find two regimes that a warm start brings together."
)


def paper(number, title, abstract, authors=GROUP):
    return make_paper(f"2611.{number:05}", title, abstract, authors=authors)


def are_similar(one, other):
    found = find_similar([one, other])
    assert found.keys() in ({one.id, other.id}, set())
    return bool(found)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # A renamed second version that was submitted as a new paper.
        (("Language Agents for Forest Change", AGENTS), ("Forest-Chat: Language Agents for Forest Change", CHAT), True),
        # Two questions of one group on one day, asked in the same words, about different subjects.
        (("How to Set the Batch Size for Large Training?", BATCH), ("How to Set the Learning Rate for Large Training?", RATE), False),
        # Nothing but the name of a survey in common.
        (("Deep Sky Survey Year 6: Lensing", BATCH), ("Deep Sky Survey Year 6: Catalogue of Galaxies", RATE), False),
        # One title, with another abstract.
        (("Structured Goals for Agents", BATCH), ("Structured goals for agents", RATE), True),
        # The parts of a series.
        (("Small Caches for Models I: Theory", AGENTS), ("Small Caches for Models II: Theory", AGENTS), False),
        # A title that says nothing.
        (("Caches, part 1", BATCH), ("Caches, part 2", BATCH), False),
        # One abstract below unlike titles.
        (("Long Reasoning for Olympiads", AGENTS), ("Verifiers of Outcomes", AGENTS), False),
    ],
)  # fmt: skip
def test_one_group_on_one_subject_is_similar(one, other, expected):
    """Titles and abstracts both decide, so that a group's two subjects stay two papers."""
    assert are_similar(paper(1, *one), paper(2, *other)) is expected


def test_other_people_are_never_similar():
    """Half of the shorter list of authors has to be in the longer one."""
    first = paper(1, "Small Caches for Models", AGENTS)
    assert are_similar(
        first, paper(2, "Small Caches for Models", AGENTS, ("Bo Li", "Ada Vale", "E. Xu", "F. Yu", "G. Zo"))
    )
    assert not are_similar(first, paper(2, "Small Caches for Models", AGENTS, ("Ada Vale", "E. Xu", "F. Yu", "G. Zo")))
    assert not are_similar(first, paper(2, "Small Caches for Models", AGENTS, ()))


def test_thousands_of_authors_are_no_trouble():
    """Two papers of one collaboration meet by their first authors."""
    many = tuple(f"Author {number}" for number in range(3000))
    assert are_similar(
        paper(1, "Catalogue of Bright Stars", AGENTS, many), paper(2, "Catalogue of Bright Stars", AGENTS, many)
    )
    rest = (*(f"Other {number}" for number in range(FIRST_AUTHORS)), *many)
    assert not are_similar(
        paper(1, "Catalogue of Bright Stars", AGENTS, many), paper(2, "Catalogue of Bright Stars", AGENTS, rest)
    )


TITLES = st.sampled_from(
    ["Small Caches for Models", "Small Caches of Models", "Large Caches for Models", "On Worlds", ""]
)
ABSTRACTS = st.sampled_from([AGENTS, CHAT, BATCH, RATE, ""])
AUTHORS = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True).map(tuple)
PAPERS = st.lists(st.tuples(TITLES, ABSTRACTS, AUTHORS), max_size=12)


def papers_of(drawn):
    return [paper(number, *each) for number, each in enumerate(drawn)]


@given(PAPERS, st.randoms())
def test_similarity_is_mutual_and_knows_no_order(drawn, chance):
    """Each names the other, in whatever order they come, and two are similar or not whoever else is there."""
    papers = papers_of(drawn)
    found = find_similar(papers)
    assert all(one in found[other] for one, others in found.items() for other in others)
    assert all(one not in others for one, others in found.items())
    shuffled = chance.sample(papers, len(papers))
    assert find_similar(shuffled) == found
    for one in papers[:3]:
        for other in papers[3:6]:
            assert are_similar(one, other) == (other.id in found.get(one.id, ()))


TOPICS = st.lists(st.frozensets(st.sampled_from("abc"), min_size=1), min_size=12, max_size=12)


def announced_with(papers, topics):
    return [
        (AnnouncedPaper(each, AnnounceType.NEW, DAY), Score(9.0 - number / 2, tuple(Reason(t, ("title",), 1.0) for t in sorted(found))))
        for number, (each, found) in enumerate(zip(papers, topics, strict=False))
    ]  # fmt: skip


@given(PAPERS, TOPICS, st.integers(1, 12), st.sets(st.integers(0, 11)))
def test_a_digest_names_every_similar_paper_once(drawn, topics, limit, delivered):
    """Each paper that passed is shown, named beside a better similar one that is shown, or waits for room: nothing is lost."""
    papers = papers_of(drawn)
    scored = announced_with(papers, topics)
    similar = find_similar(papers)
    seen = {f"2611.{number:05}": DAY for number in delivered}
    subscription = make_subscription(topics=("kv cache",), max_papers=limit)
    verdicts = judge(
        subscription, [each for each, _ in scored], [each for _, each in scored], seen, similar=similar, is_broad=True
    )
    digest = compose(DAY, ("cs.CL",), verdicts)

    assert sorted(each.announced.paper.id for each in verdicts) == sorted(each.id for each in papers)
    named = [each for shown in digest.papers for each in shown.ids]
    assert len(named) == len(set(named))
    assert digest.total == len(papers)
    fresh = {each.id for each in papers} - seen.keys()
    waiting = {each.announced.paper.id for each in verdicts if each.left_out is LeftOut.NO_ROOM}
    assert fresh == {*named, *waiting}
    points = {each.announced.paper.id: each.score.points for each in verdicts}
    for shown in digest.papers:
        lead, *also = shown.ids
        assert len(also) <= MOST_BESIDE
        assert all(each in similar[lead] and points[each] <= points[lead] for each in also)
    assert len(digest.papers) <= limit
    assert digest.left_out.get(LeftOut.SIMILAR, 0) == len(named) - len(digest.papers)


@given(PAPERS, TOPICS)
def test_no_topic_loses_its_place_to_a_similar_paper(drawn, topics):
    """A paper with a topic of its own is shown on its own."""
    papers = papers_of(drawn)
    scored = announced_with(papers, topics)
    verdicts = judge(
        make_subscription(topics=("a",), max_papers=100),
        [each for each, _ in scored],
        [each for _, each in scored],
        {},
        similar=find_similar(papers),
        is_broad=True,
    )
    shown = {reason.topic for each in verdicts if each.left_out is None for reason in each.score.reasons}
    assert shown == {reason.topic for _, score in scored for reason in score.reasons}


def test_no_paper_is_lost_among_many():
    """With a group of more than fit in a line, the rest are shown on their own."""
    papers = [paper(number, "Small Caches for Models", AGENTS) for number in range(10)]
    random.Random(7).shuffle(papers)
    scored = announced_with(papers, [frozenset("a")] * 10)
    verdicts = judge(
        make_subscription(topics=("a",)),
        [each for each, _ in scored],
        [each for _, each in scored],
        {},
        similar=find_similar(papers),
    )
    digest = compose(DAY, ("cs.CL",), verdicts)
    assert [len(each.also) for each in digest.papers] == [MOST_BESIDE, MOST_BESIDE, 1]


LEAD = paper(1, "Language Agents for Forest Change", AGENTS)
OTHER = paper(2, "Forest-Chat: [Language] *Agents* <b>for</b> Forest Change", CHAT)
DIGEST = Digest(
    DAY,
    ("cs.CL",),
    (DigestPaper(1, AnnouncedPaper(LEAD, AnnounceType.NEW, DAY), Score(2.0, (), half=1.8), also=(OTHER,)),),
    {LeftOut.SIMILAR: 1},
)


def test_every_platform_names_them_in_a_line_of_their_own():
    """With the link of each, its title as plain text, and all of them counted as delivered with the part that names them."""
    [telegram] = render_telegram(Reply(digest=DIGEST))
    assert f'also: <a href="{OTHER.link}">2611.00002</a> Forest-Chat: [Language] *Agents* &lt;b&gt;for' in telegram.html
    assert telegram.papers == (LEAD.id, OTHER.id)
    [discord] = render_discord(Reply(digest=DIGEST))
    assert f"-# also: [2611.00002]({OTHER.link}) Forest-Chat: \\[Language\\] \\*Agents\\*" in discord.texts[1]
    [part] = render_parts(Message(digest=DIGEST))
    assert part.papers == (LEAD.id, OTHER.id)
    console = render_console(Reply(digest=DIGEST), width=200, colour=False)
    assert f"also: {OTHER.link} Forest-Chat: [Language]" in console
    assert "1 of 2 papers shown; 1 named beside similar ones." in console
    [sent] = ConsoleMessenger(lambda _: None).compose(Chat("console", "local"), Message(digest=DIGEST))
    assert sent.papers == (LEAD.id, OTHER.id)


def test_documents_name_them():
    """Markdown, HTML and JSON have them, too, and what is foreign in them is escaped."""
    assert f"- **Also**: [2611.00002]({OTHER.link}) Forest-Chat: \\[Language\\]" in render_markdown(DIGEST)
    assert f'<p>also: <a href="{OTHER.link}">2611.00002</a> Forest-Chat: [Language] *Agents* &lt;b&gt;' in render_html(
        DIGEST
    )
    [shown] = json.loads(render_json(DIGEST))["papers"]
    assert shown["also"] == [{"id": OTHER.id, "version": 1, "title": OTHER.title, "link": OTHER.link}]


async def test_what_was_named_does_not_come_again():
    """The chat has both papers after the digest, and /why says beside which one the other is named."""
    world = World(make_batch(LEAD, OTHER))
    await world.say("/categories add cs.CL", "/topics add language agents")
    digest = (await world.ask("/digest")).digest
    [shown] = digest.papers
    other = next(each for each in (LEAD, OTHER) if each.id != shown.announced.paper.id)
    assert shown.also == (other,)
    why = await world.say(f"/why {other.id}")
    assert f"It is named in place 1, beside {shown.announced.paper.title}" in why
    assert "Score " in why
    await world.ask("/digest seen")
    assert (await world.ask("/digest")).digest.left_out == {LeftOut.DELIVERED: 2}
    await world.say("/settings ranker classic")
    assert [each.also for each in (await world.ask("/digest again")).digest.papers] == [(), ()]
