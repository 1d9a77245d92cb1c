"""The tables of the database `pages`, laid out so that papers shown to many chats are kept once, and pruning drops tables.

`pages DAY`: one document for each page planned on that day (UTC); its ids are the pages'. `texts DAY`: the papers and the
summaries that these show; its ids are hashes of the content. What is in either is compressed, as memory holds it for months.
`shelves`: when each page of a chat was planned, the oldest first; its ids are chat keys. A page is there exactly while it is
on its chat's shelf.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Any
from zlib import compress, decompress

import orjson

from bot.model.chat import Chat
from bot.model.page import Page
from storage.codec import Document, page_from_document, page_to_document
from storage.days import day_table, day_tables, drop_day_tables
from storage.journal import JournalTinyDB
from storage.records import encode_document
from storage.table import JournalTable

_PAGES, _TEXTS, _SHELVES = "pages ", "texts ", "shelves"
_HASH_BYTES = 16


def put_page(pages: JournalTinyDB, page: Page) -> None:
    """Keep it in the place of any of its id."""
    discard_page(pages, page.id)
    day = page.at.astimezone(UTC).date()
    texts = day_table(pages, _TEXTS, day)
    document = page_to_document(page, lambda content: _put_text(texts, content))
    day_table(pages, _PAGES, day).replace(page.id, {"chat": page.chat.key, "page": _pack(document)})
    shelf = [*_shelf(pages, page.chat), [page.at.astimezone(UTC).isoformat(), page.id]]
    _replace_shelf(pages, page.chat, sorted(shelf, key=lambda each: each[0]))


def find_page(pages: JournalTinyDB, identifier: str) -> Page | None:
    """The page of this id."""
    for day, table in day_tables(pages, _PAGES).items():
        document = table.find(identifier)
        if document is not None:
            return page_from_document(
                identifier, Chat.from_key(document["chat"]), _unpack(document["page"]), _text_finder(pages, day)
            )
    return None


def find_pages(pages: JournalTinyDB, chat: Chat, limit: int) -> tuple[Page, ...]:
    """The chat's newest, the newest first."""
    newest = [identifier for _, identifier in reversed(_shelf(pages, chat))][:limit]
    return tuple(page for page in (find_page(pages, each) for each in newest) if page is not None)


def find_neighbours(pages: JournalTinyDB, chat: Chat, identifier: str) -> tuple[str, str] | None:
    """The ids before and after it on its chat's shelf."""
    ids = [each for _, each in _shelf(pages, chat)]
    if identifier not in ids:
        return None
    place = ids.index(identifier)
    return ids[place - 1] if place else "", ids[place + 1] if place + 1 < len(ids) else ""


def discard_page(pages: JournalTinyDB, identifier: str) -> None:
    """Erase it, if it is there."""
    for table in day_tables(pages, _PAGES).values():
        document = table.find(identifier)
        if document is not None:
            chat = Chat.from_key(document["chat"])
            table.discard(identifier)
            _replace_shelf(pages, chat, [each for each in _shelf(pages, chat) if each[1] != identifier])


def forget_pages(pages: JournalTinyDB, chat: Chat) -> None:
    """Erase every page of the chat."""
    for moment, identifier in _shelf(pages, chat):
        day_table(pages, _PAGES, _day_of(moment)).discard(identifier)
    _replace_shelf(pages, chat, [])


def move_pages(pages: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let the pages of `old` be those of `new`, under the addresses that they have."""
    moved = _shelf(pages, old)
    for moment, identifier in moved:
        table = day_table(pages, _PAGES, _day_of(moment))
        table.replace(identifier, {**(table.find(identifier) or {}), "chat": new.key})
    _replace_shelf(pages, old, [])
    _replace_shelf(pages, new, sorted([*moved, *_shelf(pages, new)], key=lambda each: each[0]))


def prune_pages(pages: JournalTinyDB, before: date) -> None:
    """Drop what was planned on earlier days."""
    old = [table for day, table in day_tables(pages, _PAGES).items() if day < before]
    for key in {document["chat"] for table in old for document in table.freeze().values()}:
        chat = Chat.from_key(key)
        _replace_shelf(pages, chat, [each for each in _shelf(pages, chat) if _day_of(each[0]) >= before])
    drop_day_tables(pages, _PAGES, before)
    drop_day_tables(pages, _TEXTS, before)


def _shelf(pages: JournalTinyDB, chat: Chat) -> list[list[str]]:
    document = pages.table(_SHELVES).find(chat.key)
    return document["pages"] if document else []


def _replace_shelf(pages: JournalTinyDB, chat: Chat, shelf: list[list[str]]) -> None:
    table = pages.table(_SHELVES)
    if shelf:
        table.replace(chat.key, {"pages": shelf})
    else:
        table.discard(chat.key)


def _day_of(moment: str) -> date:
    return datetime.fromisoformat(moment).date()


def _put_text(texts: JournalTable, content: Document) -> str:
    encoded = encode_document(content)
    identifier = blake2b(encoded, digest_size=_HASH_BYTES).hexdigest()
    if texts.find(identifier) is None:
        texts.replace(identifier, {"text": _squeeze(encoded)})
    return identifier


def _text_finder(pages: JournalTinyDB, day: date) -> Callable[[str], Document]:
    texts = day_table(pages, _TEXTS, day)
    return lambda identifier: _unpack((texts.find(identifier) or {})["text"])


def _pack(content: Document) -> str:
    return _squeeze(encode_document(content))


def _squeeze(encoded: bytes) -> str:
    return b64encode(compress(encoded)).decode()


def _unpack(text: str) -> Any:  # noqa: ANN401 - JSON has no better type
    return orjson.loads(decompress(b64decode(text)))
