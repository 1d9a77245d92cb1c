"""What stands before every route: limits for each address, headers for every answer, and words for what goes wrong."""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from aiohttp import web

from bot.errors import StorageError

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Explain = Callable[[web.Request, int, Mapping[str, str]], web.Response]
"""Makes the answer that says what went wrong, with a status and headers."""

LONGEST_PATH = 1_024
"""Characters of path and query; a longer one is answered with 414."""
MOST_ADDRESSES = 20_000
"""How many addresses are remembered at most; those not heard of for longest are forgotten first."""
PLATFORM_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Whoever asks for these does so often, and by right."""
_SUBNET = 64
_RETRY_SECONDS = 60

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Server": "paperround",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ONLY_HTTPS = "max-age=31536000"


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests at once, and so many a second in the long run."""

    burst: int = 120
    a_second: float = 4.0


class Buckets:
    """How many requests each address has left. `now` is a clock in seconds that never goes back."""

    def __init__(self, allowance: Allowance, now: Callable[[], float], most: int = MOST_ADDRESSES) -> None:
        self._allowance, self._now, self._most = allowance, now, most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, address: str) -> float:
        """0 where the address may ask now; else after how many seconds it may again."""
        now = self._now()
        left, since = self._left.pop(address, (float(self._allowance.burst), now))
        left = min(self._allowance.burst, left + (now - since) * self._allowance.a_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._allowance.a_second
        self._left[address] = (left if wait else left - 1), now
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait


@dataclass(slots=True)
class Guard:
    """The one middleware. `proxies`: how many proxies of the owner's stand between the world and us, each of which adds to
    X-Forwarded-For the address it was asked from; 0: that header means nothing. Paths in `exempt` know no limits.
    """

    buckets: Buckets
    explain: Explain
    proxies: int = 0
    is_https: bool = False
    exempt: set[str] = field(default_factory=lambda: set(PLATFORM_PATHS))
    _is_proxy_noticed: bool = False

    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer the request, whatever happens."""
        response = await self._answer(request, handler)
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            if self.is_https:
                response.headers.setdefault("Strict-Transport-Security", _ONLY_HTTPS)
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in self.exempt:
            wait = self.buckets.take(self._address(request))
            if wait:
                return self.explain(request, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(ceil(wait))})
        if len(request.path_qs) > LONGEST_PATH:
            return self.explain(request, HTTPStatus.REQUEST_URI_TOO_LONG, {})
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            kept = {name: refusal.headers[name] for name in ("Allow", "Retry-After") if name in refusal.headers}
            return self.explain(request, refusal.status, kept)
        except StorageError as error:
            log.error("web status=failed reason=storage error=%r", str(error))  # noqa: TRY400 - known, and not ours
            return self.explain(request, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": str(_RETRY_SECONDS)})
        except Exception:
            log.exception(
                "web status=crashed route=%s", getattr(request.match_info.route.resource, "canonical", "none")
            )
            return self.explain(request, HTTPStatus.INTERNAL_SERVER_ERROR, {})

    def _address(self, request: web.Request) -> str:
        """Who asks; a network of IPv6 is one asker."""
        told = [each.strip() for line in request.headers.getall("X-Forwarded-For", []) for each in line.split(",")]
        if told and not self.proxies and not self._is_proxy_noticed:
            self._is_proxy_noticed = True
            log.warning("web: requests come through a proxy; set TRUSTED_PROXIES, or all readers share one limit")
        given = told[-self.proxies] if 0 < self.proxies <= len(told) else request.remote or ""
        try:
            address = ip_address(given.strip("[]"))
        except ValueError:
            return "unknown"
        if not isinstance(address, IPv6Address):
            return str(address)
        return str(address.ipv4_mapped or ip_network((address, _SUBNET), strict=False))
