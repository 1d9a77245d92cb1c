"""What Discord refuses in a message or a command, written down from its documentation alone.

https://docs.discord.com/developers/resources/message, components/reference, interactions/application-commands
"""

import re

SUPPRESS_EMBEDS, EPHEMERAL, SILENT, COMPONENTS_V2 = 1 << 2, 1 << 6, 1 << 12, 1 << 15
ROW, BUTTON, MENU, TEXT_INPUT, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = (
    *(1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 17),
    18,
)
_TOP = {ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER}
_NAME = re.compile(r"[-_'\w]{1,32}")


class RefusedError(Exception):
    """What a real server would answer 400 to."""


def require(condition, text):
    if not condition:
        raise RefusedError(text)


def walk(components):
    """Every component, nested ones too."""
    for each in components:
        yield each
        yield from walk(each.get("components") or ())
        if each.get("accessory"):
            yield from walk([each["accessory"]])
        if each.get("component"):
            yield from walk([each["component"]])


def texts_of(payload):
    """All text a person sees, but for the words on controls."""
    shown = [payload.get("content") or ""]
    return [
        *filter(None, shown),
        *(each["content"] for each in walk(payload.get("components") or ()) if each["type"] == TEXT),
    ]


def check_message(payload, *, for_interaction=False, was_v2=False, has_file=False):
    """Raise RefusedError for what Discord does not take as a message, or as an edit of one."""
    known = {
        "content",
        "embeds",
        "components",
        "flags",
        "tts",
        "allowed_mentions",
        "nonce",
        "enforce_nonce",
        "attachments",
    }
    require(set(payload) <= known, f"unknown fields {set(payload) - known}")
    flags = payload.get("flags") or 0
    allowed = SUPPRESS_EMBEDS | SILENT | COMPONENTS_V2 | (EPHEMERAL if for_interaction else 0)
    require(not flags & ~allowed, f"flags {flags} cannot be set")
    require(len(str(payload.get("nonce") or "")) <= 25, "the nonce is longer than 25")
    _check_mentions(payload.get("allowed_mentions"))
    components = payload.get("components") or []
    if flags & COMPONENTS_V2 or was_v2:
        require(not payload.get("content") and not payload.get("embeds"), "V2 messages have no content and no embeds")
        require(bool(components), "V2 messages need components")
        _check_v2(components)
    else:
        _check_v1(payload, components, has_file=has_file)
    ids = [each["custom_id"] for each in walk(components) if "custom_id" in each]
    require(len(ids) == len(set(ids)), "a custom_id is there twice")


def check_post(payload):
    """Raise RefusedError for what is no post of a forum but for its message; the ids of its tags."""
    known = {"name", "auto_archive_duration", "rate_limit_per_user", "applied_tags", "message", "type"}
    require(set(payload) <= known, f"unknown fields {set(payload) - known}")
    require(1 <= len(payload["name"]) <= 100, "the name of a post")
    tags = payload.get("applied_tags") or []
    require(len(tags) <= 5, "more than five tags")
    return tags


def check_thread(payload):
    """Raise RefusedError for what is no thread that starts from a message."""
    known = {"name", "auto_archive_duration", "rate_limit_per_user"}
    require(set(payload) <= known, f"unknown fields {set(payload) - known}")
    require(1 <= len(payload["name"]) <= 100, "the name of a thread")


def _check_mentions(allowed):
    if allowed is not None:
        require(set(allowed) <= {"parse", "roles", "users", "replied_user"}, f"allowed_mentions has {set(allowed)}")
        require(set(allowed.get("parse", ())) <= {"roles", "users", "everyone"}, "allowed_mentions.parse is wrong")


def _check_v1(payload, components, *, has_file):
    content, embeds = payload.get("content") or "", payload.get("embeds") or []
    require(len(content) <= 2000, f"content has {len(content)} characters")
    require(len(embeds) <= 10, "more than 10 embeds")
    total = sum(len(each.get("title", "")) + len(each.get("description", "")) for each in embeds)
    require(total <= 6000, f"embeds have {total} characters")
    require(bool(content.strip() or embeds or has_file), "the message is empty")
    require(len(components) <= 5 and all(each["type"] == ROW for each in components), "V1 takes five rows")
    for row in components:
        _check_row(row)


