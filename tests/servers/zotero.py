"""Zotero's web API on loopback, as strict as the real one about keys, items and versions, and as unreliable as a test asks for.

https://www.zotero.org/support/dev/web_api/v3/basics, .../write_requests, .../types_and_fields
"""

import asyncio
import json
import re
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

TOKEN = "zOtErOsEcReTkEy012345678"
USER = "475425"
_FIELDS = set(
    "key version itemType title creators abstractNote genre repository archiveID place date series seriesNumber DOI "
    "citationKey url accessDate archive archiveLocation shortTitle language libraryCatalog callNumber rights extra tags "
    "collections relations".split()
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that goes wrong. `is_lost`: what was asked is done, but no answer comes; `holds`: none comes before
    the end, and `is_done` says whether it is done all the same.
    """

    status: int = 0
    headers: dict = field(default_factory=dict)
    is_lost: bool = False
    holds: bool = False
    is_done: bool = False
    body: str = ""


@dataclass
class ZoteroServer:
    """`keys` by their text, each with what it may; `items` of the one library by key, in order; `faults` come first, one by one.

    `requests`: (method, path) of all that came. `complaints`: what no client may do.
    """

    keys: dict = field(default_factory=lambda: {TOKEN: {"library": True, "write": True}})
    items: dict = field(default_factory=dict)
    faults: deque = field(default_factory=deque)
    requests: list = field(default_factory=list)
    complaints: list = field(default_factory=list)
    version: int = 100
    url: str = ""
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def posts(self):
        return [path for method, path in self.requests if method == "POST"]

    @property
    def titles(self):
        return [each["title"] for each in self.items.values()]

    async def until(self, condition, seconds=20.0):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def handle(self, request):
        self.requests.append((request.method, request.path))
        if request.headers.get("Zotero-API-Version") != "3":
            self.complaints.append("no API version")
        if TOKEN in str(request.url):
            self.complaints.append("a key in an address")
        fault = self.faults.popleft() if self.faults else Fault()
        if fault.holds:
            if fault.is_done:
                self._work(request, await request.read())
            await self._stopping.wait()
            return web.Response(status=503)
        if fault.status:
            return web.Response(status=fault.status, headers=fault.headers, text="An error occurred")
        answer = self._work(request, await request.read())
        if fault.is_lost:
            request.transport.abort()
        if fault.body:
            return web.Response(text=fault.body, headers=fault.headers)
        answer.headers.update(fault.headers)
        return answer

    def _work(self, request, raw):
        key = request.headers.get("Zotero-API-Key", "")
        rights = self.keys.get(key)
        if request.path == "/keys/current":
            if rights is None:
                return web.json_response({}, status=404) if key else web.Response(status=403, text="Invalid key")
            access = {"user": {"library": rights["library"], "files": True, "notes": True, "write": rights["write"]}}
            return web.json_response({"key": key, "userID": int(USER), "username": "Ada", "access": access})
        if request.path != f"/users/{USER}/items" or request.method != "POST":
            return web.Response(status=404)
        if rights is None or not rights["write"]:
            return web.Response(status=403, text="Forbidden")
        if request.content_type != "application/json":
            return web.Response(status=400, text="Uploaded data must be a JSON array")
        return self._write(json.loads(raw), request)

    def _write(self, items, request):
        if "Zotero-Write-Token" in request.headers:
            self.complaints.append("a write token is redundant beside versions")
        outcome = {"success": {}, "successful": {}, "unchanged": {}, "failed": {}}
        for index, item in enumerate(items):
            code, message = self._judge(item)
            if code:
                outcome["failed"][str(index)] = {"key": item.get("key", ""), "code": code, "message": message}
                continue
            self.version += 1
            self.items[item["key"]] = item | {"version": self.version}
            outcome["success"][str(index)] = item["key"]
            outcome["successful"][str(index)] = {"key": item["key"], "version": self.version, "data": item}
        return web.json_response(outcome, headers={"Last-Modified-Version": str(self.version)})

    def _judge(self, item):  # noqa: PLR0911 - one for each rule
        if unknown := item.keys() - _FIELDS:
            return 400, f"Invalid property '{min(unknown)}'"
        if item.get("itemType") != "preprint" or not item.get("title"):
            return 400, "'itemType' property not provided"
        if not re.fullmatch("[23456789ABCDEFGHIJKLMNPQRSTUVWXYZ]{8}", item.get("key", "")):
            return 400, "'key' property is not valid"
        for each in item["creators"]:
            parts = each.keys() - {"creatorType"}
            if each.get("creatorType") != "author" or parts not in ({"name"}, {"firstName", "lastName"}):
                return 400, "'creators' are not valid"
            if max(map(len, each.values())) > 255:
                return 413, "Creator name is too long"
        if "version" not in item:
            return 428, "Either If-Unmodified-Since-Version or object version property must be provided"
        known = self.items.get(item["key"])
        if known is None:
            return (404, "Item doesn't exist") if item["version"] else (0, "")
        if item["version"] != known["version"]:
            return 412, f"Item has been modified since specified version (found {known['version']})"
        return 0, ""


@asynccontextmanager
async def serve():
    server = ZoteroServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
        assert server.complaints == []
    finally:
        server._stopping.set()
        await runner.cleanup()
