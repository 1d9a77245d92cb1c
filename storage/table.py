"""TinyDB's tables over a journal: every method of `tinydb.Table` works, and costs what it touches."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Generic, TypeVar

import orjson
from tinydb.table import Table

from storage.memory import Documents
from storage.records import encode_document

Document = dict[str, Any]
Value = TypeVar("Value")


class DecodedTable(Mapping[str, Document]):
    """A table whose documents are decoded as they are looked at; each look gives a new copy."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    @property
    def encoded(self) -> Mapping[str, bytes]:
        """The documents as they are kept."""
        return self._documents

    def __getitem__(self, document_id: str) -> Document:
        return orjson.loads(self._documents[document_id])  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __contains__(self, document_id: object) -> bool:
        return document_id in self._documents


class DecodingCache(Generic[Value]):
    """The values that a table's documents stand for; those of documents that are as they were need no second decoding.

    Values are handed out more than once, so they must be immutable. For one table; any thread may use it.
    """

    def __init__(self, decode: Callable[[str, Document], Value]) -> None:
        self._decode = decode
        self._known: Mapping[str, tuple[bytes, Value]] = {}

    def values(self, table: DecodedTable) -> list[Value]:
        """One for each document, ordered by id."""
        found: dict[str, tuple[bytes, Value]] = {}
        for document_id in sorted(table.encoded):
            content = table.encoded[document_id]
            known = self._known.get(document_id)
            if known is None or known[0] is not content:
                known = content, self._decode(document_id, orjson.loads(content))
            found[document_id] = known
        self._known = found
        return [value for _, value in found.values()]


class Draft(MutableMapping[str, Document]):
    """A table to be changed in any way; remembers what was touched."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents
        self._touched: dict[str, Document | None] = {}

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """The ids that differ now, with their new documents, None for the deleted."""
        for document_id, document in self._touched.items():
            encoded = None if document is None else encode_document(document)
            if encoded != self._documents.get(document_id):
                yield document_id, encoded

    def __getitem__(self, document_id: str) -> Document:
        if document_id not in self._touched:
            self._touched[document_id] = orjson.loads(self._documents[document_id])
        document = self._touched[document_id]
        if document is None:
            raise KeyError(document_id)
        return document

    def __setitem__(self, document_id: str, document: Document) -> None:
        self._touched[document_id] = document

    def __delitem__(self, document_id: str) -> None:
        if document_id not in self:
            raise KeyError(document_id)
        self._touched[document_id] = None

    def __contains__(self, document_id: object) -> bool:
        if document_id in self._touched:
            return self._touched[document_id] is not None
        return document_id in self._documents

    def __iter__(self) -> Iterator[str]:
        yield from (each for each in self._documents if each in self)
        yield from (each for each in self._touched if each in self and each not in self._documents)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class JournalTable(Table):
    """A table whose document ids are strings that the caller chooses. Changes only within `JournalStorage.commit`."""

    document_id_class = str  # type: ignore[assignment]

    def __init__(self, storage: Any, name: str, cache_size: int = 0, persist_empty: bool = False) -> None:  # noqa: ANN401, FBT001, FBT002 TinyDB's signature
        # No query cache: a write that fails takes documents back without the table knowing.
        super().__init__(storage, name, cache_size, persist_empty)

    def replace(self, document_id: str, document: Document) -> None:
        """Put a document, whatever was there before; TinyDB's `upsert` would merge the two."""
        self._update_table(lambda table: table.__setitem__(document_id, document))

    def find(self, document_id: str) -> Document | None:
        """The document, or None."""
        return self._read_table().get(document_id)

    def discard(self, document_id: str) -> None:
        """Delete the document, if there is one."""
        self.remove(doc_ids=[document_id])  # type: ignore[list-item]

    def freeze(self) -> DecodedTable:
        """The table as it is now, for good: another thread may read it."""
        return DecodedTable(self._documents.freeze(self.name))

    @property
    def _documents(self) -> Documents:
        return self._storage.documents  # type: ignore[attr-defined, no-any-return]

    def _read_table(self) -> Mapping[str, Document]:  # type: ignore[override]
        return DecodedTable(self._documents.table(self.name))

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        draft = Draft(self._documents.table(self.name))
        updater(draft)
        for document_id, document in list(draft.changes()):
            self._storage.put(self.name, document_id, document)  # type: ignore[attr-defined]

    def _get_next_id(self) -> int:
        raise ValueError("a document here brings its own id: tinydb.table.Document(fields, doc_id)")
