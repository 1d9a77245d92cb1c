"""Finished content, compressed once, and the answers that carry it or say that nothing changed."""

import gzip
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Generic, TypeVar

from aiohttp import web

_LEAST_TO_COMPRESS = 500
_CACHED_BYTES, _CACHED_ENTRIES = 16 << 20, 1_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Content:
    """A body with its kind, such as `text/html`. `etag` follows from the body alone; `compressed` is empty where it is short."""

    body: bytes
    kind: str
    etag: str
    compressed: bytes = b""

    @classmethod
    def make(cls, body: bytes, kind: str) -> "Content":
        """The content with all that follows from the body. Takes milliseconds where it is long."""
        compressed = gzip.compress(body, 6, mtime=0) if len(body) > _LEAST_TO_COMPRESS else b""
        return cls(body, kind, f'W/"{sha256(body).hexdigest()[:22]}"', compressed)

    @property
    def size(self) -> int:
        """Bytes that it takes in memory."""
        return len(self.body) + len(self.compressed)


def answer(request: web.Request, content: Content, headers: Mapping[str, str]) -> web.Response:
    """The content as the request takes it: as it is, compressed, or 304 where the client has it already."""
    shared = {
        **headers,
        "ETag": content.etag,
        "Vary": ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding"))),
    }
    known = [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]
    if content.etag in known or "*" in known:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=shared)
    body = content.body
    if content.compressed and _takes_gzip(request.headers.get("Accept-Encoding", "")):
        body = content.compressed
        shared["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=shared, content_type=content.kind, charset="utf-8")


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.lower().split(","):
        coding, _, quality = each.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


class Cache(Generic[Value]):
    """The values last used, as many as fit; a value's size is what `put` is told."""

    def __init__(self, most_bytes: int = _CACHED_BYTES, most_entries: int = _CACHED_ENTRIES) -> None:
        self._most_bytes, self._most_entries = most_bytes, most_entries
        self._kept: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: str) -> Value | None:
        """What was put under this name, if it is still there."""
        found = self._kept.get(name)
        if found is None:
            return None
        self._kept.move_to_end(name)
        return found[0]

    def put(self, name: str, value: Value, size: int) -> None:
        """Keep it, and let go of what was not used for longest."""
        self.drop(name)
        self._kept[name] = value, size
        self._bytes += size
        while self._kept and (self._bytes > self._most_bytes or len(self._kept) > self._most_entries):
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed

    def drop(self, name: str) -> None:
        """Let go of it."""
        _, size = self._kept.pop(name, (None, 0))
        self._bytes -= size
