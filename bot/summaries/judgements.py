"""What a model answered that was to judge papers, read and doubted. Pure."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.model.paper import ArxivId
from bot.summaries.answers import LONGEST_ANSWER, strip_thoughts

MOST = 10.0
"""The scale is from 0 to this."""
LEAST_TELLING = 4
"""So many judgements or more that are all alike tell nothing."""
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "scores": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": {"type": "string"}, "score": {"type": "number"}},
                "required": ["id", "score"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["scores"],
    "additionalProperties": False,
}
_MOST_STARTS = 10
_START = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Judgements:
    """What an answer said of the papers asked about. `fault`: why none of it can be used, or empty."""

    scores: Mapping[ArxivId, float]
    fault: str = ""


def read_judgements(text: str, ids: Sequence[ArxivId]) -> Judgements:
    """The scores in a text: those of `ids`, each said once, as numbers on the scale.

    Numbers off the scale, or fractions of 1 alone, mean that the model used another one: then nothing is to be believed.
    """
    plain = strip_thoughts(text[:LONGEST_ANSWER])
    for start in [found.start() for found in _START.finditer(plain)][:_MOST_STARTS]:
        said = [(name, score) for name, score in _pairs(_decode(plain[start:])) if name in set(ids)]
        if said:
            return _believe(said)
    return Judgements({}, "the model's answer is not the JSON that was asked for")


def doubt(scores: Mapping[ArxivId, float]) -> str:
    """Why judgements of so many papers tell nothing, or empty."""
    if len(scores) >= LEAST_TELLING and len(set(scores.values())) == 1:
        return "the model judged all papers alike"
    return ""


def _believe(said: Sequence[tuple[str, float]]) -> Judgements:
    numbers = [score for _, score in said]
    is_off = any(not 0 <= each <= MOST for each in numbers)
    is_fraction = max(numbers) <= 1 and any(0 < each < 1 for each in numbers)
    if is_off or is_fraction:
        return Judgements({}, "the model judged on another scale than asked for")
    often = Counter(name for name, _ in said)
    return Judgements({ArxivId(name): score for name, score in said if often[name] == 1})


def _decode(text: str) -> object:
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _pairs(content: object) -> Iterator[tuple[str, float]]:
    """Names with numbers: of a list of objects with `id` and `score`, or of an object from names to numbers."""
    if isinstance(content, dict) and "scores" in content:
        content = content["scores"]
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = [(each.get("id"), each.get("score")) for each in content if isinstance(each, dict)]
    else:
        return
    for name, value in items:
        number = _number(value)
        if isinstance(name, str) and number is not None:
            yield name.strip(), number


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
