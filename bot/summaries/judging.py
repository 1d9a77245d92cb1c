"""The judge that asks a language model."""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from hashlib import sha256

from bot.errors import ConfigError, LLMError
from bot.model.meaning import Interests
from bot.model.paper import ArxivId, Paper
from bot.model.summary import Usage
from bot.summaries.client import ContextOverflowError, ModelClient, World, given_tokens
from bot.summaries.judgements import SCHEMA, doubt, read_judgements
from bot.summaries.ladder import Ladder, LoadNote, SaveNote, Schema
from bot.summaries.llm import Server
from bot.summaries.prompts import Messages, encode

ASKS = 2
_TITLE, _ABSTRACT = 300, 1_200
"""Characters of a paper that the model is shown."""
_ANSWER_TOKENS, _TOKENS_A_PAPER = 2_000, 40
"""For what a model thinks aloud, and for one line of the answer."""
_HASH_LENGTH = 8


class OpenAIJudge:
    """Judgements by the model of a server, within `server.seconds` for all that is asked. `close` it in the end.

    `prompt` is the text of `config/prompts/judge.toml`. Raises ConfigError where that was edited into nonsense.
    """

    def __init__(self, server: Server, prompt: str, load_note: LoadNote, save_note: SaveNote, world: World) -> None:
        self._model, self._seconds = server.model, server.seconds
        self._prompt, self._system = _read_prompt(prompt)
        ladder = Ladder(server.base_url, server.model, load_note, save_note, Schema("judgements", SCHEMA))
        self._client = ModelClient(server.base_url, server.key, server.model, ladder, server.seconds, world)

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    @property
    def model(self) -> str:
        return self._model

    @property
    def prompt(self) -> str:
        return self._prompt

    def estimate(self, interests: Interests, papers: Sequence[Paper]) -> int:
        return ASKS * (given_tokens(self._question(interests, papers)) + _longest_answer(papers))

    async def judge(self, interests: Interests, papers: Sequence[Paper]) -> tuple[Mapping[ArxivId, float], Usage]:
        found: dict[ArxivId, float] = {}
        used, fault, left = Usage(), "", papers
        try:
            async with asyncio.timeout(self._seconds):
                for _ in range(ASKS):
                    reply = await self._client.ask(self._question(interests, left), _longest_answer(left))
                    used += reply.usage
                    read = read_judgements(reply.text, [each.id for each in left])
                    found, fault = {**found, **read.scores}, read.fault
                    left = [each for each in papers if each.id not in found]
                    if not left:
                        break
        except TimeoutError:
            # What is under way may be charged for, too.
            used, fault = used + Usage(given_tokens(self._question(interests, left))), "the model took too long"
        except ContextOverflowError:
            fault = "the model cannot read so much"
        except LLMError as error:
            used, fault = used + Usage(error.spent), str(error)
            if not found:
                error.spent = used.total
                raise error from None
        if doubts := doubt(found):
            raise LLMError(doubts, spent=used.total)
        if not found:
            raise LLMError(fault or "the model judged none of the papers", spent=used.total)
        return found, used

    def _question(self, interests: Interests, papers: Sequence[Paper]) -> Messages:
        content = {
            "interests": {"topics": interests.topics, "liked": [each[:_TITLE] for each in interests.liked]},
            "papers": [
                {"id": each.id, "title": each.title[:_TITLE], "abstract": each.abstract[:_ABSTRACT]} for each in papers
            ],
        }
        return [{"role": "system", "content": self._system}, {"role": "user", "content": encode(content)}]


def _longest_answer(papers: Sequence[Paper]) -> int:
    return _ANSWER_TOKENS + _TOKENS_A_PAPER * len(papers)


def _read_prompt(text: str) -> tuple[str, str]:
    """Its name, which holds its version and a hash of its text, and the instructions."""
    try:
        content = tomllib.loads(text)
        name = f"{content['version']}-{sha256(text.encode()).hexdigest()[:_HASH_LENGTH]}"
        return name, str(content["system"]).strip()
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The judge's prompt is no TOML: {error}") from error
    except KeyError as error:
        raise ConfigError(f"The judge's prompt lacks {error}.") from error