def _check_v2(components):
    everything = list(walk(components))
    require(len(everything) <= 40, f"{len(everything)} components")
    length = sum(len(each["content"]) for each in everything if each["type"] == TEXT)
    require(length <= 4000, f"{length} characters of text")
    for each in components:
        require(each["type"] in _TOP, f"type {each['type']} cannot be at the top")
        for inner in each["components"] if each["type"] == CONTAINER else [each]:
            require(inner["type"] in _TOP - {CONTAINER} or inner is each, f"type {inner['type']} in a container")
            if inner["type"] == ROW:
                _check_row(inner)
            elif inner["type"] == TEXT:
                require(bool(inner["content"].strip()), "a text display is empty")
        require(each["type"] != CONTAINER or each["components"], "a container is empty")


def _check_row(row):
    inner = row["components"]
    kinds = {each["type"] for each in inner}
    require((kinds == {BUTTON} and len(inner) <= 5) or (kinds == {MENU} and len(inner) == 1), f"a row holds {kinds}")
    for each in inner:
        (_check_button if each["type"] == BUTTON else _check_menu)(each)


def _check_button(button):
    require(1 <= len(button.get("label") or "") <= 80, f"label {button.get('label')!r}")
    if button["style"] == 5:
        require("custom_id" not in button and re.match(r"https?://", button["url"]), "a link has a url alone")
        require(len(button["url"]) <= 512, "the url is longer than 512")
    else:
        require(button["style"] in (1, 2, 3, 4) and "url" not in button, "a button has a custom_id alone")
        require(1 <= len(button["custom_id"]) <= 100, f"custom_id {button['custom_id']!r}")


def _check_menu(menu):
    options = menu["options"]
    require(1 <= len(menu["custom_id"]) <= 100, "custom_id of a menu")
    require(len(menu.get("placeholder") or "") <= 150, "placeholder of a menu")
    require(1 <= len(options) <= 25, f"{len(options)} options")
    require(len({each["value"] for each in options}) == len(options), "a value is there twice")
    for each in options:
        require(1 <= len(each["label"]) <= 100 and 1 <= len(each["value"]) <= 100, f"option {each}")


def check_modal(data):
    """A form: title, custom_id and one to five labels with a field."""
    require(1 <= len(data["title"]) <= 45 and 1 <= len(data["custom_id"]) <= 100, "title or custom_id of a form")
    require(1 <= len(data["components"]) <= 5, "a form has one to five components")
    for each in data["components"]:
        require(each["type"] == LABEL and 1 <= len(each["label"]) <= 45, "a form holds labels")
        field = each["component"]
        require(field["type"] == TEXT_INPUT and field["style"] in (1, 2), "a label holds a field")
        require(1 <= field.get("max_length", 1) <= 4000, "max_length")


def check_choices(choices):
    """Suggestions: at most 25, each name and value up to 100."""
    require(len(choices) <= 25, f"{len(choices)} choices")
    for each in choices:
        require(1 <= len(each["name"]) <= 100 and 1 <= len(each["value"]) <= 100, f"choice {each}")


def check_commands(commands):
    """A bulk upsert of global commands."""
    require(len(commands) <= 100, "more than 100 commands")
    require(len({each["name"] for each in commands}) == len(commands), "a name is there twice")
    for each in commands:
        require(each["type"] == 1, "type of a command")
        require(set(each["contexts"]) <= {0, 1, 2} and set(each["integration_types"]) <= {0, 1}, "contexts")
        _check_definition(each)


def _check_definition(each):
    require(_NAME.fullmatch(each["name"]) and each["name"] == each["name"].lower(), f"name {each['name']}")
    require(1 <= len(each["description"]) <= 100, f"description of {each['name']}")
    options = each.get("options", [])
    require(len(options) <= 25, "more than 25 options")
    required = [option.get("required", False) for option in options if option["type"] > 2]
    require(required == sorted(required, reverse=True), "required options come first")
    for option in options:
        _check_definition(option)
