"""The files that pages load, under names that change with their content, so that browsers keep them for good."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from bot.web.answers import Content, answer

_TYPES = {".css": "text/css", ".svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file and the name under which it is served."""

    name: str
    content: Content


@cache
def load_assets() -> dict[str, Asset]:
    """The bundled files by their own names, such as `style.css`."""
    files = sorted((Path(__file__).parent / "static").iterdir())
    return {file.name: _load(file) for file in files if file.suffix in _TYPES}


def routes() -> list[web.RouteDef]:
    """Serve each file under its name; there is nothing else below /static/."""
    by_name = {each.name: each.content for each in load_assets().values()}

    async def serve(request: web.Request) -> web.Response:
        content = by_name.get(request.match_info["name"])
        if content is None:
            raise web.HTTPNotFound
        return answer(request, content, {"Cache-Control": _FOR_GOOD})

    return [web.get("/static/{name}", serve)]


def _load(file: Path) -> Asset:
    body = file.read_bytes()
    return Asset(f"{file.stem}-{sha256(body).hexdigest()[:12]}{file.suffix}", Content.make(body, _TYPES[file.suffix]))
