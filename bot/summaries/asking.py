"""Requests to one OpenAI-compatible server: within a time, again where that may help, and not while it keeps failing."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from json import JSONDecodeError
from random import Random
from typing import Any, TypeVar

import openai

from bot.errors import LLMError
from bot.summaries.patience import LONGEST_WAIT, TRIES, Breaker, read_retry_after, wait_after

Answer = TypeVar("Answer")

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
_CONNECT_SECONDS = 5.0
UNREADABLE = (JSONDecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError)


class ContextOverflowError(Exception):
    """The request is longer than the model can read."""


class PassingError(Exception):
    """What another try may mend. `spent` tokens may have been used up."""

    def __init__(self, message: str, asked: float = 0.0, spent: int = 0) -> None:
        super().__init__(message)
        self.asked, self.spent = asked, spent


@dataclass(slots=True)
class World:
    """Time and chance: `now` is an aware UTC instant, `clock` seconds that never go back."""

    now: Callable[[], datetime]
    clock: Callable[[], float]
    chance: Random = field(default_factory=Random)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


class Asking:
    """The way to one server; each try takes at most `seconds`."""

    def __init__(self, base_url: str, key: str, seconds: float, world: World) -> None:
        # The SDK insists on a key; servers without one ignore it. Its own retries know no circuit breaker.
        self.sdk = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            max_retries=0,
            timeout=openai.Timeout(seconds, connect=_CONNECT_SECONDS),
        )
        self._seconds, self._world = seconds, world
        self._breaker = Breaker()

    async def close(self) -> None:
        """Let go of connections."""
        await self.sdk.close()

    async def insist(self, once: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `once` brings, tried again where it raises PassingError. Raises LLMError, and what else `once` raises."""
        if wait := self._breaker.wait(self._world.clock()):
            raise LLMError("the model server failed too often; it is left alone for a while", retry_after=wait)
        spent = 0
        for tries in range(1, TRIES + 1):
            try:
                answer = await once()
            except PassingError as error:
                spent += error.spent
                pause = wait_after(tries, error.asked, self._world.chance)
                # What may have been charged for is not made twice, so that nothing ever costs more than estimated.
                if tries == TRIES or spent or pause > LONGEST_WAIT:
                    raise self._failed(str(error), error.asked, spent) from None
            else:
                self._breaker.succeed()
                return answer
            await self._world.sleep(pause)
        raise AssertionError("unreachable")

    async def post(self, create: Callable[..., Awaitable[Any]], body: dict[str, Any], given: int) -> Any:  # noqa: ANN401 - whatever the server sent
        """The JSON that answers one request, in which `given` tokens are sent. The SDK's time is per read, so the whole has one
        of its own. Raises PassingError, APIStatusError for `judge`, and one of UNREADABLE.
        """
        try:
            async with asyncio.timeout(self._seconds):
                raw = await create(**body)
        except TimeoutError:
            raise PassingError("the model server took too long", spent=given) from None
        except openai.APIConnectionError as error:
            raise PassingError("the model server cannot be reached", spent=_spent(error, given)) from None
        return raw.http_response.json()

    def judge(self, error: openai.APIStatusError) -> str:
        """The words of a refusal that another way of asking may avoid; raises what any other answer means."""
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
            raise PassingError(f"the model server has no answer now (HTTP {status})", asked) from None
        if _FILTERED.search(words):
            raise LLMError("the model server's filter refused the paper", is_final=True) from None
        return words

    def _failed(self, message: str, asked: float = 0.0, spent: int = 0, *, is_certain: bool = False) -> LLMError:
        wait = self._breaker.fail(self._world.clock(), asked, is_certain=is_certain)
        return LLMError(message, spent=spent, retry_after=wait)


def _spent(error: openai.APIConnectionError, given: int) -> int:
    """What a lost connection may have cost: nothing where there was none."""
    return 0 if type(error.__cause__).__name__ in {"ConnectError", "ConnectTimeout"} else given
