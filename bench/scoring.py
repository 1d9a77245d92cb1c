"""`python -m bench.scoring`: what it costs to score a day's 2,700 papers for ever more chats, beside keyword count chat by chat.

The papers are the newest ones in PAPERROUND_DATA (`corpus`), or invented ones where there is none. A chat follows one to five
categories, drawn by how many papers they have, and ten topics out of 20,000: three in four are phrases that occur in
the papers, the others occur in none. Times are CPU seconds. Topics are read beforehand, once, as when they are added; everything else, the index
of the day included, counts. Exits with 1 where a promise is missed.
"""

import gc
import os
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.evaluation import read_corpus
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.ranking.corpus import Corpus
from bot.ranking.likeness import is_telling
from bot.ranking.scoring import Scoring, taste_of
from bot.terms import document_of
from bot.topics import compile_topic

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[2] / "shared" / "data")
PAPERS = 2700
POOL = 20_000
OCCURRING = 0.75
LENGTHS = (1, 2, 2, 2, 3)
"""Words in a phrase: most topics are pairs."""
RARE = 27
"""A word of its own is a topic where so many texts at most have it: \"mamba\", not \"model\"."""
TOPICS = 10
POPULAR, CATEGORIES = 8, 4
TOP = 15
CHATS = (1, 100, 1_000, 10_000, 100_000)
NAIVE_CHATS = 40
"""So many chats tell what one costs the naive loop, which shares nothing between chats."""
AT_LEAST = {1_000: 25, 10_000: 150}
"""So many times faster than the naive loop."""
MARGIN = 80
"""What one chat costs the naive loop, over what a further one costs."""
_WORD = re.compile(r"[A-Za-z]{2,}(?:-[A-Za-z]+)*")

Place = tuple[float, ArxivId]


@dataclass(frozen=True, slots=True)
class Chat:
    categories: frozenset[str]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    announcement: Announcement
    pool: Sequence[str]

    @property
    def papers(self) -> Sequence[Paper]:
        return tuple(self.announcement.papers.values())

    def chats(self, number: int) -> Iterator[Chat]:
        chance = random.Random(number)
        sizes = Counter(code for paper in self.papers for code in paper.categories)
        popular = [code for code, _ in sizes.most_common(POPULAR)]
        for _ in range(number):
            # The largest categories have the most readers.
            categories = sorted(popular, key=lambda code: chance.random() ** (1 / sizes[code]))[-CATEGORIES:]
            yield Chat(frozenset(categories), tuple(chance.choices(self.pool, k=TOPICS)))


def read_day() -> Day:
    papers = real_papers() if (DATA / "corpus").is_dir() else invented_papers()
    rows = {
        code: tuple((each, AnnounceType.NEW) for each in papers if code in each.categories)
        for paper in papers
        for code in paper.categories
    }
    (announcement,) = merge_batches([Batch(code, date(2026, 2, 27), row) for code, row in rows.items()])
    return Day(announcement, make_pool(papers))


def real_papers() -> Sequence[Paper]:
    """The newest papers of the categories that have the most."""
    newest = {each.id: each for day in reversed(read_corpus(DATA / "corpus")) for each in day.papers.values()}
    sizes = Counter(code for paper in newest.values() for code in paper.categories)
    popular = {code for code, _ in sizes.most_common(POPULAR)}
    return [paper for paper in newest.values() if not popular.isdisjoint(paper.categories)][:PAPERS]


def invented_papers() -> Sequence[Paper]:
    """Words by Zipf's law, as many as real abstracts have."""
    chance = random.Random(1)
    syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 5))) for _ in range(30_000)]
    weights = [1 / rank for rank in range(10, 30_010)]
    codes = [f"cs.{first}{second}" for first in "ACILMNRS" for second in "AEILRV"]
    shares = [1 / rank for rank in range(1, len(codes) + 1)]

    def text(least: int, most: int) -> str:
        return " ".join(chance.choices(words, weights, k=chance.randint(least, most)))

    return [
        Paper(
            ArxivId(f"2602.{number:05}"), 1, text(6, 14), text(120, 260),
            tuple(text(2, 2) for _ in range(5)), tuple(dict.fromkeys(chance.choices(codes, shares, k=3))),
        )
        for number in range(PAPERS)
    ]  # fmt: skip


