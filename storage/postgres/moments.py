"""What is known of people for minutes: the tables `choices`, `questions` and `commands`."""

from datetime import datetime

from bot.model.chat import Chat
from bot.model.choice import Choice
from bot.model.question import Question
from storage.postgres.database import Connection, one

_PUT = """
    insert into choices (here, person, chat, until) values (%s, %s, %s, %s)
    on conflict (here, person) do update set chat = excluded.chat, until = excluded.until"""
_MOVE = """
    update choices set here = %(new)s
    where here = %(old)s and person not in (select person from choices where here = %(new)s)"""
_ASK = """
    insert into questions (here, person, line, until, message) values (%s, %s, %s, %s, %s)
    on conflict (here, person) do update set line = excluded.line, until = excluded.until, message = excluded.message"""
_END = "delete from questions where here = %s and person = %s and line = %s and until = %s and message = %s"
_IS_SAME_MINUTE = "excluded.since >= commands.since and excluded.since < commands.since + interval '1 minute'"
_COUNT = f"""
    insert into commands (person, since, number) values (%s, %s, 1)
    on conflict (person) do update set
        since = case when {_IS_SAME_MINUTE} then commands.since else excluded.since end,
        number = case when {_IS_SAME_MINUTE} then commands.number + 1 else 1 end
    returning number"""  # noqa: S608 - our own condition


async def find_choice(connection: Connection, here: Chat, person: str) -> Choice | None:
    """What the person chose from there."""
    cursor = await connection.execute(
        "select chat, until from choices where here = %s and person = %s", (here.key, person)
    )
    row = await cursor.fetchone()
    return None if row is None else Choice(Chat.from_key(row[0]), row[1])


async def put_choice(connection: Connection, here: Chat, person: str, choice: Choice | None) -> None:
    """Keep the choice instead of any before, and drop those that ended long before it does."""
    if choice is None:
        await connection.execute("delete from choices where here = %s and person = %s", (here.key, person))
        return
    await connection.execute("delete from choices where until < %s - interval '1 day'", (choice.until,))
    await connection.execute(_PUT, (here.key, person, choice.chat.key, choice.until))


async def forget_choices(connection: Connection, chat: Chat) -> None:
    """Take back what was chosen from the chat."""
    await connection.execute("delete from choices where here = %s", (chat.key,))


async def move_choices(connection: Connection, old: Chat, new: Chat) -> None:
    """Let what was chosen from `old` be chosen from `new`, where nothing else is, and whoever chose `old` have chosen `new`."""
    await connection.execute(_MOVE, {"old": old.key, "new": new.key})
    await forget_choices(connection, old)
    await connection.execute("update choices set chat = %s where chat = %s", (new.key, old.key))


async def find_question(connection: Connection, here: Chat, person: str) -> Question | None:
    """What the person was asked there."""
    cursor = await connection.execute(
        "select line, until, message from questions where here = %s and person = %s", (here.key, person)
    )
    row = await cursor.fetchone()
    return None if row is None else Question(*row)


async def put_question(connection: Connection, here: Chat, person: str, question: Question) -> None:
    """Keep the question instead of any before, and drop those that ended long before it does."""
    await connection.execute("delete from questions where until < %s - interval '1 day'", (question.until,))
    await connection.execute(_ASK, (here.key, person, question.line, question.until, question.message))


async def end_question(connection: Connection, here: Chat, person: str, question: Question) -> bool:
    """Drop this question; whether it was there."""
    given = (here.key, person, question.line, question.until, question.message)
    return (await connection.execute(_END, given)).rowcount == 1


async def forget_questions(connection: Connection, chat: Chat) -> None:
    """End what was asked in the chat."""
    await connection.execute("delete from questions where here = %s", (chat.key,))


async def count_command(connection: Connection, person: str, now: datetime) -> int:
    """One command more: which one it is in the person's minute. One statement, which may be repeated at little harm."""
    (number,) = await one(await connection.execute(_COUNT.encode(), (person, now)))
    return int(number)


async def forget_commands(connection: Connection) -> None:
    """Drop what was counted in minutes that are long over."""
    await connection.execute("delete from commands where since < now() - interval '1 hour'")
