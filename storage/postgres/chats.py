"""What is known of chats: subscriptions, progress, seen papers and marks, and notes, which belong to nobody."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.delivery import Progress
from bot.model.moves import merge_seen, merge_subscriptions
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from storage.codec import (
    progress_from_document,
    progress_to_document,
    subscription_from_document,
    subscription_to_document,
)
from storage.postgres.database import Connection
from storage.postgres.values import document

_PUT_SUBSCRIPTION = """
    insert into subscriptions (chat, document) values (%s, %s)
    on conflict (chat) do update set document = excluded.document, changed = excluded.changed"""
_PUT_PROGRESS = """
    insert into progress (chat, document) values (%s, %s)
    on conflict (chat) do update set document = excluded.document, changed = excluded.changed"""
_ADD_SEEN = """
    insert into seen (chat, day, papers)
    select %(chat)s, %(day)s, array_agg(paper order by place)
    from unnest(%(papers)s::text[]) with ordinality as delivered (paper, place)
    where paper not in (select unnest(papers) from seen where chat = %(chat)s)
    having count(*) > 0
    on conflict (chat, day) do update set papers = seen.papers || excluded.papers"""
_PUT_MARKS = """
    insert into marks (chat, person, paper, title, marks, day) values (%s, %s, %s, %s, %s, %s)
    on conflict (chat, person, paper) do update
    set title = excluded.title, marks = excluded.marks, day = excluded.day, position = excluded.position"""
_MOVE_MARKS = """
    update marks set chat = %(new)s, position = position + coalesce(
        (select min(position) from marks where chat = %(new)s)
        - (select max(position) from marks where chat = %(old)s) - 1, 0)
    where chat = %(old)s"""


async def find_subscription(connection: Connection, chat: Chat) -> Subscription | None:
    """The chat's subscription."""
    cursor = await connection.execute("select document from subscriptions where chat = %s", (chat.key,))
    row = await cursor.fetchone()
    return None if row is None else subscription_from_document(chat.key, row[0])


async def is_subscribed(connection: Connection, chat: Chat) -> bool:
    """Whether the chat has a subscription."""
    cursor = await connection.execute("select 1 from subscriptions where chat = %s", (chat.key,))
    return await cursor.fetchone() is not None


async def change_subscription(
    connection: Connection, chat: Chat, change: Callable[[Subscription | None], Subscription]
) -> Subscription:
    """Replace the subscription by what `change` makes of it."""
    changed = change(await find_subscription(connection, chat))
    if changed.chat != chat:
        raise ValueError(f"a change of {chat.key} made a subscription of {changed.chat.key}")
    await _put_subscription(connection, changed)
    return changed


async def move_subscription(connection: Connection, old: Chat, new: Chat) -> None:
    """Let the subscription and progress of `old` be those of `new`, whose own stay."""
    moved = await find_subscription(connection, old)
    if moved is not None:
        await _put_subscription(connection, merge_subscriptions(new, moved, await find_subscription(connection, new)))
        await connection.execute("delete from subscriptions where chat = %s", (old.key,))
    await connection.execute(
        "insert into progress (chat, document) select %s, document from progress where chat = %s on conflict do nothing",
        (new.key, old.key),
    )
    await connection.execute("delete from progress where chat = %s", (old.key,))


async def find_progress(connection: Connection, chat: Chat) -> Progress | None:
    """How far the chat's rounds have come."""
    cursor = await connection.execute("select document from progress where chat = %s", (chat.key,))
    row = await cursor.fetchone()
    return None if row is None else progress_from_document(row[0])


async def put_progress(connection: Connection, chat: Chat, progress: Progress) -> None:
    """Keep the chat's progress."""
    await connection.execute(_PUT_PROGRESS, (chat.key, document(progress_to_document(progress))))


async def find_seen(connection: Connection, chat: Chat) -> dict[ArxivId, date]:
    """What was delivered to the chat, and when."""
    cursor = await connection.execute("select day, papers from seen where chat = %s order by day", (chat.key,))
    return {ArxivId(paper): day for day, papers in await cursor.fetchall() for paper in papers}


