"""PURE but for reading: one record of a file is one line of checksum and JSON, so that a half-written one is recognised."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from bot.errors import StorageError

_PREFIX = 9


def encode_record(payload: bytes) -> bytes:
    """The line that keeps `payload`, which is JSON without line breaks."""
    return b"%08x %b\n" % (crc32(payload), payload)


def decode_record(line: bytes) -> Any:  # noqa: ANN401 JSON has no better type
    """What the line keeps, or None where it is not whole."""
    payload = line[_PREFIX:-1]
    if line[:_PREFIX] != b"%08x " % crc32(payload) or not line.endswith(b"\n"):
        return None
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def read_records(path: Path, until: int | None = None) -> Iterator[tuple[Any, int]]:
    """Each record with the offset of its end.

    The file is whole up to the offset `until`. Without `until` its end may be torn: one bad record with no good one
    behind it is what a crash leaves of a write that nobody was told had succeeded, and is passed over.
    Raises StorageError where a record is bad otherwise.
    """
    with path.open("rb") as file:
        end = 0
        while until is None or end < until:
            line = file.readline()
            record = decode_record(line)
            if record is None:
                if until is None and all(decode_record(later) is None for later in file):
                    return
                raise StorageError(
                    f"{path} is damaged at byte {end}; it was left as it is: restore a backup of the folder"
                )
            end += len(line)
            yield record, end


def encode_document(document: object) -> bytes:
    """The document as JSON. Raises StorageError for what JSON cannot say, such as half a surrogate pair."""
    try:
        # A copy, as orjson's own bytes keep the kilobytes it reserved while it did not know their length.
        return bytes(memoryview(orjson.dumps(document)))
    except TypeError as error:
        raise StorageError(f"cannot be stored: {error}") from error
