"""`classic` chooses and scores exactly as the bot this project grew from did, on real days."""

import json
import os
from pathlib import Path

import pytest

from bot.model.paper import AnnouncedPaper
from bot.ranking.classic import ClassicRanker, classic_scores
from bot.sources.feed import parse_feed
from bot.topics import quote_keyword

DATA = Path(os.environ.get("PAPERROUND_DATA", Path(__file__).parents[2] / "../shared/data")) / "classic"
FEEDS = sorted(DATA.glob("*/rss_*.xml"))
CASES = [pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in FEEDS] or [
    pytest.param(None, marks=pytest.mark.skip(reason=f"no real feeds in {DATA} (set PAPERROUND_DATA)"))
]


@pytest.fixture
def case(request):
    """Papers, the original's configuration, and the ids and scores it chose."""
    path = request.param
    batch = parse_feed(path.read_bytes())
    category = path.stem.removeprefix("rss_")
    config = json.loads(path.with_name(f"config_{category}.json").read_text(encoding="utf-8"))
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    papers = [AnnouncedPaper(paper, kind, batch.day) for paper, kind in batch.papers]
    return papers, config, [(each["id"], each["score"]) for each in expected]


def choose(papers, scores, limit):
    """The ids and points of the best, ties in feed order."""
    matched = [
        (each.paper.versioned_id, score.points) for each, score in zip(papers, scores, strict=True) if score.points > 0
    ]
    return sorted(matched, key=lambda each: -each[1])[:limit]


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_the_same_papers_in_the_same_order_with_the_same_score(case):
    """Raw keywords give the original's choice, to the half point."""
    papers, config, expected = case
    scores = classic_scores(papers, config["keywords"], config["exclude_keywords"])
    assert choose(papers, scores, config["max_papers"]) == expected


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_keywords_turned_into_topics_score_the_same(case):
    """A configuration that was imported as topics gives the same choice."""
    papers, config, expected = case
    topics = [quote_keyword(each) for each in config["keywords"]]
    topics += ["-" + quote_keyword(each, always=True) for each in config["exclude_keywords"]]
    assert choose(papers, ClassicRanker().rank(papers, topics, ()), config["max_papers"]) == expected
