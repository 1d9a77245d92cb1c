"""Real feeds of arXiv, read from the folder in PAPERROUND_DATA; skipped where it is absent."""

import os
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from bot.errors import SourceError
from bot.sources.feed import parse_feed

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[3] / "shared" / "data")
FEEDS = DATA / "feeds"
pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="no real feeds: set PAPERROUND_DATA")

# new, cross, replace, replace-cross
COUNTS = {
    "rss_cs.CL_2026-08-13.xml": ("cs.CL", (56, 36, 32, 15)),
    "rss_cs.AI_2026-04-27_trimmed.xml": ("cs.AI", (3, 0, 0, 0)),
    "rss_cs.CL_2026-04-27_trimmed.xml": ("cs.CL", (3, 0, 0, 0)),
    "rss_cs.LG_2026-04-27_trimmed.xml": ("cs.LG", (3, 0, 0, 0)),
    "atom_cs.AI_2025-08-20_86entries.xml": ("cs.AI", (41, 45, 0, 0)),
    "atom_cs_2025-11-23_EMPTY_sunday.xml": ("cs", (0, 0, 0, 0)),
    "rss10_hep-ex_2018-05-23_trimmed.xml": ("hep-ex", (1, 1, 1, 0)),
}
RENDERED = {
    "04-17": (95, 19, 62, 10), "04-20": (84, 21, 59, 7), "04-21": (276, 48, 138, 39), "04-22": (106, 13, 64, 16),
    "04-23": (94, 12, 53, 12), "04-24": (88, 14, 56, 14), "04-27": (61, 13, 32, 7), "04-28": (213, 26, 110, 17),
    "04-29": (70, 16, 56, 10), "04-30": (85, 8, 55, 18), "05-01": (88, 18, 43, 17), "05-04": (63, 26, 44, 13),
    "04-18": (0, 0, 0, 0), "04-19": (0, 0, 0, 0), "04-25": (0, 0, 0, 0),
    "04-26": (0, 0, 0, 0), "05-02": (0, 0, 0, 0), "05-03": (0, 0, 0, 0),
}  # fmt: skip
COUNTS |= {f"rendered/rss_cs.CV_2026-{day}.xml": ("cs.CV", counts) for day, counts in RENDERED.items()}
WHOLE = tuple(sorted(COUNTS))


def read(name):
    return parse_feed((FEEDS / name).read_bytes(), where=name)


@pytest.mark.parametrize("name", WHOLE)
def test_types_category_and_day_are_right(name):
    """Each real feed gives its category, its day, and the known number of papers of each type."""
    category, counts = COUNTS[name]
    batch = read(name)
    found = Counter(kind.value for _, kind in batch.papers)
    assert tuple(found[kind] for kind in ("new", "cross", "replace", "replace-cross")) == counts
    assert batch.category == category
    assert batch.day == date.fromisoformat(re.search(r"\d{4}-\d\d-\d\d", name)[0])


@pytest.mark.parametrize("name", WHOLE)
def test_authors_are_readable(name):
    """No author name holds TeX, a comma or a parenthesis."""
    for paper, _ in read(name).papers:
        assert paper.authors
        assert not any(set("\\{}$^~(),`") & set(author) for author in paper.authors), paper.authors


@pytest.mark.parametrize("name", WHOLE)
def test_no_abstract_is_cut(name):
    """The raw abstract is in the file to its last word, and the readable one ends as it does."""
    source = " ".join(re.sub(r"&amp;", "&", (FEEDS / name).read_text(encoding="utf-8")).split())
    for paper, _ in read(name).papers:
        raw = " ".join(paper.raw_abstract.replace("<", "&lt;").replace(">", "&gt;").split())
        assert re.search(re.escape(raw) + r" ?(?:&lt;/p&gt; )?</(?:description|summary)>", source), paper.id
        last = re.findall(r"[A-Za-z]{3,}", re.sub(r"\$[^$]*\$|\\\w+", " ", raw))[-1]
        assert last in paper.abstract[-len(paper.abstract) // 5 - 40 :]


@pytest.mark.parametrize("name", WHOLE)
def test_paragraphs_of_abstracts_stay(name):
    """Where arXiv wrote an indented line, the readable abstract has a line of its own."""
    for paper, _ in read(name).papers:
        assert paper.abstract.count("\n") == len(re.findall(r"\n +\S", paper.raw_abstract))


def test_a_feed_broken_off_is_an_error():
    """The same answer, broken off in mid-entry, is refused with its name and never taken for 86 papers."""
    with pytest.raises(SourceError, match="broken off") as caught:
        read("atom_cs.AI_2025-08-20_truncated_malformed.xml")
    assert caught.value.where == "atom_cs.AI_2025-08-20_truncated_malformed.xml"


def test_every_real_feed_is_read_here():
    """A new real feed needs its numbers in this file."""
    names = {str(each.relative_to(FEEDS)) for each in FEEDS.rglob("*.xml")}
    assert names - {"atom_cs.AI_2025-08-20_truncated_malformed.xml"} == set(WHOLE)
