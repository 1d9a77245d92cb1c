"""One question to an OpenAI-compatible server: asked in its dialect, within a time, again where that may help."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from json import JSONDecodeError
from random import Random
from typing import Any

import openai

from bot.errors import LLMError
from bot.model.summary import Usage
from bot.summaries.fit import estimate_tokens
from bot.summaries.ladder import Dialect, Ladder
from bot.summaries.patience import LONGEST_WAIT, TRIES, Breaker, read_retry_after, wait_after
from bot.summaries.prompts import Messages

log = logging.getLogger(__name__)

_REFUSED = {401: "the key", 402: "the account's balance", 403: "the key's rights", 404: "the model or the address"}
_TOO_LARGE = 413
_BAD_REQUESTS = (400, 422)
# vLLM, OpenAI, DeepSeek; llama.cpp; Qwen.
_OVERFLOW = re.compile(
    r"context.?(?:length|size|window)|exceed_context|range of input length|too many tokens|(?:input|prompt) is too long",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content_filter|data_inspection_failed|content_policy", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota", re.IGNORECASE)
_OVERHEAD_TOKENS = 50
_CONNECT_SECONDS = 5.0
_SUSPICIOUS = 4


class ContextOverflowError(Exception):
    """The request is longer than the model can read."""


class _PassingError(Exception):
    """What another try may mend. `spent` tokens may have been used up."""

    def __init__(self, message: str, asked: float = 0.0, spent: int = 0) -> None:
        super().__init__(message)
        self.asked, self.spent = asked, spent


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote, whether it was stopped for length, and what it cost."""

    text: str
    is_cut: bool
    usage: Usage


@dataclass(slots=True)
class World:
    """Time and chance: `now` is an aware UTC instant, `clock` seconds that never go back."""

    now: Callable[[], datetime]
    clock: Callable[[], float]
    chance: Random = field(default_factory=Random)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


class ModelClient:
    """Asks one model of one server; each try takes at most `seconds`."""

    def __init__(self, base_url: str, key: str, model: str, ladder: Ladder, seconds: float, world: World) -> None:  # noqa: PLR0913, PLR0917 - a server, how to talk to it, and the world
        # The SDK insists on a key; servers without one ignore it. Its own retries know no circuit breaker.
        self._sdk = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            max_retries=0,
            timeout=openai.Timeout(seconds, connect=_CONNECT_SECONDS),
        )
        self._model, self._ladder, self._seconds, self._world = model, ladder, seconds, world
        self._breaker = Breaker()

    async def close(self) -> None:
        """Let go of connections."""
        await self._sdk.close()

    async def ask(self, messages: Messages, most_tokens: int) -> Reply:
        """The model's reply of at most so many tokens. Raises ContextOverflowError, and LLMError for all other faults."""
        if wait := self._breaker.wait(self._world.clock()):
            raise LLMError("the model server failed too often; it is left alone for a while", retry_after=wait)
        spent = 0
        for tries in range(1, TRIES + 1):
            try:
                reply = await self._climb_down(messages, most_tokens)
            except _PassingError as error:
                spent += error.spent
                pause = wait_after(tries, error.asked, self._world.chance)
                # What may have been charged for is not made twice, so that a summary never costs more than estimated.
                if tries == TRIES or spent or pause > LONGEST_WAIT:
                    raise self._failed(str(error), error.asked, spent) from None
            else:
                self._breaker.succeed()
                return reply
            await self._world.sleep(pause)
        raise AssertionError("unreachable")

    def _failed(self, message: str, asked: float = 0.0, spent: int = 0, *, is_certain: bool = False) -> LLMError:
        wait = self._breaker.fail(self._world.clock(), asked, is_certain=is_certain)
        return LLMError(message, spent=spent, retry_after=wait)

    async def _climb_down(self, messages: Messages, most_tokens: int) -> Reply:
        """Ask in the best dialect that the server takes."""
        dialect: Dialect | None = await self._ladder.get()
        status = 0
        while dialect is not None:
            try:
                reply = await self._post(messages, dialect, most_tokens)
            except openai.APIStatusError as error:
                status = error.status_code
                dialect = dialect.after(self._judge(error))
            else:
                await self._ladder.settle(dialect)
                return reply
        # None: the original's text may repeat the request or a part of the key.
        raise LLMError(f"the model server refused the request (HTTP {status})", is_final=True) from None

    def _judge(self, error: openai.APIStatusError) -> str:
        """The words of a refusal that another dialect may avoid; raises what any other answer means."""
        status, words = error.status_code, f"{error.code} {error.type} {error.message}"
        if status == _TOO_LARGE or _OVERFLOW.search(words):
            raise ContextOverflowError from None
        if status in _REFUSED or _QUOTA.search(words):
            wrong = _REFUSED.get(status, "the account's quota")
            raise self._failed(
                f"the model server refuses us (HTTP {status}): look at {wrong}", is_certain=True
            ) from None
        if status not in _BAD_REQUESTS:
            asked = read_retry_after(error.response.headers, self._world.now())
            raise _PassingError(f"the model server has no answer now (HTTP {status})", asked) from None
        if _FILTERED.search(words):
            raise LLMError("the model server's filter refused the paper", is_final=True) from None
        return words

    async def _post(self, messages: Messages, dialect: Dialect, most_tokens: int) -> Reply:
        """One request. The SDK's time is per read, so the whole has one of its own."""
        given = sum(estimate_tokens(each["content"]) for each in messages) + _OVERHEAD_TOKENS
        create: Any = self._sdk.chat.completions.with_raw_response.create
        try:
            async with asyncio.timeout(self._seconds):
                raw = await create(model=self._model, messages=messages, **dialect.options(most_tokens))
        except TimeoutError:
            raise _PassingError("the model server took too long", spent=given) from None
        except openai.APIConnectionError as error:
            raise _PassingError("the model server cannot be reached", spent=_spent(error, given)) from None
        try:
            return _read(raw.http_response.json(), given)
        except (JSONDecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
            raise _PassingError("the model server's answer is no chat completion") from None


def _spent(error: openai.APIConnectionError, given: int) -> int:
    """What a lost connection may have cost: nothing where there was none."""
    return 0 if type(error.__cause__).__name__ in {"ConnectError", "ConnectTimeout"} else given


def _read(content: Any, given: int) -> Reply:  # noqa: ANN401 - whatever the server sent
    """The reply in a chat completion. Raises LLMError for a refusal, and something else for what is none."""
    choice = content["choices"][0]
    text, reason = choice["message"].get("content") or "", choice.get("finish_reason")
    usage = _read_usage(content.get("usage"), Usage(given, estimate_tokens(text)))
    if reason == "content_filter" or choice["message"].get("refusal"):
        raise LLMError("the model refused to summarise the paper", spent=usage.total, is_final=True)
    if usage.prompt * _SUSPICIOUS < given:
        log.warning("prompt_cut tokens_read=%d tokens_sent=%d: the server's context is too small", usage.prompt, given)
    return Reply(text, reason == "length", usage)


def _read_usage(content: object, guess: Usage) -> Usage:
    """What the server says that it cost; guessed where it does not, or says what cannot be."""
    if not isinstance(content, dict):
        return guess
    said, written = content.get("prompt_tokens"), content.get("completion_tokens")
    if isinstance(said, int) and isinstance(written, int) and said >= 0 and written >= 0:
        return Usage(said, written)
    return guess
