"""A Discord on loopback: HTTP API and gateway, as strict as the real one, and as unreliable as a test asks for."""

import asyncio
import itertools
import json
import re
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from tests.servers.discord_data import (
    APPLICATION,
    BOT,
    BOT_ROLE,
    FORUM_TYPE,
    GUILD,
    NEWS_TYPE,
    NOW,
    Exchange,
    buttons_of,
    make_channel,
    make_guild,
    make_thread,
    make_user,
)
from tests.servers.discord_rules import (
    COMPONENTS_V2,
    EPHEMERAL,
    RefusedError,
    check_choices,
    check_commands,
    check_message,
    check_modal,
    check_post,
    require,
    walk,
)

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.secret-discord-token.abcdefghijklmnopqrstuvwxyz"
MANAGE_CHANNELS = 1 << 4
PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15
ACK_SECONDS = 3.0
TOKEN_SECONDS = 900.0


class DiscordServer:
    """Start it with `async with serve()`. `requests` are all HTTP requests as (method, path, body)."""

    def __init__(self):
        self.ids = itertools.count(100_000)
        self.requests, self.gateway_log, self.refusals = [], [], []
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
        self.base = ""
        self.locale = "en-US"

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

    # What people do.

    async def command(self, channel, user, name, options=None, permissions=0, *, guild=GUILD, files=None):
        """Use a slash command such as "topics add", and wait for the whole answer."""
        exchange = await self.begin_command(channel, user, name, options, permissions, guild=guild, files=files)
        return await self.settle(exchange)

    async def begin_command(self, channel, user, name, options=None, permissions=0, *, guild=GUILD, files=None):
        data = self._command_data(name, options or {})
        if files:
            data["resolved"] = {"attachments": {each["id"]: each for each in files.values()}}
            inner = data["options"][0]["options"] if " " in name else data["options"]
            inner += [{"name": key, "type": 11, "value": each["id"]} for key, each in files.items()]
        return await self._interact(2, channel, user, data, permissions, guild)

    async def complete(self, channel, user, name, option, typed, *, guild=GUILD):
        """The choices that are offered for an option while it is typed."""
        data = self._command_data(name, {option: typed})
        (data["options"][0]["options"] if " " in name else data["options"])[0]["focused"] = True
        exchange = await self._interact(4, channel, user, data, 0, guild)
        await self.wait_for(lambda: exchange.choices is not None)
        return exchange.choices

    async def press(self, message, user, line, permissions=0, *, guild=GUILD):
        """Press the button, or choose the option, that stands for `line`, and wait for the whole answer."""
        for each in walk(message["components"]):
            if each.get("custom_id") == line:
                data = {"component_type": 2, "custom_id": line, "id": each["id"]}
                break
            if any(option["value"] == line for option in each.get("options") or ()):
                data = {"component_type": 3, "custom_id": each["custom_id"], "values": [line], "id": each["id"]}
                break
        else:
            raise AssertionError(f"no button for {line}: {buttons_of(message)}")
        exchange = await self._interact(3, message["channel_id"], user, data, permissions, guild, message)
        return await self.settle(exchange)

    async def submit(self, exchange, user, text, permissions=0, *, guild=GUILD):
        """Fill in the form that a press opened."""
        component = {"type": 4, "custom_id": exchange.form["components"][0]["component"]["custom_id"], "value": text}
        data = {"custom_id": exchange.form["custom_id"], "components": [{"type": 18, "component": component}]}
        answer = await self._interact(5, exchange.channel, user, data, permissions, guild, exchange.source)
        return await self.settle(answer)

    async def dm(self, user, text, *, attachments=(), is_bot=False):
        """Write a direct message, and wait for the answer: the messages that came of it."""
        channel = self.dm_channel(user)
        before = len(self.messages(channel))
        message = self._message(channel, {"content": text}, author=make_user(user, is_bot=is_bot))
        message |= {"attachments": list(attachments), "flags": 0}
        await self.dispatch("MESSAGE_CREATE", message)
        if is_bot:
            return []
        await self.wait_for(lambda: len(self.messages(channel)) > before)
        await self._quiet()
        return self.messages(channel)[before:]

    def place(self, channel):
        """What GET /channels tells; a channel that no test described is an ordinary one."""
        if channel in self.dm_channels.values():
            return {"id": channel, "type": 1, "recipients": [make_user("1")]}
        if channel not in self.places:
            return make_thread(channel, self.threads[channel]) if channel in self.threads else make_channel(channel)
        return self.places[channel]

    def add(self, place):
        """A channel or thread as `make_channel` and `make_thread` describe it; its id."""
        self.places[place["id"]] = place
        return place["id"]

    def dm_channel(self, user):
        return self.dm_channels.setdefault(str(user), str(next(self.ids)))

    def messages(self, channel):
        """What the bot said in the channel of its own accord or for all to see."""
        return self.channels.setdefault(channel, [])

    def attach(self, name, content):
        """A file as a person's client uploads it."""
        identifier = str(next(self.ids))
        self.files[identifier] = content
        url = f"{self.base}/files/{identifier}"
        return {"id": identifier, "filename": name, "size": len(content), "url": url, "proxy_url": url}

    async def settle(self, exchange):
        """Wait until the interaction is answered and nothing more comes."""
        await self.wait_for(
            lambda: (
                exchange.form or (exchange.ack and not exchange.is_open and (exchange.ack != 6 or exchange.messages))
            )
        )
        await self._quiet()
        return exchange

    async def _quiet(self):
        seen = -1
        while seen != len(self.requests):
            seen = len(self.requests)
            await asyncio.sleep(0.04)

    def _command_data(self, name, options):
        words = name.split(" ")
        known = next((each for each in self.commands if each["name"] == words[0]), None)
        require(known is not None, f"there is no command {words[0]}")
        if len(words) > 1:
            known = next(each for each in known["options"] if each["name"] == words[1])
        offered = {each["name"]: each["type"] for each in known["options"]}
        require(set(options) <= set(offered), f"/{name} has no options {set(options) - set(offered)}")
        given = [{"name": key, "type": offered[key], "value": value} for key, value in options.items()]
        chosen = [value for key, value in options.items() if offered[key] == 7]
        if len(words) > 1:
            given = [{"name": words[1], "type": 1, "options": given}]
        data = {"id": "1", "name": words[0], "type": 1, "options": given}
        resolved = {each: self.place(each) | {"permissions": "0"} for each in chosen}
        return data | ({"resolved": {"channels": resolved}} if chosen else {})

    async def _interact(self, kind, channel, user, data, permissions, guild, message=None):
        identifier = str(next(self.ids))
        exchange = Exchange(identifier, f"interaction-token-{identifier}", kind, channel, data, message)
        exchange.sent = asyncio.get_running_loop().time()
        self.exchanges[exchange.token] = exchange
        payload = {
            "id": identifier, "application_id": APPLICATION, "type": kind, "token": exchange.token, "version": 1,
            "data": data, "channel_id": channel, "channel": {"id": channel, "type": 0 if guild else 1},
            "app_permissions": "0", "locale": self.locale, "entitlements": [], "attachment_size_limit": 10_000_000,
            "authorizing_integration_owners": {"1": user} if self.is_guest else {"0": guild or "0"}, "context": 0 if guild else 1,
        }  # fmt: skip
        if message is not None:
            payload["message"] = message
        if guild:
            payload |= {"guild_id": guild, "guild": {"id": guild, "locale": "en-US", "features": []}}
            payload["channel"] |= {"guild_id": guild, "name": "papers", "position": 0, "permission_overwrites": []}
            if channel in self.threads:
                times = {"archived": False, "auto_archive_duration": 60, "archive_timestamp": NOW, "locked": False}
                payload["channel"] |= {"type": 11, "parent_id": self.threads[channel], "owner_id": "1"}
                payload["channel"] |= {"thread_metadata": times, "message_count": 0, "member_count": 1}
            payload["member"] = {
                "user": make_user(user), "roles": [], "joined_at": NOW, "deaf": False, "mute": False, "flags": 0,
                "permissions": str(permissions), "nick": None, "avatar": None, "premium_since": None, "pending": False,
            }  # fmt: skip
        else:
            payload["channel"] |= {"recipients": [make_user(user)]}
            payload["user"] = make_user(user)
        await self.dispatch("INTERACTION_CREATE", payload)
        return exchange

    # HTTP.

    async def handle(self, request):
        path = request.path.removeprefix("/api/v10")
        body, has_file = await self._read(request)
        self.requests.append((request.method, path, body))
        answer = self._planned(request.method, path)
        if answer:
            await asyncio.sleep(answer.delay)
            if answer.status:
                return _json(answer.body, answer.status, answer.headers)
        try:
            result = self._route(request, path, body, has_file)
        except RefusedError as error:
            self.refusals.append((path, str(error)))
            return _json({"code": 50035, "message": "Invalid Form Body", "errors": {"_": str(error)}}, 400)
        if answer and answer.lost:
            request.transport.abort()
        return result

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
        return self._authorized(request.method, path, parts, body, has_file)

    def _authorized(self, method, path, parts, body, has_file):
        limit = {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 1}
        address = f"{self.base.replace('http', 'ws', 1)}/gateway"
        told = {
            "/users/@me": make_user(BOT, is_bot=True),
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
            return self._channel(method, parts[1], parts[2:], body, has_file)
        return _json({"code": 0, "message": "404: Not Found"}, 404)

    def _channel(self, method, channel, rest, body, has_file):
        place = self.place(channel)
        if method == "GET" and not rest:
            hidden = place.get("is_hidden")
            return _json({"code": 50001, "message": "Missing Access"}, 403) if hidden else _json(place)
        if method == "POST" and rest == ["threads"] and place["type"] == FORUM_TYPE:
            return self._open_post(place, body, has_file)
        if method == "POST" and len(rest) == 3 and rest[::2] == ["messages", "crosspost"]:
            return self._crosspost(place, rest[1])
        if method == "POST" and rest == ["messages"]:
            return self._take_message(place, body, has_file)
        return _json({"code": 0, "message": "404: Not Found"}, 404)

    def _crosspost(self, place, message):
        known = next((each for each in self.messages(place["id"]) if each["id"] == message), None)
        if place["type"] != NEWS_TYPE or known is None:
            return _json({"code": 50024, "message": "Cannot execute action on this channel type"}, 400)
        if message in self.crossposted:
            return _json({"code": 40033, "message": "This message has already been crossposted."}, 400)
        self.crossposted.append(message)
        return _json(known)

    def _take_message(self, place, body, has_file):
        if place["type"] == FORUM_TYPE:
            return _json({"code": 50008, "message": "Cannot send messages in a non-text channel"}, 400)
        if place.get("thread_metadata", {}).get("locked"):
            return _json({"code": 50083, "message": "Thread is archived"}, 400)
        place.get("thread_metadata", {})["archived"] = False
        check_message(body, has_file=has_file)
        message = self._message(place["id"], body)
        self.messages(place["id"]).append(message)
        return _json(message)

    def _open_post(self, forum, body, has_file):
        tags = check_post(body)
        if not tags and forum["flags"] & 16:
            return _json({"code": 40067, "message": "A tag is required to create a forum post in this channel"}, 400)
        require(set(tags) <= {each["id"] for each in forum["available_tags"]}, f"no such tags {tags}")
        check_message(body["message"], has_file=has_file)
        post = self.add(make_thread(str(next(self.ids)), forum["id"], name=body["name"], applied_tags=tags))
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
            "v": 10, "user": make_user(BOT, is_bot=True), "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": session, "resume_gateway_url": f"{self.base.replace('http', 'ws', 1)}/gateway",
            "application": {"id": APPLICATION, "flags": 0}, "private_channels": [],
        }  # fmt: skip
        await self._dispatch_to(socket, "READY", ready)
        await self._dispatch_to(socket, "GUILD_CREATE", make_guild())
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
    """Real answers say exactly this content type."""
    return web.Response(body=json.dumps(data).encode(), status=status, headers=headers, content_type="application/json")


@asynccontextmanager
async def serve():
    """A running server; its API is at `server.base`/api/v10."""
    server = DiscordServer()
    app = web.Application(client_max_size=30_000_000)
    app.router.add_get("/gateway", server.gateway)
    app.router.add_route("*", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.base = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
