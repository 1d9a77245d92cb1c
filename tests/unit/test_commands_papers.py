"""Cards, marks, saved papers, and the number buttons that lead to them."""

from dataclasses import replace

import pytest

from bot.model.card import Mark
from bot.model.chat import Chat
from bot.model.paper import AnnounceType
from handlers.commands import COMMANDS
from handlers.execution import parse_line
from tests.build import CHAT, make_batch, make_paper
from tests.fake_source import FakeSource
from tests.world import World

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache of language models.", categories=("cs.CL",))
OTHER = make_paper("2611.00003", "On Worlds", "The world is wide.", categories=("cs.CL",))
OLD_STYLE = make_paper("hep-th/9711200", "Large N", "A limit of a kv cache.", categories=("hep-th", "cs.CL"))


@pytest.fixture
async def world():
    """A chat that reads cs.CL and follows kv cache, on a day that is read already."""
    world = World(make_batch(CACHE, OTHER, OLD_STYLE), make_batch(CACHE, category="cs.AI"))
    await world.say("/categories add cs.CL", "/topics add kv cache", "/digest")
    return world


def labels(reply):
    return [each.label for each in reply.buttons]


async def tap(world, reply, label, **asked):
    """What pressing the button with this label answers."""
    (line,) = [each.line for each in reply.buttons if each.label == label]
    return await world.ask(line, **asked)


async def test_a_card_has_the_paper_its_reasons_and_six_buttons(world):
    """The card of a candidate says what the digest says of it, and each button is a command that works."""
    reply = await world.ask("/paper https://arxiv.org/pdf/2611.00001v1")
    [first, *_] = [each for each in (await world.ask("/digest")).digest.papers if each.announced.paper == CACHE]
    assert reply.card.announced == first.announced
    assert reply.card.score == first.score
    assert reply.card.marks == frozenset()
    assert (reply.text, reply.toast, reply.replaces) == ("", "", False)
    assert labels(reply) == ["👍", "👎", "💾", "🔇", "Follow", "BibTeX"]
    assert [each.line for each in reply.buttons[:4]] == [f"/mark {what} 2611.00001" for what in Mark]
    assert reply.buttons[4].line == "/follow 2611.00001"


async def test_a_card_asks_nobody(world):
    """A tap is answered from what is here; arXiv is not asked, even days later."""
    asked = list(world.source.asked)
    world.later(days=3)
    assert (await world.ask("/paper 2611.00001")).card is not None
    assert world.source.asked == asked


async def test_a_card_without_topics_or_of_another_field_has_no_score(world):
    """Where this chat's topics did not rank the paper, nothing is made up; an excluded one names the topic."""
    stranger = Chat("console", "other")
    assert (await world.ask("/paper 2611.00001", chat=stranger)).card.score is None
    await world.ask("/categories add math.CO", chat=stranger)
    await world.ask("/topics add kv cache", chat=stranger)
    assert (await world.ask("/paper 2611.00001", chat=stranger)).card.score is None
    await world.say("/topics add -language")
    assert (await world.ask("/paper 2611.00001")).card.score.excluded_by == "-language"
    assert (await world.ask("/paper 2611.00003")).card.score.points == 0


async def test_a_card_shows_the_newest_announcement_as_this_chat_sees_it(world):
    """A later version is what the card shows, with the type that the chat's own categories gave it."""
    later = replace(CACHE, version=2, title="Smaller KV Caches")
    world.source.batches["cs.AI"] = make_batch(
        (later, AnnounceType.REPLACE_CROSS), category="cs.AI", day=make_batch().day.replace(day=21)
    )
    world.later(days=3)
    await world.services.pipeline.pull(["cs.AI"])
    card = (await world.ask("/paper 2611.00001")).card
    assert card.announced.paper.title == "Smaller KV Caches"
    assert card.announced.announce_type is AnnounceType.REPLACE_CROSS


async def test_an_unknown_paper_is_met_kindly(world):
    """Where arXiv is not asked, a paper that was never announced here gets its link, and what is no id an example."""
    world.backfill.lookup = None
    reply = await world.ask("/paper 1706.03762v7")
    assert "https://arxiv.org/abs/1706.03762" in reply.text
    assert (reply.card, reply.buttons) == (None, ())
    assert "/paper 2608.11232" in await world.say("/paper attention")
    assert "cannot be marked" in await world.say("/mark up 1706.03762")
    assert "/mark save 2608.11232" in await world.say("/mark love 2611.00001")


@pytest.mark.parametrize(
    ("mark", "label", "noted", "taken_back"),
    [
        ("up", "👍", "👍 noted.", "👍 taken back."),
        ("down", "👎", "👎 noted.", "👎 taken back."),
        ("save", "💾", "Saved.", "No longer saved."),
        ("mute", "🔇", "Less like this", "No longer muted."),
    ],
)
async def test_a_second_press_takes_a_mark_back(world, mark, label, noted, taken_back):
    """Each press answers with a few words and the card as it is then, in place of the one before."""
    reply = await tap(world, await world.ask("/paper 2611.00001"), label)
    assert noted in reply.toast
    assert reply.replaces
    assert reply.card.marks == {Mark(mark)}
    assert f"{label} ✓" in labels(reply)
    reply = await tap(world, reply, f"{label} ✓")
    assert reply.toast == taken_back
    assert reply.card.marks == frozenset()
    assert await world.storage.get_marks(CHAT, "ada") == {}


