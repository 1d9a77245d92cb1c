"""Vectors as they are wanted: each made once for all chats, many in one call, what matters first."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nlargest

from bot.errands import Crew, Purse, Rest
from bot.errors import BotError, LLMError
from bot.language import later
from bot.model.meaning import Passage, Vector
from bot.ports import BlobCache, Embedder

log = logging.getLogger(__name__)

GROUP = later("embeddings")
AT_ONCE = 2
"""Calls at a time."""
MOST_REFUSED = 3
"""Where a server refuses so many texts of one call for good, it is not the texts."""


@dataclass(slots=True)
class Vectors:
    """What is there is found at once; what is not is made in the background. `on_idle` is called when nothing is left to be made."""

    cache: BlobCache
    embedder: Embedder
    purse: Purse
    rest: Rest
    on_idle: Callable[[], None] = lambda: None
    revision: int = 0
    """Another number whenever more is there."""
    _wanted: dict[Passage, float] = field(default_factory=dict)
    _coming: set[Passage] = field(default_factory=set)
    _refused: set[Passage] = field(default_factory=set)
    _crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self._crew = Crew("embeddings", AT_ONCE, self._step, self.on_idle)

    @property
    def is_busy(self) -> bool:
        """Whether anything is being made, or waits for that."""
        return bool(self._wanted or self._coming)

    async def close(self) -> None:
        """Stop at once."""
        await self._crew.dismiss()

    def find(self, passage: Passage) -> Vector | None:
        """The vector of this text, if it is there."""
        blob = self.cache.get(self._key(passage.key))
        return None if blob is None else _decode(blob)

    def want(self, weights: Mapping[Passage, float]) -> bool:
        """Have made what is not there, the greatest sum of weights first; whether any of these is coming."""
        if self.purse.is_empty or self.rest.holds:
            return False
        is_coming = False
        for passage, weight in weights.items():
            if passage in self._coming:
                is_coming = True
            elif passage in self._wanted or (passage not in self._refused and self.find(passage) is None):
                self._wanted[passage] = self._wanted.get(passage, 0.0) + weight
                is_coming = True
        if self._wanted:
            self._crew.call()
        return is_coming

    async def _step(self) -> bool:
        """Make the next of them, as many as a call takes; whether there may be more to do."""
        if self.purse.is_empty or self.rest.holds:
            self._wanted.clear()
        if not self._wanted:
            return False
        taken = nlargest(self.embedder.most, self._wanted.items(), key=lambda each: (each[1], each[0].key))
        passages = [passage for passage, _ in taken]
        for each in passages:
            del self._wanted[each]
        self._coming.update(passages)
        try:
            await self._make_in_parts(passages)
        except BotError as error:
            self.rest.fail(error)
        except Exception as error:
            # Whoever waits looks again at once, and would want the same again.
            self.rest.fail(error)
            log.exception("embeddings status=crashed")
        finally:
            self._coming.difference_update(passages)
        return True

    async def _make_in_parts(self, passages: Sequence[Passage]) -> None:
        """Make them; where the server refuses them for good, each half by itself, until it is known which text it will not have."""
        refused = 0
        parts = [passages]
        while parts:
            part = parts.pop()
            try:
                await self._make(part)
            except LLMError as error:
                if error.retry_after or not error.is_final or refused >= MOST_REFUSED:
                    raise
                if len(part) == 1:
                    refused += 1
                    self._refused.update(part)
                    log.warning("embedded status=refused error=%r", str(error))
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]

    async def _make(self, passages: Sequence[Passage]) -> None:
        texts = [each.text for each in passages]
        tokens = self.embedder.estimate(texts)
        made = await self.purse.pay(tokens, self.embedder.model, lambda: self.embedder.embed(texts))
        if made is not None:
            await self._keep(passages, made)
            self.rest.succeed()
            log.info("embedded texts=%d size=%d", len(passages), made[0].size)

    async def _keep(self, passages: Iterable[Passage], vectors: Sequence[Vector]) -> None:
        # Should the server put another model behind the name, its vectors have, with luck, another size, and the old ones
        # are found no more.
        size = vectors[0].size
        await self.cache.put({self._size_key: str(size).encode()}, self.purse.today)
        blobs = {self._key(each.key): vector.to_bytes() for each, vector in zip(passages, vectors, strict=True)}
        await self.cache.put(blobs, self.purse.today)
        self.revision += 1

    @property
    def _size_key(self) -> str:
        return f"{self.embedder.model} size"

    def _key(self, key: str) -> str:
        size = self.cache.get(self._size_key) or b""
        return f"{self.embedder.model} {size.decode()} {key}"


@lru_cache(maxsize=8192)
def _decode(blob: bytes) -> Vector | None:
    try:
        return Vector.from_bytes(blob)
    except ValueError:
        return None
