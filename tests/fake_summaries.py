"""Stand-ins for what summaries need: texts that are there at once, and a writer that counts and does as it is told."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

from bot.errors import LLMError, SourceError
from bot.model.summary import BatchRequest, FullText, Reply, Section, Summary, TextSource, Usage

COST = Usage(800, 200)
ESTIMATE = 1_500


class FakeTexts:
    """The full text of every paper but those `without`; `fetched` are the ids asked for."""

    def __init__(self):
        self.fetched, self.without = [], set()

    async def fetch(self, paper):
        self.fetched.append(paper.id)
        source = TextSource.ABSTRACT if paper.id in self.without else TextSource.HTML
        return FullText(source, (Section("Introduction", paper.abstract),))


class FakeSummarizer:
    """Writes `A TL;DR of ID in LANGUAGE.`, where `errors` has nothing else to raise for the id.

    `calls` counts by (id, language). While `gate` is not set every call waits; `most_at_once` is how many did at a time.
    """

    def __init__(self, model="fake-1", prompt="p1"):
        self.model, self.prompt = model, prompt
        self.calls, self.errors, self.order = Counter(), {}, []
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = self.most_at_once = 0

    def estimate(self, paper, text):
        return ESTIMATE

    async def summarise(self, paper, text, language):
        self.calls[paper.id, language] += 1
        self.order.append(paper.id)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.at_once -= 1
        if paper.id in self.errors:
            raise self.errors[paper.id]
        return make_summary(paper, language, self.model, self.prompt, source=text.source), COST


def make_summary(paper, language="en", model="fake-1", prompt="p1", **fields):
    plain = {
        "source": TextSource.HTML,
        "made_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "tldr": f"A TL;DR of {paper.id} in {language}.",
        "contributions": ("It is new.",),
        "methods": ("We measure.", "We compare."),
        "results": ("It is 2.5 times as fast.",),
        "conclusions": ("It works.",),
        "limitations": ("Small data.",),
        "code_url": "https://code.example/x",
    }
    return Summary(paper.id, paper.version, language, model, prompt, **plain | fields)


class FakeBatchWriter:
    """Batches that are done when `is_done`; lines of `failing` ids have no answer, those of `unusable` ones no summary.

    `sent` are the batches, each with the ids of its requests. `errors` are raised by the next
    uploads, starts, searches and fetchings, one each; None: by none. Where it `is_deaf`, a start that fails has begun the batch.
    """

    def __init__(self):
        self.sent, self.failing, self.unusable = {}, set(), set()
        self.files, self.started = {}, {}
        self.is_done, self.is_there, self.is_deaf, self.errors = False, True, False, []

    async def is_ready(self):
        return self.is_there

    async def write(self, paper, text, language):
        return BatchRequest(f"{paper.id} {language}", "{}", ESTIMATE)

    async def upload(self, requests):
        self._fail()
        name = f"file {len(self.files)}"
        self.files[name] = [each.id for each in requests]
        return name

    async def start(self, file, tokens):
        name = f"batch {len(self.sent)}"
        if not self.is_deaf:
            self._fail()
        self.sent[name], self.started[file] = self.files[file], name
        self._fail()
        return name

    async def find(self, file):
        self._fail()
        return self.started.get(file)

    async def fetch(self, batch):
        self._fail()
        if batch not in self.sent:
            raise LLMError("no such batch", is_final=True)
        asked = [each for each in self.sent[batch] if each.split()[0] not in self.failing]
        return (
            {each: Reply(f"A TL;DR of {each}.", is_cut=False, usage=COST) for each in asked} if self.is_done else None
        )

    async def read(self, request, reply, paper, text, language):
        if paper.id in self.unusable:
            return None
        return make_summary(paper, language, tldr=f"By batch: {paper.id} in {language}.")

    def _fail(self):
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


class FakeLookup:
    """Knows `records` by id; with `is_down` it raises as an arXiv that cannot be reached."""

    def __init__(self, *records):
        self.records = {each.paper.id: each for each in records}
        self.is_down = False
        self.asked = []

    async def fetch_papers(self, ids):
        self.asked += ids
        if self.is_down:
            raise SourceError("no answer", reached=False)
        return {each: self.records[each] for each in ids if each in self.records}
