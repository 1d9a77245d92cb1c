"""Telegram's kind of text: HTML that says only what we mean, counted and split as Telegram counts. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape

from bot.model.paper import ArxivId
from bot.rendering.clean import clean, without_hidden

MOST_UNITS = 4096
"""UTF-16 units of one message, counted after its markup is taken away."""
MOST_ENTITIES = 100
"""Telegram silently ignores what comes after the hundredth entity of a message."""

_JOINER = "\u2060"
"""Word joiner: invisible, takes no room, allows no line break, and ends whatever Telegram would make clickable."""
# Telegram links, without being asked, domains (cs.CL is one, in Chile), IP addresses, schemes, mentions, hashtags,
# cashtags, commands and card numbers: https://github.com/tdlib/td/blob/master/td/telegram/MessageEntity.cpp
_CLICKABLE = re.compile(
    r"(?<=\S)\.(?=[^\W\d])|(?<=\d)\.(?=\d{1,3}(?!\d|\.\d))|:(?=//)|@(?=\w)|#(?=[\w·])|\$(?=[A-Z1])|(?:\d[ -]*){7}\d(?=[ -]*\d)"
)
_COMMAND = re.compile(r"(?<!\w)/(?=\w)")
_ELLIPSIS = "…"
# https://core.telegram.org/bots/features#deep-linking
_START_LINE = re.compile(r"^/start ([\w-]{1,64})$", re.ASCII | re.MULTILINE)
# A fragment grows by at most a half when it is made unclickable.
_FRAGMENT_UNITS = MOST_UNITS * 2 // 3
_LINK = r"https://arxiv\.org/(?:abs|pdf|html)/[\w./-]*\w|https://www\.zotero\.org/settings/keys(?:/new)?"


def units(text: str) -> int:
    """The length of `text` as Telegram counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def defuse(text: str, *, keep_commands: bool = False) -> str:
    """`text` such that Telegram makes nothing of it clickable; with `keep_commands`, nothing but commands."""
    inert = _CLICKABLE.sub(rf"\g<0>{_JOINER}", text)
    return inert if keep_commands else _COMMAND.sub(f"/{_JOINER}", inert)


def without_joiners(text: str) -> str:
    """What a person copied out of a message of ours, as it was before it was made unclickable."""
    return text.replace(_JOINER, "")


def shorten(text: str, most: int) -> str:
    """`text`, or as many of its words as fit `most` UTF-16 units with an ellipsis behind them."""
    if units(text) <= most:
        return text
    cut = _prefix(text, most - 2)
    words = cut.rpartition(" ")[0]
    return f"{words or cut} {_ELLIPSIS}"


