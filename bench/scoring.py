"""`python -m bench.scoring`: what it costs to score a day's 2,700 papers for ever more chats, beside keyword count chat by chat.

The papers are the newest of the largest categories in PAPERROUND_DATA (`corpus`), or invented ones where there is none. A chat
follows four of the eight largest categories, and ten topics out of 20,000: three in four occur in the papers. Times are CPU seconds.
Topics are read beforehand, as they are when they are added; everything else counts, the index of the day included, in which the topics
are looked for together that were asked for the day before: all of them, but for a row for a bot that was just started. What is measured
are the places of the first 15 papers with their points, by what `RulesRanker` uses; reasons are made for the papers that are asked about.
Exits with 1 where a promise is missed. `--learned 100000` takes a quarter of an hour.
"""

import argparse
import gc
import json
import math
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import fmean

import numpy as np

from bot.evaluation import read_corpus
from bot.folding import split_words
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.ranking.corpus import Corpus
from bot.ranking.likeness import is_telling
from bot.ranking.postings import Flags
from bot.ranking.scoring import Scoring, taste_of
from bot.topics import compile_topic
from tests.oracle import Oracle

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
"""So many of the largest categories have readers, and a chat follows so many of them."""
TOP = 15
CHATS = (1, 100, 1_000, 10_000, 100_000)
NAIVE_CHATS = 40
"""So many chats tell what one costs the naive loop, which shares nothing between chats."""
REPEATED = 3
"""The least of so many measurements counts, of both: what else the machine does only adds to it."""
COMPARED = 10
LEARNED = 1_000
MOST_MEMORY = 1_000
"""MB, whatever the number of chats with marks."""
AT_LEAST = {1_000: 25, 10_000: 150}
"""So many times faster than the naive loop."""
MARGIN = 80
"""What one chat costs the naive loop, over what a further one costs."""
_WORD = re.compile(r"[A-Za-z]{2,}(?:-[A-Za-z]+)*")

Place = tuple[float, ArxivId]


@dataclass(frozen=True, slots=True)
class Chat:
    """What one chat follows."""

    categories: frozenset[str]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """An announcement, and the phrases that somebody follows."""

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
    """The day's index, and every chat's first papers from it. `known`: the chats that asked the day before."""

    def __init__(self, announcement: Announcement, known: Sequence[Chat] = ()) -> None:
        self.corpus = Corpus([announcement], chain.from_iterable(chat.topics for chat in known))
        self._having: defaultdict[str, Flags] = defaultdict(partial(np.zeros, len(self.corpus.papers), np.bool_))
        self._ids = [paper.id for paper in self.corpus.papers]
        for place, paper in enumerate(self.corpus.papers):
            for code in paper.categories:
                self._having[code][place] = True
        self._wanted: dict[frozenset[str], Flags] = {}

    def best(self, chat: Chat, feedback: Feedback = NO_FEEDBACK) -> list[Place]:
        corpus, wanted = self.corpus, self._wanted.get(chat.categories)
        if wanted is None:
            wanted = np.logical_or.reduce([self._having[code] for code in chat.categories])
            self._wanted[chat.categories] = wanted
        places, points = Scoring(corpus, taste_of(corpus, chat.topics, feedback), corpus.matching).points()
        kept = wanted[places]
        places, points = places[kept], points[kept]
        # Places are in the order of ids, which decides between equal points.
        best = np.argsort(-points, kind="stable")[:TOP]
        return [
            (each, self._ids[place]) for each, place in zip(points[best].tolist(), places[best].tolist(), strict=True)
        ]


