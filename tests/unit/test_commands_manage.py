"""What it means to manage a chat from another one."""

import json
from dataclasses import replace

import pytest

from bot.errors import StorageError, UserError
from bot.managing import Located, Managing
from bot.model.chat import Chat
from handlers.command import Request
from handlers.commands import COMMANDS
from handlers.execution import execute, parse_line
from tests.build import CHAT, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import World, answer

CHANNEL, OTHER = Chat("telegram", "-1001"), Chat("telegram", "-1002")
NAMES = {"@news": CHANNEL, "@other": OTHER}


class Desk:
    """A person with a world, and a platform that finds two channels as long as `refusal` is empty."""

    def __init__(self, storage=None):
        paper = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache.")
        self.world, self.refusal = World(make_batch(paper), make_batch(category="cs.AI"), storage=storage), ""
        self.located = []

    async def locate(self, name):
        self.located.append(name)
        chat = NAMES.get(name) or next((each for each in NAMES.values() if each.id == name), None)
        if self.refusal or chat is None:
            raise UserError(self.refusal or "no such channel")
        return Located(chat, next(key for key, each in NAMES.items() if each == chat))

    async def ask(self, line, *, person="ada", is_press=False, is_admin=False, chat=CHAT, is_owner=False):
        await self.world.storage.open()
        invocation = parse_line(COMMANDS, line)
        request = Request(
            chat,
            person,
            answer(is_admin),
            invocation.args,
            is_owner=is_owner,
            locate=self.locate,
            is_press=is_press,
        )
        return await execute(invocation, self.world.services, request)

    async def say(self, *lines, **asked):
        return [await self.ask(line, **asked) for line in lines][-1].text

    async def topics(self, chat):
        return (await self.world.services.subscriptions.get(chat)).topics


@pytest.fixture
def desk():
    return Desk()


async def test_commands_act_on_the_managed_chat_and_say_so(desk):
    """After /manage a change is made there, not here, and the first line of each reply names the chat."""
    assert (await desk.say("/manage @news")).startswith("For @news: ")
    assert (await desk.say("/topics add kv cache")) == (
        "For @news: Following kv cache.\n"
        "No category is chosen, so papers of cs.AI, cs.CL are looked at. /categories add narrows that."
    )
    for line in ("/topics", "/categories", "/status", "/settings", "/digest", "/help", "/why 2611.00001", "/saved"):
        assert (await desk.say(line)).startswith("For @news:"), line
    assert (await desk.topics(CHANNEL), await desk.topics(CHAT)) == (("kv cache",), ())


async def test_a_refused_line_names_the_chat_too(desk):
    """A mistake in a command for the managed chat is answered under its name."""
    await desk.say("/manage @news")
    assert (await desk.say("/topics add (kv AND")).startswith("For @news: ")


async def test_managing_is_of_one_person_in_one_place(desk):
    """Other people there, and the same person elsewhere, act where they are."""
    await desk.say("/manage @news")
    await desk.say("/topics add one", person="bob", is_admin=True)
    await desk.say("/topics add two", chat=OTHER, is_admin=True)
    assert (await desk.topics(CHAT), await desk.topics(OTHER)) == (("one",), ("two",))
    assert await desk.topics(CHANNEL) == ()


async def test_rights_are_asked_at_each_command(desk):
    """Once they are gone nothing is done, here or there, and the way out is named."""
    await desk.say("/manage @news", "/topics add kv cache")
    desk.refusal = "Only an administrator of @news can manage it."
    refused = await desk.say("/topics clear", is_admin=True)
    assert "administrator" in refused
    assert "/manage off" in refused
    assert await desk.topics(CHANNEL) == ("kv cache",)
    assert desk.located == ["@news", CHANNEL.id, CHANNEL.id]
    assert await desk.say("/manage off") == "What you say here is about this chat again."


async def test_it_ends_by_off_after_ten_minutes_or_by_another_chat(desk):
    """Then commands act on the chat they are said in, or on the other one."""
    await desk.say("/manage @news", "/manage @other")
    assert (await desk.say("/topics")).startswith("For @other:")
    await desk.say("/manage OFF")
    assert (await desk.say("/topics")).startswith("No topics")
    await desk.say("/manage @news")
    desk.world.later(minutes=9, seconds=59)
    assert (await desk.say("/topics")).startswith("For @news:")
    desk.world.later(seconds=1)
    assert (await desk.say("/topics")).startswith("No topics")


async def test_who_may_not_manage_a_chat_does_not(desk):
    """A refusal leaves everything as it was."""
    desk.refusal = "Only an administrator of @news can manage it."
    assert "administrator" in await desk.say("/manage @news")
    assert (await desk.say("/topics")).startswith("No topics")


async def test_without_a_name_manage_says_how_it_stands(desk):
    """Nothing, or the chat that is managed, without making its time longer."""
    assert "about this chat" in await desk.say("/manage")
    await desk.say("/manage @news")
    desk.world.later(minutes=6)
    assert (await desk.say("/manage")).startswith("For @news:")
    desk.world.later(minutes=6)
    assert "about this chat" in await desk.say("/manage")


