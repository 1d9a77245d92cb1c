"""The language of the talk: English sentences are the messages, catalogues say them otherwise. Pure.

What is spoken belongs to the running task (`asyncio` hands it on to the tasks and threads a task starts), so that two
chats can be answered at the same time in two languages.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from gettext import GNUTranslations, NullTranslations
from io import BytesIO

ENGLISH = "en"
_ENGLISH_ONLY = NullTranslations()
_spoken: ContextVar[NullTranslations] = ContextVar("spoken", default=_ENGLISH_ONLY)


def tr(message: str, /, **fields: object) -> str:
    """`message` in the language spoken now; where there are `fields`, they fill its {places}."""
    said = _spoken.get().gettext(message) if message else ""
    return said.format(**fields) if fields else said


def tr_n(one: str, many: str, count: int, /, **fields: object) -> str:
    """The form of the message that goes with `count`, which also fills its {count}."""
    return _spoken.get().ngettext(one, many, count).format(count=count, **fields)


def later(message: str) -> str:
    """The message as it is, marked for translation: `tr` says it where it is shown."""
    return message


def base_language(tag: str) -> str:
    """The ISO 639-1 code in a client's language tag: `zh` for zh-CN, zh-TW and zh-hans; empty stays empty."""
    return tag.strip().replace("_", "-").partition("-")[0].lower()


@dataclass(frozen=True, slots=True)
class Languages:
    """What the bot can speak: English, and the languages of `catalogues`, by ISO 639-1 code."""

    catalogues: Mapping[str, NullTranslations] = field(default_factory=dict)

    @classmethod
    def from_mo(cls, files: Mapping[str, bytes]) -> "Languages":
        """The languages of compiled catalogues. Raises OSError for what is none."""
        return cls({code: GNUTranslations(BytesIO(content)) for code, content in files.items()})

    def has(self, code: str) -> bool:
        """Whether the bot speaks it; otherwise it speaks English."""
        return code == ENGLISH or code in self.catalogues

    def speak(self, code: str) -> None:
        """Speak this language from here to the end of the running task."""
        _spoken.set(self.catalogues.get(code, _ENGLISH_ONLY))

    @contextmanager
    def speaking(self, code: str) -> Iterator[None]:
        """Speak this language inside the block alone."""
        before = _spoken.set(self.catalogues.get(code, _ENGLISH_ONLY))
        try:
            yield
        finally:
            _spoken.reset(before)
