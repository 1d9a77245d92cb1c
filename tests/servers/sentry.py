"""A Sentry server on loopback: keeps everything that is sent to it."""

import asyncio
import gzip
import json
from contextlib import asynccontextmanager

from aiohttp import web

KEY = "0123456789abcdef0123456789abcdef"


class Sentry:
    """`bodies` are the envelopes as they came, inflated; `events` what is in them."""

    def __init__(self):
        self.bodies, self.headers = [], []

    @property
    def events(self):
        found = []
        for body in self.bodies:
            lines = body.splitlines()
            kinds = zip(lines[1::2], lines[2::2], strict=True)
            found += [json.loads(payload) for head, payload in kinds if json.loads(head)["type"] == "event"]
        return found

    async def take(self, request):
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.bodies.append(body.decode())
        self.headers.append(dict(request.headers))
        return web.json_response({"id": "1"})

    async def until(self, is_so, seconds=30.0):
        async with asyncio.timeout(seconds):
            while not is_so():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def serve():
    """The server, with its `dsn`."""
    sentry = Sentry()
    app = web.Application()
    app.router.add_post("/api/7/envelope/", sentry.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sentry.dsn = f"http://{KEY}@127.0.0.1:{port}/7"
    try:
        yield sentry
    finally:
        await runner.cleanup()
