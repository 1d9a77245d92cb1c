"""What a model answered, read: JSON in fences, after thoughts, between prose, or cut off. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

LISTS = ("contributions", "methods", "results", "conclusions", "limitations")
_TEXTS = ("tldr", "code_url")
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "tldr": {"type": "string"},
        **{name: {"type": "array", "items": {"type": "string"}} for name in LISTS},
        "code_url": {"type": "string"},
    },
    "required": ["tldr", *LISTS, "code_url"],
    "additionalProperties": False,
}
"""What a server that can is told to keep to; the most common subset of JSON schema."""

LONGEST_ANSWER = 200_000
"""Characters that are looked at; a summary has two thousand."""
_MOST_STARTS = 10
_DEEPEST = 3
_DEEPEST_CUT = 10
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_LATE_THOUGHT_END = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_LONE_BACKSLASH = re.compile(r'\\(?:u(?![0-9a-fA-F]{4})|(?!["\\/bfnrtu]))|\\\\')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]|"', re.DOTALL)
_CLOSERS = {"{": "}", "[": "]"}
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The fields that were there, as the model wrote them. `is_whole`: they were not cut off."""

    tldr: str
    lists: dict[str, tuple[str, ...]]
    code_url: str = ""
    is_whole: bool = True


def read_answer(text: str) -> Answer | None:
    """The answer in a text, what is complete of one that was cut off, or None where there is none with a tldr."""
    plain = strip_thoughts(text[:LONGEST_ANSWER])
    starts = [found.start() for found in re.finditer(r"\{", plain)][:_MOST_STARTS]
    for start in starts:
        if answer := _take(_decode(plain[start:]), is_whole=True):
            return answer
    for start in starts:
        if answer := _take(_decode(_mend(plain[start:])), is_whole=False):
            return answer
    return None


def strip_thoughts(text: str) -> str:
    """The text without what a model thought aloud before it answered."""
    return _LATE_THOUGHT_END.sub("", _THOUGHT.sub("", text))


def _decode(text: str) -> object:
    for form in (text, _LONE_BACKSLASH.sub(lambda found: found[0] if found[0] == r"\\" else rf"\{found[0]}", text)):
        try:
            return _DECODER.raw_decode(form)[0]
        except (ValueError, RecursionError):
            continue
    return None


def _mend(text: str) -> str:
    """What comes before the last comma between values, and the brackets closed that are open there."""
    stack: list[str] = []
    cut, closers = 0, ""
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in _CLOSERS:
            stack.append(_CLOSERS[sign])
        elif sign in "]}" and stack:
            stack.pop()
        if sign == '"' or len(stack) > _DEEPEST_CUT:
            break
        if sign == ",":
            cut, closers = found.start(), "".join(reversed(stack))
    return text[:cut] + closers


def _take(content: object, *, is_whole: bool) -> Answer | None:
    """The fields of a decoded answer; wrong types are read as what they must have meant."""
    if not isinstance(content, dict):
        return None
    texts = {name: " ".join(_lines(content.get(name))) for name in _TEXTS}
    if not texts["tldr"].strip():
        return None
    return Answer(
        texts["tldr"], {name: tuple(_lines(content.get(name))) for name in LISTS}, texts["code_url"], is_whole
    )


def _lines(value: object, depth: int = 0) -> Iterator[str]:
    """The lines of a text, a list or an object of them; anything else has none."""
    if isinstance(value, str):
        yield from filter(None, map(str.strip, value.splitlines()))
    elif isinstance(value, list | dict) and depth < _DEEPEST:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _lines(each, depth + 1)
