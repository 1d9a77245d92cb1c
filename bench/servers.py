"""Platforms that keep to their limits to the letter, for `bench.delivery`: `python -m bench.servers telegram 0.0075`.

In a process of their own, so that they keep time while a bot works. They check no message: they count when it arrives.
"""

import asyncio
import itertools
import json
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

from tests.servers.discord_limits import Limits
from tests.servers.telegram_floods import Floods

BOT = {"id": 110201543, "is_bot": True, "first_name": "Paperround", "username": "paper_bot"}
FIRST_PERSON = 800_000_000
"""People who give commands have ids from here on."""
_MESSAGES = re.compile(r"/channels/(\d+)/messages")

Told = tuple[Any, int, Mapping[str, str]]
"""An answer: JSON, status and headers."""


@dataclass
class Server:
    """A message is up to `jitter` seconds on its way, and its answer as long again.

    `arrivals` are the messages that were taken, `told_off` counts the 429s. `stalled` is a chat that takes nothing for a
    while; its 429s do not count. `asked` is when people gave their commands.
    """

    jitter: float
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    told_off: int = 0
    stalled: str = ""
    stalled_until: float = 0.0
    asked: dict[str, float] = field(default_factory=dict)
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    chance: Random = field(default_factory=lambda: Random(5))

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/report", self.report)
        app.router.add_get("/count", self.count)
        app.router.add_get("/stall", self.stall)
        app.router.add_route("*", "/{path:.+}", self.serve)
        return app

    async def report(self, _: web.Request) -> web.Response:
        return web.json_response({"arrivals": self.arrivals, "told_off": self.told_off, "asked": self.asked})

    async def count(self, _: web.Request) -> web.Response:
        return web.json_response(len(self.arrivals))

    async def stall(self, request: web.Request) -> web.Response:
        self.stalled, self.stalled_until = request.query["chat"], now() + float(request.query["seconds"])
        return web.json_response(data=True)

    async def serve(self, request: web.Request) -> web.Response:
        form = await request.post()
        await self.travel()
        told, status, headers = await self.answer(request, {name: str(text) for name, text in form.items()})
        await self.travel()
        # discord.py wants to read exactly this type.
        return web.Response(
            body=json.dumps(told).encode(), status=status, headers=headers, content_type="application/json"
        )

    async def travel(self) -> None:
        if self.jitter:
            await asyncio.sleep(self.chance.uniform(0, self.jitter))

    def stalled_for(self, chat: str) -> float:
        """Seconds for which this chat takes nothing."""
        return max(self.stalled_until - now(), 0.0) if chat == self.stalled else 0.0

    async def answer(self, request: web.Request, form: Mapping[str, str]) -> Told:
        raise NotImplementedError


@dataclass
class TelegramServer(Server):
    """30 messages in any second, one a second in a chat, twenty a minute in a group. People speak where `/ask` says so."""

    floods: Floods = field(default_factory=Floods)
    updates: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    asking: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, request: web.Request, form: Mapping[str, str]) -> Told:
        match request.path.rpartition("/")[2]:
            case "ask":
                self.asking.add(asyncio.create_task(self.ask(**request.query)))
                return _ok(result=True)
            case "getMe":
                return _ok(BOT)
            case "getUpdates":
                return _ok(await self.poll(int(form.get("offset", 0)), float(form.get("timeout", 0))))
            case "sendMessage":
                return self.send(form["chat_id"], form["text"])
            case _:
                return _ok(result=True)

    async def ask(self, text: str, count: str, seconds: str) -> None:
        """So many people give a command each, evenly over so many seconds."""
        for _ in range(int(count)):
            await asyncio.sleep(float(seconds) / int(count))
            person = FIRST_PERSON + len(self.asked)
            self.asked[str(person)] = now()
            speaker = {"id": person, "is_bot": False, "first_name": "Ada"}
            message = {"message_id": next(self.ids), "date": 1, "chat": _chat(person), "from": speaker, "text": text}
            command = {"type": "bot_command", "offset": 0, "length": len(text)}
            self.updates.append({"update_id": next(self.ids), "message": message | {"entities": [command]}})
            self.news.set()

    async def poll(self, offset: int, seconds: float) -> list[dict[str, Any]]:
        self.updates = [each for each in self.updates if each["update_id"] >= offset]
        self.news.clear()
        if not self.updates and seconds:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.news.wait()
        return self.updates

    def send(self, chat: str, text: str) -> Told:
        if wait := self.stalled_for(chat):
            return _flood(int(wait) + 1)
        if wait := self.floods.admit(int(chat), now()):
            self.told_off += 1
            return _flood(wait)
        self.arrivals.append((now(), chat))
        return _ok({"message_id": next(self.ids), "date": 1, "chat": _chat(int(chat)), "text": text})


@dataclass
class DiscordServer(Server):
    """50 requests in any second, and in a channel five messages in five seconds."""

    limits: Limits = field(default_factory=Limits)

    async def answer(self, request: web.Request, form: Mapping[str, str]) -> Told:  # noqa: ARG002 - Discord takes JSON
        path = request.path.removeprefix("/api/v10")
        sending = _MESSAGES.fullmatch(path)
        channel = sending[1] if sending else ""
        if wait := self.stalled_for(channel):
            told = {"message": "You are being rate limited.", "retry_after": round(wait, 3), "global": False}
            return told, 429, {"Via": "1.1 google", "X-RateLimit-Scope": "shared"}
        if refusal := self.limits.check(request.method, path):
            self.told_off += 1
            return refusal
        if sending:
            self.arrivals.append((now(), channel))
        told = {"id": str(next(self.ids)), "username": "paper", "discriminator": "0", "avatar": None}
        return told, 200, {"Via": "1.1 google", **self.limits.describe(request.method, path)}


def now() -> float:
    return asyncio.get_running_loop().time()


def _chat(identifier: int) -> dict[str, Any]:
    return {"id": identifier, "type": "private", "first_name": "Ada"}


def _ok(result: object) -> Told:
    return {"ok": True, "result": result}, 200, {}


def _flood(seconds: int) -> Told:
    description = f"Too Many Requests: retry after {seconds}"
    told = {"ok": False, "error_code": 429, "description": description, "parameters": {"retry_after": seconds}}
    return told, 429, {}


async def main(platform: str, jitter: float) -> None:
    """Print the port, and serve until killed."""
    server = {"telegram": TelegramServer, "discord": DiscordServer}[platform](jitter)
    runner = web.AppRunner(server.app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
