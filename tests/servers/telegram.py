"""A strict Bot API server on loopback: refuses what Telegram refuses, with its words, and fails where a test says so.

https://core.telegram.org/bots/api; error texts: https://github.com/tdlib/telegram-bot-api, Client.cpp
"""

import asyncio
import itertools
import json
import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from random import Random

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.servers.telegram_floods import Floods
from tests.servers.telegram_text import RefusedTextError, judge, judge_plain, utf16_length

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"
BOT = {"id": 110201543, "is_bot": True, "first_name": "Paperround", "username": "paper_bot"}
ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
KINDS = {
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "chat_member",
}
_COMMON = {
    "chat_id",
    "message_thread_id",
    "disable_notification",
    "protect_content",
    "reply_parameters",
    "reply_markup",
}
# Per method: what must be there, and what else may be.
METHODS = {
    "getMe": (set(), set()),
    "getUpdates": (set(), {"offset", "limit", "timeout", "allowed_updates"}),
    "setWebhook": ({"url"}, {"max_connections", "allowed_updates", "drop_pending_updates", "secret_token"}),
    "getWebhookInfo": (set(), set()),
    "deleteWebhook": (set(), {"drop_pending_updates"}),
    "setMyCommands": ({"commands"}, {"scope", "language_code"}),
    "deleteMyCommands": (set(), {"scope", "language_code"}),
    "sendMessage": ({"chat_id", "text"}, {"parse_mode", "entities", "link_preview_options"} | _COMMON),
    "sendDocument": ({"chat_id", "document"}, {"caption", "parse_mode", "caption_entities"} | _COMMON),
    "editMessageText": ({"chat_id", "message_id", "text"}, {"parse_mode", "entities", "link_preview_options", "reply_markup"}),
    "deleteMessage": ({"chat_id", "message_id"}, set()),
    "answerCallbackQuery": ({"callback_query_id"}, {"text", "show_alert", "url", "cache_time"}),
    "sendChatAction": ({"chat_id", "action"}, {"message_thread_id"}),
    "getChat": ({"chat_id"}, set()),
    "getChatMember": ({"chat_id", "user_id"}, set()),
    "getChatAdministrators": ({"chat_id"}, set()),
    "getFile": ({"file_id"}, set()),
    "leaveChat": ({"chat_id"}, set()),
}  # fmt: skip
_NUMBERS = {"message_id", "message_thread_id", "user_id", "offset", "limit", "timeout", "max_connections"}
_STRINGS = {"secret_token", "text", "caption", "parse_mode", "callback_query_id", "file_id", "action", "language_code"}
_STRINGS |= {"url"}


class RefusedError(Exception):
    """An answer that is not ok."""

    def __init__(self, status, description, **parameters):
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that goes wrong. `body`: not JSON; `pause`: seconds before it; `is_lost`: done, but the answer never
    arrives; `status` 200: late, but right.
    """

    status: int = 200
    description: str = "scripted"
    retry_after: int = 0
    migrate_to: int = 0
    body: str = ""
    pause: float = 0.0
    is_lost: bool = False


@dataclass(slots=True)
class Room:
    """A chat: private, group, supergroup, channel. `members` maps user ids to their status; `threads` are a forum's topics.

    `rights`: what an administrator may do, where that is more than nothing. `closed`: topics in which nobody may write.
    """

    id: int
    type: str = "private"
    title: str = ""
    members: dict = field(default_factory=dict)
    threads: set = field(default_factory=set)
    is_forum: bool = False
    moved_to: int = 0
    messages: list = field(default_factory=list)
    username: str = ""
    rights: dict = field(default_factory=dict)
    closed: set = field(default_factory=set)
    is_deleted: bool = False

    @property
    def json(self):
        name = {"first_name": f"Person {self.id}"} if self.type == "private" else {"title": self.title}
        return {"id": self.id, "type": self.type, **name, **({"is_forum": True} if self.is_forum else {}),
                **({"username": self.username} if self.username else {})}  # fmt: skip


@dataclass(slots=True)
class Sent:
    """A message of the bot as people see it now; `at` is when it arrived, by the loop's clock."""

    id: int
    chat: int
    thread: int | None
    text: str
    entities: list
    keyboard: list
    is_html: bool
    reply_to: int | None = None
    edits: int = 0
    forces_reply: bool = False
    file_name: str = ""
    file: bytes = b""
    at: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def labels(self):
        return [[button["text"] for button in row] for row in self.keyboard]


