"""Vectors from a server's `/embeddings`."""

from collections.abc import Sequence
from typing import Any

import openai

from bot.errors import LLMError
from bot.model.meaning import Vector
from bot.model.summary import Usage
from bot.summaries.asking import UNREADABLE, Asking, ContextOverflowError, PassingError, World
from bot.summaries.fit import estimate_tokens

MOST_TEXTS = 100
"""In one request; servers take 10 to 2,048."""
MOST_SIZE = 8_192
"""Dimensions that a vector may have."""
_CUTS = 3
_CUT_TO = 0.5
FEW_TEXTS = 10
"""So many every server takes; Qwen takes no more."""


class OpenAIEmbedder:
    """Vectors by one model of one server; each request takes at most `seconds`. `close` it in the end."""

    def __init__(self, base_url: str, key: str, model: str, seconds: float, world: World) -> None:
        self._asking = Asking(base_url, key, seconds, world)
        self._model, self._most = model, MOST_TEXTS

    async def close(self) -> None:
        """Let go of connections."""
        await self._asking.close()

    @property
    def model(self) -> str:
        return self._model

    @property
    def most(self) -> int:
        return self._most

    def estimate(self, texts: Sequence[str]) -> int:
        return sum(map(estimate_tokens, texts))

    async def embed(self, texts: Sequence[str]) -> tuple[Sequence[Vector], Usage]:
        try:
            return await self._fit(texts)
        except _TooManyError:
            self._most = FEW_TEXTS
        except LLMError as error:
            if error.spent:
                # It took too long, or sent what cannot be believed: with few texts a slow machine may come through.
                self._most = FEW_TEXTS
            raise
        vectors: list[Vector] = []
        used = Usage()
        try:
            for start in range(0, len(texts), FEW_TEXTS):
                found, usage = await self._fit(texts[start : start + FEW_TEXTS])
                vectors += found
                used += usage
        except LLMError as error:
            error.spent += used.total
            raise error from None
        return vectors, used

    async def _fit(self, texts: Sequence[str]) -> tuple[Sequence[Vector], Usage]:
        """Ask; where the model cannot read so much, with the beginnings alone."""
        longest = max(map(len, texts))
        for _ in range(_CUTS):
            try:
                return await self._ask([each[:longest] for each in texts])
            except ContextOverflowError:
                longest = max(int(longest * _CUT_TO), 1)
        raise LLMError("the embedding model cannot read a paper's abstract", is_final=True)

    async def _ask(self, texts: Sequence[str]) -> tuple[Sequence[Vector], Usage]:
        given = self.estimate(texts)
        # A surrogate on its own cannot be sent as UTF-8, and some servers refuse what is empty.
        sent = [each.encode("utf-8", "replace").decode().strip() or "-" for each in texts]
        body = {"model": self._model, "input": sent, "encoding_format": "float"}

        async def once() -> tuple[Sequence[Vector], Usage]:
            try:
                answer = await self._asking.post(self._asking.sdk.embeddings.with_raw_response.create, body, given)
                usage = _read_usage(answer, given)
                return _read_vectors(answer, len(sent), usage), usage
            except openai.APIStatusError as error:
                self._asking.judge(error)
                if len(sent) > FEW_TEXTS:
                    raise _TooManyError from None
                # None: the original's text may repeat the request or a part of the key.
                raise LLMError(f"the model server refused to embed (HTTP {error.status_code})", is_final=True) from None
            except UNREADABLE:
                raise PassingError("the model server's answer holds no vectors") from None

        return await self._asking.insist(once)


class _TooManyError(Exception):
    """The server refused so many texts at once, or something else in them: with few it will tell."""


def _read_vectors(answer: Any, count: int, usage: Usage) -> Sequence[Vector]:  # noqa: ANN401 - whatever the server sent
    """One for each text, by the places that the answer gives them. Raises LLMError for what cannot be believed."""
    found: dict[int, Sequence[float]] = {each["index"]: each["embedding"] for each in answer["data"]}
    if sorted(found) != list(range(count)) or len(answer["data"]) != count:
        raise LLMError(f"the model server sent {len(answer['data'])} vectors for {count} texts", spent=usage.total)
    if len(sizes := {len(each) for each in found.values()}) > 1 or not 1 < max(sizes) <= MOST_SIZE:
        raise LLMError(f"the model server sent vectors of {sorted(sizes)[:5]} dimensions", spent=usage.total)
    try:
        return [Vector.of([float(each) for each in found[place]]) for place in range(count)]
    except (ValueError, OverflowError):
        raise LLMError("the model server sent vectors without a direction", spent=usage.total) from None


def _read_usage(answer: Any, guess: int) -> Usage:  # noqa: ANN401 - whatever the server sent
    """What the server says that it cost; guessed where it does not."""
    content = answer.get("usage")
    said = content.get("prompt_tokens", content.get("total_tokens")) if isinstance(content, dict) else None
    return Usage(said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else guess)
