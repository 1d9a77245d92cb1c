"""`paperround evaluate`: rankings of a benchmark, and how good they are.

A benchmark is a folder with `profiles.json`, and `labels.json` where the right answers are known: docs/ranking.md.
"""

import gzip
import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol, TypeVar

from bot.errors import UserError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.digest import Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.ports import Ranker
from bot.topics import quote_keyword

Read = TypeVar("Read")

TASKS = ("cold", "warm")
MOST_RANKED = 1000
"""How many ids of a ranking are kept; what measures are taken of."""

_TOP, _FRONT = 10, 30
NAMES = ("nDCG@10", "P@10", "R@30", "MAP")
"""What `Measures` are called, in their order."""

Rankings = dict[str, dict[str, list[ArxivId]]]
"""By task and profile: ids, best first."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An invented reader: what is read, and for each task the days whose papers are to be ranked, first and last.

    `liked`: what the reader had liked when the days of the warm task began; `history_to` is the last day before them.
    """

    name: str
    categories: tuple[str, ...]
    topics: tuple[str, ...]
    windows: Mapping[str, tuple[date, date]]
    liked: tuple[ArxivId, ...] = ()


@dataclass(frozen=True, slots=True)
class Measures:
    """How good one ranking is, each from 0 to 1."""

    ndcg_10: float
    precision_10: float
    recall_30: float
    average_precision: float


def read_profiles(bench: Path) -> tuple[Profile, ...]:
    """The profiles of a benchmark. Raises UserError where they cannot be read."""
    return _read(bench / "profiles.json", lambda each: tuple(map(_profile, each)))


def read_labels(bench: Path) -> Mapping[str, Mapping[str, list[ArxivId]]]:
    """By profile and task: the papers that belong to the front; empty where the benchmark does not tell."""
    path = bench / "labels.json"
    return _read(path, dict) if path.exists() else {}


