"""The HTTP server of the process: started once, whatever becomes of the platforms that take posts through it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Self

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from multidict import CIMultiDictProxy

from bot.errors import ConfigError
from bot.language import Languages
from bot.web import assets
from bot.web.errors import make_error
from bot.web.security import Allowance, Buckets, Guard, Handler
from bot.web.templating import Templates
from bot.web.times import RequestTimes

Receive = Callable[[Mapping[str, str], bytes], int]
"""Takes the headers (names in any case) and the body of a post, and gives the HTTP status that answers it."""

LARGEST_BODY = 2**20
"""Bytes; a larger body is answered with 413."""
BODY_SECONDS = 10.0
STOP_SECONDS = 2.0
_RETRY_SECONDS = 5
_LONGEST_LINE, _LONGEST_HEADER, _MOST_HEADERS = 4_096, 8_190, 64
_ANY, _ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - see WebServer


class WebServer:
    """Serves `/healthz` and what was added, while entered. Entering raises ConfigError where `port` cannot be had.

    `host` None: every interface, by IPv4 and, where there is any, IPv6: hosting platforms route to either. `public_url` is
    where the world sees it; `proxies` as in `Guard`. `stalled` names what should go on by itself and does not: then
    `/healthz` answers 503. `times` is how long answers took.
    """

    def __init__(  # noqa: PLR0913 - all that differs from place to place
        self,
        port: int,
        host: str | None = None,
        *,
        public_url: str = "",
        proxies: int = 0,
        languages: Languages | None = None,
        allowance: Allowance = Allowance(),  # noqa: B008 - frozen
    ) -> None:
        self._port, self._host = port, host
        self.templates = Templates(public_url, languages)
        self.stalled: Callable[[], Sequence[str]] = tuple
        self.times = RequestTimes()
        self._guard = Guard(
            Buckets(allowance, monotonic),
            partial(make_error, self.templates),
            proxies,
            public_url.startswith("https:"),
        )

        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guard.watch(request, handler)

        self._app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self.times.measure, watch])
        self._app.router.add_get("/healthz", self._say_alive)
        self.add_routes(assets.routes())

    def add_routes(self, routes: Iterable[web.RouteDef]) -> None:
        """Serve these, too; before the server is entered."""
        self._app.router.add_routes(routes)

    def add_post(self, path: str, receive: Receive, name: str = "webhook") -> None:
        """Hand posts to `path` to `receive`, as many as come; before the server is entered. `name` stands for the path, which
        may be secret.
        """

        async def answer(request: web.Request) -> web.Response:
            status = receive(request.headers, await _read_body(request))
            busy = status == HTTPStatus.SERVICE_UNAVAILABLE
            return web.Response(status=status, headers={"Retry-After": str(_RETRY_SECONDS)} if busy else None)

        self._app.router.add_post(path, answer, name=name)
        self._guard.exempt.add(path)

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(
            self._app,
            handle_signals=False,
            access_log=None,
            shutdown_timeout=STOP_SECONDS,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        await self._runner.setup()
        if (server := self._runner.server) is not None:
            server.request_factory = partial(_make_request, server.request_factory)
        try:
            await web.TCPSite(self._runner, self._host or _ANY, self._port).start()
            if self._host is None:
                with suppress(OSError):
                    await web.TCPSite(self._runner, _ANY_IPV6, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or str(error)
            raise ConfigError(f"PORT {self._port} cannot be listened on: {reason}. Choose another one.") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _say_alive(self, _: web.Request) -> web.Response:
        stalled = self.stalled()
        if not stalled:
            return web.Response(text="ok")
        return web.Response(text=f"stalled: {', '.join(stalled)}", status=HTTPStatus.SERVICE_UNAVAILABLE)


def _make_request(make: Callable[..., web.BaseRequest], message: RawRequestMessage, *parts: object) -> web.BaseRequest:
    """The request without an Expect that nobody fulfils: aiohttp answers that before anything of ours, and fails at odd bytes."""
    if message.headers.get("Expect", "100-continue").lower() != "100-continue":
        headers = message.headers.copy()
        del headers["Expect"]
        message = message._replace(headers=CIMultiDictProxy(headers))
    return make(message, *parts)


async def _read_body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise web.HTTPBadRequest from error
