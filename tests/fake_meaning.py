"""Stand-ins for what tells meaning: vectors of words, a judge that does as it is told, and a cache in memory."""

import asyncio

from bot.model.meaning import Vector
from bot.model.summary import Usage
from tests.servers.openai_embeddings import embed

SIZE = 64
TOKENS = 10
"""For each text, and for each paper that is judged; twice as many are estimated."""


class FakeBlobCache:
    """Keeps everything as long as it lives."""

    def __init__(self):
        self.blobs, self.days = {}, {}

    def get(self, key):
        return self.blobs.get(key)

    async def put(self, blobs, day):
        self.blobs |= blobs
        self.days |= dict.fromkeys(blobs, day)

    async def prune(self, before):
        kept = {key for key, day in self.days.items() if day >= before}
        self.blobs = {key: blob for key, blob in self.blobs.items() if key in kept}


class FakeEmbedder:
    """Texts with the same words, or `synonyms` of them, are near each other. `calls` are the texts of each call.

    While `gate` is not set every call waits; `error` is raised by all calls.
    """

    def __init__(self, most=100, size=SIZE):
        self.model, self.most, self.size = "fake-vectors", most, size
        self.calls, self.synonyms, self.error = [], {}, None
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def texts(self):
        return [each for call in self.calls for each in call]

    def estimate(self, texts):
        return 2 * TOKENS * len(texts)

    async def embed(self, texts):
        self.calls.append(list(texts))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [Vector.of(embed(each, self.size, self.synonyms)) for each in texts], Usage(TOKENS * len(texts))


class FakeJudge:
    """Gives papers what `scores` has for their ids, else 5. `calls` are the ids of each call. `gate` and `error` as above."""

    def __init__(self, scores=()):
        self.model, self.prompt = "fake-judge", "p1"
        self.calls, self.asked, self.scores, self.silent, self.error = [], [], dict(scores), set(), None
        self.gate = asyncio.Event()
        self.gate.set()

    def estimate(self, interests, papers):
        return 2 * TOKENS * len(papers)

    async def judge(self, interests, papers):
        self.calls.append([each.id for each in papers])
        self.asked.append(interests)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        said = {each.id: self.scores.get(each.id, 5.0) for each in papers if each.id not in self.silent}
        return said, Usage(TOKENS * len(papers), len(said))