def _prefix(text: str, most: int) -> str:
    """The first characters of `text` that make up at most `most` units."""
    cut = text[:most]
    while units(cut) > most:
        cut = cut[: -(-(units(cut) - most) // 2)]
    return cut


@dataclass(frozen=True, slots=True)
class Markup:
    """A stretch of a message twice: as Telegram's HTML, and as the plain text that is seen of it. `papers`: those it shows."""

    html: str = ""
    plain: str = ""
    entities: int = 0
    papers: tuple[ArxivId, ...] = ()

    def __add__(self, other: "Markup") -> "Markup":
        return Markup(
            self.html + other.html,
            self.plain + other.plain,
            self.entities + other.entities,
            self.papers + other.papers,
        )

    @property
    def units(self) -> int:
        """Its length as Telegram counts it."""
        return units(self.plain)

    @property
    def is_sendable(self) -> bool:
        """Whether it fits into one message.

        Not counted: Telegram's 32,768 bytes of raw HTML. No unit takes more than the 5 bytes of `&amp;`, and 100 short
        tags and links come to less than what is left.
        """
        return self.units <= MOST_UNITS and self.entities <= MOST_ENTITIES


# Thousands of chats get the same abstracts within minutes.
@lru_cache(maxsize=1024)
def plain(text: str) -> Markup:
    """Text that is nothing but text."""
    inert = defuse(text)
    return Markup(escape(inert, quote=False), inert)


def tagged(tag: str, inside: Markup) -> Markup:
    """`inside` within one element, such as `b` or `blockquote expandable`."""
    return replace(inside, html=f"<{tag}>{inside.html}</{tag.partition(' ')[0]}>", entities=inside.entities + 1)


def linked(inside: Markup, url: str) -> Markup:
    """`inside` as a link to `url`."""
    return replace(inside, html=f'<a href="{escape(url)}">{inside.html}</a>', entities=inside.entities + 1)


def address(text: str) -> Markup:
    """An address of ours, which Telegram may well recognise."""
    return Markup(escape(text, quote=False), text)


def fitted(text: str, room: int) -> Markup:
    """Plain text shortened so that it takes at most `room` units, what makes it unclickable included."""
    taken = room
    while (made := plain(shorten(text, taken))).units > room:
        taken -= made.units - room
    return made


def joined(separator: str, parts: Iterable[Markup]) -> Markup:
    """The parts that are not empty, one after the other."""
    whole = Markup()
    for part in parts:
        if part.plain:
            whole = whole + Markup(separator, separator) + part if whole.plain else part
    return whole


def spoken(text: str, bot_name: str) -> Iterator[tuple[str, Markup]]:
    """A reply's own words as (separator, fragment): commands stay clickable, and links to arXiv, to Zotero's keys and to this bot.

    A line that is /start with a payload becomes the links that say it, in private and in a group.
    """
    # The name is a user's choice of letters, digits and _ only, so that it needs no escaping.
    own = rf"|https://t\.me/{bot_name}(?:\?[\w=&-]*)?(?![\w/.])" if bot_name else ""
    link = re.compile(f"({_LINK}{own})")
    if bot_name:
        text = _START_LINE.sub(rf"https://t.me/{bot_name}?start=\1\nhttps://t.me/{bot_name}?startgroup=\1", text)
    lines = (re.sub(r"(?<=\S) {2,}", " ", line.rstrip()) for line in clean(text).strip("\n").split("\n"))
    for number, (separator, fragment) in enumerate(_fragments(lines)):
        # Two halves of a number or an address must not meet again in one message.
        pieces = link.split(fragment if separator == "\n" or not number else _JOINER + fragment)
        yield separator, joined("", (_word(piece, place % 2 == 1) for place, piece in enumerate(pieces)))


def _word(piece: str, is_link: bool) -> Markup:  # noqa: FBT001 - one caller, one line above
    if is_link:
        return linked(address(piece), piece)
    inert = defuse(piece, keep_commands=True)
    return Markup(escape(inert, quote=False), inert)


def verbatim(text: str) -> Iterator[tuple[str, Markup]]:
    """Text to be copied, character for character, as (separator, fragment)."""
    for separator, fragment in _fragments(without_hidden(text).split("\n")):
        yield separator, Markup(f"<pre>{escape(fragment, quote=False)}</pre>", fragment, 1)


def copied(text: str) -> Markup:
    """A text of several lines as one block to be copied; it must fit one message."""
    shown = without_hidden(text)
    return Markup(f"<pre>{escape(shown, quote=False)}</pre>", shown, 1)


def _fragments(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Lines, and the words of lines that are too long for a message, each with what separates it from the one before."""
    for number, line in enumerate(lines):
        separator, rest = "\n" if number else "", line
        while units(rest) > _FRAGMENT_UNITS:
            cut = _prefix(rest, _FRAGMENT_UNITS)
            words = cut.rpartition(" ")[0]
            taken = words or cut
            yield separator, taken
            separator, rest = " " if words else "", rest[len(taken) :].lstrip(" ")
        yield separator, rest


def pack(parts: Iterable[tuple[str, Markup]]) -> list[Markup]:
    """The parts in as few messages as their order allows; a separator at the start of a message is left out."""
    messages: list[Markup] = []
    for separator, part in parts:
        if messages and (longer := messages[-1] + Markup(separator, separator) + part).is_sendable:
            messages[-1] = longer
        elif part.plain.strip():
            messages.append(part)
    return messages