def feedback_of(papers: Sequence[Paper], chance: random.Random) -> Feedback:
    """Six papers liked of one category, and two of any disliked."""
    code = chance.choice(papers).categories[0]
    liked = chance.choices([paper for paper in papers if code in paper.categories], k=6)
    return Feedback(tuple(liked), tuple(chance.choices(papers, k=2)))


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of the index, of all with it, and the most memory in MB."""

    index: float
    total: float
    memory: float


def spend(number: int, *, is_learned: bool, is_started: bool) -> Cost:
    """What so many chats cost; in a process of its own, where nothing was read before but the topics."""
    day = read_day()
    for topic in day.pool:
        compile_topic(topic)
    chats, chance = list(day.chats(number)), random.Random(3)
    marks = [feedback_of(day.papers, chance) if is_learned else NO_FEEDBACK for _ in chats]
    split_words(" ".join(f"{paper.title} {paper.abstract}" for paper in day.papers))  # yesterday had the same words
    gc.collect()
    begun = time.process_time()
    one = OnePass(day.announcement, () if is_started else chats)
    read = time.process_time()
    for chat, feedback in zip(chats, marks, strict=True):
        one.best(chat, feedback)
    return Cost(read - begun, time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def spend_apart(number: int, *options: str) -> Cost:
    command = [sys.executable, "-m", "bench.scoring", "--chats", str(number), *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Cost(*json.loads(done.stdout))


def time_naive(day: Day) -> float:
    """CPU seconds a chat."""
    chats, papers = list(day.chats(NAIVE_CHATS)), day.papers
    begun = time.process_time()
    for chat in chats:
        naive(papers, chat)
    return (time.process_time() - begun) / len(chats)


def count_differences(day: Day) -> int:
    """How many of some chats have other first papers, another order, or other points than by the formula alone."""
    one, oracle, chance = OnePass(day.announcement), Oracle([day.announcement]), random.Random(4)
    different = 0
    for number, chat in enumerate(day.chats(COMPARED)):
        feedback = feedback_of(day.papers, chance) if number % 2 else NO_FEEDBACK
        papers = day.announcement.papers_for(chat.categories)
        points = oracle.rank(papers, chat.topics, feedback)
        pairs = zip(points, papers, strict=True)
        expected = sorted((-each, announced.paper.id) for each, announced in pairs if each)[:TOP]
        different += not _is_same(one.best(chat, feedback), [(-minus, identifier) for minus, identifier in expected])
    return different


def _is_same(found: Sequence[Place], expected: Sequence[Place]) -> bool:
    """Whether ids, order and points agree; what differs by less than rounding has no order."""
    near = partial(math.isclose, rel_tol=0, abs_tol=1e-9)
    if len(found) != len(expected) or not all(near(one[0], two[0]) for one, two in zip(found, expected, strict=True)):
        return False
    places = zip(found, expected, strict=True)
    return all(one[1] == two[1] or sum(near(one[0], each[0]) for each in expected) > 1 for one, two in places)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chats", type=int, help="what so many chats cost, as JSON, and nothing else")
    parser.add_argument("--started", action="store_true", help="by a bot that was just started")
    parser.add_argument("--marks", action="store_true", help="chats with liked and disliked papers")
    parser.add_argument("--learned", type=int, default=LEARNED, help=f"so many chats with marks (default {LEARNED})")
    options = parser.parse_args(arguments)
    if options.chats:
        print(json.dumps(astuple(spend(options.chats, is_learned=options.marks, is_started=options.started))))
        return 0
    return report(options.learned)


def _total(cost: Cost) -> float:
    return cost.total


def report(learned: int) -> int:
    day = read_day()
    before = time_naive(day)
    costs = {number: min((spend_apart(number) for _ in range(REPEATED)), key=_total) for number in CHATS}
    naive_each = min(before, time_naive(day))
    considered = fmean(len(day.announcement.papers_for(chat.categories)) for chat in day.chats(NAIVE_CHATS))
    print(
        f"{len(day.papers)} papers, {considered:.0f} of them in a chat's categories; naive: {1e3 * naive_each:.1f} ms a chat"
    )
    print(f"{'chats':>9s}{'index s':>9s}{'all s':>9s}{'naive s':>10s}{'times':>8s}{'MB':>7s}")
    missed = []
    for number, cost in costs.items():
        times = naive_each * number / cost.total
        print(
            f"{number:9,d}{cost.index:9.2f}{cost.total:9.2f}{naive_each * number:10.1f}{times:8.1f}{cost.memory:7.0f}"
        )
        missed += [f"{number:,} chats: {least} times"] if times < (least := AT_LEAST.get(number, 0)) else []
    *_, many, most = CHATS
    started = spend_apart(many, "--started")
    print(f"{many:,} chats of a bot just started: {started.total:.2f} s, {naive_each * many / started.total:.0f} times")
    further = (costs[most].total - costs[many].total) / (most - many)
    print(f"a further chat: {1e6 * further:.0f} µs, 1/{naive_each / further:.0f} of the naive loop's")
    marked = spend_apart(learned, "--marks")
    print(
        f"{learned:,} chats with marks: {1e3 * (marked.total - marked.index) / learned:.1f} ms each, {marked.memory:.0f} MB"
    )
    different = count_differences(day)
    print(f"{COMPARED} chats beside the formula alone: {different} different")
    missed += ["a further chat"] if naive_each / further < MARGIN else []
    missed += ["linear time"] if costs[most].total > most / many * costs[many].total else []
    missed += ["linear memory"] if costs[most].memory > most / many * costs[many].memory else []
    missed += ["memory with marks"] if marked.memory > MOST_MEMORY else []
    missed += ["the same first papers"] if different else []
    print("missed: " + "; ".join(missed) if missed else "all promises kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
