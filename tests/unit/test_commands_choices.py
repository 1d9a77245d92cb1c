"""Setting a chat up by tapping, lists that are changed in place, and topics shared by a link."""

import re

import pytest

from bot.errors import ConfigError
from bot.model.chat import Chat
from bot.model.digest import LeftOut
from bot.suggestions import read_suggestions, suggest_topics
from bot.topics import compile_topic
from config.settings import read_bundled
from tests.build import CHAT, make_batch, make_paper
from tests.world import TAXONOMY, World

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache.", categories=("cs.CL",))
FRIEND = Chat("telegram", "77")


@pytest.fixture
def world():
    return World(make_batch(CACHE))


def labels(reply):
    return [each.label for each in reply.buttons]


async def tap(world, reply, label, **asked):
    """What pressing the button with this label answers."""
    (line,) = [each.line for each in reply.buttons if each.label == label]
    return await world.ask(line, **asked)


async def follows(world, chat=CHAT):
    subscription = await world.services.subscriptions.get(chat)
    return subscription.categories, subscription.topics


async def test_a_topic_is_removed_by_its_button(world):
    """The list is shown anew in place of the old one, with a few words on what is gone."""
    await world.say("/topics add kv cache", "/topics add quant*")
    reply = await tap(world, await world.ask("/topics"), "✕ 1")
    assert reply.toast == "Removed kv cache."
    assert reply.replaces
    assert "1. quant*" in reply.text
    assert labels(reply) == ["✕ 1", "🔇 1", "⚖ 1"]
    reply = await tap(world, reply, "✕ 1")
    assert "No topics yet" in reply.text
    assert reply.buttons == ()


async def test_a_button_never_hits_another_topic(world):
    """An old list's button removes what it was drawn for, whatever its number is by now, and nothing if that is gone."""
    await world.say("/topics add alpha", "/topics add beta", "/topics add gamma")
    old = await world.ask("/topics")
    await world.say("/topics remove alpha")
    assert (await tap(world, old, "✕ 2")).toast == "Removed beta."
    reply = await tap(world, old, "✕ 1")
    assert reply.toast == "That was removed before."
    assert "1. gamma" in reply.text
    assert (await follows(world))[1] == ("gamma",)


async def test_a_button_checks_the_rights_of_whoever_presses(world):
    """The list may be seen by all; its buttons work for administrators."""
    await world.say("/topics add kv cache", "/categories add cs.CL")
    for line in ("/topics", "/categories"):
        reply = await tap(world, await world.ask(line, is_admin=False), "✕ 1", is_admin=False)
        assert "administrator" in reply.text
    assert await follows(world) == (("cs.CL",), ("kv cache",))


async def test_long_lists_have_pages(world):
    """The bare list has every topic; buttons come for five at a time, and removing stays on the page."""
    for number in range(1, 21):
        await world.say(f"/topics add topic{number}")
    first = await world.ask("/topics")
    assert "20. topic20" in first.text
    assert not first.replaces
    assert labels(first) == [*(f"{sign} {number}" for number in range(1, 6) for sign in "✕🔇⚖"), "Next ›"]
    assert first.rows == (3, 3, 3, 3, 3, 1)
    second = await tap(world, first, "Next ›")
    assert second.replaces
    assert "(page 2 of 4)" in second.text
    assert "6. topic6" in second.text
    assert "5. topic5" not in second.text
    after = await tap(world, second, "✕ 10")
    assert "(page 2 of 4)" in after.text
    assert "10. topic11" in after.text
    assert after.rows == (3, 3, 3, 3, 3, 2)
    last = await world.ask("/topics list 4")
    assert labels(last)[-4:] == ["✕ 19", "🔇 19", "⚖ 19", "‹ Previous"]


