"""Digests as text, Markdown, HTML and JSON: everything shown, nothing of it believed."""

import json
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bot.digests import with_summaries
from bot.model.digest import Digest, DigestPaper, LeftOut, Reason, Score
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.rendering.html import render_html
from bot.rendering.json import render_json
from bot.rendering.markdown import escape_markdown, render_markdown
from bot.rendering.text import excerpt, format_authors, format_instant, format_summary
from handlers.command import Reply
from handlers.console.render import render_reply
from tests.build import DAY, make_paper
from tests.fake_summaries import make_summary

REASONS = (Reason("kv cache", ("title", "abstract"), 2.5), Reason("au:Vale", ("author",), 1.25))


def make_digest(*papers, left_out=None, day=DAY, is_sample=False):
    shown = tuple(
        DigestPaper(place, AnnouncedPaper(paper, AnnounceType.NEW, day), Score(3.75, REASONS, half=5.25))
        for place, paper in enumerate(papers, start=1)
    )
    return Digest(DAY, ("cs.CL", "cs.LG"), shown, left_out or {}, is_sample)


HOSTILE = make_paper(
    title="<script>alert(1)</script> [x](javascript:y) \x1b[31mred\x1b[0m \u202eevil & @everyone",
    abstract="1. <img src=x onerror=y> # head\n- item `code` https://evil.example",
    authors=("Bobby <b>Tables</b>",),
)


def test_a_terminal_digest_says_all():
    """Title, authors, categories, type, id, reasons, abstract, link and what was left out are all there."""
    digest = make_digest(make_paper(title="Small caches"), left_out={LeftOut.NO_MATCH: 90, LeftOut.NO_ROOM: 1})
    text = render_reply(Reply(digest=digest), width=100, colour=False)
    for part in (
        "Friday 20 November 2026 · cs.CL, cs.LG",
        "1. Small caches",
        "Ada Vale",
        "cs.CL · new · 2611.00001v1",
        "Score 42: title and abstract: kv cache; author you follow: Vale",
        "An abstract.",
        "https://arxiv.org/abs/2611.00001",
        "1 of 92 papers shown; 90 matched no topic, 1 did not fit.",
    ):
        assert part in text


def test_markdown_has_no_score_where_nothing_was_scored():
    """Without topics every paper is there, and none is better than another."""
    plain = DigestPaper(1, AnnouncedPaper(make_paper(), AnnounceType.NEW, DAY), Score(0.0))
    assert "**Score**" not in render_markdown(Digest(DAY, ("cs.CL",), (plain,), {}))
    assert "- **Score**: 42\n" in render_markdown(make_digest(make_paper()))


def test_colour_only_where_it_is_wanted():
    """Without colour there is not one escape sequence, even if the paper brings its own."""
    digest = make_digest(HOSTILE)
    assert "\x1b" not in render_reply(Reply("\x1b]0;title\x07", digest), width=80, colour=False)
    assert "\u202e" not in render_reply(Reply(digest=digest), width=80, colour=False)
    assert "\x1b[1m" in render_reply(Reply(digest=digest), width=80, colour=True)
    assert "\x1b[31m" not in render_reply(Reply(digest=digest), width=80, colour=True)


def test_lines_keep_to_the_width():
    """Text is wrapped at the terminal's width."""
    paper = make_paper(title="word " * 60, abstract="word " * 100, authors=("Name Name",) * 9)
    text = render_reply(Reply(digest=make_digest(paper), detail="full"), width=60, colour=False)
    assert max(len(line) for line in text.splitlines() if "why" not in line and "Paperround" not in line) <= 60


@pytest.mark.parametrize(
    "render", [render_markdown, render_html, lambda digest: render_reply(Reply(digest=digest), width=90, colour=False)]
)
def test_a_sample_is_labelled_everywhere(render):
    """Invented papers say so in every form."""
    assert "SAMPLE of invented papers" in render(make_digest(make_paper(), is_sample=True))
    assert "SAMPLE" not in render(make_digest(make_paper()))


def test_a_paper_of_an_earlier_day_says_its_day():
    """A paper that is carried over shows when it was announced."""
    digest = make_digest(make_paper(), day=DAY - timedelta(days=1))
    assert "announced Thursday 19 November 2026" in render_reply(Reply(digest=digest), width=100, colour=False)


class TagCollector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []
        self.hrefs = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.hrefs += [value for name, value in attrs if name in ("href", "src")]


def test_html_shows_foreign_text_and_never_runs_it():
    """Tags in a paper are text; the only addresses are arXiv's."""
    page = render_html(make_digest(HOSTILE))
    collector = TagCollector()
    collector.feed(page)
    assert not {"script", "img", "b"} & set(collector.tags)
    assert collector.hrefs == ["https://arxiv.org/abs/2611.00001"]
    assert "&lt;script&gt;" in page


