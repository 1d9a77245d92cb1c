"""Other people's text made harmless for Discord. Pure.

What Discord reads: https://docs.discord.com/developers/reference#message-formatting
"""

import re

from bot.rendering.clean import clean, clean_line

_MOST_MARKS = 3
_JOINER = "\u2060"  # of no width; unlike a zero width space it allows no line break
_MARKUP = re.compile(r"[\\*_~|`\[\]<>#]|:(?=[\w+-]+:)")
# No backslash keeps these from being seen: they are found before Markdown is.
_SEEN_FIRST = re.compile(
    r"@|:(?=//)|(?i:\.(?=(?:com|net|org|io|gg|xyz|info|dev|app|link)\b|[^\W\d_]{2,}(?:/|:\d)|xn--))|(?i:(?<=\bwww)\.)"
)
_LINE_START = re.compile(r"^([ \t]*)(?:([-+])|(\d{1,9})([.)]))(?=\s|$)", re.MULTILINE)
_PAPER_LINK = re.compile(
    r"(?<![\w/<(.])(https://arxiv\.org/abs/(?:\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?/\d{7})(?:v\d{1,3})?"
    r"|https://www\.zotero\.org/settings/keys(?:/new)?)(?![\w/?#&=%@:~-])"
)
_BLANKS = re.compile(r"[^\S\n]*\n[^\S\n]*\n\s*")


def escape(text: str) -> str:
    """Text that shows as it is: no formatting, mention, emoji, timestamp, list or link comes of it."""
    return guard_lines(_escape_inline(clean(text, _MOST_MARKS)))


def unbroken(text: str) -> str:
    """What a person copied from an escaped text, as it was."""
    return text.replace(_JOINER, "")


def escape_line(text: str, limit: int) -> str:
    """The same in one line of at most `limit` code points, cut at a word where it is longer."""
    return cut(escape(clean_line(text, _MOST_MARKS)), limit)


def escape_reply(text: str) -> str:
    """The same for a reply, in which addresses of abstract pages stay links, without a preview."""
    pieces = _PAPER_LINK.split(_BLANKS.sub("\n\n", clean(text, _MOST_MARKS)))
    return guard_lines("".join(f"<{each}>" if place % 2 else _escape_inline(each) for place, each in enumerate(pieces)))


def label(text: str, limit: int) -> str:
    """The same for buttons and menus, which know no Markdown."""
    line = clean_line(text, _MOST_MARKS) or "…"
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _escape_inline(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", _SEEN_FIRST.sub(rf"\g<0>{_JOINER}", text))


def guard_lines(text: str) -> str:
    """Escaped text whose lines begin no list; lines that are guarded already stay as they are."""
    return _LINE_START.sub(lambda found: f"{found[1]}{found[3] or ''}\\{found[2] or found[4]}", text)


def cut(escaped: str, limit: int) -> str:
    """Escaped text of at most `limit` code points, cut at a word and never within an escape."""
    if len(escaped) <= limit:
        return escaped
    return f"{head(escaped, limit - 2).rstrip()} …"


def head(escaped: str, limit: int) -> str:
    """The longest beginning of at most `limit` code points that ends at a line, else a word, else anywhere safe."""
    part = escaped[:limit]
    for gap in ("\n", " "):
        place = part.rfind(gap)
        if place > limit // 2:
            return part[:place]
    slashes = len(part) - len(part.rstrip("\\"))
    return part[:-1] if slashes % 2 else part


def split(escaped: str, limit: int) -> tuple[str, ...]:
    """Escaped text in pieces of at most `limit` code points, split at lines where that is possible."""
    pieces: list[str] = []
    rest = escaped.strip()
    while rest:
        piece = rest if len(rest) <= limit else head(rest, limit - 2)
        pieces.append(piece.rstrip())
        after = rest[len(piece) :]
        # What stood within a line stands at the beginning of one now.
        rest = after.strip() if after.startswith("\n") else guard_lines(after.strip())
    return tuple(pieces)
