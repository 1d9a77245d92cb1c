"""`/readyz` and `/metrics`: how the bot does, for machines that watch it. `/healthz` is the server's own."""

import hmac
import json
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from bot.health import Health, Snapshot
from bot.model.day import DayState
from bot.web.metrics import CONTENT_TYPE, Metrics

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via", "CF-Connecting-IP", "Fly-Client-IP")
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """Who may read `/metrics`: whoever shows `token`; without one, whoever asks from this machine or a private network.

    What came by a proxy comes from anywhere, whatever address it has here, and not every proxy says that it is one: where the
    server `is_public`, nobody reads without a token.
    """

    token: str = ""
    is_public: bool = False

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to whoever may not, None for who may."""
        if self.token:
            given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            if hmac.compare_digest(given, f"Bearer {self.token}".encode()):
                return None
            return web.Response(
                text="METRICS_TOKEN, please, as a bearer token.",
                status=HTTPStatus.UNAUTHORIZED,
                headers={"WWW-Authenticate": "Bearer"},
            )
        is_direct = not self.is_public and not any(each in request.headers for each in _FORWARDED)
        if is_direct and _is_near(request.remote or ""):
            return None
        return web.Response(text="Set METRICS_TOKEN to read this from here.", status=HTTPStatus.FORBIDDEN)


def routes(health: Health, metrics: Metrics, access: MetricsAccess) -> list[web.RouteDef]:
    """What is served here."""

    async def readyz(_: web.Request) -> web.Response:
        snapshot = await health.look()
        report = describe(snapshot)
        status = HTTPStatus.OK if report["ready"] else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(report, status=status, headers=_FRESH, dumps=_dump)

    async def serve_metrics(request: web.Request) -> web.Response:
        refusal = access.refusal(request)
        if refusal is not None:
            return refusal
        content = metrics.render(await health.look())
        return web.Response(body=content, headers={**_FRESH, "Content-Type": CONTENT_TYPE})

    return [web.get("/readyz", readyz), web.get("/metrics", serve_metrics)]


def describe(found: Snapshot) -> dict[str, object]:
    """The snapshot as `/readyz` shows it."""
    reasons = found.reasons()
    return {
        "ready": not reasons,
        "reasons": reasons,
        "at": found.at.isoformat(timespec="seconds"),
        "storage": "failed" if found.trouble else "ok",
        "stalled": found.stalled,
        "platforms": {
            each.name: {
                "last_contact": each.last_contact and each.last_contact.isoformat(timespec="seconds"),
                "seconds": each.last_contact and round(found.seconds_since(each.last_contact)),
            }
            for each in found.platforms
        },
        "outbox": {
            "parts": sum(found.waiting.values()),
            "oldest_seconds": round(found.seconds_since(found.oldest)) if found.oldest else 0,
        },
        "announcements": {each.category: _day(each, found) for each in found.days},
    }


def _day(state: DayState, found: Snapshot) -> dict[str, object]:
    last = next((each for each in found.last if each.category == state.category), None)
    return {
        "day": state.day.isoformat(),
        "state": state.phase,
        "papers": state.papers,
        "last": last and last.day.isoformat(),
    }


def _is_near(address: str) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_private


def _dump(report: object) -> str:
    return json.dumps(report, ensure_ascii=False, indent=1)