def test_markdown_shows_foreign_text_literally():
    """No link, tag, heading, list, code or mention of a paper's making comes through."""
    document = render_markdown(make_digest(HOSTILE))
    assert "\\<script\\>" in document
    assert "\\[x\\]" in document
    assert "\\@everyone" in document
    assert escape_markdown("1. a") == "1\\. a"
    assert escape_markdown("- a") == "\\- a"
    assert "https://evil" not in document
    assert document.count("\n### ") == 1


def test_summaries_are_folded_and_foreign():
    """Markdown, HTML and JSON have the TL;DR and, in an element that opens, the parts; nothing of it becomes markup."""
    bad = "</details><script>x</script> [x](javascript:y) @everyone https://evil.example"
    digest = make_digest(make_paper())
    summary = make_summary(make_paper(), tldr=bad, results=(bad, "- It is fast."), code_url=bad)
    digest = with_summaries(digest, {summary.id: summary})
    document = render_markdown(digest)
    assert (
        "<details>\n<summary>AI summary, from the full text, fake-1</summary>\n\n**Contributions**\n\n- It is new."
        in document
    )
    assert "\n- \\- It is fast." in document
    assert document.count("</details>") == 1
    assert "https://evil" not in document
    assert "\\@everyone" in document
    collector = TagCollector()
    page = render_html(digest)
    collector.feed(page)
    assert "script" not in collector.tags
    assert collector.tags.count("details") == 2
    assert collector.hrefs == ["https://arxiv.org/abs/2611.00001"]
    [paper] = json.loads(render_json(digest))["papers"]
    assert paper["summary"]["tldr"] == bad
    assert paper["summary"]["source"] == "html"


def test_a_summary_of_another_version_is_left_out():
    """What was written about version 1 is not said of version 2."""
    paper = make_paper(version=2)
    summary = make_summary(make_paper())
    assert with_summaries(make_digest(paper), {paper.id: summary}) == make_digest(paper)


def test_markdown_is_the_document_it_replaces():
    """Statistics and, per paper, link, authors, category, date, score, type, id, reasons and abstract."""
    document = render_markdown(make_digest(make_paper(), left_out={LeftOut.TYPE: 3}))
    for part in (
        "- Announcement: Friday 20 November 2026",
        "- Papers considered: 4",
        "### 1. [A title](https://arxiv.org/abs/2611.00001)",
        "- **Authors**: Ada Vale",
        "- **Category**: cs.CL",
        "- **Published**: 2026-11-20",
        "- **Score**: 42",
        "- **Type**: new",
        "- **ArXiv ID**: 2611.00001v1",
        "- **Why**: title and abstract: kv cache; author you follow: Vale",
        "An abstract.",
    ):
        assert part in document


def test_json_keeps_to_its_schema():
    """The fields are those of docs/digest.schema.json, required ones all there."""
    schema = json.loads(Path("docs/digest.schema.json").read_text(encoding="utf-8"))
    content = json.loads(render_json(make_digest(make_paper(doi="10.1/x"), left_out={LeftOut.NO_MATCH: 2})))
    assert content.keys() == schema["properties"].keys() == set(schema["required"])
    paper_schema = schema["properties"]["papers"]["items"]
    [paper] = content["papers"]
    assert paper.keys() == paper_schema["properties"].keys() == set(paper_schema["required"])
    fields = {"kind": "topic", "topic": "kv cache", "fields": ["title", "abstract"]}
    assert paper["reasons"][0] == {**fields, "score": 28, "points": 2.5}
    assert (paper["score"], paper["points"]) == (42, 3.75)
    assert (paper["id"], paper["version"], paper["announced"], paper["doi"]) == (
        "2611.00001",
        1,
        "2026-11-20",
        "10.1/x",
    )
    assert content["left_out"] == {"no_match": 2}
    assert {reason.name.lower() for reason in LeftOut} == set(schema["properties"]["left_out"]["propertyNames"]["enum"])


def test_an_excerpt_ends_with_a_sentence():
    """A short excerpt is whole sentences and says that more follows; full is all; titles is nothing."""
    abstract = " ".join(f"Sentence number {number} says something of middling length." for number in range(20))
    short = excerpt(abstract, "tldr")
    assert short.endswith("length. …")
    assert len(short) < 340
    assert excerpt(abstract, "full") == abstract
    assert excerpt(abstract, "titles") == ""
    assert excerpt("One sentence only.", "tldr") == "One sentence only."


def test_small_words():
    """Long author lists are counted, instants are in UTC, an empty digest says so."""
    assert format_authors(["A"] * 7) == "A, A, A, A, A and 2 more"
    assert format_instant(datetime(2026, 11, 23, 5, 0, tzinfo=UTC)) == "Monday 23 November 2026, 05:00 UTC"
    assert format_summary(Digest(date(2026, 1, 1), (), (), {})) == "No papers."
    assert format_summary(Digest(DAY, (), (), {LeftOut.NO_MATCH: 2})) == "None of 2 papers; 2 matched no topic."