async def add_seen(connection: Connection, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
    """Mark papers as delivered on `day`, but for those that are marked already."""
    papers = list(dict.fromkeys(ids))
    if papers:
        await connection.execute(_ADD_SEEN, {"chat": chat.key, "day": day, "papers": papers})


async def move_seen(connection: Connection, old: Chat, new: Chat) -> None:
    """Let what `old` got count as delivered to `new`."""
    moved = await find_seen(connection, old)
    if not moved:
        return
    merged = merge_seen(moved, await find_seen(connection, new))
    await connection.execute("delete from seen where chat in (%s, %s)", (old.key, new.key))
    by_day: dict[date, list[ArxivId]] = {}
    for paper, day in merged.items():
        by_day.setdefault(day, []).append(paper)
    for day, papers in by_day.items():
        await connection.execute("insert into seen values (%s, %s, %s)", (new.key, day, papers))


async def find_marks(connection: Connection, chat: Chat, person: str) -> dict[ArxivId, MarkedPaper]:
    """What the person marked in this chat, the latest change last."""
    cursor = await connection.execute(
        "select paper, title, marks, day from marks where chat = %s and person = %s order by position",
        (chat.key, person),
    )
    return {ArxivId(row[0]): _marked(*row) for row in await cursor.fetchall()}


async def find_chat_marks(connection: Connection, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
    """What everybody marked in this chat."""
    cursor = await connection.execute(
        "select person, paper, title, marks, day from marks where chat = %s order by person, position", (chat.key,)
    )
    found: dict[str, dict[ArxivId, MarkedPaper]] = {}
    for person, *row in await cursor.fetchall():
        found.setdefault(person, {})[row[0]] = _marked(*row)
    return found


async def change_marks(  # noqa: PLR0913, PLR0917 - the port's
    connection: Connection,
    chat: Chat,
    person: str,
    paper: ArxivId,
    title: str,
    change: Callable[[frozenset[Mark]], frozenset[Mark]],
    day: date,
) -> frozenset[Mark]:
    """Replace the person's marks of a paper by what `change` makes of them."""
    key = (chat.key, person, paper)
    cursor = await connection.execute("select marks from marks where chat = %s and person = %s and paper = %s", key)
    row = await cursor.fetchone()
    marks = change(frozenset(map(Mark, row[0])) if row else frozenset())
    if marks:
        await connection.execute(_PUT_MARKS, (*key, title, sorted(marks), day))
    else:
        await connection.execute("delete from marks where chat = %s and person = %s and paper = %s", key)
    return marks


async def move_marks(connection: Connection, old: Chat, new: Chat) -> None:
    """Let everybody's marks in `old` be marks in `new`, before those that are there, which stay."""
    await connection.execute(
        "delete from marks using marks as present where marks.chat = %s and present.chat = %s "
        "and present.person = marks.person and present.paper = marks.paper",
        (old.key, new.key),
    )
    await connection.execute(_MOVE_MARKS, {"old": old.key, "new": new.key})


async def find_note(connection: Connection, key: str) -> str | None:
    """What was noted under this key."""
    row = await (await connection.execute("select text from notes where key = %s", (key,))).fetchone()
    return None if row is None else str(row[0])


async def put_note(connection: Connection, key: str, text: str) -> None:
    """Note a text; the empty one forgets it."""
    if text:
        await connection.execute(
            "insert into notes values (%s, %s) on conflict (key) do update set text = excluded.text", (key, text)
        )
    else:
        await connection.execute("delete from notes where key = %s", (key,))


async def change_note(connection: Connection, key: str, change: Callable[[str], str]) -> str:
    """Replace a note by what `change` makes of it, and let nobody else do so meanwhile."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
    text = change(await find_note(connection, key) or "")
    await put_note(connection, key, text)
    return text


async def find_notes(connection: Connection, prefix: str) -> dict[str, str]:
    """Every note whose key begins with this, by key."""
    cursor = await connection.execute("select key, text from notes where starts_with(key, %s) order by key", (prefix,))
    return dict(await cursor.fetchall())


async def _put_subscription(connection: Connection, subscription: Subscription) -> None:
    content = document(subscription_to_document(subscription))
    await connection.execute(_PUT_SUBSCRIPTION, (subscription.chat.key, content))


def _marked(paper: str, title: str, marks: Sequence[str], day: date) -> MarkedPaper:
    return MarkedPaper(ArxivId(paper), title, frozenset(map(Mark, marks)), day)
