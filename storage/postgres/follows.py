"""The table of follows: one row for each chat and paper."""

from collections.abc import Callable, Iterable

from bot.model.chat import Chat
from bot.model.follow import Follow, Version
from bot.model.moves import merge_follows
from bot.model.paper import ArxivId
from storage.codec import follow_from_document, follow_to_document
from storage.postgres.database import Connection
from storage.postgres.values import document

_PUT = """
    insert into follows (chat, paper, number, categories, document) values (%s, %s, %s, %s, %s)
    on conflict (chat, paper) do update
    set number = excluded.number, categories = excluded.categories, document = excluded.document"""
_FOLLOWED = """
    select distinct on (paper) paper, categories from follows
    order by paper, categories = '{}', number desc, chat"""


async def find_follows(connection: Connection, chat: Chat) -> dict[ArxivId, Follow]:
    """All that the chat follows, the one begun last at the end."""
    cursor = await connection.execute(
        "select paper, document from follows where chat = %s order by position", (chat.key,)
    )
    return {ArxivId(paper): follow_from_document(content) for paper, content in await cursor.fetchall()}


async def find_followed(connection: Connection) -> dict[ArxivId, tuple[str, ...]]:
    """Every paper that somebody follows, with its categories."""
    cursor = await connection.execute(_FOLLOWED)
    return {ArxivId(paper): tuple(categories) for paper, categories in await cursor.fetchall()}


async def find_followers(connection: Connection, paper: ArxivId) -> dict[Chat, Follow]:
    """The follows of the paper, ordered by chat key."""
    cursor = await connection.execute("select chat, document from follows where paper = %s order by chat", (paper,))
    return {Chat.from_key(key): follow_from_document(content) for key, content in await cursor.fetchall()}


async def change_follow(
    connection: Connection, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
) -> Follow | None:
    """Replace the follow by what `change` makes of it; None ends it."""
    changed = change(await _find(connection, chat, paper))
    if changed is None:
        await connection.execute("delete from follows where chat = %s and paper = %s", (chat.key, paper))
    else:
        await _put(connection, chat, paper, changed)
    return changed


async def note_versions(connection: Connection, chat: Chat, versions: Iterable[Version]) -> None:
    """Let the chat's follows know these versions, but where they know newer ones."""
    for version in versions:
        follow = await _find(connection, chat, version.id)
        if follow is not None and follow.known.number < version.number:
            await _put(connection, chat, version.id, Follow(version, follow.is_asked, follow.savers))


async def move_follows(connection: Connection, old: Chat, new: Chat) -> None:
    """Let `new` follow what either does."""
    moved = await find_follows(connection, old)
    if not moved:
        return
    merged = merge_follows(moved, await find_follows(connection, new))
    await connection.execute("delete from follows where chat in (%s, %s)", (old.key, new.key))
    for paper, follow in merged.items():
        await _put(connection, new, paper, follow)


async def _find(connection: Connection, chat: Chat, paper: ArxivId) -> Follow | None:
    cursor = await connection.execute("select document from follows where chat = %s and paper = %s", (chat.key, paper))
    row = await cursor.fetchone()
    return None if row is None else follow_from_document(row[0])


async def _put(connection: Connection, chat: Chat, paper: ArxivId, follow: Follow) -> None:
    known = follow.known
    values = (chat.key, paper, known.number, list(known.categories), document(follow_to_document(follow)))
    await connection.execute(_PUT, values)
