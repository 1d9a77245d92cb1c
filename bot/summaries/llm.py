"""The summarizer that asks a language model."""

import asyncio
import logging
from dataclasses import dataclass

from bot.model.paper import Paper
from bot.model.summary import FullText, Summary, Usage
from bot.summaries.client import ModelClient, World
from bot.summaries.ladder import Ladder, LoadNote, SaveNote
from bot.summaries.prompts import Prompt
from bot.summaries.talk import Outcome, Talk, estimate

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Papers that are summarised at the same time."""
_PATIENCE = 3
"""How many times the seconds of one request a whole summary may take."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model is: an OpenAI-compatible address, a key, which may be empty, and the model's name there.

    `seconds` is for one request, `input_tokens` the most that one may hold.
    """

    base_url: str
    key: str
    model: str
    seconds: float = 120.0
    input_tokens: int = 24_000


class OpenAISummarizer:
    """Summaries by the model of a server. `load_note` and `save_note` keep one small text under a key; `close` it in the end."""

    def __init__(self, server: Server, prompt: Prompt, load_note: LoadNote, save_note: SaveNote, world: World) -> None:
        self._server, self._prompt, self._world = server, prompt, world
        ladder = Ladder(server.base_url, server.model, load_note, save_note)
        self._client = ModelClient(server.base_url, server.key, server.model, ladder, server.seconds, world)
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    @property
    def model(self) -> str:
        return self._server.model

    @property
    def prompt(self) -> str:
        return self._prompt.name

    def estimate(self, paper: Paper, text: FullText) -> int:
        return estimate(self._prompt, paper, text, self._server.input_tokens)

    async def summarise(self, paper: Paper, text: FullText, language: str) -> tuple[Summary, Usage]:
        talk = Talk(self._client, self._prompt, paper, text, language, self._server.input_tokens)
        async with self._gate:
            outcome = await talk.run(self._server.seconds * _PATIENCE)
        log.info("answer id=%s language=%s removed=%d", paper.id, language, outcome.checked.removed)
        return self._make(paper, language, outcome), talk.usage

    def _make(self, paper: Paper, language: str, outcome: Outcome) -> Summary:
        checked = outcome.checked
        return Summary(
            paper.id,
            paper.version,
            language,
            self.model,
            self.prompt,
            outcome.source,
            self._world.now(),
            checked.tldr,
            **checked.lists,
            code_url=checked.code_url,
            removed=checked.removed,
        )
