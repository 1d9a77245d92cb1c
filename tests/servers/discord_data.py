"""What goes over the wire between Discord and a bot, and what a person sees of it."""

from dataclasses import dataclass, field

from tests.servers.discord_rules import texts_of, walk

APPLICATION, BOT, GUILD = "7000", "7001", "9000"
NOW = "2026-11-20T12:00:00+00:00"


@dataclass
class Answer:
    """What a planned request gets instead of the truth. `lost`: it is done, and the connection then breaks."""

    status: int = 0
    body: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    delay: float = 0.0
    lost: bool = False


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


def make_guild():
    return {
        "id": GUILD, "name": "Lab", "owner_id": "1", "channels": [], "threads": [], "roles": [], "members": [],
        "emojis": [], "stickers": [], "features": [], "member_count": 2, "unavailable": False, "large": False,
        "preferred_locale": "en-US", "icon": None, "banner": None, "description": None, "verification_level": 0,
        "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0, "premium_tier": 0,
        "nsfw_level": 0, "system_channel_flags": 0, "afk_timeout": 300, "voice_states": [], "presences": [],
        "joined_at": NOW, "splash": None, "discovery_splash": None, "vanity_url_code": None,
    }  # fmt: skip
