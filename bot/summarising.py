"""Summaries as they are wanted: each made once, what matters first, within the day's budget; see ADR 0011."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from bot.batching import Batching
from bot.errors import BotError, LLMError
from bot.language import later
from bot.logs import current_trace, tracing
from bot.model.chat import Chat
from bot.model.paper import ArxivId, Paper
from bot.model.summary import Gathered, Summary, SummaryKey, Usage, Wish, share
from bot.ports import Clock, FullTexts, Storage, Summarizer

log = logging.getLogger(__name__)

AT_ONCE = 4
"""How many summaries are made at the same time."""
ASK_AGAIN = timedelta(minutes=15)
"""How long a paper is left alone that could not be summarised, where nobody says for how long."""
PRIVATE, GROUPS = later("telegram private"), later("telegram groups and channels")
PUBLISHED = later("pages of Markdown")
ON_TAP = 1_000.0
"""The weight of what a person waits for: more than that of any digest."""


def group_of(chat: Chat) -> str:
    """The platform and, where the id tells them apart, whether the chat is private: Telegram's groups have negative ids."""
    if chat.platform != "telegram":
        return PUBLISHED if chat.platform == "publish" else chat.platform
    return GROUPS if chat.id.startswith("-") else PRIVATE


_SPENT = "budget spent on"

Elsewhere = Callable[[SummaryKey, Paper, Mapping[str, int], float], Awaitable[bool]]
"""Has another process make a summary, and waits for the end of that; False where there is none that would."""


@dataclass(slots=True, eq=False)
class _Flight:
    """A summary that is being made, or waits for that, with the weight and the kinds of chats that want it.

    `trace` is that of whoever wanted it first.
    """

    key: SummaryKey
    paper: Paper
    weight: float = 0.0
    groups: Counter[str] = field(default_factory=Counter)
    is_waiting: bool = True
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    trace: str = field(default_factory=current_trace)

    def join(self, wish: Wish) -> None:
        """Make it matter more."""
        self.weight += wish.weight
        self.groups[wish.group] += 1

    def take(self, gathered: Gathered) -> None:
        """Make it for those, too, for whom a batch should have."""
        self.weight += gathered.weight
        self.groups.update(gathered.groups)