@dataclass(slots=True)
class Hook:
    """A webhook that is set; `last_error` as getWebhookInfo tells it."""

    url: str
    secret: str
    max_connections: int
    allowed: list
    last_error: dict = field(default_factory=dict)


@dataclass
class TelegramServer:
    """`rooms` by id, `calls` as (method, parameters), `complaints`: what no real bot may do though Telegram would let it.

    `hook` is the webhook, if one is set, and `posts` what was posted to it as (update id, status, Retry-After), status 0
    where nobody answered. The answers to the next `lost_answers` posts are lost.
    Where it `is_strict`, `floods` refuses messages that come too fast. Each request takes up to `jitter` seconds there, and
    its answer as much back.
    """

    token: str = TOKEN
    port: int = 0
    rooms: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)
    complaints: list = field(default_factory=list)
    menus: dict = field(default_factory=dict)
    deleted: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    scripts: dict = field(default_factory=lambda: defaultdict(deque))
    uploads: dict = field(default_factory=dict)
    is_dead: bool = False
    hook: Hook | None = None
    posts: list = field(default_factory=list)
    lost_answers: int = 0
    is_strict: bool = False
    floods: Floods = field(default_factory=Floods)
    jitter: float = 0.0
    chance: Random = field(default_factory=lambda: Random(1))

    async def __aenter__(self):
        self._ids = itertools.count(1)
        self._updates, self._allowed, self._poll = [], sorted(KINDS - {"chat_member"}), 0
        self._queries, self._news = {}, asyncio.Condition()
        await self.listen()
        self._posting = asyncio.create_task(self._post_updates())
        return self

    async def __aexit__(self, *_):
        self._posting.cancel()
        await asyncio.wait({self._posting})
        await self.hang_up()

    async def listen(self):
        """Take connections, again on the same port after `hang_up`."""
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._serve_file)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def hang_up(self):
        """Close every connection, and refuse new ones."""
        await self._runner.cleanup()

    # What tests do as people.

    def group(self, chat, members, *, kind="supergroup", threads=()):
        """A group with the bot in it."""
        members = {BOT["id"]: "member"} | members
        self.rooms[chat] = Room(chat, kind, "A group", members, set(threads), is_forum=bool(threads))

    def channel(self, chat, members, username="", *, can_post=True):
        """A channel with the bot as an administrator."""
        members = {BOT["id"]: "administrator"} | members
        rights = {BOT["id"]: {"can_post_messages": can_post}}
        self.rooms[chat] = Room(chat, "channel", "A channel", members, username=username, rights=rights)

    async def say(self, chat, user, text=None, *, thread=None, edited=False, anonymous=False, **extra):
        """A person writes; private chats begin by it. The message's id. `extra`: other fields of the message."""
        room = self.rooms.setdefault(chat, Room(chat, members={user: "member", BOT["id"]: "member"}))
        speaker = ANONYMOUS if anonymous else _person(user)
        message = {"message_id": next(self._ids), "date": int(time.time()), "chat": room.json, "from": speaker, **extra}
        if anonymous:
            message["sender_chat"] = room.json
        if text is not None:
            message["text"] = text
        if thread is not None:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        await self._announce("edited_message" if edited else "message", message)
        return message["message_id"]

    async def send_file(self, chat, user, content, caption=None, **document):
        """A person sends a file."""
        number = next(self._ids)
        self.files[f"file-{number}"] = content
        document = {"file_id": f"file-{number}", "file_unique_id": f"u{number}", "file_size": len(content), **document}
        await self.say(chat, user, document=document, **({"caption": caption} if caption is not None else {}))

    async def press(self, sent, label, user):
        """A person taps a button of one of the bot's messages. The query's id."""
        button = next(button for row in sent.keyboard for button in row if button["text"] == label)
        query = {
            "id": str(next(self._ids)),
            "from": _person(user),
            "chat_instance": "1",
            "data": button["callback_data"],
        }
        self._queries[query["id"]] = True
        await self._announce("callback_query", query | {"message": self._message(sent)})
        return query["id"]

    async def set_member(self, chat, user, status, **rights):
        """A person changes what the bot is in a chat; `rights` as Telegram names them."""
        room = self.rooms[chat]
        old, room.members[BOT["id"]] = room.members.get(BOT["id"], "left"), status
        room.rights[BOT["id"]] = rights
        change = {"chat": room.json, "from": _person(user), "date": int(time.time())}
        members = {"old_chat_member": _member(BOT["id"], old), "new_chat_member": _member(BOT["id"], status) | rights}
        await self._announce("my_chat_member", change | members)

    async def close_topic(self, chat, user, thread):
        """A person closes a topic of a forum."""
        self.rooms[chat].closed.add(thread)
        await self.say(chat, user, thread=thread, forum_topic_closed={})

    async def reopen_topic(self, chat, user, thread):
        """A person opens it again."""
        self.rooms[chat].closed.discard(thread)
        await self.say(chat, user, thread=thread, forum_topic_reopened={})

    async def send_update(self, kind, content):
        """Any update."""
        await self._announce(kind, content)

    def script(self, method, *faults):
        """The next calls of `method` go wrong like this, one after the other."""
        self.scripts[method].extend(faults)

    def script_for(self, chat, method, *faults):
        """The next calls of `method` about `chat` go wrong like this, whatever happens to other chats."""
        self.scripts[method, chat].extend(faults)

    def sent(self, chat, thread=None):
        """The bot's messages in a chat, oldest first."""
        return [each for each in self.rooms[chat].messages if thread is None or each.thread == thread]

    def called(self, method):
        """The parameters of all calls of `method`."""
        return [parameters for name, parameters in self.calls if name == method]

    async def until(self, is_so, seconds=5.0):
        """Wait until `is_so()`, and fail if that takes too long."""
        async with asyncio.timeout(seconds):
            while not is_so():
                await asyncio.sleep(0.005)

    async def replies(self, chat, count=1, seconds=5.0):
        """The last `count` messages, once there are as many more than when this was called before."""
        seen = self.__dict__.setdefault("_seen", defaultdict(int))
        await self.until(lambda: chat in self.rooms and len(self.sent(chat)) >= seen[chat] + count, seconds)
        seen[chat] = len(self.sent(chat))
        return self.sent(chat)[-count:]

    async def ask(self, chat, user, text, **extra):
        """Say something and return the one message that answers."""
        await self.say(chat, user, text, **extra)
        [reply] = await self.replies(chat)
        return reply

    # What the bot meets.

    async def _serve(self, request):
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            known_form = re.fullmatch(r"\d+:[\w-]{20,}", request.match_info["token"])
            return _answer(*((401, "Unauthorized") if known_form else (404, "Not Found")))
        parameters = await _read_parameters(request, self.uploads)
        self.calls.append((method, parameters))
        await self._travel()
        fault = self._next_fault(method, parameters.get("chat_id"))
        await asyncio.sleep(3600 if self.is_dead else fault.pause)
        answer = await self._answer(request, method, parameters, fault)
        await self._travel()
        return answer

    async def _travel(self):
        if self.jitter:
            await asyncio.sleep(self.chance.uniform(0, self.jitter))

    def _next_fault(self, method, chat):
        scripted = next((self.scripts[key] for key in ((method, chat), method) if self.scripts.get(key)), None)
        return scripted.popleft() if scripted else Fault()

    async def _answer(self, request, method, parameters, fault):
        if fault.body:
            return web.Response(status=fault.status, text=fault.body, content_type="text/html")
        try:
            if fault.status != 200:
                extra = {"retry_after": fault.retry_after, "migrate_to_chat_id": fault.migrate_to}
                raise RefusedError(
                    fault.status, fault.description, **{key: each for key, each in extra.items() if each}
                )
            result = await self._call(method, parameters)
        except RefusedError as error:
            return _answer(error.status, error.description, **error.parameters)
        if fault.is_lost:
            request.transport.abort()
        return web.json_response({"ok": True, "result": result})

    async def _call(self, method, parameters):
        if method not in METHODS:
            raise RefusedError(404, "Not Found: method not found")
        required, optional = METHODS[method]
        unknown = parameters.keys() - required - optional
        if unknown:
            self.complaints.append(f"{method} has no parameter {sorted(unknown)}")
        for name in sorted(required - parameters.keys()):
            raise RefusedError(400, f"Bad Request: {name} is required")
        for name in _NUMBERS & parameters.keys():
            if not isinstance(parameters[name], int):
                raise RefusedError(400, f"Bad Request: {name} must be a number")
        if self.is_strict and method in ("sendMessage", "sendDocument"):
            self._hold_back_floods(parameters["chat_id"])
        result = getattr(self, f"_{re.sub('([A-Z])', lambda found: '_' + found[1].lower(), method)}")(parameters)
        return await result if asyncio.iscoroutine(result) else result

    def _hold_back_floods(self, chat):
        wait = self.floods.admit(chat, asyncio.get_running_loop().time())
        if wait:
            raise RefusedError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)

    async def _serve_file(self, request):
        if request.match_info["token"] != self.token or request.match_info["path"] not in self.files:
            return _answer(404, "Not Found")
        return web.Response(body=self.files[request.match_info["path"]])

    def _get_me(self, _):
        return BOT | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _set_webhook(self, parameters):
        url, secret = parameters["url"], parameters.get("secret_token", "")
        if not url.startswith(("https://", "http://127.0.0.1:")):
            raise RefusedError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[\w-]{0,256}", secret, re.ASCII):
            raise RefusedError(400, "Bad Request: secret token contains unallowed characters")
        if not 1 <= parameters.get("max_connections", 40) <= 100:
            raise RefusedError(400, "Bad Request: max_connections must be between 1 and 100")
        self._note_allowed(parameters)
        self.complaints += ["a webhook without a secret"] * (not secret)
        self.complaints += ["the webhook's address or secret tells the token"] * (
            self.token.split(":")[1] in url + secret
        )
        self._forget_updates(parameters)
        self.hook = Hook(url, secret, parameters.get("max_connections", 40), self._allowed)
        async with self._news:
            self._news.notify_all()
        return True

    def _get_webhook_info(self, _):
        info = {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}
        if self.hook:
            info |= {"url": self.hook.url, "max_connections": self.hook.max_connections, **self.hook.last_error}
        return info | {"allowed_updates": self._allowed}

    def _delete_webhook(self, parameters):
        self._forget_updates(parameters)
        self.hook = None
        return True

    def _forget_updates(self, parameters):
        if parameters.get("drop_pending_updates"):
            self.complaints.append("what people said was thrown away")
            self._updates.clear()

    async def _post_updates(self):
        """Post what is new to the webhook; of one chat in order, one after the other, until each is taken."""
        async with ClientSession(timeout=ClientTimeout(total=5)) as session:
            while True:
                held = set()
                for update in list(self._updates) if self.hook else ():
                    chat = _chat_of(update)
                    if chat not in held and self.hook and not await self._post(session, self.hook, update):
                        held.add(chat)
                await asyncio.sleep(0.05 if held else 0.005)

    async def _post(self, session, hook, update):
        """Whether the update was taken, as far as the server knows."""
        status, reason, later = 0, "Connection refused", None
        try:
            headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret}
            async with session.post(hook.url, json=update, headers=headers) as answer:
                status, reason, later = answer.status, answer.reason, answer.headers.get("Retry-After")
        except (ClientError, TimeoutError):
            pass
        self.posts.append((update["update_id"], status, later))
        if self.lost_answers:
            self.lost_answers -= 1
            return False
        if 200 <= status < 300:
            self._updates = [each for each in self._updates if each is not update]
            return True
        message = f"Wrong response from the webhook: {status} {reason}" if status else reason
        hook.last_error = {"last_error_date": int(time.time()), "last_error_message": message}
        return False

    def _note_allowed(self, parameters):
        if "allowed_updates" in parameters:
            self._allowed = parameters["allowed_updates"]
            self.complaints += [f"no kind of update: {each}" for each in self._allowed if each not in KINDS]

    async def _get_updates(self, parameters):
        if self.hook:
            raise RefusedError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._note_allowed(parameters)
        self._poll += 1
        mine, deadline = self._poll, time.monotonic() + min(parameters.get("timeout", 0), 50)
        async with self._news:
            self._news.notify_all()
            offset = parameters.get("offset", 0)
            self._updates = [each for each in self._updates if each["update_id"] >= offset]
            while not self._updates and (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(self._news.wait(), left)
                except TimeoutError:
                    break
                if self.hook:
                    raise RefusedError(409, "Conflict: terminated by setWebhook request")
                if self._poll != mine:
                    raise RefusedError(
                        409,
                        "Conflict: terminated by other getUpdates request; "
                        "make sure that only one bot instance is running",
                    )
            return self._updates[: parameters.get("limit", 100)]

    async def _announce(self, kind, content):
        if kind in self._allowed:
            async with self._news:
                self._updates.append({"update_id": 1000 + next(self._ids), kind: content})
                self._news.notify_all()

    def _set_my_commands(self, parameters):
        commands, scope = parameters["commands"], parameters.get("scope", {"type": "default"})
        for each in commands:
            if not re.fullmatch("[a-z0-9_]{1,32}", each["command"]):
                raise RefusedError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(each["description"]) <= 256:
                raise RefusedError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        if len(commands) > 100:
            raise RefusedError(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
        self.menus[scope["type"], parameters.get("language_code", "")] = [each["command"] for each in commands]
        return True

    def _delete_my_commands(self, parameters):
        self.menus.pop(
            (parameters.get("scope", {"type": "default"})["type"], parameters.get("language_code", "")), None
        )
        return True

    def _room(self, parameters):
        name = parameters["chat_id"]
        if isinstance(name, str) and name.startswith("@"):
            name = next((each.id for each in self.rooms.values() if f"@{each.username}" == name), None)
        elif not isinstance(name, int):
            raise RefusedError(400, "Bad Request: chat_id must be a number or a name")
        room = self.rooms.get(name)
        if room is None:
            raise RefusedError(400, "Bad Request: chat not found")
        if room.is_deleted:
            words = "user is deactivated" if room.type == "private" else "the group chat was deleted"
            raise RefusedError(403, f"Forbidden: {words}")
        if room.moved_to:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise RefusedError(400, description, migrate_to_chat_id=room.moved_to)
        status = room.members.get(BOT["id"], "left")
        if status in ("kicked", "left"):
            private = room.type == "private"
            raise RefusedError(
                403, "Forbidden: bot was " + ("blocked by the user" if private else f"kicked from the {room.type} chat")
            )
        return room

    def _room_to_write_in(self, parameters):
        room, thread = self._room(parameters), parameters.get("message_thread_id")
        rights = room.rights.get(BOT["id"], {})
        if room.type == "channel" and not rights.get("can_post_messages"):
            raise RefusedError(400, "Bad Request: need administrator rights in the channel chat")
        if room.members.get(BOT["id"]) == "restricted" and not rights.get("can_send_messages"):
            raise RefusedError(400, "Bad Request: not enough rights to send text messages to the chat")
        if thread is not None and thread not in room.threads:
            raise RefusedError(400, "Bad Request: message thread not found")
        if thread in room.closed:
            raise RefusedError(400, "Bad Request: TOPIC_CLOSED")
        return room, thread

    def _send_message(self, parameters):
        room, thread = self._room_to_write_in(parameters)
        text, entities = self._judge(parameters)
        markup = parameters.get("reply_markup", {})
        sent = Sent(
            next(self._ids),
            room.id,
            thread,
            text,
            entities,
            _check_keyboard(markup.get("inline_keyboard", [])),
            parameters.get("parse_mode") == "HTML",
            parameters.get("reply_parameters", {}).get("message_id"),
            forces_reply=bool(markup.get("force_reply")),
        )
        room.messages.append(sent)
        return self._message(sent)

    def _send_document(self, parameters):
        room, thread = self._room_to_write_in(parameters)
        upload = self.uploads.pop(parameters["document"].removeprefix("attach://"), None)
        if upload is None:
            raise RefusedError(400, "Bad Request: wrong file identifier/HTTP URL specified")
        if not upload[1]:
            raise RefusedError(400, "Bad Request: file must be non-empty")
        text, entities = judge(parameters.get("caption", ""))
        if utf16_length(text) > 1024:
            raise RefusedError(400, "Bad Request: message caption is too long")
        answered = parameters.get("reply_parameters", {}).get("message_id")
        sent = Sent(next(self._ids), room.id, thread, text, entities, [], is_html=True, reply_to=answered)
        sent.file_name, sent.file = upload
        room.messages.append(sent)
        return self._message(sent)

    def _edit_message_text(self, parameters):
        room = self._room(parameters)
        sent = next((each for each in room.messages if each.id == parameters["message_id"]), None)
        if sent is None:
            raise RefusedError(400, "Bad Request: message to edit not found")
        text, entities = self._judge(parameters)
        keyboard = _check_keyboard(parameters.get("reply_markup", {}).get("inline_keyboard", []))
        if (text, entities, keyboard) == (sent.text, sent.entities, sent.keyboard):
            raise RefusedError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message",
            )
        sent.text, sent.entities, sent.keyboard, sent.edits = text, entities, keyboard, sent.edits + 1
        return self._message(sent)

    def _delete_message(self, parameters):
        room = self._room(parameters)
        if room.type != "private" and not room.rights.get(BOT["id"], {}).get("can_delete_messages"):
            raise RefusedError(400, "Bad Request: message can't be deleted")
        self.deleted.append((room.id, parameters["message_id"]))
        return True

    def _judge(self, parameters):
        text, mode = parameters["text"], parameters.get("parse_mode")
        if not parameters.get("link_preview_options", {}).get("is_disabled"):
            self.complaints.append("a link preview was not switched off")
        if mode not in (None, "HTML"):
            self.complaints.append(f"parse mode {mode}")
        if len(text.encode()) > 32_768:
            raise RefusedError(400, "Bad Request: message is too long")
        try:
            shown, entities = judge(text) if mode else judge_plain(text)
        except RefusedTextError as error:
            raise RefusedError(400, str(error)) from error
        if not shown.strip(" \n\u200b\u2060"):
            raise RefusedError(400, "Bad Request: message text is empty")
        if utf16_length(shown) > 4096:
            raise RefusedError(400, "Bad Request: message is too long")
        if len(entities) > 100:
            self.complaints.append("entities after the hundredth are lost")
        return shown, entities

    def _message(self, sent):
        thread = {"message_thread_id": sent.thread, "is_topic_message": True} if sent.thread is not None else {}
        return {
            "message_id": sent.id,
            "date": int(time.time()),
            "chat": self.rooms[sent.chat].json,
            "from": BOT,
            "text": sent.text,
            **thread,
        }

    def _answer_callback_query(self, parameters):
        if utf16_length(parameters.get("text", "")) > 200:
            raise RefusedError(400, "Bad Request: MESSAGE_TOO_LONG")
        if not self._queries.pop(parameters["callback_query_id"], False):
            raise RefusedError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.answers[parameters["callback_query_id"]] = parameters.get("text", "")
        return True

    def _send_chat_action(self, parameters):
        self._room(parameters)
        if parameters["action"] != "typing":
            raise RefusedError(400, "Bad Request: wrong parameter action in request")
        return True

    def _get_chat(self, parameters):
        return self._room(parameters).json | {"accent_color_id": 0, "max_reaction_count": 11}

    def _get_chat_member(self, parameters):
        room = self._room(parameters)
        if parameters["user_id"] not in room.members:
            raise RefusedError(400, "Bad Request: PARTICIPANT_ID_INVALID")
        user = parameters["user_id"]
        if room.type == "channel" and room.members.get(BOT["id"]) != "administrator":
            raise RefusedError(400, "Bad Request: member list is inaccessible")
        return _member(user, room.members[user]) | room.rights.get(user, {})

    def _get_chat_administrators(self, parameters):
        room = self._room(parameters)
        return [
            _member(user, status) for user, status in room.members.items() if status in ("creator", "administrator")
        ]

    def _get_file(self, parameters):
        if parameters["file_id"] not in self.files:
            raise RefusedError(400, "Bad Request: invalid file_id")
        return {"file_id": parameters["file_id"], "file_unique_id": "u", "file_path": parameters["file_id"]}

    def _leave_chat(self, parameters):
        self._room(parameters).members[BOT["id"]] = "left"
        return True


async def _read_parameters(request, uploads):
    raw = dict(request.query)
    if request.content_type == "application/json":
        return raw | await request.json()
    posted = dict(await request.post())
    for name, value in posted.items():
        if isinstance(value, web.FileField):
            # A parameter may be the file itself, or name the field that has it.
            uploads[name], posted[name] = (value.filename, value.file.read()), f"attach://{name}"
    raw |= posted
    return {name: value if name in _STRINGS | {"document"} else _decode(value) for name, value in raw.items()}


def _decode(value):
    """Form fields that are not text are JSON."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def _answer(status, description, **parameters):
    body = {"ok": False, "error_code": status, "description": description}
    headers = {"Retry-After": str(parameters["retry_after"])} if "retry_after" in parameters else {}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status, headers=headers)


def _check_keyboard(rows):
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100 or any(len(row) > 8 for row in rows):
        raise RefusedError(400, "Bad Request: REPLY_MARKUP_TOO_LONG")
    for button in buttons:
        if not button.get("text"):
            raise RefusedError(400, "Bad Request: inline keyboard button text must be non-empty")
        if not 1 <= len(button.get("callback_data", "").encode()) <= 64:
            raise RefusedError(400, "Bad Request: BUTTON_DATA_INVALID")
    return rows


def _chat_of(update):
    content = next(each for name, each in update.items() if name != "update_id")
    return (content.get("message", content).get("chat") or {}).get("id")


_PERMISSIONS = """can_send_messages can_send_audios can_send_documents can_send_photos can_send_videos can_send_video_notes
    can_send_voice_notes can_send_polls can_send_other_messages can_add_web_page_previews can_change_info can_invite_users
    can_pin_messages can_manage_topics can_edit_tag can_react_to_messages""".split()


def _person(user):
    return {"id": user, "is_bot": False, "first_name": f"Person {user}", "language_code": "en"}


def _member(user, status):
    rights = (
        "can_be_edited is_anonymous can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members "
    )
    rights += (
        "can_promote_members can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories"
    )
    extra = {
        "administrator": dict.fromkeys(rights.split(), False),
        "creator": {"is_anonymous": False},
        "kicked": {"until_date": 0},
        "restricted": {"is_member": True, "until_date": 0} | dict.fromkeys(_PERMISSIONS, True),
    }
    return {"status": status, "user": _person(user), **extra.get(status, {})}
