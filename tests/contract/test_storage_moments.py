"""What every storage keeps of people for minutes; see the port's docstrings."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.question import Question
from bot.ports import Storage

ANN, BOB, THREAD = Chat("telegram", "501"), Chat("discord", "77"), Chat("telegram", "501", "5")
NEWS, OTHER = Chat("telegram", "-100200"), Chat("telegram", "-100300")
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def choice(chat: Chat = NEWS, **later: float) -> Choice:
    return Choice(chat, NOON + timedelta(**later))


def question(line: str = "/start fields", message: str = "7", **later: float) -> Question:
    return Question(line, NOON + timedelta(**later), message)


async def restart(storage: Storage) -> None:
    await storage.close()
    await storage.open()


async def test_nothing_is_chosen_at_first(storage: Storage) -> None:
    """Taking back what was not chosen is fine."""
    await storage.set_choice(ANN, "ada", None)
    assert await storage.get_choice(ANN, "ada") is None


async def test_choices_come_back_as_they_were(storage: Storage) -> None:
    """For each person in each chat, to the microsecond, also after a restart."""
    people = ['A"b,', "é🙂 x\x00", "", "ada"]
    wanted = {
        (here, person): choice(NEWS if here == ANN else THREAD, minutes=number, microseconds=7)
        for here in (ANN, BOB, THREAD)
        for number, person in enumerate(people)
    }
    for (here, person), each in wanted.items():
        await storage.set_choice(here, person, each)
    for _ in range(2):
        assert {key: await storage.get_choice(*key) for key in wanted} == wanted
        await restart(storage)


async def test_the_last_choice_counts(storage: Storage) -> None:
    """Another chat, another time, or none."""
    await storage.set_choice(ANN, "ada", choice())
    await storage.set_choice(ANN, "ada", choice(OTHER, minutes=-3))
    assert await storage.get_choice(ANN, "ada") == choice(OTHER, minutes=-3)
    await storage.set_choice(ANN, "bob", choice())
    await storage.set_choice(ANN, "ada", None)
    await restart(storage)
    assert await storage.get_choice(ANN, "ada") is None
    assert await storage.get_choice(ANN, "bob") == choice()


async def test_what_ended_long_ago_is_dropped(storage: Storage) -> None:
    """Once somebody chooses something that ends more than a day later."""
    await storage.set_choice(ANN, "ada", choice())
    await storage.set_choice(BOB, "bob", choice(seconds=1))
    await storage.set_choice(THREAD, "eve", choice(days=1))
    assert await storage.get_choice(ANN, "ada") == choice()
    await storage.set_choice(THREAD, "eve", choice(days=1, seconds=1))
    for _ in range(2):
        assert await storage.get_choice(ANN, "ada") is None
        assert await storage.get_choice(BOB, "bob") == choice(seconds=1)
        await restart(storage)


@pytest.mark.parametrize("instant", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_any_instant_will_do(storage: Storage, instant: datetime) -> None:
    """A clock may be anywhere."""
    await storage.set_choice(ANN, "ada", Choice(NEWS, instant))
    assert await storage.get_choice(ANN, "ada") == Choice(NEWS, instant)


async def test_forgetting_a_chat_takes_back_what_was_chosen_there(storage: Storage) -> None:
    """Whoever chose that chat from elsewhere still means it, and not the one they speak in."""
    await storage.set_choice(ANN, "ada", choice(NEWS))
    await storage.set_choice(THREAD, "ada", choice(ANN))
    await storage.forget_chat(ANN)
    for _ in range(2):
        assert await storage.get_choice(ANN, "ada") is None
        assert await storage.get_choice(THREAD, "ada") == choice(ANN)
        await restart(storage)


async def test_moving_a_chat_moves_what_was_chosen(storage: Storage) -> None:
    """There, where nothing else was chosen meanwhile, and of it. Twice is as once."""
    await storage.set_choice(ANN, "ada", choice(NEWS))
    await storage.set_choice(ANN, "bob", choice(NEWS))
    await storage.set_choice(THREAD, "bob", choice(OTHER))
    await storage.set_choice(BOB, "eve", choice(ANN))
    for _ in range(2):
        await storage.move_chat(ANN, THREAD)
        assert await storage.get_choice(ANN, "ada") is None
        assert await storage.get_choice(THREAD, "ada") == choice(NEWS)
        assert await storage.get_choice(THREAD, "bob") == choice(OTHER)
        assert await storage.get_choice(BOB, "eve") == choice(THREAD)
        await restart(storage)


async def test_nothing_is_asked_at_first(storage: Storage) -> None:
    """Nor is there anything to end."""
    assert await storage.get_question(ANN, "ada") is None
    assert not await storage.end_question(ANN, "ada", question())


async def test_questions_come_back_as_they_were(storage: Storage) -> None:
    """For each person in each chat, to the microsecond, also after a restart."""
    wanted = {
        (here, person): question(
            f"~1a2b /start é🙂 {number}", "" if here == ANN else person, seconds=number, microseconds=7
        )
        for here in (ANN, BOB, THREAD)
        for number, person in enumerate(['A"b,', "é🙂 x\x00", "", "ada"])
    }
    for (here, person), each in wanted.items():
        await storage.set_question(here, person, each)
    for _ in range(2):
        assert {key: await storage.get_question(*key) for key in wanted} == wanted
        await restart(storage)


async def test_the_last_question_counts(storage: Storage) -> None:
    """Whatever is new about it; the one before cannot be ended any more."""
    asked = [question(), question("/forgetme"), question("/forgetme", "8"), question("/forgetme", "8", minutes=-3)]
    for number, each in enumerate(asked):
        await storage.set_question(ANN, "ada", each)
        assert await storage.get_question(ANN, "ada") == each
        assert not any([await storage.end_question(ANN, "ada", earlier) for earlier in asked[:number]])
    await restart(storage)
    assert await storage.get_question(ANN, "ada") == asked[-1]


async def test_a_question_ends_once(storage: Storage) -> None:
    """However many end it at the same moment; it is not there after a restart either, and others' questions are."""
    await storage.set_question(ANN, "ada", question())
    await storage.set_question(ANN, "bob", question())
    await storage.set_question(THREAD, "ada", question())
    ended = await asyncio.gather(*(storage.end_question(ANN, "ada", question()) for _ in range(20)))
    assert sorted(ended) == [False] * 19 + [True]
    for _ in range(2):
        assert await storage.get_question(ANN, "ada") is None
        assert await storage.get_question(ANN, "bob") == await storage.get_question(THREAD, "ada") == question()
        await restart(storage)


