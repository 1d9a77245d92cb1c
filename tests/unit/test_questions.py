"""Questions, and the words that answer them, in two processes on one storage."""

import asyncio
from datetime import timedelta

import pytest

from bot.errors import UserError
from bot.model.chat import Chat
from bot.model.question import Question
from handlers.commands import COMMANDS
from handlers.questions import SPAN, Questions
from tests.world import World

HERE, OTHER = Chat("telegram", "501"), Chat("telegram", "-100200")
SECOND = timedelta(seconds=1)


class Office:
    """Two processes, `one` and `other`, whose clocks are the same."""

    def __init__(self, storage=None):
        self.world = World(storage=storage)
        self.storage = self.world.storage
        self.one = Questions.of(self.world.services, COMMANDS)
        self.other = Questions(self.storage, lambda: self.world.now, COMMANDS)


@pytest.fixture
async def office():
    office = Office()
    await office.storage.open()
    return office


async def test_words_answer_what_another_process_asked(office):
    """Once, the person who was asked, where they were asked."""
    await office.one.ask(HERE, "ada", "/start fields", "7")
    assert await office.other.answer(HERE, "bob") == ""
    assert await office.other.answer(OTHER, "ada") == ""
    assert await office.other.answer(HERE, "ada") == "/start fields"
    assert await office.other.answer(HERE, "ada") == await office.one.answer(HERE, "ada") == ""


async def test_of_answers_at_once_one_is_taken(each_place):
    """In whichever process, and whatever keeps the question."""
    office = Office(each_place.storage())
    await office.storage.open()
    for _ in range(5):
        await office.one.ask(HERE, "ada", "/forgetme")
        answers = await asyncio.gather(*(each.answer(HERE, "ada") for each in (office.one, office.other) * 4))
        assert sorted(answers) == [""] * 7 + ["/forgetme"]
    await office.storage.close()


async def test_the_next_question_and_the_next_command_end_it(office):
    """Wherever they come; ending what is not there is fine."""
    await office.one.ask(HERE, "ada", "/start fields")
    await office.other.ask(HERE, "ada", "/forgetme")
    assert await office.one.answer(HERE, "ada") == "/forgetme"
    await office.one.ask(HERE, "ada", "/start fields")
    for _ in range(2):
        await office.other.end(HERE, "ada")
        assert await office.one.answer(HERE, "ada") == ""


async def test_where_only_replies_answer_it_must_be_the_right_one(office):
    """Another reply leaves the question open."""
    await office.one.ask(HERE, "ada", "/start fields", "7")
    assert await office.other.answer(HERE, "ada", "8") == ""
    assert await office.other.answer(HERE, "ada", "7") == "/start fields"


@pytest.mark.parametrize(("later", "is_open"), [(SPAN - SECOND, True), (SPAN, False), (-SECOND, False)])
async def test_a_question_is_open_for_an_hour(office, later, is_open):
    """Whoever answers afterwards is told to start again, once; a clock that is set back makes no hour longer."""
    await office.one.ask(HERE, "ada", "~1a2b /start fields")
    office.world.now += later
    if is_open:
        assert await office.other.answer(HERE, "ada") == "~1a2b /start fields"
        return
    with pytest.raises(UserError, match=r"nothing was done\. Please start again: /start$"):
        await office.other.answer(HERE, "ada")
    assert await office.one.answer(HERE, "ada") == ""


async def test_what_another_version_asked_is_met_kindly(office):
    """A line that this one does not know is dropped."""
    await office.storage.set_question(HERE, "ada", Question("/gone fields", office.world.now + SPAN))
    with pytest.raises(UserError, match=r"nothing was done\. Please start again: /help$"):
        await office.one.answer(HERE, "ada")
    assert await office.other.answer(HERE, "ada") == ""


async def test_a_storage_that_fails_costs_an_answer_and_nothing_else(office):
    """Commands go on; words are not guessed at, and the person is asked to try again, which works."""
    await office.one.ask(HERE, "ada", "/start fields")
    await office.storage.close()
    await office.one.ask(HERE, "ada", "/forgetme")
    await office.one.end(HERE, "ada")
    with pytest.raises(UserError, match="try again in a minute"):
        await office.one.answer(HERE, "ada")
    await office.storage.open()
    assert await office.one.answer(HERE, "ada") == "/start fields"
