"""Summaries that can wait: gathered, sent as batches, fetched when they are done; see docs/summaries.md."""

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta

from bot.errors import BotError, LLMError
from bot.model.paper import ArxivId, Paper
from bot.model.summary import (
    BATCHED,
    BatchRequest,
    Reply,
    Summary,
    SummaryKey,
    TextSource,
    Usage,
    Wish,
    share,
)
from bot.ports import BatchWriter, Clock, FullTexts, Storage

log = logging.getLogger(__name__)

EARLY = timedelta(hours=2)
"""What is shown sooner does not wait for a batch."""
LATE = timedelta(minutes=15)
"""What a batch has not brought so long before it is shown is made by a single call."""
LONGEST = timedelta(hours=26)
"""A batch that is not done by then, two hours after the provider's own limit, is given up."""
MOST = 100
"""Papers in one batch."""
_ANNOUNCED_WITHIN = timedelta(days=14)
_NOTE = "llm_batches"


@dataclass(frozen=True, slots=True)
class _Line:
    """One request of a batch under way, what was set aside for it, and the kinds of chats that wanted it."""

    key: SummaryKey
    tokens: int
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch under way; its lines are found by the ids of their requests."""

    id: str
    at: datetime
    lines: Mapping[str, _Line]


@dataclass(slots=True)
class Batching:
    """Summaries by the provider's batches.

    What is under way is kept in a note, so that the next process fetches it. Batches leave half of `budget` (tokens a day)
    to what cannot wait. `ended` counts the batches that are over.
    """

    storage: Storage
    texts: FullTexts
    writer: BatchWriter
    clock: Clock
    budget: int
    ended: int = 0
    _waiting: dict[SummaryKey, list[Wish]] = field(default_factory=dict)
    _left: list[Wish] = field(default_factory=list)
    _sent: list[_Sent] | None = None

    async def take_on(self, key: SummaryKey, wishes: Sequence[Wish]) -> int | None:
        """Have it made by a batch: how many of the wishes cost no request. None, and nothing is done, where they cannot wait."""
        soon = self.clock() + EARLY
        if any(each.due is None or each.due < soon for each in wishes) or not await self.writer.is_ready():
            return None
        spared = len(wishes) - (key not in self._waiting)
        self._waiting.setdefault(key, []).extend(wishes)
        return spared

    def give_back(self, key: SummaryKey) -> Sequence[Wish]:
        """The wishes that waited for a batch and wait no longer: whoever takes them fulfils them."""
        return self._waiting.pop(key, [])

    async def look(self, is_being_made: Callable[[SummaryKey], bool]) -> Sequence[Wish]:
        """Fetch what is done and send what gathered. Gives the wishes that have to be fulfilled by single calls.

        `is_being_made`: whether a single call is making it; what a batch brings of that is counted as spent, no more.
        """
        sent = await self._load()
        for batch in tuple(sent):
            try:
                await self._fetch(batch, sent, is_being_made)
            except BotError as error:
                log.warning("summaries batch=%s status=failed error=%r", batch.id, str(error))
        self._let_go()
        await self._send_gathered(sent)
        left, self._left = self._left, []
        return left

    def _leave(self, keys: Iterable[SummaryKey]) -> None:
        """Leave to single calls what is still waited for."""
        for key in keys:
            self._left += self._waiting.pop(key, [])

    def _let_go(self) -> None:
        late = self.clock() + LATE
        self._leave(
            [key for key, wishes in self._waiting.items() if any(each.due and each.due < late for each in wishes)]
        )

    async def _send_gathered(self, sent: list[_Sent]) -> None:
        if self._waiting and not await self.writer.is_ready():
            self._leave(tuple(self._waiting))
        under_way = {line.key for batch in sent for line in batch.lines.values()}
        gathered = [key for key in self._waiting if key not in under_way][:MOST]
        written = [(key, request) for key in gathered if (request := await self._write(key)) is not None]
        lines = {request.id: await self._reserve(key, request) for key, request in written}
        kept = {identifier: line for identifier, line in lines.items() if line is not None}
        if kept:
            await self._send([request for _, request in written if request.id in kept], kept, sent)

    async def _write(self, key: SummaryKey) -> BatchRequest | None:
        """The request; None for what only has an abstract: that costs little, and may have its full text when asked again."""
        if key not in self._waiting:
            return None
        paper = self._waiting[key][0].paper
        text = await self.texts.fetch(paper)
        if text.source == TextSource.ABSTRACT:
            self._leave([key])
            return None
        return await self.writer.write(paper, text, key.language)

    async def _reserve(self, key: SummaryKey, request: BatchRequest) -> _Line | None:
        # Texts take minutes to be fetched; meanwhile somebody may have tapped.
        if key not in self._waiting:
            return None
        groups = Counter(each.group for each in self._waiting[key])
        if not await self.storage.reserve_tokens(self.clock().astimezone(UTC).date(), request.tokens, self.budget // 2):
            self._leave([key])
            return None
        return _Line(key, request.tokens, groups)

    async def _send(self, requests: Sequence[BatchRequest], lines: Mapping[str, _Line], sent: list[_Sent]) -> None:
        now = self.clock()
        try:
            identifier = await self.writer.send(requests)
        except LLMError as error:
            log.warning("summaries batch=none status=not-sent papers=%d error=%r", len(lines), str(error))
            self._leave(line.key for line in lines.values())
            # What may be under way all the same stays set aside: nobody will see its end.
            if not error.spent:
                await self._settle(_Sent("", now, lines), {})
            return
        sent.append(_Sent(identifier, now, lines))
        await self._save(sent)
        log.info("summaries batch=%s status=sent papers=%d", identifier, len(lines))

    async def _fetch(self, batch: _Sent, sent: list[_Sent], is_being_made: Callable[[SummaryKey], bool]) -> None:
        is_lost = self.clock() - batch.at > LONGEST
        replies: Mapping[str, Reply] | None = None
        try:
            replies = await self.writer.fetch(batch.id)
        except LLMError as error:
            log.warning("summaries batch=%s status=unknown error=%r", batch.id, str(error))
            is_lost |= error.is_final
        if replies is None and not is_lost:
            return
        made = await self._take_in(batch, replies or {}, is_being_made)
        # Forgotten before it is settled: a death in between costs a reservation, and nothing is counted twice.
        await self._save([each for each in sent if each is not batch])
        sent.remove(batch)
        self.ended += 1
        self._leave(line.key for line in batch.lines.values())
        log.info("summaries batch=%s status=ended papers=%d made=%d", batch.id, len(batch.lines), made)
        if replies is not None:
            await self._settle(batch, replies)

    async def _take_in(
        self, batch: _Sent, replies: Mapping[str, Reply], is_being_made: Callable[[SummaryKey], bool]
    ) -> int:
        """Keep each summary as soon as it is read, so that nobody begins a single call for it; how many there are."""
        made = 0
        async for summary in self._read(batch, replies):
            if not is_being_made(summary.key):
                await self.storage.save_summary(summary)
                self._waiting.pop(summary.key, None)
                made += 1
        return made

    async def _read(self, batch: _Sent, replies: Mapping[str, Reply]) -> AsyncIterator[Summary]:
        """The summaries in the replies that can be used and that nobody has yet."""
        papers = await self._find_papers(batch)
        for identifier, line in batch.lines.items():
            paper, reply = papers.get((line.key.id, line.key.version)), replies.get(identifier)
            if paper is None or reply is None or await self.storage.get_summary(line.key) is not None:
                continue
            text = await self.texts.fetch(paper)
            summary = await self.writer.read(identifier, reply, paper, text, line.key.language)
            if summary is not None and summary.key == line.key:
                yield summary

    async def _find_papers(self, batch: _Sent) -> Mapping[tuple[ArxivId, int], Paper]:
        """The papers announced around that time; the process that sent the batch may be gone."""
        announced = await self.storage.get_announcements((batch.at - _ANNOUNCED_WITHIN).date())
        return {(each.id, each.version): each for day in announced for each in day.papers.values()}

    async def _settle(self, batch: _Sent, replies: Mapping[str, Reply]) -> None:
        """Count what each line used. Those that failed cost nothing."""
        for identifier, line in batch.lines.items():
            reply = replies.get(identifier)
            used = Usage() if reply is None else reply.usage
            if reply is not None and not used.prompt:
                used = Usage(line.tokens)
            day, model = batch.at.astimezone(UTC).date(), line.key.model + BATCHED
            await self.storage.settle_tokens(day, line.tokens, model, share(used, line.groups))

    async def _load(self) -> list[_Sent]:
        if self._sent is None:
            note = await self.storage.get_note(_NOTE) or "[]"
            try:
                self._sent = _from_note(note)
            except (ValueError, TypeError, LookupError) as error:
                # Of another version; what those batches had set aside counts as spent.
                log.warning("summaries batches=unreadable error=%r", str(error))
                self._sent = []
        return self._sent

    async def _save(self, sent: Sequence[_Sent]) -> None:
        await self.storage.set_note(_NOTE, _to_note(sent) if sent else "")


def _to_note(sent: Iterable[_Sent]) -> str:
    return json.dumps(
        [
            {
                "id": batch.id,
                "at": batch.at.isoformat(),
                "lines": {
                    identifier: [astuple(line.key), line.tokens, dict(line.groups)]
                    for identifier, line in batch.lines.items()
                },
            }
            for batch in sent
        ]
    )


def _from_note(text: str) -> list[_Sent]:
    return [
        _Sent(
            batch["id"],
            datetime.fromisoformat(batch["at"]),
            {
                identifier: _Line(SummaryKey(*key), tokens, groups)
                for identifier, (key, tokens, groups) in batch["lines"].items()
            },
        )
        for batch in json.loads(text)
    ]