async def test_questions_that_ended_long_ago_are_dropped(storage: Storage) -> None:
    """Once somebody is asked something that ends more than a day later."""
    await storage.set_question(ANN, "ada", question())
    await storage.set_question(BOB, "bob", question(seconds=1))
    await storage.set_question(THREAD, "eve", question(days=1))
    assert await storage.get_question(ANN, "ada") == question()
    await storage.set_question(THREAD, "eve", question(days=1, seconds=1))
    for _ in range(2):
        assert await storage.get_question(ANN, "ada") is None
        assert await storage.get_question(BOB, "bob") == question(seconds=1)
        await restart(storage)


async def test_forgetting_or_moving_a_chat_ends_what_was_asked_there(storage: Storage) -> None:
    """Messages have other ids elsewhere; what is asked in the new chat stays open."""
    for here in (ANN, BOB, THREAD):
        await storage.set_question(here, "ada", question())
    await storage.move_chat(ANN, THREAD)
    await storage.forget_chat(BOB)
    for _ in range(2):
        assert await storage.get_question(ANN, "ada") is None
        assert await storage.get_question(BOB, "ada") is None
        assert await storage.get_question(THREAD, "ada") == question()
        await restart(storage)


async def test_commands_are_counted_by_the_minute(storage: Storage) -> None:
    """From each person's first one on."""
    assert [await storage.count_command("ada", NOON + each * SECOND) for each in (0, 1, 59)] == [1, 2, 3]
    assert await storage.count_command("bob", NOON + 59 * SECOND) == 1
    assert await storage.count_command("ada", NOON + 60 * SECOND) == 1
    assert await storage.count_command("bob", NOON + 60 * SECOND) == 2


async def test_a_clock_set_back_begins_a_minute(storage: Storage) -> None:
    """Nobody is locked out by it."""
    assert [await storage.count_command("ada", NOON) for _ in range(2)] == [1, 2]
    assert await storage.count_command("ada", NOON - SECOND) == 1
    assert await storage.count_command("ada", NOON) == 2


async def test_commands_at_the_same_moment_are_each_counted(storage: Storage) -> None:
    """However many of them, and however the person is called."""
    for person in ('A"b,', "é🙂 x\x00", ""):
        counted = await asyncio.gather(*(storage.count_command(person, NOON) for _ in range(20)))
        assert sorted(counted) == list(range(1, 21))
