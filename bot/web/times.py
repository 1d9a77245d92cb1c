"""How long answers took, by what was asked for. A path may hold a secret: only its template or name is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from bot.tally import Spread

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = ("GET", "HEAD", "POST")
UNKNOWN = "unmatched"
"""The route of what is served nowhere."""


@dataclass(slots=True)
class RequestTimes:
    """`spreads` are seconds by route, method and class of status, such as ("/d/{id}", "GET", "2xx"): few, whatever is asked."""

    spreads: dict[tuple[str, str, str], Spread] = field(default_factory=dict)

    @web.middleware
    async def measure(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Hand the request on, and note what came of it; one that its caller broke off is not counted."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            response = await handler(request)
        except web.HTTPException as error:
            self._add(request, error.status, loop.time() - begun)
            raise
        except Exception:
            self._add(request, HTTPStatus.INTERNAL_SERVER_ERROR, loop.time() - begun)
            raise
        self._add(request, response.status, loop.time() - begun)
        return response

    def _add(self, request: web.Request, status: int, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = UNKNOWN if resource is None else resource.name or resource.canonical
        method = request.method if request.method in _METHODS else "other"
        self.spreads.setdefault((route, method, f"{status // 100}xx"), Spread(SECONDS)).add(seconds)
