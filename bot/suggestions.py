"""What a new chat may tap instead of typing. Pure."""

import tomllib
from collections.abc import Mapping, Sequence

from bot.errors import ConfigError

Suggestions = Mapping[str, tuple[str, ...]]
"""Topics that readers of a category often follow, by category; the popular categories first."""


def read_suggestions(text: str) -> Suggestions:
    """The suggestions in the content of a `suggestions.toml`. Raises ConfigError."""
    try:
        return {code: tuple(topics) for code, topics in tomllib.loads(text).items()}
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigError(f"suggestions.toml cannot be read: {error!r}") from error


def suggest_topics(suggestions: Suggestions, categories: Sequence[str], most: int) -> tuple[str, ...]:
    """At most `most` topics for these categories, each category's first topics before anybody's second."""
    lists = [suggestions[code] for code in categories if code in suggestions]
    longest = max(map(len, lists), default=0)
    turns = (topics[turn] for turn in range(longest) for topics in lists if turn < len(topics))
    return tuple(dict.fromkeys(turns))[:most]
