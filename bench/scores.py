"""`python -m bench.scores`: what scores from 0 to 100 are like for chats of different sizes, and how far a week moves them.

Chats are made of the readers of a benchmark (docs/ranking.md) in the folder in PAPERROUND_DATA. A paper is scored as of two
weeks: the move is the difference. Fails where the moves of half of the papers, or of half of those from 50 up, are more than 3.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, median

from bench.ranking import DATA, TOPICS
from bot.digests import calibrate
from bot.evaluation import Profile, read_corpus, read_profiles
from bot.model.announcement import Announcement
from bot.model.chat import Chat
from bot.model.digest import Score
from bot.model.paper import AnnouncedPaper
from bot.model.subscription import Subscription
from bot.ports import Ranker
from bot.ranking.rules import RulesRanker
from bot.similar import find_similar
from bot.topics import quote_keyword

WEEK = 5
KEPT = 20
"""Announcements in a week, and as many as are kept."""
LAST = (30, 40, 50)
MOST_MOVED = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """The values of the papers that have any: by size of the chat, by chat and day, and as of this week and the next."""

    values: Mapping[str, list[float]]
    days: Mapping[str, list[list[float]]]
    moves: Mapping[str, list[tuple[float, float]]]


def chats(profiles: Sequence[Profile]) -> Iterator[tuple[str, Subscription]]:
    made = Chat("bench", "-"), datetime(2025, 1, 1, tzinfo=UTC)
    for profile in profiles:
        topics = tuple(each for each in profile.topics if not each.startswith("-"))
        sizes = {
            "1 topic": topics[:1],
            "3 topics": topics[:3],
            "6 to 8 topics": topics,
            "all of weight 3": tuple(f"{quote_keyword(each, always=True)}^3" for each in topics),
            "15 to 17 topics": (*topics, *TOPICS[:9]),
        }
        yield from ((size, Subscription(*made, profile.categories, each)) for size, each in sizes.items())


def score_papers(
    ranker: Ranker, chat: Subscription, papers: Sequence[AnnouncedPaper], recent: Sequence[Announcement]
) -> Sequence[Score]:
    return calibrate(ranker, chat, ranker.rank(papers, chat.active_topics, recent))


def measure(corpus: Sequence[Announcement], profiles: Sequence[Profile]) -> Found:
    found = Found(defaultdict(list), defaultdict(list), defaultdict(list))
    for last in LAST:
        now, later = RulesRanker(), RulesRanker()
        for size, chat in chats(profiles):
            by_day = [announcement.papers_for(chat.categories) for announcement in corpus[last - WEEK : last]]
            papers: list[AnnouncedPaper] = [each for day in by_day for each in day]
            before, after = (
                [each.value for each in score_papers(ranker, chat, papers, corpus[end - KEPT : end])]
                for ranker, end in ((now, last), (later, last + WEEK))
            )
            found.values[size].extend(filter(None, before))
            found.moves[size].extend((old, abs(new - old)) for old, new in zip(before, after, strict=True) if old)
            values = iter(before)
            found.days[size].extend(sorted(filter(None, (next(values) for _ in day)), reverse=True) for day in by_day)
    return found


def quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[int(part * (len(values) - 1))] if values else 0.0


def print_table(found: Found) -> bool:
    print(
        f"{'':18s}papers  half  nine of ten  day's best  tenth   moved by a week: half  nine of ten  from 50 up: half  nine"
    )
    is_kept = True
    for size, values in found.values.items():
        best, tenth = (median(day[place] for day in found.days[size] if len(day) > place) for place in (0, 9))
        moves = [moved for _, moved in found.moves[size]]
        high = [moved for old, moved in found.moves[size] if old >= 50]
        numbers = [quantile(each, part) for each in (moves, high) for part in (0.5, 0.9)]
        is_kept = is_kept and max(numbers[0], numbers[2]) <= MOST_MOVED
        print(
            f"{size:18s}{len(values):6d}{median(values):6.0f}{quantile(values, 0.9):13.0f}{best:12.0f}{tenth:7.0f}"
            f"{numbers[0]:23.0f}{numbers[1]:13.0f}{numbers[2]:18.0f}{numbers[3]:6.0f}"
        )
    print(f"mean move {fmean(moved for each in found.moves.values() for _, moved in each):.1f}")
    return is_kept


def main() -> int:
    if not (DATA / "bench/dev").is_dir():
        print(f"no benchmark in {DATA} (set PAPERROUND_DATA)")
        return 0
    corpus = read_corpus(DATA / "corpus")
    is_kept = print_table(measure(corpus, read_profiles(DATA / "bench/dev")))
    similar = find_similar(paper for each in corpus for paper in each.papers.values())
    print(f"{len(similar)} of {sum(len(each.papers) for each in corpus)} papers are nearly the same as another")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