def read_corpus(folder: Path) -> tuple[Announcement, ...]:
    """All papers of a folder's `*.jsonl` and `*.jsonl.gz`, as announced. Raises UserError where there are none."""
    files = sorted((*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")))
    if not files:
        raise UserError(f"{folder} has no *.jsonl or *.jsonl.gz.")
    listings: dict[tuple[str, date], list[tuple[Paper, AnnounceType]]] = {}
    for day, paper in chain.from_iterable(_read(each, _papers) for each in files):
        for category in paper.categories:
            listings.setdefault((category, day), []).append((paper, AnnounceType.NEW))
    return merge_batches(Batch(category, day, tuple(papers)) for (category, day), papers in listings.items())


def rank_tasks(
    ranker: Ranker, profiles: Iterable[Profile], corpus: Sequence[Announcement], tasks: Iterable[str]
) -> Rankings:
    """The ranking of every task and profile, each cut after `MOST_RANKED`."""
    profiles = tuple(profiles)
    scored = {
        task: [score_task(ranker, each, corpus, task) for each in profiles if task in each.windows] for task in tasks
    }
    return {task: {each.profile.name: order(each, each.scores) for each in all_} for task, all_ in scored.items()}


@dataclass(frozen=True, slots=True)
class Scored:
    """One task of one reader, and what a ranker thinks of its papers. `known`: what was announced by its end."""

    profile: Profile
    papers: tuple[AnnouncedPaper, ...]
    scores: Sequence[Score]
    known: Sequence[Announcement]
    feedback: Feedback


def score_task(ranker: Ranker, profile: Profile, corpus: Sequence[Announcement], task: str) -> Scored:
    """The scores of all papers that a task is about."""
    first, last = profile.windows[task]
    known = [each for each in corpus if each.day <= last]
    papers: dict[ArxivId, AnnouncedPaper] = {}
    for announcement in known:
        if first <= announcement.day:
            papers |= {each.paper.id: each for each in announcement.papers_for(profile.categories)}
    feedback = _feedback(profile, known) if task == "warm" else NO_FEEDBACK
    announced = tuple(papers.values())
    return Scored(profile, announced, ranker.rank(announced, profile.topics, known, feedback), known, feedback)


def order(task: Scored, scores: Sequence[Score]) -> list[ArxivId]:
    """What a digest without end would show, then the papers without a match, newest first; nothing that is excluded."""
    kept = [pair for pair in zip(task.papers, scores, strict=True) if not pair[1].excluded_by]
    kept.sort(key=lambda pair: (-pair[1].points, -pair[0].day.toordinal()))
    return [announced.paper.id for announced, _ in kept[:MOST_RANKED]]


def _feedback(profile: Profile, known: Iterable[Announcement]) -> Feedback:
    papers = {each: announcement.papers[each] for announcement in known for each in announcement.papers}
    return Feedback(tuple(papers[each] for each in profile.liked if each in papers))


def measure(ranking: Sequence[ArxivId], wanted: Iterable[ArxivId]) -> Measures:
    """How good a ranking is, where `wanted` (never empty) is what belongs to its front."""
    wanted = frozenset(wanted)
    hits = [place for place, each in enumerate(ranking, start=1) if each in wanted]
    top = [place for place in hits if place <= _TOP]
    return Measures(
        _gain(top) / _gain(range(1, min(_TOP, len(wanted)) + 1)),
        len(top) / _TOP,
        sum(1 for place in hits if place <= _FRONT) / len(wanted),
        sum(number / place for number, place in enumerate(hits, start=1)) / len(wanted),
    )


def _gain(places: Iterable[int]) -> float:
    """Discounted cumulative gain of hits at these places."""
    return sum(1 / math.log2(place + 1) for place in places)


class Models(Protocol):
    """What language models think of the papers of a benchmark."""

    async def hear(self, task: Scored) -> Sequence[Score]:
        """The scores of a task after the models were heard."""
        ...

    def describe(self) -> str:
        """Which models, and what they used."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What to evaluate, and by which ranker. `out`: where to write the rankings."""

    bench: Path
    corpus: Path
    ranker: str
    tasks: tuple[str, ...] = TASKS
    out: Path | None = None


async def evaluate(evaluation: Evaluation, rankers: Mapping[str, Ranker], models: Models | None = None) -> str:
    """Rank, write what is asked for, and tell the measures in a table, where the benchmark has the right answers.

    With `models` a second table tells what they bring, and the rankings written are those with them.
    """
    profiles, labels = read_profiles(evaluation.bench), read_labels(evaluation.bench)
    corpus, ranker = read_corpus(evaluation.corpus), rankers[evaluation.ranker]
    rankings: Rankings = {}
    tables: list[str] = []
    for task in evaluation.tasks:
        scored = [score_task(ranker, each, corpus, task) for each in profiles if task in each.windows]
        rankings[task] = {each.profile.name: order(each, each.scores) for each in scored}
        tables.append(_table(task, rankings[task], labels) if labels else "")
        if models is not None:
            rankings[task] = {each.profile.name: order(each, await models.hear(each)) for each in scored}
            tables.append(_table(f"{task}, with {models.describe()}", rankings[task], labels) if labels else "")
    if evaluation.out:
        _write(evaluation.out, rankings)
    if not labels:
        return f"{evaluation.bench} has no labels.json, so there is nothing to compare with.\n"
    return "".join(tables)


def _table(name: str, rankings: Mapping[str, list[ArxivId]], labels: Mapping[str, Mapping[str, list[ArxivId]]]) -> str:
    """The measures of one task by profile, and their mean over all profiles that have labels."""
    task = name.partition(",")[0]
    measures = {
        name: measure(rankings.get(name, ()), wanted[task]) for name, wanted in labels.items() if wanted.get(task)
    }
    rows = {name: astuple(each) for name, each in measures.items()}
    rows["MEAN"] = tuple(map(fmean, zip(*rows.values(), strict=True)))
    lines = [f"{name:22s}" + "  ".join(map("{} {:.3f}".format, NAMES, row)) for name, row in rows.items()]
    return "\n".join([f"== {name}", *lines, ""])


def _write(path: Path, rankings: Rankings) -> None:
    try:
        path.write_text(json.dumps(rankings, indent=1), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def _read(path: Path, parse: Callable[[Any], Read]) -> Read:
    """What `parse` makes of a JSON file, or of each line of a `.jsonl` one."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            is_lines = ".jsonl" in path.suffixes
            return parse(map(json.loads, file) if is_lines else json.load(file))
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UserError(f"{path} is not as docs/ranking.md says: {error!r}.") from error


def _profile(written: Mapping[str, Any]) -> Profile:
    return Profile(
        written["name"],
        tuple(written["categories"]),
        (
            *(quote_keyword(each) for each in written["keywords"]),
            *(f"-{quote_keyword(each, always=True)}" for each in written["exclude"]),
        ),
        {task: (_day(written[task]["from"]), _day(written[task]["to"])) for task in TASKS if task in written},
        tuple(each["id"] for each in written.get("warm", {}).get("liked", ())),
    )


def _papers(lines: Iterable[Mapping[str, Any]]) -> list[tuple[date, Paper]]:
    return [(_day(each["announced"]), _paper(each)) for each in lines]


def _paper(written: Mapping[str, Any]) -> Paper:
    authors, categories = tuple(written["authors"]), tuple(written["categories"])
    return Paper(ArxivId(written["id"]), 1, written["title"], written["abstract"], authors, categories)


def _day(text: str) -> date:
    return date.fromisoformat(text)