async def test_a_topic_is_muted_and_unmuted_by_its_button(world):
    """It keeps its place, marked, on the page of the press; it finds nothing while it is muted."""
    for number in range(1, 6):
        await world.say(f"/topics add topic{number}")
    await world.say("/categories add cs.CL", "/topics add kv cache")
    muted = await tap(world, await world.ask("/topics list 2"), "🔇 6")
    assert muted.toast == "Muted kv cache."
    assert muted.replaces
    assert "(page 2 of 2)" in muted.text
    assert "6. kv cache (muted)" in muted.text
    assert labels(muted) == ["✕ 6", "🔊 6", "⚖ 6", "‹ Previous"]
    assert (await world.ask("/digest")).digest.papers == ()
    assert "Muted now: kv cache." in await world.say("/why 2611.00001")
    counts = await tap(world, muted, "🔊 6")
    assert counts.toast == "kv cache counts again."
    assert "(muted)" not in counts.text
    assert len((await world.ask("/digest")).digest.papers) == 1


async def test_with_every_topic_muted_nothing_comes(world):
    """Muting is no wish for every paper there is; the list says what it means."""
    await world.say("/categories add cs.CL", "/topics add kv cache", "/topics add -survey")
    reply = await tap(world, await world.ask("/topics"), "🔇 1")
    assert "All that this chat looks for is muted, so digests come empty." in reply.text
    digest = (await world.ask("/digest")).digest
    assert digest.papers == ()
    assert digest.left_out == {LeftOut.NO_MATCH: 1}
    await world.say("/topics remove 1")
    assert "muted" not in await world.say("/topics")
    assert len((await world.ask("/digest")).digest.papers) == 1


async def test_a_muted_exclusion_leaves_nothing_out(world):
    """A topic with a - in front can be muted, too."""
    await world.say("/categories add cs.CL", "/topics add -kv cache")
    assert (await world.ask("/digest")).digest.papers == ()
    await tap(world, await world.ask("/topics"), "🔇 1")
    assert len((await world.ask("/digest")).digest.papers) == 1


async def test_the_weight_of_a_topic_goes_round(world):
    """Each press is the next of ×1, ×2, ×3, ×0.5; the topic keeps its place and its mute, and old buttons go on working."""
    await world.say("/topics add a OR b", "/topics add kv cache")
    reply = old = await tap(world, await world.ask("/topics"), "🔇 1")
    for toast, topic in (
        ("a OR b counts ×2 now.", "(a OR b)^2"),
        ("a OR b counts ×3 now.", "(a OR b)^3"),
        ("a OR b counts ×0.5 now.", "(a OR b)^0.5"),
        ("a OR b counts ×1 now.", "a OR b"),
    ):
        reply = await tap(world, reply, "⚖ 1")
        assert reply.toast == toast
        assert f"1. {topic} (muted)\n2. kv cache" in reply.text
    await tap(world, old, "⚖ 1")
    assert (await tap(world, old, "⚖ 1")).toast == "a OR b counts ×3 now."


async def test_a_weight_changes_the_score(world):
    """A topic that counts twice gives twice the points."""
    await world.say("/categories add cs.CL", "/topics add kv cache")
    once = (await world.ask("/digest")).digest.papers[0].score.points
    await world.say("/topics weight kv cache")
    assert (await world.ask("/digest")).digest.papers[0].score.points == pytest.approx(2 * once)


async def test_what_leaves_papers_out_has_no_weight(world):
    """There is no such button, and typing it is answered."""
    await world.say("/topics add -survey")
    reply = await world.ask("/topics")
    assert labels(reply) == ["✕ 1", "🔇 1"]
    assert reply.rows == (2,)
    assert "has no weight" in await world.say("/topics weight 1")