async def test_a_button_acts_on_the_chat_it_was_drawn_for(desk):
    """Drawn for this chat it never acts on a managed one; drawn for a managed one it does nothing once that ended."""
    await desk.say("/topics add kept", is_admin=True)
    await desk.say("/manage @news", "/topics add gone")
    [erase, _] = (await desk.ask("/forgetme")).buttons
    assert len(erase.line.encode()) <= 64
    await desk.ask("/forgetme yes", is_press=True, is_admin=True)
    assert (await desk.topics(CHANNEL), await desk.topics(CHAT)) == (("gone",), ())
    await desk.say("/manage @other")
    assert "no longer manage" in (await desk.ask(erase.line, is_press=True)).text
    await desk.say("/manage off", "/topics add kept", is_admin=True)
    assert "no longer manage" in (await desk.ask(erase.line, is_press=True)).text
    assert (await desk.topics(CHANNEL), await desk.topics(CHAT)) == (("gone",), ("kept",))
    await desk.say("/manage @news")
    assert (await desk.ask(erase.line, is_press=True)).text.startswith("For @news: Everything")
    assert await desk.topics(CHANNEL) == ()


async def test_a_question_is_about_the_chat_it_was_asked_for(desk):
    """The answer to a question that was asked for a managed chat acts there, or nowhere."""
    await desk.say("/manage @news", "/topics add kv cache")
    question = (await desk.ask("/forgetme")).expects
    await desk.say("/manage off")
    assert "no longer manage" in await desk.say(f"{question} yes", is_admin=True)
    assert await desk.topics(CHANNEL) == ("kv cache",)
    await desk.say("/manage @news", f"{question} yes")
    assert await desk.topics(CHANNEL) == ()


async def test_start_sets_the_managed_chat_up(desk):
    """All steps of /start act there, and every button that is drawn fits Telegram's 64 bytes."""
    await desk.say("/manage @news")
    fields = await desk.ask("/start")
    topics = await desk.ask(f"{fields.expects} cs.CL, cs.LG, cs.CV")
    assert topics.text.startswith("For @news: ")
    hours = await desk.ask(f"{topics.expects} kv cache")
    places = await desk.ask(f"{hours.expects} 8:30")
    drawn = (*fields.buttons, *topics.buttons, *hours.buttons, *places.buttons)
    assert all(len(each.line.encode()) <= 64 for each in drawn)
    done = await desk.ask(f"{places.expects} Berlin")
    assert [each.announced.paper.id for each in done.digest.papers] == ["2611.00001"]
    assert await desk.topics(CHANNEL) == ("kv cache",)


async def test_marks_are_the_persons_own_in_the_managed_chat(desk):
    """A paper saved while a chat is managed is in the person's list for that chat alone."""
    await desk.say("/categories add cs.CL", is_admin=True)
    await desk.say("/digest", "/manage @news", "/categories add cs.CL")
    saved = await desk.ask("/mark save 2611.00001")
    assert saved.toast == "For @news: Saved."
    assert "2611.00001" in await desk.say("/saved")
    assert "saved nothing" in await desk.say("/saved", person="bob")
    assert "saved nothing" in await desk.say("/manage off", "/saved")


async def test_a_configuration_can_still_be_copied(desk):
    """The name of the chat stands above it, not in it."""
    await desk.say("/manage @news", "/topics add kv cache")
    exported = await desk.ask("/export")
    assert json.loads(exported.text)["topics"] == ["kv cache"]
    assert exported.heading == "For @news:"


async def test_owner_commands_stay_where_they_are(desk):
    """They concern no chat."""
    await desk.say("/manage @news")
    assert (await desk.say("/owner status", is_owner=True)).startswith("Chats")


async def test_where_nothing_can_be_managed_manage_says_so():
    """The console, a group and direct messages have no other chat to act on."""
    assert "nothing to manage" in await World().say("/manage @news")


async def test_the_forum_tag_is_a_setting(desk):
    """Up to 20 characters; none clears it; it survives export and import."""
    assert await desk.say("/settings forum_tag Daily papers", is_admin=True) == "forum_tag is now Daily papers."
    exported = await desk.say("/export")
    assert "at most 20 characters" in await desk.say("/settings forum_tag " + "x" * 21, is_admin=True)
    assert await desk.say("/settings forum_tag none", is_admin=True) == "forum_tag is now none."
    empty = await desk.say("/export")
    await desk.say(f"/import {exported}", is_admin=True)
    assert "forum_tag = Daily papers:" in await desk.say("/settings")
    await desk.say(f"/import {empty}", is_admin=True)
    assert "forum_tag = none:" in await desk.say("/settings")


async def test_a_choice_holds_in_every_process_and_through_a_restart(desk):
    """Whichever hears the next command lets it act on the channel, and none on the chat it is said in; so does `off`."""
    other = Desk(desk.world.storage)
    await desk.say("/manage @news")
    await desk.world.storage.close()
    assert (await other.say("/topics add kv cache")).startswith("For @news: Following kv cache.")
    assert (await desk.topics(CHANNEL), await desk.topics(CHAT)) == (("kv cache",), ())
    await other.say("/manage off")
    assert (await desk.say("/topics")).startswith("No topics")


async def test_a_choice_that_cannot_be_read_lets_nothing_be_done(desk):
    """What was meant for the channel must not be done here."""
    await desk.say("/manage @news")
    desk.world.services = replace(desk.world.services, managing=Managing(Unreadable(), lambda: desk.world.now))
    assert "nothing was changed" in await desk.say("/topics add kv cache", is_admin=True)
    assert (await desk.topics(CHANNEL), await desk.topics(CHAT)) == ((), ())


class Unreadable(FakeStorage):
    async def get_choice(self, here, person):
        raise StorageError("it is gone")


async def test_a_clock_set_back_ends_a_choice(desk):
    """It would stretch it."""
    await desk.say("/manage @news")
    desk.world.later(minutes=-1)
    assert (await desk.say("/topics")).startswith("No topics")
