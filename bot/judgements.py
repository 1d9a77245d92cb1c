"""Judgements of a language model on the papers at the front, as they are wanted: each paper once for the same interests."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from hashlib import sha256

from bot.errands import LONG_REST, Crew, Purse, Rest
from bot.errors import BotError, LLMError
from bot.language import later
from bot.model.meaning import Interests
from bot.model.paper import Paper
from bot.ports import BlobCache, Judge

log = logging.getLogger(__name__)

GROUP = later("judging the order")
AT_ONCE = 4
"""Calls at a time."""


@dataclass(slots=True)
class _Case:
    """The papers to be judged for some interests, and by how many chats that is wanted."""

    interests: Interests
    papers: dict[str, Paper] = field(default_factory=dict)
    weight: int = 0


@dataclass(slots=True)
class Judgements:
    """What is there is found at once; what is not is asked for in the background. `on_idle` is called when nothing is left."""

    cache: BlobCache
    judge: Judge
    purse: Purse
    rest: Rest
    on_idle: Callable[[], None] = lambda: None
    _wanted: dict[Interests, _Case] = field(default_factory=dict)
    _coming: set[Interests] = field(default_factory=set)
    _not_before: dict[Interests, datetime] = field(default_factory=dict)
    _crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self._crew = Crew("judge", AT_ONCE, self._step, self.on_idle)

    @property
    def is_busy(self) -> bool:
        """Whether anything is being made, or waits for that."""
        return bool(self._wanted or self._coming)

    async def close(self) -> None:
        """Stop at once."""
        await self._crew.dismiss()

    def find(self, interests: Interests, papers: Iterable[Paper]) -> list[float | None]:
        """How well each of these papers fits, from 0 to 10; None of those that were not judged."""
        name = self._name(interests)
        found = [self.cache.get(_key(name, each)) for each in papers]
        return [None if each is None else float(each) for each in found]

    def want(self, interests: Interests, papers: Sequence[Paper]) -> bool:
        """Have judged what was not; whether any of it is coming."""
        if interests in self._coming:
            return True
        if self.purse.is_empty or self.rest.holds or self._is_left_alone(interests):
            return False
        lacking = [paper for paper, found in zip(papers, self.find(interests, papers), strict=True) if found is None]
        if not lacking:
            return False
        case = self._wanted.setdefault(interests, _Case(interests))
        case.papers |= {each.versioned_id: each for each in lacking}
        case.weight += 1
        self._crew.call()
        return True

    def _is_left_alone(self, interests: Interests) -> bool:
        if interests in self._not_before and self._not_before[interests] <= self.purse.clock():
            del self._not_before[interests]
        return interests in self._not_before

    async def _step(self) -> bool:
        """Have the next case judged; whether there may be more to do."""
        if self.purse.is_empty or self.rest.holds:
            self._wanted.clear()
        if not self._wanted:
            return False
        case = max(self._wanted.values(), key=lambda each: (each.weight, self._name(each.interests)))
        del self._wanted[case.interests]
        self._coming.add(case.interests)
        try:
            await self._make(case)
        except LLMError as error:
            # What the model says of one chat's papers tells nothing of the next one's; that it cannot be asked does.
            self._not_before[case.interests] = self.purse.clock() + LONG_REST
            if error.retry_after:
                self.rest.fail(error)
            else:
                log.warning("judge status=failed error=%r: the order stays without", str(error))
        except BotError as error:
            self.rest.fail(error)
        except Exception as error:
            # Whoever waits looks again at once, and would want the same again.
            self.rest.fail(error)
            log.exception("judge status=crashed")
        finally:
            self._coming.discard(case.interests)
        return True

    async def _make(self, case: _Case) -> None:
        papers, judge = list(case.papers.values()), self.judge
        tokens = judge.estimate(case.interests, papers)
        scores = await self.purse.pay(tokens, judge.model, lambda: judge.judge(case.interests, papers))
        if scores is None:
            return
        name = self._name(case.interests)
        found = {_key(name, each): repr(scores[each.id]).encode() for each in papers if each.id in scores}
        await self.cache.put(found, self.purse.today)
        self.rest.succeed()
        if len(found) < len(papers):
            # They were asked for twice already.
            self._not_before[case.interests] = self.purse.clock() + LONG_REST
        log.info("judged papers=%d of=%d", len(found), len(papers))

    def _name(self, interests: Interests) -> str:
        """What judgements for these interests are kept under."""
        said = repr((self.judge.model, self.judge.prompt, astuple(interests)))
        return sha256(said.encode("utf-8", "replace")).hexdigest()


def _key(name: str, paper: Paper) -> str:
    return f"judged {name} {paper.versioned_id}"
