"""What goes over the wire between Discord and a bot, and what a person sees of it."""

import time
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.discord_rules import texts_of, walk

APPLICATION, BOT, GUILD, BOT_ROLE = "7000", "7001", "9000", "9001"
EPOCH = 1_420_070_400_000
"""The first millisecond of 2015, from which Discord counts."""
NOW = "2026-11-20T12:00:00+00:00"


@dataclass
class Answer:
    """What a planned request gets instead of the truth. `lost`: it is done, and the connection then breaks.

    `unheard`: the connection breaks before it is done. `page`: HTML instead of the JSON; with status 0 it is done, too.
    """

    status: int = 0
    body: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    delay: float = 0.0
    lost: bool = False
    unheard: bool = False
    page: str = ""

    @property
    def text_response(self):
        """The page as it is answered, None where there is none."""
        if not self.page:
            return None
        return web.Response(text=self.page, status=self.status or 200, headers=self.headers, content_type="text/html")


class Snowflakes:
    """Ids that grow, and tell when they were made: https://docs.discord.com/developers/reference#snowflakes."""

    def __init__(self):
        self.last = 0

    def __next__(self):
        self.last = max(self.last + 1, int(time.time() * 1000 - EPOCH) << 22)
        return self.last


@dataclass
class Exchange:
    """One interaction as the person sees it: `messages` are the answers, in order, that are there now."""

    id: str
    token: str
    type: int
    channel: str
    data: dict
    source: dict | None = None
    sent: float = 0.0
    ack: int = 0
    is_hidden: bool = False
    is_open: bool = False
    original: dict | None = None
    messages: list = field(default_factory=list)
    form: dict | None = None
    choices: list | None = None
    is_deleted: bool = False

    @property
    def text(self):
        """All text of the answers, the replaced message's included."""
        return "\n".join(text for each in self.messages for text in texts_of(each))

    @property
    def buttons(self):
        return buttons_of(*self.messages)


def buttons_of(*messages):
    """The labels of buttons and options with the lines they stand for."""
    found = {}
    for each in walk([part for message in messages for part in message.get("components") or ()]):
        if "custom_id" in each and each["type"] == 2:
            found[each["label"]] = each["custom_id"]
        found |= {option["label"]: option["value"] for option in each.get("options") or ()}
    return found


def make_user(identifier, *, is_bot=False):
    return {"id": str(identifier), "username": f"user{identifier}", "discriminator": "0", "avatar": None,
            "global_name": None, "bot": is_bot}  # fmt: skip


FORUM_TYPE, NEWS_TYPE, TEXT_TYPE, THREAD_TYPE, DM_TYPE = 15, 5, 0, 11, 1
VIEW, SEND, SEND_IN_THREADS, MANAGE = 1 << 10, 1 << 11, 1 << 38, 1 << 4
"""Permissions, as bits."""


def make_role(identifier, permissions):
    return {
        "id": identifier, "name": f"role{identifier}", "permissions": str(permissions), "position": 0, "color": 0,
        "hoist": False, "managed": False, "mentionable": False, "flags": 0,
    }  # fmt: skip


def make_channel(identifier, kind=TEXT_TYPE, *, tags=(), requires_tag=False, overwrites=None, **extra):
    """A server's channel. `overwrites` maps ids of people and roles to (allowed, denied) bits; `tags` are names."""
    roles = {GUILD, BOT_ROLE}
    tags = [
        {"id": str(8000 + number), "name": name.strip("!"), "moderated": name.startswith("!"), "emoji_id": None,
         "emoji_name": None} for number, name in enumerate(tags)
    ]  # fmt: skip
    return {
        "id": identifier, "type": kind, "guild_id": GUILD, "name": f"room{identifier}", "position": 0, "nsfw": False,
        "permission_overwrites": [
            {"id": key, "type": int(key not in roles), "allow": str(allowed), "deny": str(denied)}
            for key, (allowed, denied) in (overwrites or {}).items()
        ],
        "parent_id": None, "topic": None, "last_message_id": None, "rate_limit_per_user": 0,
        "available_tags": tags, "flags": 16 if requires_tag else 0, **extra,
    }  # fmt: skip


def make_thread(identifier, parent, *, name="thread", is_archived=False, is_locked=False, **extra):
    times = {"archived": is_archived, "auto_archive_duration": 60, "archive_timestamp": NOW, "locked": is_locked}
    return {
        "id": identifier, "type": THREAD_TYPE, "guild_id": GUILD, "name": name, "parent_id": parent, "owner_id": "1",
        "thread_metadata": times, "message_count": 0, "member_count": 1, "rate_limit_per_user": 0, "flags": 0,
        "applied_tags": [], **extra,
    }  # fmt: skip


def make_guild():
    return {
        "id": GUILD, "name": "Lab", "owner_id": "1", "channels": [], "threads": [], "members": [],
        "roles": [make_role(GUILD, VIEW | SEND | SEND_IN_THREADS), make_role(BOT_ROLE, 0)],
        "emojis": [], "stickers": [], "features": [], "member_count": 2, "unavailable": False, "large": False,
        "preferred_locale": "en-US", "icon": None, "banner": None, "description": None, "verification_level": 0,
        "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0, "premium_tier": 0,
        "nsfw_level": 0, "system_channel_flags": 0, "afk_timeout": 300, "voice_states": [], "presences": [],
        "joined_at": NOW, "splash": None, "discovery_splash": None, "vanity_url_code": None,
    }  # fmt: skip
