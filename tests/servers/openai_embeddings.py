"""Vectors of an OpenAI-compatible server on loopback: texts with the same words, or synonyms, lie near each other."""

import math
import random
import re
from collections import deque
from dataclasses import dataclass, field

LETTERS_A_TOKEN = 4


@dataclass
class EmbeddingDesk:
    """Answers `/embeddings`; what is in `plans` comes first, one by one: a name of SPOILERS or of the server's faults.

    `synonyms` are words that mean another; `most_tokens` what a text may have, 0: any. `bodies` are the requests that came.
    """

    size: int = 64
    plans: deque = field(default_factory=deque)
    bodies: list = field(default_factory=list)
    synonyms: dict = field(default_factory=dict)
    most_tokens: int = 0

    @property
    def texts(self):
        """Every text that was embedded."""
        return [each for body in self.bodies for each in body["input"]]

    def answer(self, body, plan="good"):
        self.bodies.append(body)
        vectors = [embed(each, self.size, self.synonyms) for each in body["input"]]
        data = [{"object": "embedding", "index": place, "embedding": each} for place, each in enumerate(vectors)]
        tokens = sum(len(each) // LETTERS_A_TOKEN + 1 for each in body["input"])
        answer = {
            "object": "list",
            "model": body["model"],
            "data": data,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        SPOILERS[plan](answer)
        return answer


def embed(text, size, synonyms):
    """The sum of a fixed random direction for each word, and of one that all texts share, as real models have it."""
    words = [synonyms.get(each, each) for each in re.findall(r"[a-z]+", text.lower())]
    total = directions(size, "")
    for word in words:
        total = [one + other for one, other in zip(total, directions(size, word), strict=True)]
    length = math.sqrt(sum(each * each for each in total))
    return [each / length for each in total]


def directions(size, word):
    chance = random.Random(word)
    return [chance.gauss(0, 1) for _ in range(size)]


def _no_usage(answer):
    del answer["usage"]


SPOILERS = {
    "good": lambda _: None,
    "shuffled": lambda answer: answer["data"].reverse(),
    "one less": lambda answer: answer["data"].pop(),
    "one more": lambda answer: answer["data"].append(answer["data"][0]),
    "other size": lambda answer: answer["data"][0]["embedding"].pop(),
    "empty": lambda answer: [each.update(embedding=[]) for each in answer["data"]],
    "nan": lambda answer: answer["data"][0]["embedding"].__setitem__(0, math.nan),
    "infinite": lambda answer: answer["data"][0]["embedding"].__setitem__(0, math.inf),
    "zeros": lambda answer: answer["data"][0].update(embedding=[0.0] * 64),
    "words": lambda answer: answer["data"][0].update(embedding=["a"] * 64),
    "base64": lambda answer: [each.update(embedding="AAAA") for each in answer["data"]],
    "nothing of usage": _no_usage,
}
