"""A Discord on loopback: HTTP API and gateway, as strict as the real one, and as unreliable as a test asks for."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from random import Random

from aiohttp import WSMsgType, web

from tests.servers.discord_data import (
    APPLICATION,
    BOT,
    BOT_ROLE,
    DM_TYPE,
    FORUM_TYPE,
    GUILD,
    NEWS_TYPE,
    NOW,
    TEXT_TYPE,
    Answer,
    Snowflakes,
    make_thread,
    make_user,
)
from tests.servers.discord_limits import Limits
from tests.servers.discord_people import People
from tests.servers.discord_rules import (
    COMPONENTS_V2,
    EPHEMERAL,
    RefusedError,
    check_choices,
    check_commands,
    check_message,
    check_modal,
    check_post,
    check_thread,
    require,
    walk,
)

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.secret-discord-token.abcdefghijklmnopqrstuvwxyz"
MANAGE_CHANNELS = 1 << 4
PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15
ACK_SECONDS = 3.0
TOKEN_SECONDS = 900.0


class DiscordServer(People):
    """Start it with `async with serve()`. `requests` are all HTTP requests as (method, path, body), and `headers` theirs.

    Where it `is_strict`, `limits` turns away what comes too fast. Each request takes up to `jitter` seconds to arrive, and
    its answer as long back. A nonce is known again for `nonce_seconds`; the history names nonces where `tells_nonce`.
    """

    def __init__(self):
        self.ids = Snowflakes()
        self.requests, self.headers, self.gateway_log, self.refusals = [], [], [], []
        self.plans = []
        self.commands, self.syncs = [], 0
        self.exchanges, self.channels, self.files = {}, {}, {}
        self.sockets, self.sessions = set(), {}
        self.token = TOKEN
        self.close_code = 0
        self.acknowledges = True
        self.heartbeat = 41_250
        self.dm_channels, self.threads = {}, {}
        self.is_guest = False
        self.places, self.crossposted = {}, []
        self.gone, self.is_removed = set(), False
        self.limits, self.is_strict, self.jitter = Limits(), False, 0.0
        self.chance = Random(1)
        self.nonce_seconds, self.tells_nonce = 180.0, False
        self.base, self.port = "", 0
        self.locale = "en-US"

    async def listen(self):
        """Take connections, again on the same port after `hang_up`."""
        app = web.Application(client_max_size=30_000_000)
        app.router.add_get("/gateway", self.gateway)
        app.router.add_route("*", "/{tail:.*}", self.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{self.port}"

    async def hang_up(self):
        """Close every connection, and refuse new ones."""
        await self._runner.cleanup()

    # Scripting.

    def plan(self, method, path, *answers):
        """The next requests that match get these answers, one each."""
        self.plans += [(method, re.compile(path), each) for each in answers]

    def _planned(self, method, path):
        for place, (wanted, pattern, answer) in enumerate(self.plans):
            if wanted == method and pattern.search(path):
                del self.plans[place]
                return answer
        return None

    async def wait_for(self, condition, seconds=5.0):
        """Until the condition holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_connected(self):
        await self.wait_for(lambda: self.sockets)

    # HTTP.

    async def handle(self, request):
        path = request.path.removeprefix("/api/v10")
        body, has_file = await self._read(request)
        self.requests.append((request.method, path, body))
        self.headers.append(request.headers)
        await self._travel()
        answer = self._planned(request.method, path) or Answer()
        await asyncio.sleep(answer.delay)
        if answer.unheard:
            request.transport.abort()
            return web.Response()
        if answer.status:
            return answer.text_response or _json(answer.body, answer.status, answer.headers)
        result = self._limited(request, path) or self._work(request, path, body, has_file)
        await self._travel()
        if answer.lost:
            request.transport.abort()
        return answer.text_response or result

    def _work(self, request, path, body, has_file):
        try:
            return self._route(request, path, body, has_file)
        except RefusedError as error:
            self.refusals.append((path, str(error)))
            return _json({"code": 50035, "message": "Invalid Form Body", "errors": {"_": str(error)}}, 400)

    async def _travel(self):
        if self.jitter:
            await asyncio.sleep(self.chance.uniform(0, self.jitter))

    def _limited(self, request, path):
        """The 429 that this request gets; interactions and their webhooks are exempt."""
        if not self.is_strict or path.startswith(("/interactions/", "/webhooks/", "/files/")):
            return None
        told = self.limits.check(request.method, path)
        return told and _json(*told)

    async def _read(self, request):
        kind = request.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            parts = {key: value async for key, value in _parts(await request.multipart())}
            return json.loads(parts["payload_json"]), True
        raw = await request.read()
        if not raw:
            return None, False
        return (json.loads(raw) if kind == "application/json" else {"wrong content type": kind}), False

    def _route(self, request, path, body, has_file):
        parts = path.strip("/").split("/")
        if parts[0] == "files":
            return web.Response(body=self.files[parts[1]])
        if parts[0] == "interactions":
            return self._callback(parts[1], parts[2], body)
        if parts[0] == "webhooks":
            return self._webhook(request.method, parts[2], parts[3:], body, has_file)
        if request.headers.get("Authorization") != f"Bot {self.token}":
            return _json({"code": 0, "message": "401: Unauthorized"}, 401)
        require("wrong content type" not in (body or {}), "the content type must be application/json")
        result = self._authorized(request, path, parts, body, has_file)
        if self.is_strict:
            result.headers.update(self.limits.describe(request.method, path))
        return result

    def _authorized(self, request, path, parts, body, has_file):
        method = request.method
        limit = {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 1}
        address = f"{self.base.replace('http', 'ws', 1)}/gateway"
        told = {
            "/users/@me": make_user(BOT, is_bot=True),
            f"/guilds/{GUILD}/threads/active": {"threads": self._active_threads(), "members": []},
            "/gateway/bot": {"url": address, "shards": 1, "session_start_limit": limit},
            "/oauth2/applications/@me": {
                "id": APPLICATION, "name": "Paperround", "description": "", "icon": None, "bot_public": True,
                "bot_require_code_grant": False, "verify_key": "0", "flags": 0, "owner": make_user("1"),
            },
        }  # fmt: skip
        if method == "GET" and path in told:
            return _json(told[path])
        if (method, path) == ("PUT", f"/applications/{APPLICATION}/commands"):
            check_commands(body)
            self.commands, self.syncs = body, self.syncs + 1
            extra = {"application_id": APPLICATION, "version": "1"}
            return _json([each | extra | {"id": str(next(self.ids))} for each in body])
        if (method, path) == ("POST", "/users/@me/channels"):
            channel = self.dm_channel(body["recipient_id"])
            return _json({"id": channel, "type": 1, "recipients": [make_user(body["recipient_id"])]})
        if (method, path) == ("GET", f"/guilds/{GUILD}/members/{BOT}"):
            return _json({"user": make_user(BOT, is_bot=True), "roles": [BOT_ROLE], "joined_at": NOW, "deaf": False,
                          "mute": False, "flags": 0})  # fmt: skip
        if parts[0] == "channels":
            return self._channel(request, parts[1], parts[2:], body, has_file)
        return _json({"code": 0, "message": "404: Not Found"}, 404)

    def _channel(self, request, channel, rest, body, has_file):
        place = self.place(channel)
        if channel in self.gone:
            return _json({"code": 10003, "message": "Unknown Channel"}, 404)
        if place.get("is_hidden") or (self.is_removed and place["type"] != DM_TYPE):
            return _json({"code": 50001, "message": "Missing Access"}, 403)
        actions = {
            ("GET",): lambda: _json(place | {"last_message_id": self._last(channel)}),
            ("GET", "messages"): lambda: self._history(place, request.query),
            ("POST", "messages"): lambda: self._take_message(place, body, has_file),
            ("POST", "threads"): lambda: self._open_post(place, body, has_file),
            ("POST", "messages", "*", "threads"): lambda: self._start_thread(place, rest[1], body),
            ("POST", "messages", "*", "crosspost"): lambda: self._crosspost(place, rest[1]),
        }
        wanted = (request.method, *("*" if each.isdigit() else each for each in rest))
        return actions.get(wanted, lambda: _json({"code": 0, "message": "404: Not Found"}, 404))()

    def _last(self, channel):
        return next((each["id"] for each in self.messages(channel)[::-1]), None)

    def _active_threads(self):
        threads = [each for each in self.places.values() if "thread_metadata" in each and each["id"] not in self.gone]
        return [each for each in threads if not each["thread_metadata"]["archived"]]

    def _crosspost(self, place, message):
        known = next((each for each in self.messages(place["id"]) if each["id"] == message), None)
        if place["type"] != NEWS_TYPE or known is None:
            return _json({"code": 50024, "message": "Cannot execute action on this channel type"}, 400)
        if message in self.crossposted:
            return _json({"code": 40033, "message": "This message has already been crossposted."}, 400)
        self.crossposted.append(message)
        return _json(known)

    def _history(self, place, query):
        """Newest first; without the right to read it, it is empty."""
        if place.get("is_unreadable"):
            return _json({"code": 50001, "message": "Missing Access"}, 403)
        most = int(query.get("limit", 50))
        require(1 <= most <= 100, f"limit {most}")
        found = self.messages(place["id"])[::-1]
        if "before" in query:
            found = [each for each in found if int(each["id"]) < int(query["before"])]
        if "after" in query:
            found = [each for each in found if int(each["id"]) > int(query["after"])][-most:]
        shown = [] if place.get("has_no_history") else found[:most]
        hidden = set() if self.tells_nonce else {"nonce"}
        return _json([{key: each[key] for key in each if key not in hidden} for each in shown])

    def _start_thread(self, place, message, body):
        if place["type"] not in (TEXT_TYPE, NEWS_TYPE):
            return _json({"code": 50024, "message": "Cannot execute action on this channel type"}, 400)
        if place.get("has_no_threads"):
            return _json({"code": 50013, "message": "Missing Permissions"}, 403)
        if all(each["id"] != message for each in self.messages(place["id"])):
            return _json({"code": 10008, "message": "Unknown Message"}, 404)
        if message in self.places:
            return _json({"code": 160004, "message": "A thread has already been created for this message"}, 400)
        check_thread(body)
        self.add(make_thread(message, place["id"], name=body["name"], owner_id=BOT))
        return _json(self.places[message], 201)

    def _known_again(self, place, body):
        """The message that came with the same nonce not long ago."""
        nonce, now = body.get("nonce"), asyncio.get_running_loop().time()
        if not nonce or not body.get("enforce_nonce"):
            return None
        recent = [each for each in self.messages(place["id"]) if now - each["at"] < self.nonce_seconds]
        return next((each for each in recent if each.get("nonce") == nonce), None)

    def _take_message(self, place, body, has_file):
        if place["type"] == FORUM_TYPE:
            return _json({"code": 50008, "message": "Cannot send messages in a non-text channel"}, 400)
        if place.get("thread_metadata", {}).get("locked"):
            return _json({"code": 50083, "message": "Thread is archived"}, 400)
        place.get("thread_metadata", {})["archived"] = False
        check_message(body, has_file=has_file)
        if known := self._known_again(place, body):
            return _json(known)
        message = self._message(place["id"], body)
        self.messages(place["id"]).append(message)
        return _json(message)

    def _open_post(self, forum, body, has_file):
        if forum["type"] != FORUM_TYPE:
            return _json({"code": 50024, "message": "Cannot execute action on this channel type"}, 400)
        tags = check_post(body)
        if not tags and forum["flags"] & 16:
            return _json({"code": 40067, "message": "A tag is required to create a forum post in this channel"}, 400)
        require(set(tags) <= {each["id"] for each in forum["available_tags"]}, f"no such tags {tags}")
        check_message(body["message"], has_file=has_file)
        post = self.add(
            make_thread(str(next(self.ids)), forum["id"], name=body["name"], applied_tags=tags, owner_id=BOT)
        )
        message = self._message(post, body["message"])
        self.messages(post).append(message)
        return _json(self.places[post] | {"message": message}, 201)

    def posts(self, forum):
        """The posts of a forum, oldest first."""
        return [each for each in self.places.values() if each.get("parent_id") == forum]

    def _callback(self, identifier, token, body):
        exchange = self.exchanges.get(token)
        late = exchange and asyncio.get_running_loop().time() - exchange.sent > ACK_SECONDS
        if exchange is None or exchange.id != identifier or late:
            return _json({"code": 10062, "message": "Unknown interaction"}, 404)
        if exchange.ack:
            return _json({"code": 40060, "message": "Interaction has already been acknowledged."}, 400)
        kind, data = body["type"], body.get("data") or {}
        allowed = {2: {4, 5, 9}, 3: {4, 5, 6, 7, 9}, 4: {8}, 5: {4, 5, 6, 7}}[exchange.type]
        require(kind in allowed, f"an interaction of type {exchange.type} is not answered by {kind}")
        flags = data.get("flags", 0)
        if kind == 4:
            check_message(data, for_interaction=True)
            exchange.original = self._message(exchange.channel, data)
            exchange.messages.append(exchange.original)
        elif kind == 8:
            check_choices(data["choices"])
            exchange.choices = data["choices"]
        elif kind == 9:
            check_modal(data)
            exchange.form = data
        exchange.ack, exchange.is_hidden, exchange.is_open = kind, bool(flags & EPHEMERAL), kind == 5
        if kind == 6:
            exchange.original = exchange.source
        return _json({"interaction": {"id": exchange.id, "type": exchange.type, "response_message_loading": kind == 5}})

    def _webhook(self, method, token, rest, body, has_file):
        exchange = self.exchanges.get(token)
        age = asyncio.get_running_loop().time() - exchange.sent if exchange else TOKEN_SECONDS
        if age >= TOKEN_SECONDS:
            return _json({"code": 50027, "message": "Invalid Webhook Token"}, 401)
        if not exchange.ack or exchange.type == 4:
            return _json({"code": 10015, "message": "Unknown Webhook"}, 404)
        if method == "DELETE":
            exchange.is_open, exchange.is_deleted = False, True
            return web.Response(status=204)
        if rest == ["messages", "@original"] and method == "PATCH":
            return self._edit(exchange, body, has_file)
        require(method == "POST" and not rest, f"{method} {rest} is no way to follow up")
        require(not exchange.is_open, "deprecated: a follow-up before the deferred answer is filled")
        check_message(body, for_interaction=True, has_file=has_file)
        return _json(self._publish(exchange, body))

    def _edit(self, exchange, body, has_file):
        if exchange.original is None and not exchange.is_open:
            return _json({"code": 10008, "message": "Unknown Message"}, 404)
        was_v2 = bool(exchange.original and exchange.original["flags"] & COMPONENTS_V2)
        check_message(body, was_v2=was_v2, has_file=has_file)
        exchange.is_open = False
        if exchange.original is None:
            exchange.original = self._publish(exchange, body, is_hidden=exchange.is_hidden)
        else:
            fresh = self._message(exchange.channel, body)
            exchange.original |= fresh | {
                "id": exchange.original["id"],
                "flags": exchange.original["flags"] | fresh["flags"],
            }
            exchange.messages.append(exchange.original)
        return _json(exchange.original)

    def _publish(self, exchange, body, *, is_hidden=False):
        message = self._message(exchange.channel, body)
        message["flags"] |= EPHEMERAL if is_hidden else 0
        exchange.messages.append(message)
        if not message["flags"] & EPHEMERAL:
            self.messages(exchange.channel).append(message)
        return message

    def _message(self, channel, body, author=None):
        components = json.loads(json.dumps(body.get("components") or []))
        for number, each in enumerate(walk(components), start=1):
            each["id"] = number
        return {
            "id": str(next(self.ids)), "channel_id": channel, "author": author or make_user(BOT, is_bot=True), "type": 0,
            "content": body.get("content") or "", "timestamp": NOW, "edited_timestamp": None, "tts": False,
            "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
            "pinned": False, "flags": body.get("flags") or 0, "components": components,
            "asked_mentions": body.get("allowed_mentions"), "files": body.get("attachments") or [],
            "nonce": body.get("nonce"), "at": asyncio.get_running_loop().time(),
        }  # fmt: skip

    # Gateway.

    async def gateway(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": self.heartbeat}, "s": None, "t": None})
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    await self._received(socket, json.loads(frame.data))
        finally:
            self.sockets.discard(socket)
        return socket

    async def _received(self, socket, message):
        operation, data = message["op"], message["d"]
        self.gateway_log.append(message)
        if operation == 1 and self.acknowledges:
            await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
        elif operation == 2:
            await self._identify(socket, data)
        elif operation == 6:
            if data["token"] != self.token or data["session_id"] not in self.sessions:
                await socket.send_json({"op": 9, "d": False, "s": None, "t": None})
                return
            self.sockets.add(socket)
            await self._dispatch_to(socket, "RESUMED", {})

    async def _identify(self, socket, data):
        if self.close_code or data["token"] != self.token:
            await socket.close(code=self.close_code or 4004)
            return
        if data["intents"] & PRIVILEGED:
            await socket.close(code=4014)
            return
        session = f"session-{next(self.ids)}"
        self.sessions[session] = data["intents"]
        ready = {
            "v": 10, "user": make_user(BOT, is_bot=True),
            "guilds": [] if self.is_removed else [{"id": GUILD, "unavailable": True}],
            "session_id": session, "resume_gateway_url": f"{self.base.replace('http', 'ws', 1)}/gateway",
            "application": {"id": APPLICATION, "flags": 0}, "private_channels": [],
        }  # fmt: skip
        if "shard" in data:
            ready["shard"] = data["shard"]
        await self._dispatch_to(socket, "READY", ready)
        if not self.is_removed:
            await self._dispatch_to(socket, "GUILD_CREATE", self.make_guild())
        self.sockets.add(socket)

    async def dispatch(self, event, data):
        """Tell every connected client."""
        await self.until_connected()
        for socket in list(self.sockets):
            await self._dispatch_to(socket, event, data)

    async def _dispatch_to(self, socket, event, data):
        await socket.send_json({"op": 0, "t": event, "s": next(self.ids), "d": data})

    async def drop(self, code=1006):
        """Break every gateway connection."""
        for socket in list(self.sockets):
            self.sockets.discard(socket)
            await socket.close(code=code)


async def _parts(multipart):
    async for part in multipart:
        yield part.name, await part.text()


def _json(data, status=200, headers=None):
    """Real answers say exactly this content type, and that they came through Discord's proxy."""
    body = json.dumps(data).encode()
    headers = {"Via": "1.1 google"} if headers is None else headers
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


@asynccontextmanager
async def serve():
    """A running server; its API is at `server.base`/api/v10."""
    server = DiscordServer()
    await server.listen()
    try:
        yield server
    finally:
        await server.hang_up()
