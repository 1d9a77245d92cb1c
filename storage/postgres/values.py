"""How Python's values are written in PostgreSQL, so that each comes back as it was."""

from typing import Any

import orjson
from psycopg.abc import AdaptContext, Buffer
from psycopg.types.json import Json, set_json_loads
from psycopg.types.string import StrDumperUnknown, TextLoader

from bot.errors import StorageError
from storage.records import encode_document

Row = tuple[Any, ...]
Parameters = dict[str, Any]


def to_text(text: str) -> str:
    """Text without NUL, which PostgreSQL cannot keep: NUL becomes `01 01`, and `01` becomes `01 02`. The order stays."""
    return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")


def from_text(text: str) -> str:
    """The text that `to_text` wrote."""
    return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01") if "\x01" in text else text


def document(content: object) -> Json:
    """A JSON document as a parameter. Raises StorageError, when it is sent, for what JSON cannot say."""
    return Json(content, dumps=encode_document)


def register_values(context: AdaptContext) -> None:
    """Let this connection write and read text and documents our way."""
    context.adapters.register_dumper(str, _Dumper)
    context.adapters.register_loader("text", _Loader)
    set_json_loads(orjson.loads, context)


class _Dumper(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer:
        try:
            return to_text(obj).encode()
        except UnicodeEncodeError as error:
            raise StorageError(f"cannot be stored: {error.reason}") from error


class _Loader(TextLoader):
    def load(self, data: Buffer) -> str:
        return from_text(str(data, "utf-8"))