def make_pool(papers: Sequence[Paper]) -> Sequence[str]:
    """Phrases that occur in titles and abstracts, and phrases of which no paper has all words side by side."""
    chance = random.Random(2)
    texts = [_WORD.findall(text.lower()) for paper in papers for text in (paper.title, paper.abstract)]
    having = Counter(word for text in texts for word in set(text))
    pool: dict[str, None] = {}
    while len(pool) < POOL * OCCURRING:
        words, length = chance.choice(texts), chance.choice(LENGTHS)
        start = chance.randrange(max(1, len(words) - length + 1))
        phrase = words[start : start + length]
        if len(phrase) == length and all(map(is_telling, phrase)) and (length > 1 or having[phrase[0]] <= RARE):
            pool[" ".join(phrase)] = None
    while len(pool) < POOL:
        pool[f"{chance.choice(chance.choice(texts) or ['x'])} unheard{len(pool)}"] = None
    return list(pool)


def naive(papers: Sequence[Paper], chat: Chat) -> list[Place]:
    """As one writes it first: the categories, then every keyword, looked for in title and abstract."""
    found: list[Place] = []
    for paper in papers:
        if chat.categories.isdisjoint(paper.categories):
            continue
        title, abstract = paper.title.lower(), paper.abstract.lower()
        points = 0.0
        for topic in chat.topics:
            keyword = topic.lower()
            if keyword in title:
                points += 1.5
            elif keyword in abstract:
                points += 1.0
        if points:
            found.append((points, paper.id))
    return sorted(found, key=lambda each: (-each[0], each[1]))[:TOP]


class OnePass:
    """The day's index, and every chat's first papers from it."""

    def __init__(self, announcement: Announcement) -> None:
        self.corpus = Corpus([announcement])
        papers = self.corpus.papers
        codes = sorted({code for paper in papers for code in paper.categories})
        self._bits = {code: 1 << number for number, code in enumerate(codes)}
        self._masks = [sum(self._bits[code] for code in dict.fromkeys(paper.categories)) for paper in papers]
        self._wanted: dict[frozenset[str], int] = {}
        self._ids = [paper.id for paper in papers]

    def best(self, chat: Chat, feedback: Feedback = NO_FEEDBACK) -> list[Place]:
        masks, ids, wanted = self._masks, self._ids, self._wanted.get(chat.categories)
        if wanted is None:
            wanted = self._wanted[chat.categories] = sum(self._bits[code] for code in chat.categories)
        scoring = Scoring(self.corpus, taste_of(self.corpus, chat.topics, feedback), self.corpus.matching)
        found = [(-points, ids[place]) for place, points in scoring.points().items() if masks[place] & wanted]
        found.sort()
        return [(-points, identifier) for points, identifier in found[:TOP]]


def seconds(work: Callable[[], object]) -> float:
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    day = read_day()
    for topic in day.pool:
        compile_topic(topic)
    papers = day.papers
    some = list(day.chats(NAIVE_CHATS))
    naive_each = seconds(lambda: [naive(papers, chat) for chat in some]) / len(some)
    print(sum(sum(not c.categories.isdisjoint(p.categories) for p in papers) for c in some) / len(some), "candidates")
    print(f"naive {naive_each * 1e3:.2f} ms a chat")
    for number in CHATS[:4]:
        chats = list(day.chats(number))
        document_of.cache_clear() if hasattr(document_of, "cache_clear") else None
        import bot.terms

        bot.terms._document.cache_clear()
        parts = []

        def work():
            b = time.process_time()
            one = OnePass(day.announcement)
            parts.append(time.process_time() - b)
            for chat in chats:
                one.best(chat)

        spent = seconds(work)
        print(
            f"{number:7d} {spent:.3f} index {parts} x{naive_each * number / spent:.0f}  rss {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
