"""What the model is asked: the operator's file, filled in. Pure."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bot.errors import ConfigError
from bot.model.paper import Paper
from bot.model.summary import Section

_HASH_LENGTH = 8
_LONGEST_TITLE = 500
REMINDERS = ("language", "unreadable", "truncated", "untrue")
"""What a second request can remind the model of."""

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt file, read. `name` holds its version and a hash of its text, so that every edit has another name."""

    name: str
    system: str
    reminders: Mapping[str, str]
    languages: Mapping[str, str]

    @classmethod
    def from_toml(cls, text: str) -> "Prompt":
        """The prompt of `config/prompts/summary.toml`. Raises ConfigError that says what is wrong with it."""
        try:
            content = tomllib.loads(text)
            hashed = sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
            reminders = {name: str(content["reminders"][name]) for name in REMINDERS}
            return cls(
                f"{content['version']}-{hashed}", _text(content["system"]), reminders, _names(content["languages"])
            )
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"The prompt is no TOML: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"The prompt lacks, or has a wrong {error}.") from error

    def fill(self, language: str, reminder: str = "") -> str:
        """The instructions for a summary in this language; `reminder` is one of REMINDERS."""
        text = f"{self.system}\n{self.reminders[reminder]}" if reminder else self.system
        return text.replace(
            "{language}", self.languages.get(language, f"the language with the ISO 639-1 code {language}")
        )

    def messages(self, paper: Paper, sections: Iterable[Section], language: str, reminder: str = "") -> Messages:
        """The request. The paper goes in JSON, out of which no text can break, in a message that is data alone."""
        return [
            {"role": "system", "content": self.fill(language, reminder)},
            {"role": "user", "content": encode_paper(paper, sections)},
        ]


def encode_paper(paper: Paper, sections: Iterable[Section]) -> str:
    """The paper as one JSON document."""
    return encode(
        {
            "title": paper.title[:_LONGEST_TITLE],
            "sections": [{"heading": each.title, "text": each.text} for each in sections],
        }
    )


def encode(content: object) -> str:
    """JSON that costs as few tokens as it can."""
    # A surrogate on its own cannot be sent as UTF-8.
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace").decode()


def _text(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    if not isinstance(value, str) or not value.strip():
        raise TypeError("system")
    return value.strip()


def _names(value: Mapping[str, object]) -> dict[str, str]:
    return {code: str(name) for code, name in value.items()}
