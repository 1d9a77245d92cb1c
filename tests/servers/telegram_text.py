"""What Telegram makes of a text: TDLib itself, offline.

TDLib is the library of Telegram's own clients and of its Bot API server; what it refuses or links, Telegram does.
"""

import json
from dataclasses import dataclass

import tdjson

# Explicit entities inside which nothing is linked by itself: td/telegram/MessageEntity.cpp, `merge_entities`.
_OPAQUE = {"TextUrl", "Code", "Pre", "PreCode", "MentionName"}
# Bots get none of these, and they are links in replies to media alone.
_NOT_FOR_BOTS = {"MediaTimestamp"}


class RefusedTextError(Exception):
    """The text cannot be sent; the message is what the Bot API says."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of text with a meaning. `kind` is TDLib's name, such as Bold, TextUrl, Url, Mention, BotCommand."""

    kind: str
    text: str
    offset: int
    length: int
    url: str = ""


def utf16_length(text):
    return len(text.encode("utf-16-le")) // 2


def judge(html):
    """The visible text and all entities, meant or not, of a message sent with parse mode HTML.

    Raises RefusedTextError where Telegram would not take it.
    """
    parsed = _execute("parseTextEntities", text=html, parse_mode={"@type": "textParseModeHTML"})
    if parsed["@type"] == "error":
        message = parsed["message"]
        raise RefusedTextError(f"Bad Request: {message[:1].lower()}{message[1:]}")
    return parsed["text"], _merge(_entities(parsed), find_links(parsed["text"]))


def judge_plain(text):
    """The text itself, with what Telegram links in it, as sent without parse mode."""
    return text, find_links(text)


def find_links(text):
    """What Telegram makes clickable without being asked."""
    found = _entities({"text": text, **_execute("getTextEntities", text=text)})
    return [each for each in found if each.kind not in _NOT_FOR_BOTS]


def _merge(meant, found):
    opaque = [(each.offset, each.offset + each.length) for each in meant if each.kind in _OPAQUE]
    free = [
        each
        for each in found
        if not any(start < each.offset + each.length and each.offset < end for start, end in opaque)
    ]
    return sorted([*meant, *free], key=lambda each: (each.offset, -each.length))


def _entities(formatted):
    raw = formatted["text"].encode("utf-16-le")
    return [
        Entity(
            each["type"]["@type"].removeprefix("textEntityType"),
            raw[2 * each["offset"] : 2 * (each["offset"] + each["length"])].decode("utf-16-le"),
            each["offset"],
            each["length"],
            each["type"].get("url", ""),
        )
        for each in formatted["entities"]
    ]


def _execute(name, **fields):
    return json.loads(tdjson.td_execute(json.dumps({"@type": name, **fields}).encode()))


_execute("setLogVerbosityLevel", new_verbosity_level=0)
