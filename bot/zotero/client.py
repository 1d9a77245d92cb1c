"""Requests to Zotero: one at a time, bounded in time and size, silent for as long as Zotero asks us to be.

https://www.zotero.org/support/dev/web_api/v3/basics and .../write_requests
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import monotonic
from typing import Any, Self

import httpx2
import orjson

from bot.errors import LibraryError
from bot.model.library import Account
from bot.model.paper import ArxivId, Paper
from bot.ports import Clock
from bot.zotero.items import make_item, name_item

REQUEST_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_MOST_BYTES = 1_000_000
_LONGEST_HOLD = 6 * 3600.0
_HOLD = 60.0
"""Seconds for which Zotero is left alone where it refuses without saying for how long."""
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_NEVER = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.PRECONDITION_REQUIRED)
_NETWORK_ERRORS = (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError)


@dataclass(slots=True)
class ZoteroLibrary:
    """The libraries below `base_url`; used between `async with` and its end. `now` reads dates in Retry-After."""

    base_url: str
    user_agent: str
    now: Clock
    clock: Callable[[], float] = monotonic
    request_seconds: float = REQUEST_SECONDS
    _client: httpx2.AsyncClient = field(init=False, repr=False)
    _turn: asyncio.Lock = field(init=False, repr=False, default_factory=asyncio.Lock)
    _held_until: float = field(init=False, default=-math.inf)

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": self.user_agent, "Zotero-API-Version": "3", "Accept": "application/json"}
        timeout = httpx2.Timeout(self.request_seconds, connect=_CONNECT_SECONDS)
        limits = httpx2.Limits(max_connections=1)
        self._client = httpx2.AsyncClient(headers=headers, timeout=timeout, limits=limits)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def identify(self, key: str) -> Account:
        answer = await self._ask("GET", "/keys/current", key)
        try:
            rights = answer["access"].get("user") or {}
            can_write = bool(rights.get("library") and rights.get("write"))
            return Account(str(int(answer["userID"])), str(answer.get("username", "")), can_write)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise LibraryError("Zotero's answer about a key cannot be understood") from error

    def name_item(self, account: Account, paper: ArxivId) -> str:
        return name_item(account.id, paper)

    async def add(self, account: Account, key: str, item: str, paper: Paper) -> None:
        # A versioned write: version 0 makes it fail where the item is there, and a write token redundant.
        body = orjson.dumps([make_item(item, paper)])
        answer = await self._ask("POST", f"/users/{account.id}/items", key, body)
        if not isinstance(answer, dict):
            raise LibraryError("Zotero's answer about an item cannot be understood")
        if any("0" in (answer.get(name) or {}) for name in ("success", "successful", "unchanged")):
            return
        failed = (answer.get("failed") or {}).get("0") or {}
        code = failed.get("code") if isinstance(failed, dict) else None
        if code == HTTPStatus.PRECONDITION_FAILED:  # it is there: an earlier answer was lost
            return
        raise LibraryError(
            f"Zotero did not take an item: code {code}", is_final=code in _NEVER, is_refused=code in _REFUSED
        )

    async def _ask(self, method: str, path: str, key: str, body: bytes | None = None) -> Any:  # noqa: ANN401 - JSON
        async with self._turn:
            if (left := self._held_until - self.clock()) > 0:
                raise LibraryError("Zotero asked us to wait", retry_after=left)
            headers = {"Zotero-API-Key": key} | ({"Content-Type": "application/json"} if body else {})
            try:
                async with (
                    asyncio.timeout(self.request_seconds),
                    self._client.stream(method, self.base_url + path, headers=headers, content=body) as answer,
                ):
                    status, told, content = answer.status_code, answer.headers, await _read(answer)
            except _NETWORK_ERRORS as error:
                # Not its text: an address that cannot be reached is no secret, but nothing here shall depend on that.
                raise LibraryError(f"Zotero cannot be reached: {type(error).__name__}") from None
            self._obey(status, told)
        if status in _REFUSED:
            raise LibraryError(f"Zotero refuses the key: HTTP {status}", is_refused=True)
        if status != HTTPStatus.OK:
            wait = max(0.0, self._held_until - self.clock())
            raise LibraryError(f"Zotero answers HTTP {status}", retry_after=wait, is_final=status in _NEVER)
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise LibraryError("Zotero's answer is not JSON") from error

    def _obey(self, status: int, headers: Mapping[str, str]) -> None:
        """Backoff comes with any answer, Retry-After with those that refuse for now."""
        seconds = self._seconds(headers.get("backoff", ""))
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            seconds = max(seconds, self._seconds(headers.get("retry-after", "")) or _HOLD)
        if seconds:
            self._held_until = max(self._held_until, self.clock() + min(seconds, _LONGEST_HOLD))

    def _seconds(self, told: str) -> float:
        if told.isascii() and told.isdigit():
            return float(told[:9])
        try:
            return max(0.0, (parsedate_to_datetime(told) - self.now()).total_seconds())
        except (ValueError, TypeError):
            return 0.0


async def _read(answer: httpx2.Response) -> bytes:
    content = b""
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise LibraryError("Zotero's answer is too long")
    return content
