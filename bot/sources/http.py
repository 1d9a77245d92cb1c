"""The one way to arXiv: a client that asks slowly, stops when asked to, and never reads more than it should.

https://info.arxiv.org/help/api/tou.html: one connection and one request every three seconds, all machines together.
"""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from random import Random
from types import MappingProxyType, TracebackType
from typing import Self

import httpx2

from bot.errors import SourceError, SourceFault
from bot.ports import Clock
from bot.sources.apart import Parser
from bot.sources.holds import LONGEST_RETRY_AFTER, Holds, LoadNote, SaveNote

log = logging.getLogger(__name__)

MAX_BYTES = 20 * 1024 * 1024
"""A day of all of arXiv is about 8 MB."""
MIN_INTERVAL = 3.0
"""Seconds between any two requests."""
SITE_INTERVALS: Mapping[str, float] = MappingProxyType({"arxiv.org": 15.0, "www.arxiv.org": 15.0})
"""The crawl delay in https://arxiv.org/robots.txt, in seconds by host."""

_ENDED = "arxiv was asked at"
_CONNECT_SECONDS = 10.0
_SILENCE = 30.0
_ATTEMPTS = 5
_CONNECT_ATTEMPTS = 3
_BACKOFF = (1.0, 4.0, 10.0, 20.0)
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 3
# arXiv's "Rate exceeded." comes as 429 or 503, and as 403 from its CDN (https://github.com/ZJU-REAL/Polaris/pull/415).
_HOLDING = (403, 429, 503)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: `url` after redirects, `content` decompressed, header names in lower case."""

    url: str
    status: int
    content: bytes
    content_type: str
    headers: Mapping[str, str]


def make_user_agent(version: str, contact: str) -> str:
    """`paperround/1.0 (+contact)`, so that arXiv can tell who asks; `contact` is a mail address or URL, or empty."""
    return f"paperround/{version} (+{contact})" if contact else f"paperround/{version}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Terms:
    """Until when, on the client's clock, somebody waits, for how many seconds a host may be silent meanwhile, and how
    large its answer may be.
    """

    deadline: float
    silence: float
    max_bytes: int


class _FailedError(Exception):
    """One attempt brought nothing; another may."""

    kind = "failed"


class _UnreachableError(_FailedError):
    """Nobody was there to answer. A person may be waiting, and a machine without a network stays so for a while."""

    kind = "unreachable"


class _HeldError(_FailedError):
    """The host asked us to wait."""

    kind = "held"


@dataclass(slots=True)
class PoliteClient:
    """Reads arXiv for the whole process; make one, and close it.

    A request starts at least `min_interval` seconds after the last one ended, whatever the host, and one to a host in
    `intervals` at least so many seconds after the last one there. `clock` is monotonic seconds, `now` tells the time for `Retry-After`
    dates. An answer may have `max_bytes` after decompression, and `request_seconds` to arrive. `load_note` and `save_note`
    keep a small text under a key, so that a host that asked us to wait is left alone after a restart, too. `parser` is for
    whoever asked, and closed with this. `outcomes` counts requests by what came of them: ok, redirected, refused (another
    4xx), held (asked to wait), failed, unreachable. `outside`: entered for each request, it keeps other processes from making
    one; what they did is then in the notes, too.
    """

    user_agent: str
    min_interval: float = MIN_INTERVAL
    intervals: Mapping[str, float] = field(default_factory=lambda: SITE_INTERVALS)
    max_bytes: int = MAX_BYTES
    request_seconds: float = 240.0
    transport: httpx2.AsyncBaseTransport | None = None
    clock: Callable[[], float] = time.monotonic
    now: Clock = _utc_now
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Random = field(default_factory=Random)
    load_note: LoadNote | None = None
    save_note: SaveNote | None = None
    parser: Parser = field(default_factory=Parser)
    outcomes: Counter[str] = field(default_factory=Counter)
    outside: Callable[[], AbstractAsyncContextManager[None]] | None = None
    _client: httpx2.AsyncClient = field(init=False, repr=False)
    _turn: asyncio.Lock = field(init=False, repr=False, default_factory=asyncio.Lock)
    _holds: Holds = field(init=False, repr=False)
    _ended: dict[str, float] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._holds = Holds(self.clock, self.now, self.load_note, self.save_note)
        self._client = httpx2.AsyncClient(
            headers={"User-Agent": self.user_agent, "Accept": "*/*"},
            limits=httpx2.Limits(max_connections=1),
            transport=self.transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, and the parser."""
        await self._client.aclose()
        await self.parser.aclose()

    async def get(
        self,
        url: str,
        *,
        accept: tuple[str, ...],
        patience: float,
        silence: float = _SILENCE,
        max_bytes: int | None = None,
    ) -> Answer:
        """The answer to a GET of `url`, following redirects within arXiv: 2xx, or a 4xx that repeating would not change.

        A 2xx must have a content type that contains one of `accept` (`xml`, `text/html`). Tries again after dropped
        connections, timeouts and 5xx; after 403, 429 and 503 nobody asks that host again for a minute, doubling to ten,
        or for as long as Retry-After says. A host may think for `silence` seconds, and its answer have `max_bytes`. Raises
        SourceError where that cannot be done within `patience` seconds (at once, if that is known at once), or where the
        answer is not to be believed.
        """
        terms = _Terms(self.clock() + patience, silence, max_bytes or self.max_bytes)
        try:
            async with asyncio.timeout(patience):
                answer = await self._follow(httpx2.URL(url), terms)
        except TimeoutError as error:
            raise self._give_up(httpx2.URL(url), f"no answer within {patience:.0f} s") from error
        except httpx2.InvalidURL as error:
            raise SourceError(f"not an address ({error})", where=url, retry=False) from error
        if answer.status < HTTPStatus.MULTIPLE_CHOICES and not any(each in answer.content_type for each in accept):
            came = answer.content_type or "of no type"
            raise SourceError(f"the answer is {came}, not {' or '.join(accept)}", where=url, fault=SourceFault.INVALID)
        return answer

    async def _follow(self, url: httpx2.URL, terms: _Terms) -> Answer:
        target = url
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._persist(target, terms)
            if answer.status not in _REDIRECTS:
                return answer
            target = target.join(answer.headers.get("location", ""))
            if not _may_follow(url, target):
                raise SourceError(
                    f"redirected to {target}, which is not arXiv", where=str(url), fault=SourceFault.INVALID
                )
        raise SourceError(f"more than {_MAX_REDIRECTS} redirects", where=str(url), fault=SourceFault.INVALID)

    async def _persist(self, url: httpx2.URL, terms: _Terms) -> Answer:
        begun = self.clock()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._take_turn(url, terms)
            except _FailedError as failure:
                self.outcomes[failure.kind] += 1
                log.warning("fetched url=%s status=failed attempt=%d reason=%r", url, attempt, str(failure))
                reached = not isinstance(failure, _UnreachableError)
                if attempt == (_ATTEMPTS if reached else _CONNECT_ATTEMPTS):
                    raise self._give_up(url, f"{failure}, {attempt} times", reached=reached) from failure
                await self._back_off(url, attempt, terms.deadline, failure)
            else:
                self.outcomes[_describe(answer.status)] += 1
                log.info(
                    "fetched url=%s status=%d bytes=%d seconds=%.2f attempt=%d",
                    url, answer.status, len(answer.content), self.clock() - begun, attempt,
                )  # fmt: skip
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def _back_off(self, url: httpx2.URL, attempt: int, deadline: float, failure: _FailedError) -> None:
        if self._holds.left(url.host):
            return  # A hold is waited for where everyone waits for it.
        delay = _BACKOFF[attempt - 1] * (1 + self.random.random() / 2)
        if self.clock() + delay > deadline:
            raise self._give_up(url, str(failure)) from failure
        await self.sleep(delay)

    async def _take_turn(self, url: httpx2.URL, terms: _Terms) -> Answer:
        await self._holds.recall(url.host)
        while True:
            await self._wait_while_held(url, terms.deadline)
            # Not while it is our turn: a feed does not wait because the site is asked seldom.
            while wait := self._site_left(url.host):
                await self.sleep(wait)
            async with self._turn, self._outside():
                if not (self._holds.left(url.host) or self._site_left(url.host)):
                    await self._keep_distance()
                    return await self._ask(url, terms)

    @asynccontextmanager
    async def _outside(self) -> AsyncIterator[None]:
        """Alone among all processes, which all keep their distance from each other's requests."""
        if self.outside is None:
            yield
            return
        async with self.outside():
            known = json.loads((await self.load_note(_ENDED) if self.load_note else None) or "{}")
            for host, at in known.items():
                # By another machine's clock it may be in the future.
                ago = max((self.now() - datetime.fromisoformat(at)).total_seconds(), 0.0)
                self._ended[host] = max(self._ended.get(host, float("-inf")), self.clock() - ago)
                await self._holds.recall(host, anew=True)
            before = dict(self._ended)
            try:
                yield
            finally:
                ended = {host: self.now().isoformat() for host, at in self._ended.items() if at != before.get(host)}
                if ended and self.save_note is not None:
                    await self.save_note(_ENDED, json.dumps({**known, **ended}))

    async def _wait_while_held(self, url: httpx2.URL, deadline: float) -> None:
        while wait := self._holds.left(url.host):
            if self.clock() + wait > deadline:
                until = self.now() + timedelta(seconds=wait)
                raise self._give_up(url, f"{self._holds.reason(url.host)}; it is left alone until {until:%H:%M:%S} UTC")
            await self.sleep(wait)

    def _give_up(self, url: httpx2.URL, message: str, *, reached: bool = True) -> SourceError:
        """The error to end with: a host that is left alone refused us; from any other no answer came."""
        wait = self._holds.left(url.host)
        fault = SourceFault.REFUSED if wait else SourceFault.UNREACHABLE
        until = self.now() + timedelta(seconds=wait) if wait else None
        return SourceError(message, where=str(url), reached=reached, fault=fault, until=until)

    def _site_left(self, host: str) -> float:
        """Seconds until this host may be asked again."""
        ended = self._ended.get(host, float("-inf"))
        return max(0.0, ended + self.intervals.get(host, 0.0) - self.clock())

    async def _keep_distance(self) -> None:
        due = max(self._ended.values(), default=float("-inf")) + self.min_interval
        while (wait := due - self.clock()) > 0:
            await self.sleep(wait)

    async def _ask(self, url: httpx2.URL, terms: _Terms) -> Answer:
        timeout = httpx2.Timeout(terms.silence, connect=_CONNECT_SECONDS)
        try:
            async with (
                asyncio.timeout(self.request_seconds),
                self._client.stream("GET", url, timeout=timeout) as response,
            ):
                await self._check_status(url.host, response)
                content = await self._read(response, terms.max_bytes)
        except TimeoutError as error:
            raise _FailedError(f"no whole answer within {self.request_seconds:.0f} s") from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise _UnreachableError(f"no connection ({error})") from error
        except httpx2.RequestError as error:
            raise _FailedError(f"{type(error).__name__} {error}".strip()) from error
        finally:
            # Not from its start: connecting takes a while at times, and arXiv would see the next one too soon after this.
            self._ended[url.host] = self.clock()
        kind = response.headers.get("content-type", "").lower()
        return Answer(str(url), response.status_code, content, kind, dict(response.headers))

    async def _check_status(self, host: str, response: httpx2.Response) -> None:
        status = f"HTTP {response.status_code}"
        if response.status_code in _HOLDING:
            await self._holds.begin(host, f"{host} answered {status}", self._retry_after(response))
            raise _HeldError(status)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _FailedError(status)
        await self._holds.end(host)

    def _retry_after(self, response: httpx2.Response) -> float:
        """Seconds, bounded; 0 where the header is missing or makes no sense."""
        stated = response.headers.get("retry-after", "").strip()
        if stated.isascii() and stated.isdigit():
            return min(float(stated), LONGEST_RETRY_AFTER)
        try:
            seconds = (parsedate_to_datetime(stated) - self.now()).total_seconds()
        except (ValueError, TypeError):
            return 0.0
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)

    async def _read(self, response: httpx2.Response, max_bytes: int) -> bytes:
        too_large = SourceError(
            f"the answer is larger than {max_bytes} bytes", where=str(response.url), fault=SourceFault.INVALID
        )
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > max_bytes:
            raise too_large
        pieces, size = [], 0
        # httpx2 inflates in pieces of at most 1 MiB, so that a compressed bomb is noticed in time.
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > max_bytes:
                raise too_large
            pieces.append(piece)
        return b"".join(pieces)


def _describe(status: int) -> str:
    if status in _REDIRECTS:
        return "redirected"
    return "refused" if status >= HTTPStatus.BAD_REQUEST else "ok"


def _may_follow(origin: httpx2.URL, target: httpx2.URL) -> bool:
    is_safe = target.scheme == "https" or target.scheme == origin.scheme == "http"
    return is_safe and (target.host in {origin.host, "arxiv.org"} or target.host.endswith(".arxiv.org"))
