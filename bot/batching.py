"""Summaries that can wait: gathered, sent as batches, fetched when they are done; see docs/summaries.md."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.errors import BotError, LLMError
from bot.model.paper import ArxivId, Paper
from bot.model.summary import (
    BATCHED,
    BatchRequest,
    Gathered,
    Reply,
    Summary,
    SummaryKey,
    TextSource,
    Usage,
    Wish,
    share,
)
from bot.ports import BatchWriter, Clock, FullTexts, Storage
from bot.underway import Line, Sent, UnderWay

log = logging.getLogger(__name__)

EARLY = timedelta(hours=2)
"""What is shown sooner does not wait for a batch."""
LATE = timedelta(minutes=15)
"""What a batch has not brought so long before it is shown is made by a single call."""
LONGEST = timedelta(hours=26)
"""A batch that is not done by then, two hours after the provider's own limit, is given up."""
MOST = 100
"""Papers in one batch."""
_OVER = timedelta(days=1)
"""What should have been shown so long ago is not made any more: whoever was to see it has asked for it."""
START_WITHIN, RESUME_AFTER = timedelta(seconds=30), timedelta(minutes=2)
"""How soon after it was noted a batch is started by whoever noted it, and after how long another process does that."""
_ANNOUNCED_WITHIN = timedelta(days=14)


