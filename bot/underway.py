"""Batches of summaries under way: kept in one note, which more than one process may change."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime

from bot.model.summary import SummaryKey
from bot.ports import Storage

log = logging.getLogger(__name__)

_NOTE = "llm_batches"


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch under way, what was set aside for it, and the kinds of chats that wanted it."""

    key: SummaryKey
    tokens: int
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch under way; its lines are found by the ids of their requests.

    `file` is what it was started from. `id` empty: that was about to happen at `at`, and may have happened.
    """

    id: str
    at: datetime
    lines: Mapping[str, Line]
    file: str = ""

    @property
    def name(self) -> str:
        """What it is known by from the beginning to the end."""
        return self.file or self.id


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The batches under way. Any method may raise StorageError."""

    storage: Storage

    async def load(self) -> list[Sent]:
        """All of them, the first one first."""
        return _read(await self.storage.get_note(_NOTE) or "")

    async def claim(self, batch: Sent) -> bool:
        """Keep a batch that is about to be started; False, and nothing is kept, where one of its summaries is under way."""

        def add(sent: list[Sent]) -> list[Sent]:
            taken = {line.key for each in sent for line in each.lines.values()}
            return sent if any(line.key in taken for line in batch.lines.values()) else [*sent, batch]

        return any(each.name == batch.name for each in (await self._change(add))[1])

    async def identify(self, batch: Sent, identifier: str) -> None:
        """Keep the id under which it was started, where it is under way."""
        await self._change(
            lambda sent: [replace(each, id=identifier) if each.name == batch.name else each for each in sent]
        )

    async def forget(self, batch: Sent) -> bool:
        """Keep it no longer; True for the one who ended that."""
        before, _ = await self._change(lambda sent: [each for each in sent if each.name != batch.name])
        return any(each.name == batch.name for each in before)

    async def _change(self, change: Callable[[list[Sent]], list[Sent]]) -> tuple[list[Sent], list[Sent]]:
        """The batches before and after."""
        before: list[Sent] = []

        def replaced(note: str) -> str:
            before[:] = _read(note)
            return _write(change(list(before)))

        note = await self.storage.change_note(_NOTE, replaced)
        return before, _read(note)


def _write(sent: Iterable[Sent]) -> str:
    batches = [
        {
            "id": batch.id,
            "file": batch.file,
            "at": batch.at.isoformat(),
            "lines": {
                identifier: [astuple(line.key), line.tokens, dict(line.groups)]
                for identifier, line in batch.lines.items()
            },
        }
        for batch in sent
    ]
    return json.dumps(batches) if batches else ""


def _read(note: str) -> list[Sent]:
    try:
        return [
            Sent(
                batch["id"],
                datetime.fromisoformat(batch["at"]),
                {
                    identifier: Line(SummaryKey(*key), tokens, groups)
                    for identifier, (key, tokens, groups) in batch["lines"].items()
                },
                batch.get("file", ""),
            )
            for batch in json.loads(note or "[]")
        ]
    except (ValueError, TypeError, LookupError) as error:
        # Of another version; what those batches had set aside counts as spent.
        log.warning("summaries batches=unreadable error=%r", str(error))
        return []
