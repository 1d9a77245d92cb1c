"""The tables of digest pages. The papers and summaries that pages of one day share are kept once."""

from collections.abc import Sequence
from datetime import UTC
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any
from zlib import compress, decompress

import orjson

from bot.model.chat import Chat
from bot.model.page import Page
from storage.codec import Document, page_from_document, page_to_document
from storage.postgres.chats import is_subscribed
from storage.postgres.database import Connection
from storage.postgres.values import Row
from storage.records import encode_document

WITH_TEXTS = """
    select shown.id, chat, document, hash, content from {} as shown
    left join page_texts on page_texts.day = shown.day and hash = any (texts)"""
"""Pages with a row for each text that they show, or one where they show none."""
_PUT = """
    insert into pages (id, chat, at, day, document, texts) values (%s, %s, %s, %s, %s, %s)
    on conflict (id) do update set chat = excluded.chat, at = excluded.at,
    day = excluded.day, document = excluded.document, texts = excluded.texts"""
_PUT_TEXT = "insert into page_texts values (%s, %s, %s) on conflict do nothing"
_FIND = WITH_TEXTS.format("(select * from pages where id = %s)")
_OF_CHAT = WITH_TEXTS.format("(select * from pages where chat = %s order by at desc, id desc limit %s)")
_NEWEST = f"{_OF_CHAT} order by at desc, shown.id desc"
_NEIGHBOURS = """
    select coalesce(before, ''), coalesce(after, '') from (
        select id, lag(id) over shelf as before, lead(id) over shelf as after
        from pages where chat = %s window shelf as (order by at, id)
    ) as placed where id = %s"""
_MOVE = "update pages set chat = %s where chat = %s"
_HASH_BYTES = 16


async def put_page(connection: Connection, page: Page) -> None:
    """Keep it in the place of any of its id, if its chat has a subscription."""
    if await is_subscribed(connection, page.chat):
        await replace_page(connection, page)


async def replace_page(connection: Connection, page: Page) -> None:
    """Keep it in the place of any of its id, whatever is known of its chat."""
    day, texts = page.at.astimezone(UTC).date(), dict[bytes, bytes]()

    def keep(content: Document) -> str:
        encoded = encode_document(content)
        found = blake2b(encoded, digest_size=_HASH_BYTES)
        texts[found.digest()] = compress(encoded)
        return found.hexdigest()

    packed = compress(encode_document(page_to_document(page, keep)))
    await connection.execute(_PUT, (page.id, page.chat.key, page.at, day, packed, list(texts)))
    # In one order for all: two writers of the same texts must not wait for each other.
    for found, content in sorted(texts.items()):
        await connection.execute(_PUT_TEXT, (day, found, content))


async def find_page(connection: Connection, identifier: str) -> Page | None:
    """The page of this id."""
    found = await (await connection.execute(_FIND.encode(), (identifier,))).fetchall()
    return read_page(found) if found else None


async def find_pages(connection: Connection, chat: Chat, limit: int) -> tuple[Page, ...]:
    """The chat's newest, the newest first."""
    found = await (await connection.execute(_NEWEST.encode(), (chat.key, limit))).fetchall()
    return tuple(read_page(list(rows)) for _, rows in groupby(found, itemgetter(0)))


async def find_neighbours(connection: Connection, chat: Chat, identifier: str) -> tuple[str, str] | None:
    """The ids of the chat's pages before and after it."""
    row = await (await connection.execute(_NEIGHBOURS, (chat.key, identifier))).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


async def move_pages(connection: Connection, old: Chat, new: Chat) -> None:
    """Let the pages of `old` be those of `new`, under the addresses that they have."""
    await connection.execute(_MOVE, (new.key, old.key))


def read_page(rows: Sequence[Row]) -> Page:
    """The page of these rows of `WITH_TEXTS`."""
    identifier, chat, document = rows[0][:3]
    texts = {bytes(found).hex(): content for *_, found, content in rows if found is not None}
    return page_from_document(identifier, Chat.from_key(chat), _unpack(document), lambda text: _unpack(texts[text]))


def _unpack(packed: bytes) -> Any:  # noqa: ANN401 - JSON has no better type
    return orjson.loads(decompress(packed))
