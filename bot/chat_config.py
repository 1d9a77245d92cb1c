"""A chat's whole configuration as JSON, out and in. Pure.

Two forms are read: our own, and `config.json` of the bot this project grew from (categories, keywords,
exclude_keywords, max_papers, days_back, min_score). The minimum score of the latter, and of what was exported before
scores were numbers from 0 to 100, is in points, and is read as about as strict a score.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.calibration import least_score
from bot.errors import UserError
from bot.language import tr
from bot.model.subscription import Subscription
from bot.preferences import PREFERENCES, Preference
from bot.topics import quote_keyword

FORMAT = "paperround-chat"
VERSION = 2
_IN_POINTS = 1
"""The version in which `min_score` was in points."""
_SAMPLE = '{"categories": ["cs.CL"], "topics": ["kv cache"], "settings": {"max_papers": 10}}'


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """What a file asks for, not yet checked against the taxonomy or any limit.

    `settings` holds only what the file states. `keywords` and `excludes` are the original's words as they are.
    """

    categories: tuple[str, ...]
    topics: tuple[str, ...]
    settings: dict[str, str]
    muted: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


def write_config(subscription: Subscription) -> str:
    """The configuration on one line of JSON, so that it can be sent back as a message."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "categories": subscription.categories,
            "topics": subscription.topics,
            "muted": subscription.muted,
            "settings": {each.name: _value(subscription, each) for each in PREFERENCES},
        },
        ensure_ascii=False,
    )


def _value(subscription: Subscription, preference: Preference) -> object:
    value = getattr(subscription, preference.name)
    return preference.show(subscription) if isinstance(value, bool) else value


def read_config(text: str) -> ChatConfig:
    """The configuration in `text`. Raises UserError that says what is wrong and where."""
    try:
        content = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        problem = tr("This is not JSON.")
        if isinstance(error, json.JSONDecodeError):
            problem = tr("This is not JSON (line {line}, column {column}).", line=error.lineno, column=error.colno)
        raise UserError(_with_example(problem)) from error
    if not isinstance(content, dict):
        raise UserError(tr("A configuration is a JSON object in braces, such as") + f"\n{_SAMPLE}")
    version = content.get("version", VERSION)
    if content.get("format") not in (None, FORMAT) or version not in (_IN_POINTS, VERSION):
        raise UserError(
            tr("This configuration is of a form this version does not know. Export it again, or update Paperround.")
        )
    known = {"format", "version", "categories", "topics", "muted", "settings", "keywords", "exclude_keywords"}
    known |= {each.name for each in PREFERENCES}
    if not known & content.keys():
        raise UserError(_with_example(tr("Nothing in it says categories or topics.")))
    keywords, excludes = _words(content, "keywords"), _words(content, "exclude_keywords")
    topics = [*_words(content, "topics")]
    topics += [quote_keyword(word) for word in keywords if word.strip()]
    topics += ["-" + quote_keyword(word, always=True) for word in excludes if word.strip()]
    muted = _words(content, "muted")
    settings = _settings(content)
    if version == _IN_POINTS or "min_score" not in content.get("settings", {}):
        settings = _with_score(settings, [each for each in topics if each not in muted])
    return ChatConfig(_words(content, "categories"), tuple(topics), settings, muted, keywords, excludes)


def _with_score(settings: dict[str, str], topics: Sequence[str]) -> dict[str, str]:
    """The settings with a minimum of points, if there is one, as a score; what is no number is left to its own check."""
    try:
        points = float(settings["min_score"])
    except (KeyError, ValueError):
        return settings
    return settings if math.isnan(points) else settings | {"min_score": str(least_score(points, topics))}


def _with_example(problem: str) -> str:
    lead = tr("{first} {second}", first=problem, second=tr("A configuration looks like"))
    return f"{lead}\n{_SAMPLE}"


def _words(content: dict[str, Any], name: str) -> tuple[str, ...]:
    value = content.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UserError(tr('"{name}" must be a list of words in quotes, such as "{name}": ["…", "…"].', name=name))
    return tuple(value)


def _settings(content: dict[str, Any]) -> dict[str, str]:
    """The settings as text, from the object `settings` of our form or the top level of the original's."""
    stated = content.get("settings", {})
    if not isinstance(stated, dict):
        raise UserError(
            tr('"settings" must be an object, such as {example}.', example='"settings": {"max_papers": 10}')
        )
    values = {**{each.name: content[each.name] for each in PREFERENCES if each.name in content}, **stated}
    for name, value in values.items():
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            values[name] = ",".join(value)
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            raise UserError(tr('"{name}" must be a number or a word.', name=name))
    return {name: value if isinstance(value, str) else f"{value:.10g}" for name, value in values.items()}