@dataclass(slots=True)
class Summaries:
    """The use cases of summaries; use it between `async with` and its end, while the storage is open.

    `budget` is in tokens a day (UTC). People who ask for a digest or for one summary wait `digest_seconds` and `tap_seconds`; what
    comes later is on the cards. `finished` is set whenever nothing is left to be made. What fails is logged, left
    alone for a while, and never raised: an abstract stands in. `batching` takes what can wait; None: nothing can. `outcomes`
    counts what came of single summaries: ok, failed, refused (for good), no-budget, crashed. `elsewhere`: other processes
    make them, once for all who want one; None: we do.
    """

    storage: Storage
    texts: FullTexts
    summarizer: Summarizer
    clock: Clock
    budget: int
    at_once: int = AT_ONCE
    digest_seconds: float = 8.0
    tap_seconds: float = 45.0
    batching: Batching | None = None
    elsewhere: Elsewhere | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    outcomes: Counter[str] = field(default_factory=Counter)
    _flights: dict[SummaryKey, _Flight] = field(default_factory=dict)
    _not_before: dict[SummaryKey, datetime] = field(default_factory=dict)
    _spent_on: date | None = None
    _working: int = 0
    _workers: "set[asyncio.Task[None]]" = field(default_factory=set)
    _reserved: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._workers:
            each.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def is_coming(self, paper: Paper, language: str) -> bool:
        """Whether the summary is being made, or waits for that."""
        return self._key(paper, language) in self._flights

    def is_spent(self) -> bool:
        """Whether the budget of this day is used up."""
        return self._spent_on == self._today()

    async def find(self, paper: Paper, language: str) -> Summary | None:
        """The summary of this version of the paper, if it is there."""
        return await self.storage.get_summary(self._key(paper, language))

    async def find_all(self, papers: Iterable[Paper], language: str) -> Mapping[ArxivId, Summary]:
        """The summaries that are there."""
        found = [await self.find(each, language) for each in papers]
        return {each.id: each for each in found if each is not None}

    async def want(self, wishes: Iterable[Wish]) -> None:
        """Have made in the background what is not there; returns at once."""
        by_key: dict[SummaryKey, list[Wish]] = {}
        for wish in wishes:
            by_key.setdefault(self._key(wish.paper, wish.language), []).append(wish)
        spared, soon, later = 0, {}, {}
        for key, same in by_key.items():
            if key not in self._flights:
                if await self.storage.get_summary(key) is not None:
                    spared += len(same)
                    continue
                if self.is_spent() or self._is_left_alone(key):
                    continue
                if self.batching is not None and await self.batching.may_wait(same):
                    later[key] = same
                    continue
            soon[key] = same
        spared += await self._make_soon(soon)
        if self.batching is not None and later:
            spared += await self.batching.take_on(later)
        self._set_going()
        if spared:
            await self.storage.count_hits(self._today(), spared)

    async def look_at_batches(self) -> None:
        """Fetch what batches brought, send what gathered, and have made singly what they failed at; every few minutes."""
        if self.batching is None:
            return
        ended = self.batching.ended
        for each in await self.batching.look(self._flights.__contains__, self._key):
            self._board(each)
        if self.batching.ended > ended:
            # What was set aside for the batch and not used may be enough for others.
            self._spent_on = None
        self._set_going()

    async def wait(self, papers: Sequence[Paper], language: str, seconds: float) -> Mapping[ArxivId, Summary]:
        """The summaries that are there after at most so long; what nobody wanted is not waited for."""
        coming = [self._flights.get(self._key(each, language)) for each in papers]
        landings = [asyncio.create_task(each.landed.wait()) for each in coming if each is not None]
        if landings:
            try:
                await asyncio.wait(landings, timeout=seconds)
            finally:
                for each in landings:
                    each.cancel()
        return await self.find_all(papers, language)

    async def make(self, paper: Paper, language: str, groups: Mapping[str, int]) -> None:
        """Make a summary for chats of these kinds, unless it is there; returns when that has ended, well or not."""
        key = self._key(paper, language)
        if self._is_left_alone(key):
            return
        flight = self._flights.setdefault(key, _Flight(key, paper))
        flight.groups.update(groups)
        self._set_going()
        await flight.landed.wait()

    def _key(self, paper: Paper, language: str) -> SummaryKey:
        return SummaryKey(paper.id, paper.version, self.summarizer.prompt, self.summarizer.model, language)

    def _today(self) -> date:
        return self.clock().astimezone(UTC).date()

    async def _make_soon(self, wanted: Mapping[SummaryKey, Sequence[Wish]]) -> int:
        """Have these made by single calls, for those who waited for a batch as well; how many wishes cost no call."""
        earlier = await self.batching.give_back(wanted) if self.batching is not None and wanted else {}
        spared = 0
        for key, wishes in wanted.items():
            spared += len(wishes) - (key not in self._flights and key not in earlier)
            if key in earlier:
                self._board(earlier[key])
            flight = self._flights.setdefault(key, _Flight(key, wishes[0].paper))
            for each in wishes:
                flight.join(each)
        return spared

    def _board(self, gathered: Gathered) -> None:
        key = self._key(gathered.paper, gathered.key.language)
        self._flights.setdefault(key, _Flight(key, gathered.paper)).take(gathered)

    def _is_left_alone(self, key: SummaryKey) -> bool:
        if key in self._not_before and self._not_before[key] <= self.clock():
            del self._not_before[key]
        return key in self._not_before

    def _set_going(self) -> None:
        waiting = sum(each.is_waiting for each in self._flights.values())
        while self._working < min(self.at_once, self._working + waiting):
            self._working += 1
            waiting -= 1
            task = asyncio.create_task(self._work(), name="summaries")
            self._workers.add(task)
            task.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        """Make one after the other, what matters most first, until nothing waits."""
        try:
            while waiting := [each for each in self._flights.values() if each.is_waiting]:
                flight = max(waiting, key=lambda each: each.weight)
                with tracing(flight.trace):
                    await self._fly(flight)
        finally:
            # In the same step as the last look, so that whoever comes next starts another worker.
            self._working -= 1

    async def _fly(self, flight: _Flight) -> None:
        flight.is_waiting = False
        try:
            await self._make(flight)
        except BotError as error:
            self._leave_alone(flight.key, ASK_AGAIN)
            self.outcomes["failed"] += 1
            log.warning("summary id=%s status=failed error=%r", flight.key.id, str(error))
        except Exception:
            self._leave_alone(flight.key, ASK_AGAIN)
            self.outcomes["crashed"] += 1
            log.exception("summary id=%s status=crashed", flight.key.id)
        finally:
            del self._flights[flight.key]
            flight.landed.set()
            if not self._flights:
                self.finished.set()

    async def _make(self, flight: _Flight) -> None:
        # It may have come between the look that found nothing and this flight.
        if self.is_spent() or await self.storage.get_summary(flight.key) is not None:
            return
        if self.elsewhere and await self.elsewhere(flight.key, flight.paper, flight.groups, flight.weight):
            await self._see_what_became(flight)
            return
        text = await self.texts.fetch(flight.paper)
        day, tokens = self._today(), self.summarizer.estimate(flight.paper, text)
        if not await self._reserve(day, tokens):
            self.outcomes["no-budget"] += 1
            log.info("summary id=%s status=no-budget tokens=%d", flight.key.id, tokens)
            return
        try:
            summary, used = await self.summarizer.summarise(flight.paper, text, flight.key.language)
            await self.storage.save_summary(summary)
            await self._settle(flight, day, tokens, used)
            self.outcomes["ok"] += 1
            log.info("summary id=%s status=ok tokens=%d source=%s", flight.key.id, used.total, text.source)
        except LLMError as error:
            self._note_failure(flight.key, error)
            await self._settle(flight, day, tokens, Usage(error.spent))
        finally:
            self._reserved -= 1
            self._settled.set()

    async def _see_what_became(self, flight: _Flight) -> None:
        """Another process had its try; whoever wants it again shall not be at it again at once."""
        if await self.storage.get_summary(flight.key) is None:
            self._leave_alone(flight.key, ASK_AGAIN)
            if await self.storage.get_note(_SPENT) == self._today().isoformat():
                self._spent_on = self._today()

    async def _reserve(self, day: date, tokens: int) -> bool:
        """Set the tokens aside. Where others have set aside what lacks here, wait for what they leave."""
        while True:
            self._settled.clear()
            if await self.storage.reserve_tokens(day, tokens, self.budget):
                break
            if not self._reserved:
                self._spent_on = day
                # Those who have theirs made by us are told of it this way.
                await self.storage.set_note(_SPENT, day.isoformat())
                return False
            await self._settled.wait()
        self._reserved += 1
        return True

    async def _settle(self, flight: _Flight, day: date, reserved: int, used: Usage) -> None:
        await self.storage.settle_tokens(day, reserved, flight.key.model, share(used, flight.groups))

    def _note_failure(self, key: SummaryKey, error: LLMError) -> None:
        rest_of_day = datetime.combine(self._today() + timedelta(days=1), time(), UTC) - self.clock()
        pause = timedelta(seconds=error.retry_after) or ASK_AGAIN
        self._leave_alone(key, rest_of_day if error.is_final else pause)
        self.outcomes["refused" if error.is_final else "failed"] += 1
        log.warning("summary id=%s status=failed final=%s error=%r", key.id, error.is_final, str(error))

    def _leave_alone(self, key: SummaryKey, pause: timedelta) -> None:
        self._not_before[key] = self.clock() + pause
