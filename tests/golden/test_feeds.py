"""Invented feeds in arXiv's formats, beside what must be read from them."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.sources.feed import parse_feed

FEEDS = Path(__file__).parent / "feeds"
NAMES = ("atom", "empty_atom", "empty_rss20", "rss10", "rss20")


def as_json(batch):
    return {
        "category": batch.category,
        "day": batch.day.isoformat(),
        "papers": [{"type": kind.value, **json.loads(json.dumps(asdict(paper)))} for paper, kind in batch.papers],
    }


def test_every_golden_file_is_used():
    """A feed without expected values, or a leftover file, is a mistake."""
    assert {each.name for each in FEEDS.iterdir()} == {f"{name}.{kind}" for name in NAMES for kind in ("xml", "json")}


@pytest.mark.parametrize("name", NAMES)
def test_a_feed_gives_exactly_what_is_expected(name):
    """Every field of every paper, in order, is what the file beside the feed says."""
    batch = parse_feed((FEEDS / f"{name}.xml").read_bytes(), where=name)
    assert as_json(batch) == json.loads((FEEDS / f"{name}.json").read_text(encoding="utf-8"))
