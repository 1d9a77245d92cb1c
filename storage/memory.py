"""PURE: the documents of one database, in memory, and the operations that change them.

A document is kept as its JSON: a tenth of the memory of a dict, and nobody can change one behind the journal's back.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from storage.records import encode_document

Undo = Callable[["Documents"], object]
"""Takes one change back, from the documents themselves or from a copy made after the change."""


class Documents:
    """Tables of documents by id. What `freeze` or `copy` gave out never changes: the next change copies its table."""

    def __init__(self, tables: Mapping[str, dict[str, bytes]] | None = None) -> None:
        self._tables = dict(tables or {})
        self._frozen = set(self._tables)

    def names(self) -> list[str]:
        """The tables that hold a document."""
        return [name for name, table in self._tables.items() if table]

    def table(self, name: str) -> Mapping[str, bytes]:
        """The table as it is now; a later change may show in it."""
        return self._tables.get(name, {})

    def freeze(self, name: str) -> Mapping[str, bytes]:
        """The table, never to change: other threads may read it."""
        self._frozen.add(name)
        return self.table(name)

    def copy(self) -> "Documents":
        """The same documents, apart from now on. Takes a moment per table, not per document."""
        self._frozen = set(self._tables)
        return Documents(self._tables)

    def put(self, table: str, document_id: str, document: bytes | None) -> Undo:
        """Replace a document, or with None delete it."""
        documents = self._own(table)
        before = documents.get(document_id)
        if document is None:
            documents.pop(document_id, None)
        else:
            # The same chat is a key of many tables; shared, it costs its memory once.
            documents[sys.intern(document_id)] = document
        return lambda target: target.put(table, document_id, before)

    def drop(self, table: str) -> Undo:
        """Delete a whole table."""
        before = self._tables.pop(table, {})
        return lambda target: target.put_table(table, before)

    def put_table(self, name: str, documents: dict[str, bytes]) -> None:
        """Replace a whole table; `documents` is not changed later."""
        self._frozen.add(name)
        self._tables[name] = documents

    def replay(self, operations: Iterable[list[Any]]) -> None:
        """Apply decoded operations, see `encode_operation`. Applying them twice is the same as once."""
        for name, *document in operations:
            match document:
                case [document_id, content]:
                    self.put(name, document_id, encode_document(content))
                case [document_id]:
                    self.put(name, document_id, None)
                case _:
                    self.drop(name)

    def _own(self, name: str) -> dict[str, bytes]:
        if name in self._frozen:
            self._frozen.discard(name)
            self._tables[name] = dict(self._tables.get(name, {}))
        return self._tables.setdefault(name, {})


def encode_operation(table: str, document_id: str | None = None, document: bytes | None = None) -> bytes:
    """`[table, id, document]` puts a document, `[table, id]` deletes it, `[table]` drops the table."""
    if document_id is None:
        return encode_document([table])
    if document is None:
        return encode_document([table, document_id])
    return encode_document([table, document_id, orjson.Fragment(document)])