async def test_mute_and_weight_can_be_typed(world):
    """Numbers and texts, with or without the weight, name a topic; without buttons the answer is a sentence."""
    await world.say("/topics add kv cache")
    assert await world.say("/topics mute 1") == "Muted kv cache."
    assert "but it is muted" in await world.say("/topics add kv cache")
    assert await world.say("/topics mute KV cache") == "kv cache counts again."
    assert await world.say("/topics weight kv cache") == "kv cache counts ×2 now."
    assert await world.say("/topics remove kv cache") == "No longer following kv cache^2. No topics left."
    assert "is empty" in await world.say("/topics mute 1")


async def test_a_topic_too_long_for_a_weight_stays_as_it_is(world):
    """The refusal says why, and nothing has changed."""
    topic = "a OR " + "b" * 495
    await world.say(f"/topics add {topic}")
    assert "at most 500 characters" in await world.say("/topics weight 1")
    assert (await follows(world))[1] == (topic,)


async def test_mutes_are_exported_and_not_shared(world):
    """A copy of a chat has its mutes; another chat that takes the topics hears all of them; what goes takes its mute along."""
    await world.say("/topics add kv cache", "/topics add quant*", "/topics mute 1")
    exported = await world.say("/export")
    shared = await world.ask("/share")
    await world.say("/topics remove 1", "/topics add kv cache")
    assert (await world.services.subscriptions.get(CHAT)).muted == ()
    await world.say("/topics mute 1", "/topics clear")
    assert (await world.services.subscriptions.get(CHAT)).muted == ()
    await world.say(f"/import {exported}")
    assert (await world.services.subscriptions.get(CHAT)).muted == ("kv cache",)
    await world.ask(f"/start {shared.payload}", chat=FRIEND)
    assert (await world.services.subscriptions.get(FRIEND)).muted == ()


async def test_muting_needs_an_administrator(world):
    """Rights are those of whoever presses."""
    await world.say("/topics add kv cache")
    for sign in "🔇⚖":
        assert "administrator" in (await tap(world, await world.ask("/topics"), f"{sign} 1", is_admin=False)).text
    assert (await world.services.subscriptions.get(CHAT)).active_topics == ("kv cache",)


async def test_a_category_is_removed_by_its_button(world):
    """As with topics: in place, with its name, and named by what it is."""
    await world.say("/categories add cs.CL stat.ML")
    reply = await tap(world, await world.ask("/categories"), "✕ 1")
    assert reply.toast == "Removed cs.CL."
    assert "1. stat.ML (Machine Learning)" in reply.text
    assert await follows(world) == (("stat.ML",), ())


async def test_settings_offer_choices(world):
    """The buttons of the settings set what they say."""
    reply = await world.ask("/settings")
    assert (await tap(world, reply, "detail: full")).text == "detail is now full."
    assert (await tap(world, reply, "max_papers: 20")).text == "max_papers is now 20."


async def test_a_chat_is_set_up_by_tapping_alone(world):
    """Fields, topics, an hour, a digest: every tap is a choice that a second tap takes back, and stays where it was made."""
    reply = await world.ask("/start")
    assert labels(reply)[0] == "cs.LG Machine Learning"
    assert labels(reply)[-2:] == ["All fields …", "Skip"]
    reply = await tap(world, reply, "cs.LG Machine Learning")
    assert (reply.toast, reply.replaces, reply.expects) == ("Reading cs.LG.", True, "/start fields")
    reply = await tap(world, reply, "✓ cs.LG Machine Learning")
    assert reply.toast == "No longer reading cs.LG."
    reply = await tap(world, reply, "cs.CL Computation and Language")
    reply = await tap(world, reply, "Next ▸")
    assert "Reading cs.CL (Computation and Language)." in reply.text
    assert reply.expects == "/start topics"
    reply = await tap(world, reply, "kv cache")
    assert (reply.toast, reply.replaces) == ("Following kv cache.", True)
    reply = await tap(world, reply, "reasoning")
    reply = await tap(world, reply, "✓ reasoning")
    assert reply.toast == "No longer following reasoning."
    reply = await tap(world, reply, "Done ▸")
    assert (labels(reply)[0], reply.replaces, reply.expects) == ("✓ On announcement", True, "/start time")
    reply = await tap(world, reply, "08:00")
    assert (reply.replaces, reply.expects) == (True, "/start zone")
    reply = await tap(world, reply, "Tokyo")
    assert [each.announced.paper for each in reply.digest.papers] == [CACHE]
    assert labels(reply) == ["1"]
    assert await follows(world) == (("cs.CL",), ("kv cache",))
    subscription = await world.services.subscriptions.get(CHAT)
    assert (subscription.schedule, subscription.timezone) == ("08:00", "Asia/Tokyo")


