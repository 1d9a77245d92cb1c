"""How a server wants to be asked for JSON: found out by what it refuses, and remembered."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from bot.errors import StorageError
from bot.summaries.answers import SCHEMA

log = logging.getLogger(__name__)

FORMATS = ("json_schema", "json_object", "text")
LIMITS = ("max_tokens", "max_completion_tokens")

LoadNote = Callable[[str], Awaitable[str | None]]
SaveNote = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to ask: the output format, and what the greatest length is called."""

    format: str = FORMATS[0]
    limit: str = LIMITS[0]

    def options(self, most_tokens: int, schema: "Schema") -> dict[str, Any]:
        """What a request says besides model and messages. No temperature: some models refuse it."""
        limit: dict[str, Any] = {self.limit: most_tokens}
        match self.format:
            case "json_schema":
                wanted = {"name": schema.name, "strict": True, "schema": schema.content}
                return limit | {"response_format": {"type": "json_schema", "json_schema": wanted}}
            case "json_object":
                return limit | {"response_format": {"type": "json_object"}}
            case _:
                return limit

    def after(self, refusal: str) -> "Dialect | None":
        """What to try where this was refused with these words; None where nothing is left to try."""
        # OpenAI's newer models take nothing else, and say so; most other servers know the older name alone.
        if self.limit == LIMITS[0] and LIMITS[1] in refusal:
            return replace(self, limit=LIMITS[1])
        rung = FORMATS.index(self.format) + 1
        return replace(self, format=FORMATS[rung]) if rung < len(FORMATS) else None


@dataclass(frozen=True, slots=True)
class Schema:
    """What an answer shall look like."""

    name: str
    content: Mapping[str, object]


SUMMARY = Schema("summary", SCHEMA)


class Ladder:
    """What one server takes for one model. `load_note` and `save_note` keep one small text under a key, over restarts.

    `schema` is that of the answers asked for.
    """

    def __init__(
        self, base_url: str, model: str, load_note: LoadNote, save_note: SaveNote, schema: Schema = SUMMARY
    ) -> None:
        self.schema = schema
        self._key = f"llm_dialect:{sha256(f'{base_url} {model}'.encode()).hexdigest()[:16]}"
        self._load_note, self._save_note = load_note, save_note
        self._dialect: Dialect | None = None
        self._is_settled = False

    async def get(self) -> Dialect:
        """The best way to ask that was not refused yet."""
        if self._dialect is None:
            noted = _read(await self._load())
            self._dialect, self._is_settled = noted or Dialect(), noted is not None
        return self._dialect

    async def get_settled(self) -> Dialect | None:
        """The way that was answered before, to whichever process; None where none was yet."""
        if not self._is_settled:
            self._dialect = None
        dialect = await self.get()
        return dialect if self._is_settled else None

    async def _load(self) -> str | None:
        try:
            return await self._load_note(self._key)
        except StorageError as error:
            # A note saves some requests, no more.
            log.warning("llm_dialect error=%r", str(error))
            return None

    async def settle(self, dialect: Dialect) -> None:
        """Remember the way that was answered: only an answer shows that the way to ask was what had been refused."""
        if dialect != self._dialect or not self._is_settled:
            self._dialect, self._is_settled = dialect, True
            log.info("llm_dialect format=%s limit=%s", dialect.format, dialect.limit)
            try:
                await self._save_note(self._key, json.dumps(asdict(dialect)))
            except StorageError as error:
                log.warning("llm_dialect error=%r", str(error))


def _read(note: str | None) -> Dialect | None:
    try:
        dialect = Dialect(**json.loads(note or ""))
    except (ValueError, TypeError):
        return None
    return dialect if dialect.format in FORMATS and dialect.limit in LIMITS else None
