"""The batch endpoint of an OpenAI-compatible server: https://developers.openai.com/api/docs/guides/batch."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import openai

from bot.errors import LLMError, StorageError
from bot.model.paper import Paper
from bot.model.summary import BatchRequest, FullText, Reply, Summary, Usage
from bot.ports import Clock, Storage
from bot.summaries.client import UNREADABLE, given_tokens, read_completion
from bot.summaries.llm import OpenAISummarizer
from bot.summaries.prompts import Messages

log = logging.getLogger(__name__)

_URL: Final = "/v1/chat/completions"
_UNKNOWN = (400, 404, 405, 501)
"""What servers without batches answer; the SDK asks nothing else that could be wrong."""
_ENDED = ("completed", "failed", "expired", "cancelled")
_OK = 200
_LISTED, _PAGES = 100, 10
"""Batches that a server lists at a time, the newest first, and how often it is asked for more; what is looked for is minutes old."""
_SECONDS = 300.0
"""For a whole file, up or down."""
_ASK_AGAIN = timedelta(days=30)
"""How long a server is believed to have no batches."""


class OpenAIBatches:
    """Batches by the summarizer's server at `base_url`. That it has none is kept in a note of the storage for a month."""

    def __init__(self, summarizer: OpenAISummarizer, base_url: str, clock: Clock, storage: Storage) -> None:
        self._summarizer, self._clock, self._storage = summarizer, clock, storage
        self._sdk = summarizer.client.sdk
        self._note = f"llm_no_batches:{sha256(base_url.encode()).hexdigest()[:16]}"
        self._none_until: datetime | None = None
        self._is_noted = False

    async def is_ready(self) -> bool:
        if not self._is_noted:
            self._none_until = _read_instant(await self._storage.get_note(self._note))
            self._is_noted = True
        if self._none_until is not None and self._clock() < self._none_until:
            return False
        # A batch asked in the wrong dialect would fail as a whole, an hour later.
        return await self._summarizer.client.ladder.get_settled() is not None

    async def write(self, paper: Paper, text: FullText, language: str) -> BatchRequest:
        messages, most_tokens = await self._summarizer.talk(paper, text, language).question()
        dialect = await self._summarizer.client.ladder.get()
        body = self._summarizer.client.body(messages, dialect, most_tokens)
        identifier = self._identify(messages, paper, language)
        line = json.dumps({"custom_id": identifier, "method": "POST", "url": _URL, "body": body})
        return BatchRequest(identifier, line, given_tokens(messages) + most_tokens)

    async def upload(self, requests: Sequence[BatchRequest]) -> str:
        data = "".join(f"{each.line}\n" for each in requests).encode()
        try:
            async with _in_time():
                file = await self._sdk.files.create(file=("batch.jsonl", data, "application/jsonl"), purpose="batch")
        except openai.APIStatusError as error:
            raise await self._refuse(error) from None
        return _id_of(file)

    async def start(self, file: str, tokens: int) -> str:
        try:
            async with _in_time(tokens):
                batch = await self._sdk.batches.create(input_file_id=file, endpoint=_URL, completion_window="24h")
        except openai.APIStatusError as error:
            raise await self._refuse(error) from None
        return _id_of(batch, tokens)

    async def find(self, file: str) -> str | None:
        try:
            async with _in_time():
                page = await self._sdk.batches.list(limit=_LISTED)
                for _ in range(_PAGES):
                    for each in _listed(page):
                        if getattr(each, "input_file_id", None) == file:
                            return _id_of(each)
                    if not page.has_next_page():
                        break
                    page = await page.get_next_page()
        except openai.APIStatusError as error:
            raise _refused(error) from None
        return None

    async def fetch(self, batch: str) -> Mapping[str, Reply] | None:
        try:
            async with _in_time():
                found = await self._sdk.batches.retrieve(batch)
                if getattr(found, "status", None) not in _ENDED:
                    return None
                # Requests that failed are in a file of errors. They are made singly, so it does not matter why.
                if not found.output_file_id:
                    return {}
                output = await self._sdk.files.content(found.output_file_id)
        except openai.APIStatusError as error:
            raise _refused(error) from None
        return await asyncio.to_thread(_read_lines, output.content)

    async def read(self, request: str, reply: Reply, paper: Paper, text: FullText, language: str) -> Summary | None:
        talk = self._summarizer.talk(paper, text, language)
        messages, _ = await talk.question()
        is_same = self._identify(messages, paper, language) == request
        outcome = await talk.read(reply) if is_same else None
        return None if outcome is None else self._summarizer.make(paper, language, outcome)

    def _identify(self, messages: Messages, paper: Paper, language: str) -> str:
        asked = [self._summarizer.model, paper.id, paper.version, language, messages]
        return sha256(json.dumps(asked).encode()).hexdigest()[:32]

    async def _refuse(self, error: openai.APIStatusError) -> LLMError:
        if error.status_code in _UNKNOWN:
            await self._note_none(error.status_code)
        return _refused(error)

    async def _note_none(self, status: int) -> None:
        self._none_until = self._clock() + _ASK_AGAIN
        log.warning("llm_batches status=none http=%d: the model server has no batches; single calls are made", status)
        try:
            await self._storage.set_note(self._note, self._none_until.isoformat())
        except StorageError as error:
            log.warning("llm_batches error=%r", str(error))


@asynccontextmanager
async def _in_time(spent: int = 0) -> AsyncIterator[None]:
    """Faults but refusals as LLMError; `spent` may be used up where no answer came."""
    try:
        async with asyncio.timeout(_SECONDS):
            yield
    except openai.APIStatusError:
        raise
    except (TimeoutError, openai.OpenAIError):
        # None: the original may hold what was sent.
        raise LLMError("the model server cannot be reached", spent=spent) from None
    except UNREADABLE:
        raise LLMError("the model server's answer about a batch cannot be read", spent=spent) from None


def _refused(error: openai.APIStatusError) -> LLMError:
    status = error.status_code
    return LLMError(f"the model server refuses the batch (HTTP {status})", is_final=status in _UNKNOWN)


def _id_of(thing: object, spent: int = 0) -> str:
    """The SDK believes whatever a server answers."""
    identifier = getattr(thing, "id", None)
    if not isinstance(identifier, str) or not identifier:
        raise LLMError("the model server's answer about a batch cannot be read", spent=spent)
    return identifier


def _listed(page: object) -> list[object]:
    """That nothing is there is only believed where a list says so."""
    found = getattr(page, "data", None)
    if not isinstance(found, list):
        raise LLMError("the model server's list of batches cannot be read")
    return found


def _read_lines(content: bytes) -> dict[str, Reply]:
    """The answers in an output file, without what cannot be read of it."""
    replies: dict[str, Reply] = {}
    for line in content.splitlines():
        with suppress(*UNREADABLE):
            found: Any = json.loads(line)
            identifier, response = str(found["custom_id"]), found["response"]
            if response["status_code"] == _OK:
                replies[identifier] = _read_reply(response["body"])
    return replies


def _read_reply(body: object) -> Reply:
    try:
        return read_completion(body, 0)
    except LLMError as error:
        # The model refused. A single call will hear that again, and remember it.
        return Reply("", is_cut=False, usage=Usage(error.spent))


def _read_instant(note: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(note) if note else None
    except ValueError:
        return None
