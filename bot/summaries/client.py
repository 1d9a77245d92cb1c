"""One question to an OpenAI-compatible server, asked in its dialect."""

import logging
from typing import Any

import openai

from bot.errors import LLMError
from bot.model.summary import Reply, Usage
from bot.summaries.asking import UNREADABLE, Asking, ContextOverflowError, PassingError, World
from bot.summaries.fit import estimate_tokens
from bot.summaries.ladder import Dialect, Ladder
from bot.summaries.prompts import Messages

__all__ = [
    "UNREADABLE",
    "ContextOverflowError",
    "ModelClient",
    "World",
    "given_tokens",
    "read_completion",
    "read_usage",
]

log = logging.getLogger(__name__)

_OVERHEAD_TOKENS = 50
_SUSPICIOUS = 4


class ModelClient:
    """Asks one model of one server; each try takes at most `seconds`. `ladder` knows how it wants to be asked."""

    def __init__(self, base_url: str, key: str, model: str, ladder: Ladder, seconds: float, world: World) -> None:  # noqa: PLR0913, PLR0917 - a server, how to talk to it, and the world
        self._asking = Asking(base_url, key, seconds, world)
        self._model, self.ladder = model, ladder

    @property
    def sdk(self) -> openai.AsyncOpenAI:
        """For other endpoints of the same server."""
        return self._asking.sdk

    async def close(self) -> None:
        """Let go of connections."""
        await self._asking.close()

    async def ask(self, messages: Messages, most_tokens: int) -> Reply:
        """The model's reply of at most so many tokens. Raises ContextOverflowError, and LLMError for all other faults."""
        return await self._asking.insist(lambda: self._climb_down(messages, most_tokens))

    def body(self, messages: Messages, dialect: Dialect, most_tokens: int) -> dict[str, Any]:
        """A request in this dialect."""
        return {"model": self._model, "messages": messages, **dialect.options(most_tokens, self.ladder.schema)}

    async def _climb_down(self, messages: Messages, most_tokens: int) -> Reply:
        """Ask in the best dialect that the server takes."""
        dialect: Dialect | None = await self.ladder.get()
        status = 0
        while dialect is not None:
            try:
                reply = await self._post(messages, dialect, most_tokens)
            except openai.APIStatusError as error:
                status = error.status_code
                dialect = dialect.after(self._asking.judge(error))
            else:
                await self.ladder.settle(dialect)
                return reply
        # None: the original's text may repeat the request or a part of the key.
        raise LLMError(f"the model server refused the request (HTTP {status})", is_final=True) from None

    async def _post(self, messages: Messages, dialect: Dialect, most_tokens: int) -> Reply:
        given = given_tokens(messages)
        create = self.sdk.chat.completions.with_raw_response.create
        try:
            return read_completion(
                await self._asking.post(create, self.body(messages, dialect, most_tokens), given), given
            )
        except UNREADABLE:
            raise PassingError("the model server's answer is no chat completion") from None


def given_tokens(messages: Messages) -> int:
    """At least the tokens of a question."""
    return sum(estimate_tokens(each["content"]) for each in messages) + _OVERHEAD_TOKENS


def read_completion(content: Any, given: int) -> Reply:  # noqa: ANN401 - whatever the server sent
    """The reply in a chat completion. Raises LLMError for a refusal, and one of UNREADABLE for what is none."""
    choice = content["choices"][0]
    text, reason = choice["message"].get("content") or "", choice.get("finish_reason")
    usage = read_usage(content.get("usage"), Usage(given, estimate_tokens(text)))
    if reason == "content_filter" or choice["message"].get("refusal"):
        raise LLMError("the model refused to answer", spent=usage.total, is_final=True)
    if usage.prompt * _SUSPICIOUS < given:
        log.warning("prompt_cut tokens_read=%d tokens_sent=%d: the server's context is too small", usage.prompt, given)
    return Reply(text, reason == "length", usage)


def read_usage(content: object, guess: Usage) -> Usage:
    """What the server says that it cost; guessed where it does not, or says what cannot be."""
    if not isinstance(content, dict):
        return guess
    said, written = content.get("prompt_tokens"), content.get("completion_tokens")
    if isinstance(said, int) and isinstance(written, int) and said >= 0 and written >= 0:
        return Usage(said, written)
    return guess
