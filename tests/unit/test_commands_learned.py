"""/learned, and how marks change digests: through the commands, as people use them."""

import json

import pytest

from bot.lessons import MOST_MUTED, Lessons
from bot.model.card import Mark
from bot.model.chat import Chat
from bot.model.digest import ReasonKind
from tests.build import CHAT, make_batch, make_paper
from tests.world import World

WALKING = tuple(
    make_paper(f"2611.0010{number}", f"A humanoid walking on {word}", "Legged balance with a model.")
    for number, word in enumerate(("stairs", "ice", "sand", "grass", "snow"))
)
TALKING = tuple(make_paper(f"2611.0020{number}", f"A model of talk {number}", "It talks.") for number in range(5))
OTHERS = tuple(make_paper(f"2611.1{number:04}", "Other things", "Nothing at all.") for number in range(60))


@pytest.fixture
async def world():
    """A chat that reads cs.CL and follows models, on a day that is read already."""
    world = World(make_batch(*WALKING, *TALKING, *OTHERS))
    await world.say("/categories add cs.CL", "/topics add model", "/digest")
    return world


async def shown(world):
    """The ids of the digest in order, seen or not."""
    subscription = await world.services.subscriptions.get(CHAT)
    reading = await world.services.pipeline.read(subscription, with_delivered=True)
    return [each.announced.paper.id for each in reading.digest.papers]


async def like(world, *papers, mark="up", **asked):
    for each in papers:
        await world.ask(f"/mark {mark} {each.id}", **asked)


async def test_marks_change_digests_and_cards_alike(world):
    """What was liked lifts papers like it, and the card says the same as the digest; taken back, all is as before."""
    before = await shown(world)
    await like(world, *WALKING[:4])
    assert (await shown(world))[:5] != before[:5]
    assert set((await shown(world))[:5]) == {each.id for each in WALKING}
    card = (await world.ask(f"/paper {WALKING[4].id}")).card
    assert any(each.kind is ReasonKind.LIKED for each in card.score.reasons)
    why = await world.say(f"/why {WALKING[4].id}")
    assert "like 4 papers you liked or saved: " in why
    await like(world, *WALKING[:4])
    assert await shown(world) == before


async def test_every_member_votes_once(world):
    """Two marks of one person on a paper are one vote, those of two people two; 👎 and 🔇 are against."""
    await like(world, WALKING[0], mark="up")
    await like(world, WALKING[0], mark="save")
    await like(world, WALKING[0], mark="up", person="another")
    await like(world, WALKING[1], mark="down", person="another")
    await like(world, WALKING[2], mark="mute")
    feedback = await Lessons(world.storage).get(CHAT, await world.services.pipeline.announcements())
    assert [each.id for each in feedback.liked] == [WALKING[0].id] * 2
    assert {each.id for each in feedback.disliked} == {WALKING[1].id, WALKING[2].id}
    assert feedback.liked[0] == WALKING[0]


async def test_learned_shows_mutes_and_resets(world):
    """The strongest terms are shown for and against; a muted one is gone until it is unmuted; a reset forgets, but keeps marks."""
    assert (await world.say("/learned")).startswith("Nothing was learned yet.")
    await like(world, *WALKING)
    await like(world, *TALKING[:2], mark="down")
    told = await world.say("/learned")
    more, less, *_ = told.splitlines()
    assert more.startswith("More like: ")
    assert "humanoid" in more
    assert "talk" in less
    assert await world.say("/learned mute Humanoids") == "humanoid is muted: it counts for nothing."
    more, _, muted, _ = (await world.say("/learned show")).splitlines()
    assert "humanoid," not in more
    assert muted == "Muted: humanoid."
    assert await world.say("/learned mute humanoid") == "humanoid counts again."
    assert await world.say("/learned") == told
    assert (await world.say("/learned reset")).startswith("Forgotten.")
    assert (await world.say("/learned")).startswith("Nothing was learned yet.")
    assert Mark.UP in (await world.ask(f"/paper {WALKING[0].id}")).card.marks


async def test_only_administrators_change_what_was_learned(world):
    """In groups muting and resetting is for administrators; looking is for everybody."""
    for line in ("/learned mute x", "/learned reset"):
        assert "administrator" in (await world.ask(line, is_admin=False)).text
    assert (await world.ask("/learned", is_admin=False)).text.startswith("Nothing")


async def test_terms_without_words_and_too_many_are_refused(world):
    """A term has a word in it, and there are only so many."""
    assert (await world.say("/learned mute !!")).startswith("There is no word in it.")
    for number in range(MOST_MUTED):
        await Lessons(world.storage).toggle_muted(CHAT, f"word{number}")
    assert (await world.say("/learned mute one more")).startswith("A chat can mute at most 100 terms.")


@pytest.mark.parametrize(("typed", "term"), [("AU: Ada Vale", "au:ada vale"), ("cat:cs.CL", "cat:cs.cl")])
async def test_authors_and_categories_can_be_muted(world, typed, term):
    """They are typed as they are shown, whatever the case."""
    assert (await world.say(f"/learned mute {typed}")).startswith(f"{term} is muted")


async def test_what_was_muted_moves_and_is_forgotten_with_the_chat(world):
    """A chat that moves keeps what it muted; one that is forgotten leaves nothing."""
    new = Chat("console", "new")
    await world.say("/learned mute tea")
    await world.services.subscriptions.move(CHAT, new)
    lessons = Lessons(world.storage)
    assert (await lessons.get_muted(CHAT), await lessons.get_muted(new)) == ((), ("tea",))
    await world.services.subscriptions.forget(new)
    assert await lessons.get_muted(new) == ()


async def test_what_is_marked_after_a_reset_teaches_again(world):
    """A mark of before is forgotten until its owner changes it; what others marked before stays forgotten."""
    await like(world, *WALKING[:2])
    await like(world, *WALKING[:2], person="another")
    await world.say("/learned reset")
    assert (await world.say("/learned")).startswith("Nothing was learned yet.")
    await like(world, WALKING[0], mark="save")
    feedback = await Lessons(world.storage).get(CHAT, await world.services.pipeline.announcements())
    assert [each.id for each in feedback.liked] == [WALKING[0].id]


async def test_a_reset_of_an_earlier_version_holds(world):
    """What was kept without names is everybody's, and who marks the paper again counts alone."""
    await like(world, *WALKING[:2])
    await like(world, *WALKING[:2], person="another")
    kept = json.dumps({"muted": ["tea"], "forgotten": [each.id for each in WALKING[:2]]})
    await world.storage.set_note(f"learned by {CHAT.key}", kept)
    lessons = Lessons(world.storage)
    announcements = await world.services.pipeline.announcements()
    assert (await lessons.get(CHAT, announcements)).liked == ()
    await like(world, WALKING[1], mark="down")
    feedback = await lessons.get(CHAT, announcements)
    assert ([each.id for each in feedback.disliked], feedback.liked) == ([WALKING[1].id], ())
    assert feedback.muted == {"tea"}


async def test_a_ranker_that_learns_nothing_says_so(world):
    """🔇 promises nothing where it changes nothing."""
    await world.say("/settings ranker classic")
    toast = (await world.ask(f"/mark mute {WALKING[0].id}")).toast
    assert toast == "Noted, but the ranker classic learns nothing; /settings ranker rules does."
    assert (await world.ask(f"/mark mute {WALKING[0].id}")).toast == "No longer muted."
