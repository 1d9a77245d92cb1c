"""`python -m bench.ranking`: how good the rankers are on a benchmark, beside keyword count and BM25, and how long one chat takes.

With EMBEDDING_MODEL or JUDGE_MODEL, and a server, a row tells what they bring. The benchmark is read from the folder in PAPERROUND_DATA (`bench/dev` and `corpus`); docs/ranking.md has its form.
"""

import asyncio
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import fmean

from bot.app import make_models
from bot.evaluation import NAMES, TASKS, measure, order, rank_tasks, read_corpus, read_labels, read_profiles, score_task
from bot.folding import fold_words
from bot.model.announcement import Announcement
from bot.model.digest import Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.ports import Ranker
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.terms import document_of
from bot.topics import compile_topic
from config.settings import load_settings

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[2] / "shared" / "data")
PAPERS = 2700
TOPICS = (
    "kv cache", "diffusion model", "speculative decoding", "humanoid robot", "reinforcement learning",
    "graph neural network", "agent memory", "quant*", "protein", "au:Dao",
)  # fmt: skip
# Robertson's usual constants.
K1, B = 1.5, 0.75


# Measured elsewhere on the benchmark's five readers; they need model weights or numpy, so that they are not run here.
ELSEWHERE = {
    "cold": {
        "MiniLM on the keywords": (0.694, 0.700, 0.172, 0.366),
        "BM25 and MiniLM fused": (0.729, 0.700, 0.203, 0.504),
    },
    "warm": {
        "SVM on TF-IDF": (0.665, 0.680, 0.406, 0.596),
        "MiniLM with recency": (0.753, 0.760, 0.362, 0.425),
        "BM25, SVM, MiniLM fused": (0.719, 0.740, 0.412, 0.596),
    },
}


@dataclass(frozen=True, slots=True)
class Bm25Ranker:
    """The words of all topics as one bag, the title twice; excluded papers left out as the others do."""

    name: str = "bm25"
    types: tuple[AnnounceType, ...] = tuple(AnnounceType)
    has_min_score: bool = False
    is_broad: bool = False

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        del recent, feedback
        compiled = [compile_topic(each) for each in topics]
        words = [word for each in compiled if not each.is_exclusion for word in fold_words(each.keyword).split()]
        documents = [document_of(each.paper) for each in papers]
        bags = [Counter([*document.title.split() * 2, *document.abstract.split()]) for document in documents]
        scores = score_bags(bags, words)
        excludes = [each for each in compiled if each.is_exclusion]
        return [
            Score(0.0, excluded_by="-") if any(each.match(document) for each in excludes) else Score(score)
            for document, score in zip(documents, scores, strict=True)
        ]

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        del recent, feedback
        return (), ()


def score_bags(bags: Sequence[Counter[str]], words: Sequence[str]) -> list[float]:
    found = Counter(word for bag in bags for word in set(words) if word in bag)
    rarity = {word: math.log(1 + (len(bags) - found[word] + 0.5) / (found[word] + 0.5)) for word in words}
    lengths = [sum(bag.values()) for bag in bags]
    usual = fmean(lengths)

    def score(bag: Counter[str], length: int) -> float:
        room = K1 * (1 - B + B * length / usual)
        return sum(rarity[word] * bag[word] * (K1 + 1) / (bag[word] + room) for word in words if word in bag)

    return [score(bag, length) for bag, length in zip(bags, lengths, strict=True)]


async def print_table(corpus: Sequence[Announcement]) -> None:
    profiles, labels = read_profiles(DATA / "bench/dev"), read_labels(DATA / "bench/dev")
    rankers: tuple[Ranker, ...] = (ClassicRanker(), Bm25Ranker(), RulesRanker())
    rankings = {ranker.name: rank_tasks(ranker, profiles, corpus, TASKS) for ranker in rankers}
    async with AsyncExitStack() as stack:
        if models := make_models(stack, load_settings()):
            scored = {task: [score_task(RulesRanker(), each, corpus, task) for each in profiles] for task in TASKS}
            heard = {
                task: {each.profile.name: order(each, await models.hear(each)) for each in all_}
                for task, all_ in scored.items()
            }
            rankings["rules with models"] = heard
            print(f"models: {models.describe()}")
    for task in TASKS:
        print(f"{task:26s}" + "  ".join(f"{name:>7s}" for name in NAMES))
        rows = dict(ELSEWHERE[task])
        for name, ranked in rankings.items():
            measures = [astuple(measure(ranked[task][each], labels[each][task])) for each in ranked[task]]
            rows[name] = tuple(map(fmean, zip(*measures, strict=True)))
        for name, row in rows.items():
            print(f"  {name:24s}" + "  ".join(f"{value:7.3f}" for value in row))


def print_speed(corpus: Sequence[Announcement]) -> None:
    recent = corpus[-20:]
    papers = [each for announcement in recent[::-1] for each in announcement.papers_for()][:PAPERS]
    liked = Feedback(liked=tuple(each.paper for each in papers[:50]))
    print(f"{len(papers)} papers, {len(TOPICS)} topics, CPU seconds")
    for ranker in (ClassicRanker(), RulesRanker()):
        for name, feedback in (("first", NO_FEEDBACK), ("again", NO_FEEDBACK), ("with 50 liked papers", liked)):
            begun = time.process_time()
            ranker.rank(papers, TOPICS, recent, feedback)
            print(f"  {ranker.name:8s}{name:22s}{time.process_time() - begun:6.3f}")


def main() -> None:
    if not (DATA / "bench/dev").is_dir():
        print(f"no benchmark in {DATA} (set PAPERROUND_DATA)")
        return
    corpus = read_corpus(DATA / "corpus")
    asyncio.run(print_table(corpus))
    print_speed(corpus)


if __name__ == "__main__":
    main()
