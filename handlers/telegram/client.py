"""The way to the Bot API: a client in which only the last layer knows the token, and the rules for trying again."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
from telegram import Bot
from telegram.constants import UpdateType
from telegram.error import NetworkError, RetryAfter
from telegram.request import HTTPXRequest

Result = TypeVar("Result")

KINDS = (UpdateType.MESSAGE, UpdateType.EDITED_MESSAGE, UpdateType.CALLBACK_QUERY, UpdateType.MY_CHAT_MEMBER)
"""The updates we ask for; without saying so, Telegram goes on with what an earlier program asked for."""
READ_SECONDS = 15.0
LONGEST_WAIT = 60.0
"""Seconds that a reply waits when Telegram says it was too many; if it says longer, the reply is given up."""
_PAUSES = (0.5, 2.0)
_CONNECTIONS = 50
_STAND_IN = "TOKEN"


class _TokenTransport(httpx.AsyncBaseTransport):
    """Writes the token into the address at the last moment: no log, trace or error of the layers above can hold it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, token: str) -> None:
        self._inner = inner
        self._stand_in, self._token = f"/bot{_STAND_IN}/".encode(), f"/bot{quote(token, safe=':')}/".encode()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.replace(self._stand_in, self._token, 1)
        return await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_with(raw_path=path),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class PollingBot(Bot):
    """A Bot whose updates come as they were sent, so that one that cannot be read does not hide the others."""

    async def poll(self, offset: int, seconds: int) -> list[dict[str, Any]]:
        """The updates from `offset` on, waiting up to `seconds` for the first; the ones before it are done with."""
        parameters = {"offset": offset, "timeout": seconds, "allowed_updates": list(KINDS)}
        updates = await self._post("getUpdates", parameters, read_timeout=seconds + READ_SECONDS)
        if not isinstance(updates, list):
            raise NetworkError("getUpdates gave no list")
        return updates


@asynccontextmanager
async def open_bot(api_url: str, token: str) -> AsyncIterator[PollingBot]:
    """A client of the Bot API at `api_url`; nothing is asked of it yet."""
    # Opts in to durations as such; without it each RetryAfter comes with a deprecation warning.
    os.environ.setdefault("PTB_TIMEDELTA", "1")
    requests = [_make_request(api_url, token, connections) for connections in (1, _CONNECTIONS)]
    base = api_url.rstrip("/")
    bot = PollingBot(_STAND_IN, f"{base}/bot", f"{base}/file/bot", request=requests[1], get_updates_request=requests[0])
    try:
        yield bot
    finally:
        for request in requests:
            await request.shutdown()


def _make_request(api_url: str, token: str, connections: int) -> HTTPXRequest:
    transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=connections), proxy=_proxy_for(api_url))
    return HTTPXRequest(
        connections,
        read_timeout=READ_SECONDS,
        write_timeout=READ_SECONDS,
        connect_timeout=5.0,
        pool_timeout=5.0,
        httpx_kwargs={"transport": _TokenTransport(transport, token)},
    )


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names; httpx looks for it only where the transport is its own."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


async def patiently(call: Callable[[], Awaitable[Result]]) -> Result:
    """What `call` gives, tried again where Telegram asks us to wait, or where it certainly was never reached.

    Raises TelegramError otherwise. A call whose answer was lost may have been obeyed, so it is not repeated.
    """
    for pause in _PAUSES:
        try:
            return await call()
        except RetryAfter as error:
            seconds = wait_seconds(error)
            if seconds > LONGEST_WAIT:
                raise
            await asyncio.sleep(seconds)
        except NetworkError as error:
            if not _was_never_sent(error):
                raise
            await asyncio.sleep(pause)
    return await call()


def wait_seconds(error: RetryAfter) -> float:
    """For how long Telegram asks us to wait."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _was_never_sent(error: NetworkError) -> bool:
    return isinstance(error.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ConnectError)