async def test_every_field_can_be_found_by_tapping(world):
    """Archives have pages, their categories too; a tap keeps the page, and an archive that is a category is one tap."""
    reply = await tap(world, await world.ask("/start"), "All fields …")
    reply = await tap(world, reply, "Computer Science")
    reply = await tap(world, reply, "Next ›")
    reply = await tap(world, reply, "cs.DC Distributed, Parallel, and…")
    assert reply.toast == "Reading cs.DC."
    assert "✓ cs.DC Distributed, Parallel, and…" in labels(reply)
    reply = await tap(world, reply, "All fields …")
    reply = await tap(world, reply, "Next ›")
    reply = await tap(world, reply, "hep-ph High Energy Physics - Phen…")
    assert "✓ hep-ph High Energy Physics - Phen…" in labels(reply)
    assert (await follows(world))[0] == ("cs.DC", "hep-ph")


async def test_every_category_has_a_button(world):
    """Tapping through all pages of all archives shows every code there is."""
    lines, seen = ["/start browse"], set()
    for line in lines:
        lines += [
            each.line for each in (await world.ask(line)).buttons if "browse" in each.line and each.line not in lines
        ]
    for line in lines:
        seen |= {
            each.line.split()[2] for each in (await world.ask(line)).buttons if each.line.startswith("/start pick")
        }
    assert seen == set(TAXONOMY.codes)


async def test_tapping_through_the_set_up_needs_an_administrator(world):
    """Whoever is none sees the questions and changes nothing."""
    reply = await world.ask("/start", is_admin=False)
    for label in ("cs.CL Computation and Language", "All fields …", "Skip"):
        assert "administrator" in (await tap(world, reply, label, is_admin=False)).text
    assert "administrator" in await world.say("/start want kv cache", is_admin=False)
    assert await follows(world) == ((), ())


async def test_a_wrong_tap_is_explained(world):
    """Lines that no button has get an answer, not an apology."""
    for line in (
        "/start browse nowhere",
        "/start pick cs.XX",
        "/start want ((",
        "/start pick cs.CL nowhere",
        "/start zone Atlantis",
    ):
        assert "Something went wrong" not in await world.say(line)


def test_the_bundled_suggestions_are_good():
    """Every code is arXiv's, every topic can be followed, no two of a field mean the same, and each fits a button."""
    suggestions = read_suggestions(read_bundled("suggestions.toml"))
    for code, topics in suggestions.items():
        assert TAXONOMY.check(code) == code
        assert len({compile_topic(topic).key for topic in topics}) == len(topics)
        assert all(len(topic.encode()) <= 40 for topic in topics)
        assert not any(compile_topic(topic).is_exclusion for topic in topics)


def test_suggestions_for_several_fields_take_turns():
    """Each field's first topic comes before any second, doubles are named once, unknown fields add nothing."""
    suggestions = {"a": ("one", "two"), "b": ("three", "one", "four")}
    assert suggest_topics(suggestions, ["b", "x", "a"], 3) == ("three", "one", "two")
    assert suggest_topics(suggestions, [], 3) == ()


@pytest.mark.parametrize("text", ["= broken", "a = 1"])
def test_broken_suggestions_name_their_file(text):
    """The operator learns which file to mend."""
    with pytest.raises(ConfigError, match=re.escape("suggestions.toml")):
        read_suggestions(text)


