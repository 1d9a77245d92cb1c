"""The few requests to Discord's HTTP API that deliver messages; also while the gateway is down.

discord.py's own client repeats and waits inside one call, which hides from its caller what certainly did not arrive. Here
a request is tried once, and its error says what is known.
"""

import asyncio
import json
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot import __version__
from bot.delivery.pacing import Pacer
from bot.errors import DeliveryError, Remedy
from bot.model.chat import Chat
from bot.ports import Limits
from handlers.discord.failures import TOO_MANY, explain, read_seconds

log = logging.getLogger(__name__)

LIMITS = Limits(per_second=50)
"""https://docs.discord.com/developers/topics/rate-limits: over all channels; a channel's own limits come with its answers."""
REQUEST_SECONDS = 15.0
"""How long one request may take."""
MOST_INVALID = 5_000
"""Discord shuts out an address after 10,000 answers 401, 403 or 429 in ten minutes; from here on we keep silent."""
INVALID_SECONDS = 600.0
_CONNECT_SECONDS = 10.0
_OK, _REDIRECT = 200, 300
_INVALID = frozenset({401, 403, TOO_MANY})
_TOKEN = re.compile(r"[!-~]+")
_EVERYWHERE = Chat("discord", "")


def is_token(text: str) -> bool:
    """Whether the text can stand in a header."""
    return _TOKEN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. `pause`: seconds for which the same resource takes no further request of this kind."""

    data: Any
    pause: float = 0.0


@dataclass(slots=True)
class DiscordRest:
    """Makes requests, all of them together within Discord's limit of 50 a second; connections are kept while entered.

    Each is one attempt of at most `patience` seconds. With `most_invalid` answers 401, 403 or 429 in `invalid_seconds` none
    is made before all of that is over. Each raises DeliveryError, a RefusedError where Discord answered. A lost
    answer is `Remedy.REPEAT` where the request sends a part, and `Remedy.RETRY` where making it again does no harm.
    """

    token: str = field(repr=False)
    api_url: str
    patience: float = REQUEST_SECONDS
    most_invalid: int = MOST_INVALID
    invalid_seconds: float = INVALID_SECONDS
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _pacer: Pacer = field(default_factory=lambda: Pacer(LIMITS), init=False)
    _invalid: deque[float] = field(default_factory=deque, init=False)
    _is_warned: bool = field(default=False, init=False)

    async def __aenter__(self) -> Self:
        self._session = _open_session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def invalid_requests(self) -> int:
        """How many of the answers of the last `invalid_seconds` count against us."""
        while self._invalid and self._invalid[0] <= _now() - self.invalid_seconds:
            self._invalid.popleft()
        return len(self._invalid)

    async def get_me(self) -> Answer:
        """Our own user."""
        return await self._request("GET", "/users/@me")

    async def get_channel(self, channel: str) -> Answer:
        """A channel, thread or direct message."""
        return await self._request("GET", f"/channels/{channel}")

    async def get_messages(self, channel: str, most: int) -> Answer:
        """The newest messages, newest first. Empty, too, where we may not read the history."""
        return await self._request("GET", f"/channels/{channel}/messages?limit={most}")

    async def get_active_threads(self, guild: str) -> Answer:
        """The server's threads and posts that are not archived, under `threads`."""
        return await self._request("GET", f"/guilds/{guild}/threads/active")

    async def open_dm(self, person: str) -> Answer:
        """The channel of direct messages with this person, which may have been there before."""
        return await self._request("POST", "/users/@me/channels", {"recipient_id": person})

    async def send_message(self, channel: str, message: Mapping[str, Any], nonce: str = "") -> Answer:
        """A new message; or, for some minutes, the one that was sent to the channel with the same nonce."""
        extra = {"nonce": nonce, "enforce_nonce": True} if nonce else {}
        path = f"/channels/{channel}/messages"
        return await self._request("POST", path, {**message, **extra}, lost=Remedy.REPEAT)

    async def open_post(self, forum: str, name: str, tags: list[str], message: Mapping[str, Any]) -> Answer:
        """A new post of a forum that begins with this message."""
        body = {"name": name, "applied_tags": tags, "message": message}
        return await self._request("POST", f"/channels/{forum}/threads", body, lost=Remedy.REPEAT)

    async def start_thread(self, channel: str, message: str, name: str) -> Answer:
        """A thread that starts from a message, and has its id."""
        return await self._request("POST", f"/channels/{channel}/messages/{message}/threads", {"name": name})

    async def crosspost(self, channel: str, message: str) -> Answer:
        """Publish a message to the channels that follow its announcement channel."""
        return await self._request("POST", f"/channels/{channel}/messages/{message}/crosspost")

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, lost: Remedy = Remedy.RETRY
    ) -> Answer:
        if not is_token(self.token):
            raise DeliveryError(Remedy.STOP, "DISCORD_BOT_TOKEN is not a token")
        self._check_budget()
        async with self._pacer.turn(_EVERYWHERE):
            status, headers, data = await self._exchange(method, path, body, lost)
        if _OK <= status < _REDIRECT and data is not None:
            return Answer(data, _pause_of(headers))
        if _OK <= status < _REDIRECT:
            raise DeliveryError(lost, f"Discord answered {status} with something that cannot be read")
        if status in _INVALID and headers.get("X-RateLimit-Scope") != "shared":
            self._invalid.append(_now())
        raise explain(status, headers, data)

    async def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, lost: Remedy
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers, and the JSON or None."""
        url, headers = self.api_url.rstrip("/") + path, {"Authorization": f"Bot {self.token}"}
        try:
            async with (
                asyncio.timeout(self.patience),
                self._client() as client,
                client.request(method, url, json=body, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status, answer.headers, _parse(await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            message = f"Discord cannot be reached: {type(error).__name__}"
            raise DeliveryError(Remedy.RETRY, message, is_everywhere=True) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DeliveryError(lost, f"Discord's answer was lost: {type(error).__name__}") from error

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[aiohttp.ClientSession]:
        if self._session is not None:
            yield self._session
            return
        async with _open_session() as session:
            yield session

    def _check_budget(self) -> None:
        if self.invalid_requests < self.most_invalid:
            self._is_warned = False
            return
        wait = self._invalid[-1] + self.invalid_seconds - _now()
        if not self._is_warned:
            log.error("discord status=silenced invalid_requests=%d seconds=%.0f", len(self._invalid), wait)
            self._is_warned = True
        message = "Discord refused too much in the last ten minutes; more would shut us out"
        raise DeliveryError(Remedy.RETRY, message, retry_after=wait, is_everywhere=True)


def _open_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS),
        headers={"User-Agent": f"DiscordBot (https://pypi.org/project/paperround, {__version__})"},
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _pause_of(headers: Mapping[str, str]) -> float:
    return read_seconds(headers.get("X-RateLimit-Reset-After")) if headers.get("X-RateLimit-Remaining") == "0" else 0.0


def _parse(content: bytes) -> Any:  # noqa: ANN401 - JSON of any kind
    try:
        return json.loads(content)
    except ValueError:
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()