@dataclass(slots=True)
class Batching:
    """Summaries by the provider's batches.

    What waits and what is under way is stored: any process may add to it, and one at a time looks after it. Batches leave half
    of `budget` (tokens a day) to what cannot wait. `ended` counts the batches that are over.
    """

    storage: Storage
    texts: FullTexts
    writer: BatchWriter
    clock: Clock
    budget: int
    ended: int = 0
    _left: list[Gathered] = field(default_factory=list)

    @property
    def _under_way(self) -> UnderWay:
        return UnderWay(self.storage)

    async def may_wait(self, wishes: Sequence[Wish]) -> bool:
        """Whether a batch can bring it in time for all of them."""
        soon = self.clock() + EARLY
        return all(each.due is not None and each.due >= soon for each in wishes) and await self.writer.is_ready()

    async def take_on(self, wanted: Mapping[SummaryKey, Sequence[Wish]]) -> int:
        """Have these made by a batch, all of which `may_wait`: how many of the wishes cost no request."""
        new = await self.storage.gather([_gather(key, wishes) for key, wishes in wanted.items()])
        return sum(map(len, wanted.values())) - len(new)

    async def give_back(self, keys: Collection[SummaryKey]) -> Mapping[SummaryKey, Gathered]:
        """What waited for a batch and waits no longer: whoever takes it makes it."""
        return {each.key: each for each in await self.storage.drop_gathered(keys)}

    async def look(
        self, is_being_made: Callable[[SummaryKey], bool], key_of: Callable[[Paper, str], SummaryKey]
    ) -> Sequence[Gathered]:
        """Fetch what is done and send what gathered. Gives what has to be made by single calls.

        `is_being_made`: whether a single call is making it; what a batch brings of that is counted as spent, no more.
        `key_of`: under which key a summary in this language would be made today.
        """
        for batch in await self._under_way.load():
            try:
                await self._follow(batch, is_being_made)
            except BotError as error:
                log.warning("summaries batch=%s status=failed error=%r", batch.id or batch.file, str(error))
        await self._let_go(key_of)
        await self._send_gathered()
        left, self._left = self._left, []
        return left

    async def _leave(self, keys: Collection[SummaryKey]) -> None:
        """Leave to single calls what is still waited for. A digest that is due asks for it again, should we die before."""
        if keys:
            self._left += await self.storage.drop_gathered(keys)

    async def _let_go(self, key_of: Callable[[Paper, str], SummaryKey]) -> None:
        now, waiting = self.clock(), await self.storage.get_gathered()
        over = [each.key for each in waiting if now - each.due > _OVER]
        if over:
            await self.storage.drop_gathered(over)
        await self._leave(
            [each.key for each in waiting if each.due < now + LATE or each.key != key_of(each.paper, each.key.language)]
        )

    async def _send_gathered(self) -> None:
        waiting = await self.storage.get_gathered()
        if waiting and not await self.writer.is_ready():
            await self._leave([each.key for each in waiting])
            return
        under_way = {line.key for batch in await self._under_way.load() for line in batch.lines.values()}
        gathered = [each for each in waiting if each.key not in under_way][:MOST]
        written = [(each.key, request) for each in gathered if (request := await self._write(each)) is not None]
        # Texts take minutes to be fetched; meanwhile somebody may have tapped.
        still = {each.key: each for each in await self.storage.get_gathered()} if written else {}
        lines = {request.id: await self._reserve(still[key], request) for key, request in written if key in still}
        kept = {identifier: line for identifier, line in lines.items() if line is not None}
        if kept:
            await self._send([request for _, request in written if request.id in kept], kept)

    async def _write(self, wanted: Gathered) -> BatchRequest | None:
        """The request; None for what only has an abstract: that costs little, and may have its full text when asked again."""
        if await self.storage.get_summary(wanted.key) is not None:
            await self.storage.drop_gathered([wanted.key])
            return None
        text = await self.texts.fetch(wanted.paper)
        if text.source == TextSource.ABSTRACT:
            await self._leave([wanted.key])
            return None
        return await self.writer.write(wanted.paper, text, wanted.key.language)

    async def _reserve(self, wanted: Gathered, request: BatchRequest) -> Line | None:
        day = self.clock().astimezone(UTC).date()
        if not await self.storage.reserve_tokens(day, request.tokens, self.budget // 2):
            await self._leave([wanted.key])
            return None
        return Line(wanted.key, request.tokens, wanted.groups)

    async def _send(self, requests: Sequence[BatchRequest], lines: Mapping[str, Line]) -> None:
        """Note what is to be started before it is: whoever looks next finds at the provider whether that happened."""
        batch = Sent("", self.clock(), lines)
        try:
            batch = Sent("", self.clock(), lines, await self.writer.upload(requests))
        except LLMError as error:
            await self._not_sent(batch, error)
            return
        if not await self._under_way.claim(batch):
            await self._settle(batch, {})
            return
        # Whoever stood still meanwhile may have been replaced.
        if self.clock() - batch.at > START_WITHIN:
            return
        try:
            identifier = await self.writer.start(batch.file, sum(each.tokens for each in lines.values()))
        except LLMError as error:
            if error.spent:
                log.warning("summaries batch=%s status=unknown error=%r", batch.id or batch.file, str(error))
            elif await self._under_way.forget(batch):
                await self._not_sent(batch, error)
            return
        await self._under_way.identify(batch, identifier)
        log.info("summaries batch=%s status=sent papers=%d", identifier, len(lines))

    async def _not_sent(self, batch: Sent, error: LLMError) -> None:
        log.warning("summaries batch=none status=not-sent papers=%d error=%r", len(batch.lines), str(error))
        await self._leave(_keys(batch))
        await self._settle(batch, {})

    async def _follow(self, batch: Sent, is_being_made: Callable[[SummaryKey], bool]) -> None:
        """See what became of a batch: whether it was started, and whether it is done."""
        age = self.clock() - batch.at
        is_lost, replies = age > LONGEST, None
        try:
            if batch.id:
                replies = await self.writer.fetch(batch.id)
            elif age > RESUME_AFTER:
                await self._resume(batch)
        except LLMError as error:
            log.warning("summaries batch=%s status=unknown error=%r", batch.id or batch.file, str(error))
            is_lost |= error.is_final
        if replies is None and not is_lost:
            return
        made = await self._take_in(batch, replies or {}, is_being_made)
        # Forgotten before it is settled: a death in between costs a reservation, and nothing is counted twice.
        if not await self._under_way.forget(batch):
            return
        self.ended += 1
        await self._leave(_keys(batch))
        if replies is not None:
            await self._settle(batch, replies)
        log.info("summaries batch=%s status=ended papers=%d made=%d", batch.id or batch.file, len(batch.lines), made)

    async def _resume(self, batch: Sent) -> None:
        """Somebody died, or heard no answer, between the note and the provider's answer: it is started if it was not."""
        tokens = sum(each.tokens for each in batch.lines.values())
        found = await self.writer.find(batch.file) or await self.writer.start(batch.file, tokens)
        await self._under_way.identify(batch, found)
        log.info("summaries batch=%s status=resumed papers=%d", found, len(batch.lines))

    async def _take_in(
        self, batch: Sent, replies: Mapping[str, Reply], is_being_made: Callable[[SummaryKey], bool]
    ) -> int:
        """Keep each summary as soon as it is read, so that nobody begins a single call for it; how many there are."""
        made = 0
        async for summary in self._read(batch, replies):
            if not is_being_made(summary.key):
                await self.storage.save_summary(summary)
                await self.storage.drop_gathered([summary.key])
                made += 1
        return made

    async def _read(self, batch: Sent, replies: Mapping[str, Reply]) -> AsyncIterator[Summary]:
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

    async def _find_papers(self, batch: Sent) -> Mapping[tuple[ArxivId, int], Paper]:
        """The papers announced around that time; nobody may wait for them any more."""
        announced = await self.storage.get_announcements((batch.at - _ANNOUNCED_WITHIN).date())
        return {(each.id, each.version): each for day in announced for each in day.papers.values()}

    async def _settle(self, batch: Sent, replies: Mapping[str, Reply]) -> None:
        """Count what each line used. Those that failed cost nothing."""
        for identifier, line in batch.lines.items():
            reply = replies.get(identifier)
            used = Usage() if reply is None else reply.usage
            if reply is not None and not used.prompt:
                used = Usage(line.tokens)
            day, model = batch.at.astimezone(UTC).date(), line.key.model + BATCHED
            await self.storage.settle_tokens(day, line.tokens, model, share(used, line.groups))


def _keys(batch: Sent) -> list[SummaryKey]:
    return [each.key for each in batch.lines.values()]


def _gather(key: SummaryKey, wishes: Sequence[Wish]) -> Gathered:
    due = min((each.due for each in wishes if each.due is not None), default=datetime.max.replace(tzinfo=UTC))
    groups = Counter(each.group for each in wishes)
    return Gathered(key, wishes[0].paper, due, sum(each.weight for each in wishes), groups)
