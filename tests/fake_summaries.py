"""Stand-ins for what summaries need: texts that are there at once, and a writer that counts and does as it is told."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

from bot.errors import SourceError
from bot.model.summary import FullText, Section, Summary, TextSource, Usage

COST = Usage(800, 200)
ESTIMATE = 1_500


class FakeTexts:
    """The full text of every paper; `fetched` are the ids asked for."""

    def __init__(self):
        self.fetched = []

    async def fetch(self, paper):
        self.fetched.append(paper.id)
        return FullText(TextSource.HTML, (Section("Introduction", paper.abstract),))


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