async def test_up_and_down_exclude_each_other(world):
    """Voting the other way replaces the vote and leaves other marks alone."""
    for what in ("save", "up", "down"):
        reply = await world.ask(f"/mark {what} 2611.00001")
    assert reply.card.marks == {Mark.DOWN, Mark.SAVE}
    assert labels(reply) == ["👍", "👎 ✓", "💾 ✓", "🔇", "Unfollow", "BibTeX"]


async def test_marks_need_no_rights_and_belong_to_one_person_in_one_chat(world):
    """Anyone may mark; nobody else, and nobody in another chat, sees it."""
    await world.ask("/mark save 2611.00001", person="bob", is_admin=False)
    assert "Small KV Caches" in await world.say("/saved", person="bob")
    assert "nothing" in await world.say("/saved", person="ada")
    assert "nothing" in await world.say("/saved", person="bob", chat=Chat("console", "other"))
    assert (await world.ask("/paper 2611.00001", person="ada")).card.marks == frozenset()


async def test_saved_papers_are_listed_the_latest_first(world):
    """Ids, titles, and buttons that open the cards; a paper only voted on is not among them."""
    for line in ("/mark save 2611.00001", "/mark save hep-th/9711200", "/mark up 2611.00003"):
        await world.ask(line)
    reply = await world.ask("/saved")
    assert reply.text.splitlines()[1:] == ["1. Large N (hep-th/9711200)", "2. Small KV Caches (2611.00001)"]
    assert (await tap(world, reply, "2")).card.announced.paper == CACHE
    assert (await tap(world, reply, "1")).card.announced.paper == OLD_STYLE


async def test_saved_papers_have_pages():
    """Ten on a page; turning one replaces it, a page too far is the last, and no number is explained."""
    papers = [make_paper(f"2611.{number:05}", f"Paper {number}") for number in range(1, 26)]
    world = World(make_batch(*papers))
    await world.say("/categories add cs.CL", "/digest", *(f"/mark save {each.id}" for each in papers))
    first = await world.ask("/saved")
    assert "page 1 of 3" in first.text
    assert labels(first) == [*map(str, range(1, 11)), "Next ›"]
    second = await tap(world, first, "Next ›")
    assert second.replaces
    assert "11. Paper 15 (2611.00015)" in second.text
    assert labels(second)[-2:] == ["‹ Previous", "Next ›"]
    last = await world.ask("/saved 99")
    assert "page 3 of 3" in last.text
    assert labels(last) == [*map(str, range(21, 26)), "‹ Previous"]
    assert "not the number of a page" in await world.say("/saved list many")


async def test_what_was_saved_outlives_the_announcements(world):
    """Where arXiv is not asked, title, link and buttons are left after a month, and the mark can still be taken back."""
    world.backfill.lookup = None
    await world.ask("/mark save 2611.00001")
    world.later(days=60)
    await world.services.pipeline.prune()
    reply = await tap(world, await world.ask("/saved"), "1")
    assert "Small KV Caches\nhttps://arxiv.org/abs/2611.00001" in reply.text
    reply = await tap(world, reply, "💾 ✓")
    assert reply.toast == "No longer saved."
    assert "arXiv has it" in reply.text
    assert "nothing" in await world.say("/saved")


async def test_an_invented_paper_is_labelled_and_never_kept():
    """The card of a sample paper is found, says so, has no buttons, and cannot be marked by typing."""
    world = World(sample=FakeSource(replace(make_batch(CACHE), is_sample=True)))
    await world.say("/categories add cs.CL", "/topics add kv cache")
    reply = await world.ask("/paper 2611.00001")
    assert reply.card.is_sample
    assert reply.card.score.points > 0
    assert reply.buttons == ()
    assert "invented" in await world.say("/mark save 2611.00001")
    assert await world.storage.get_marks(CHAT, "ada") == {}


async def test_a_digest_has_a_button_for_each_paper(world):
    """Labelled with the bare place, leading to the card; at most thirty."""
    reply = await world.ask("/digest")
    assert labels(reply) == ["1", "2"]
    places = {str(each.place): each.announced for each in reply.digest.papers}
    assert (await tap(world, reply, "2")).card.announced == places["2"]
    many = World(make_batch(*(make_paper(f"2611.{number:05}") for number in range(1, 41))))
    await many.say("/categories add cs.CL", "/settings max_papers 100")
    assert len((await many.ask("/digest")).buttons) == 30


async def test_forgetting_a_chat_forgets_everybodys_marks(world):
    """After /forgetme no mark of any person is left in the chat."""
    for person in ("ada", "bob"):
        await world.ask("/mark save 2611.00001", person=person)
    assert "saved and marked papers" in await world.say("/forgetme")
    await world.say("/forgetme yes")
    for person in ("ada", "bob"):
        assert "nothing" in await world.say("/saved", person=person)


async def test_every_button_fits_and_is_a_command(world):
    """No line is longer than the 64 bytes a button holds, and each is one that the catalogue knows."""
    await world.ask("/mark save hep-th/9711200")
    for line in ("/start", "/start browse", "/start browse 2", "/start browse astro-ph", "/start fields cs.CR",
                 "/topics", "/categories", "/settings", "/digest", "/saved", "/follow", "/paper hep-th/9711200", "/forgetme"):  # fmt: skip
        reply = await world.ask(line)
        assert reply.buttons, line
        for button in reply.buttons:
            assert len(button.line.encode()) <= 64
            assert 0 < len(button.label) <= 40
            parse_line(COMMANDS, button.line)