async def share(world):
    text = await world.say("/share")
    return re.search(r"^/start topics_[A-Za-z0-9_-]{10,57}$", text, re.MULTILINE)[0]


async def test_what_is_shared_is_added_elsewhere(world):
    """The other chat keeps its own and gets what is new to it; a second time there is nothing to add."""
    await world.say("/categories add cs.CL stat.ML", '/topics add "kv cache"', "/topics add quant*")
    line = await share(world)
    assert line == f"/start {(await world.ask('/share')).payload}"
    await world.ask("/topics add kv caches", chat=FRIEND)
    reply = await world.ask(line, chat=FRIEND)
    assert "Reading cs.CL, stat.ML." in reply.text
    assert "Following quant*." in reply.text
    assert await follows(world, FRIEND) == (("cs.CL", "stat.ML"), ("kv caches", "quant*"))
    assert (await world.ask(line, chat=FRIEND)).text == "This chat follows all of that already."


async def test_a_link_holds_what_was_shared_last(world):
    """The link of a chat stays the same, and its content changes with /share alone."""
    await world.say("/topics add alpha")
    line = await share(world)
    await world.say("/topics add beta")
    await world.ask(line, chat=FRIEND)
    assert (await follows(world, FRIEND))[1] == ("alpha",)
    assert await share(world) == line
    await world.ask(line, chat=FRIEND)
    assert (await follows(world, FRIEND))[1] == ("alpha", "beta")


async def test_links_differ_between_chats_and_cannot_be_guessed(world):
    """Two chats with the same topics have different links."""
    await world.say("/topics add alpha")
    await world.ask("/topics add alpha", chat=FRIEND)
    assert await share(world) not in (await world.ask("/share", chat=FRIEND)).text


async def test_a_shared_link_needs_an_administrator(world):
    """Whoever is none cannot add topics by a link."""
    await world.say("/topics add alpha")
    reply = await world.ask(await share(world), chat=FRIEND, is_admin=False)
    assert "administrator" in reply.text
    assert await follows(world, FRIEND) == ((), ())


async def test_a_link_that_leads_nowhere_says_so(world):
    """An unknown id, an empty one and one of an erased chat are told kindly; an empty chat has nothing to share."""
    assert "nothing to share" in await world.say("/share")
    await world.say("/topics add alpha")
    line = await share(world)
    await world.say("/forgetme yes")
    for each in (line, "/start topics_", "/start topics_nothing", f"/start topics_{'x' * 200}"):
        assert "Nobody shares topics under this link" in (await world.ask(each, chat=FRIEND)).text


async def test_a_link_moves_with_its_chat(world):
    """When a chat goes on under another identity its link works on, and is erased with the new chat."""
    await world.say("/topics add alpha")
    line = await share(world)
    new = Chat("telegram", "-100")
    for _ in range(2):
        await world.services.subscriptions.move(CHAT, new)
    assert await follows(world, new) == ((), ("alpha",))
    assert line in (await world.ask("/share", chat=new)).text
    await world.ask("/forgetme yes", chat=new)
    assert "Nobody shares topics" in (await world.ask(line, chat=FRIEND)).text


async def test_a_chat_that_shared_already_keeps_its_own_link(world):
    """Where both chats shared something, the new chat's link stays and the old one leads nowhere."""
    await world.say("/topics add alpha")
    old = await share(world)
    await world.ask("/topics add beta", chat=FRIEND)
    kept = (await world.ask("/share", chat=FRIEND)).text.splitlines()[1]
    await world.services.subscriptions.move(CHAT, FRIEND)
    assert await follows(world, FRIEND) == ((), ("beta", "alpha"))
    other = Chat("telegram", "5")
    assert "Nobody shares topics" in (await world.ask(old, chat=other)).text
    assert "Following beta." in (await world.ask(kept, chat=other)).text
