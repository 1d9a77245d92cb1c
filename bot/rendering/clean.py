"""Text from arXiv, from people and from an LLM without what would hide, reorder or move things, for every platform. Pure."""

import re
import unicodedata
from collections.abc import Iterator

# Controls (a terminal would obey them), soft hyphen, bidi marks, zero-width and filler characters, tags, surrogates.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LINE_END = re.compile("\r\n?|[\u2028\u2029]")
MOST_MARKS = 4
"""Combining marks on one character: enough for every living script, too few to climb over other lines."""


def clean(text: str, most_marks: int = MOST_MARKS) -> str:
    """`text` without characters that hide or reorder, without more marks on a character than that, its lines kept."""
    shown = without_hidden(_LINE_END.sub("\n", text).replace("\t", " "))
    return shown if shown.isascii() else "".join(_with_few_marks(shown, most_marks))


def clean_line(text: str, most_marks: int = MOST_MARKS) -> str:
    """`text` as one clean line."""
    return " ".join(clean(text, most_marks).split())


def without_hidden(text: str) -> str:
    """`text` character for character, but for those that hide or reorder; for what is to be copied."""
    return _HIDDEN.sub("", text)


def _with_few_marks(text: str, most: int) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= most:
            yield character
