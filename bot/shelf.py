"""Papers that were looked up one by one, kept for a while so that buttons below their cards need not ask arXiv again."""

from dataclasses import dataclass, field

from bot.model.listing import Record
from bot.model.paper import ArxivId
from bot.ports import PaperLookup

_MOST = 500


@dataclass(slots=True)
class Shelf:
    """The papers last asked for, and how to get others."""

    lookup: PaperLookup
    _kept: dict[ArxivId, Record] = field(default_factory=dict)

    async def get(self, identifier: ArxivId) -> Record | None:
        """The newest version of the paper; None where arXiv does not know it, or not any more. Raises SourceError."""
        record = self._kept.pop(identifier, None) or (await self.lookup.fetch_papers([identifier])).get(identifier)
        if record is None or record.is_deleted:
            return None
        self._kept[identifier] = record
        if len(self._kept) > _MOST:
            del self._kept[next(iter(self._kept))]
        return record
