"""How a server wants to be asked for JSON: found out by what it refuses, and remembered."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from bot.errors import StorageError
from bot.summaries.answers import SCHEMA

log = logging.getLogger(__name__)

FORMATS = ("json_schema", "json_object", "text")
LIMITS = ("max_tokens", "max_completion_tokens")
_RESPONSE_FORMATS: dict[str, dict[str, Any]] = {
    "json_schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "summary", "strict": True, "schema": SCHEMA},
        }
    },
    "json_object": {"response_format": {"type": "json_object"}},
    "text": {},
}

LoadNote = Callable[[str], Awaitable[str | None]]
SaveNote = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to ask: the output format, and what the greatest length is called."""

    format: str = FORMATS[0]
    limit: str = LIMITS[0]

    def options(self, most_tokens: int) -> dict[str, Any]:
        """What a request says besides model and messages. No temperature: some models refuse it."""
        return {self.limit: most_tokens, **_RESPONSE_FORMATS[self.format]}

    def after(self, refusal: str) -> "Dialect | None":
        """What to try where this was refused with these words; None where nothing is left to try."""
        # OpenAI's newer models take nothing else, and say so; most other servers know the older name alone.
        if self.limit == LIMITS[0] and LIMITS[1] in refusal:
            return replace(self, limit=LIMITS[1])
        rung = FORMATS.index(self.format) + 1
        return replace(self, format=FORMATS[rung]) if rung < len(FORMATS) else None


class Ladder:
    """What one server takes for one model. `load_note` and `save_note` keep one small text under a key, over restarts."""

    def __init__(self, base_url: str, model: str, load_note: LoadNote, save_note: SaveNote) -> None:
        self._key = f"llm_dialect:{sha256(f'{base_url} {model}'.encode()).hexdigest()[:16]}"
        self._load_note, self._save_note = load_note, save_note
        self._dialect: Dialect | None = None

    async def get(self) -> Dialect:
        """The best way to ask that was not refused yet."""
        if self._dialect is None:
            self._dialect = _read(await self._load())
        return self._dialect

    async def _load(self) -> str | None:
        try:
            return await self._load_note(self._key)
        except StorageError as error:
            # A note saves some requests, no more.
            log.warning("llm_dialect error=%r", str(error))
            return None

    async def settle(self, dialect: Dialect) -> None:
        """Remember the way that was answered: only an answer shows that the way to ask was what had been refused."""
        if dialect != self._dialect:
            self._dialect = dialect
            log.info("llm_dialect format=%s limit=%s", dialect.format, dialect.limit)
            try:
                await self._save_note(self._key, json.dumps(asdict(dialect)))
            except StorageError as error:
                log.warning("llm_dialect error=%r", str(error))


def _read(note: str | None) -> Dialect:
    try:
        dialect = Dialect(**json.loads(note or "{}"))
    except (ValueError, TypeError):
        return Dialect()
    return dialect if dialect.format in FORMATS and dialect.limit in LIMITS else Dialect()
