"""The talk with a model about one paper: asked, judged, reminded once of what was wrong."""

import asyncio
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import LLMError
from bot.model.paper import Paper
from bot.model.summary import FullText, Section, TextSource, Usage
from bot.summaries.answers import read_answer
from bot.summaries.client import ContextOverflowError, ModelClient, Reply
from bot.summaries.fit import ABSTRACT, estimate_tokens, fit
from bot.summaries.prompts import Prompt, encode_paper
from bot.summaries.truth import Checked, Source, check
from bot.summaries.writing import can_be

ASKS = 2
_CUTS = 3
_CUT_TO = 0.6
_LEAST_ANSWER, _MOST_ANSWER = 800, 4_000
_ANSWER_SHARE = 4
_SPARE_TOKENS = 250
"""For a reminder, the name of the language, and what a server puts around messages."""


class Fault(StrEnum):
    """Why an answer cannot be used; the values are names of reminders in the prompt."""

    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    LANGUAGE = "language"
    UNTRUE = "untrue"


_SAID = {
    Fault.TRUNCATED: "the model's answer was cut off",
    Fault.UNREADABLE: "the model's answer is not the JSON that was asked for",
    Fault.LANGUAGE: "the model answered in another language",
    Fault.UNTRUE: "the paper does not bear out what the model says",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of an answer, and what it was made from."""

    checked: Checked
    source: TextSource


def take_sections(prompt: Prompt, paper: Paper, text: FullText, most_tokens: int) -> tuple[Section, ...]:
    """The sections that fit into a request of at most so many tokens, beside all that is always in one."""
    return fit(paper, text, most_tokens - _given(prompt, paper, ()))


def estimate(prompt: Prompt, paper: Paper, text: FullText, most_tokens: int) -> int:
    """The tokens that a talk costs at most: every request and every answer as long as they may be."""
    asked = _given(prompt, paper, take_sections(prompt, paper, text, most_tokens))
    return ASKS * asked + sum(_longest_answer(most_tokens, ask) for ask in range(ASKS))


def _given(prompt: Prompt, paper: Paper, sections: Sequence[Section]) -> int:
    return estimate_tokens(prompt.system) + estimate_tokens(encode_paper(paper, sections)) + _SPARE_TOKENS


def _longest_answer(most_tokens: int, ask: int) -> int:
    """A share of what the model can be expected to read; twice as much the second time."""
    return min(max(most_tokens // _ANSWER_SHARE, _LEAST_ANSWER), _MOST_ANSWER) << ask


class Talk:
    """One paper, one language. `most_tokens` is what a request may hold. `usage` is what was used up so far."""

    def __init__(  # noqa: PLR0913, PLR0917 - who is asked, how, about what
        self, client: ModelClient, prompt: Prompt, paper: Paper, text: FullText, language: str, most_tokens: int
    ) -> None:
        self._client, self._prompt = client, prompt
        self._paper, self._text, self._language = paper, text, language
        self._room, self._cuts = most_tokens, 0
        self._sections: tuple[Section, ...] = ()
        self._partial: Outcome | None = None
        self.usage = Usage()

    async def run(self, seconds: float) -> Outcome:
        """What is left of the first answer that can be used. Raises LLMError, also where it takes longer than this."""
        try:
            async with asyncio.timeout(seconds):
                return await self._run()
        except TimeoutError:
            # What is under way may be charged for, too.
            spent = _given(self._prompt, self._paper, self._sections)
            return self._make_do(LLMError("the model took too long", spent=spent))
        except LLMError as error:
            return self._make_do(error)

    def _make_do(self, error: LLMError) -> Outcome:
        """What is complete of an answer that was cut off, where there was one; else the error, with all that was spent."""
        if self._partial is None:
            error.spent += self.usage.total
            # None: what was answered, and the request, are in the original.
            raise error from None
        self.usage += Usage(error.spent)
        return self._partial

    async def _run(self) -> Outcome:
        fault: Fault | None = None
        for ask in range(ASKS):
            reply = await self._ask(ask, fault)
            self.usage += reply.usage
            # The longest texts take a fifth of a second to go through.
            verdict = await to_thread(self._judge, reply)
            if isinstance(verdict, Outcome):
                return verdict
            fault = verdict
        raise LLMError(_SAID[fault] if fault else "", is_final=fault == Fault.UNTRUE)

    async def _ask(self, ask: int, fault: Fault | None) -> Reply:
        """Ask; where the model cannot read so much, ask with less."""
        while True:
            self._sections = await to_thread(take_sections, self._prompt, self._paper, self._text, self._room)
            messages = self._prompt.messages(self._paper, self._sections, self._language, fault or "")
            try:
                return await self._client.ask(messages, _longest_answer(self._room, ask))
            except ContextOverflowError:
                self._cuts += 1
                if self._cuts > _CUTS:
                    raise LLMError("the model cannot read so much: lower SUMMARY_INPUT_TOKENS", is_final=True) from None
                self._room = int(self._room * _CUT_TO)

    def _judge(self, reply: Reply) -> Outcome | Fault:
        answer = read_answer(reply.text)
        if answer is None:
            return Fault.TRUNCATED if reply.is_cut else Fault.UNREADABLE
        source = Source.of(self._paper, self._sections, self._text)
        checked = check(answer, source, self._language)
        if not checked.tldr:
            return Fault.UNTRUE
        if not can_be(checked.prose, self._language):
            return Fault.LANGUAGE
        outcome = Outcome(checked, self._source())
        if answer.is_whole:
            return outcome
        self._partial = outcome
        return Fault.TRUNCATED

    def _source(self) -> TextSource:
        """Where what was read came from; from arXiv's abstract where nothing else found room."""
        is_more = any(each.title != ABSTRACT for each in self._sections)
        return self._text.source if is_more else TextSource.ABSTRACT
