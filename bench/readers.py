"""Readers for `bench.pages`: `python -m bench.readers RATE SECONDS URL...` asks for the addresses in turn, and tells how long each took.

So many requests begin each second, whether the earlier ones are answered or not. Each comes from another address, as far as
`X-Forwarded-For` is believed. `python -m bench.readers hello` serves a greeting: what any answer costs at least.
"""

import asyncio
import json
import sys
from collections import Counter
from itertools import cycle, islice
from time import perf_counter

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

CONNECTIONS = 50
PATIENCE = ClientTimeout(total=30)


async def read(rate: float, seconds: float, urls: list[str]) -> None:
    """Print the seconds that each answer took, from when it was to be asked for, and a count of the statuses."""
    took: list[float] = []
    statuses: Counter[int] = Counter()
    tags: dict[str, str] = {}

    async def ask(number: int, url: str, due: float) -> None:
        headers = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        # Every other reader has it already.
        if number % 2 and url in tags:
            headers["If-None-Match"] = tags[url]
        async with session.get(url, headers=headers) as answer:
            await answer.read()
            statuses[answer.status] += 1
            tags.setdefault(url, answer.headers.get("ETag", ""))
        took.append(perf_counter() - due)

    async with ClientSession(timeout=PATIENCE, connector=TCPConnector(limit=CONNECTIONS)) as session:
        begun = perf_counter()
        asking = []
        for number, url in enumerate(islice(cycle(urls), int(rate * seconds))):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            asking.append(asyncio.create_task(ask(number, url, due)))
        await asyncio.gather(*asking)
    print(json.dumps({"took": took, "statuses": statuses}))


async def greet() -> None:
    """Print the port, and serve until killed."""
    app = web.Application()
    app.router.add_get("/", _hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="Hello, world")


if __name__ == "__main__":
    if sys.argv[1] == "hello":
        asyncio.run(greet())
    else:
        asyncio.run(read(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
