"""A digest as a Markdown document, such as a repository's README shows it. Pure."""

import re
from html import escape

from bot.model.digest import Digest, DigestPaper
from bot.model.summary import Summary
from bot.rendering.scores import format_reasons, format_value
from bot.rendering.summaries import label_of, parts_of, tldr_of
from bot.rendering.text import SAMPLE_LABEL, format_authors, format_day, format_summary

# Everything that CommonMark or GitHub gives a meaning to inside a line; https://spec.commonmark.org/0.31.2/#backslash-escapes
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$@&])")
_LINE_START = re.compile(r"^(\s*)(\d+)([.)])|^(\s*)([-+=])")


def render_markdown(digest: Digest) -> str:
    """Statistics, then the papers, best first."""
    kinds: dict[str, int] = {}
    for paper in digest.papers:
        kinds[paper.announced.announce_type] = kinds.get(paper.announced.announce_type, 0) + 1
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    lines = ["# arXiv papers", ""]
    if digest.is_sample:
        lines += [f"**{SAMPLE_LABEL}**", ""]
    lines += [
        "## Statistics",
        "",
        f"- Announcement: {format_day(digest.day)}",
        f"- Categories: {', '.join(digest.categories)}",
        f"- Papers considered: {digest.total}",
        f"- Papers shown: {len(digest.papers)}" + (f" ({shown})" if shown else ""),
        f"- {format_summary(digest)}",
        "",
        "## Papers",
        "",
    ]
    lines += [line for paper in digest.papers for line in _paper(paper)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _paper(shown: DigestPaper) -> list[str]:
    announced, score = shown.announced, shown.score
    paper = announced.paper
    lines = [
        f"### {shown.place}. [{escape_markdown(paper.title)}]({paper.link})",
        "",
        f"- **Authors**: {escape_markdown(format_authors(paper.authors, most=20))}",
        f"- **Category**: {', '.join(paper.categories)}",
        f"- **Published**: {announced.day.isoformat()}",
        *([f"- **Score**: {format_value(score.value)}"] if score.points or score.reasons else []),
        f"- **Type**: {announced.announce_type}",
        f"- **ArXiv ID**: {paper.versioned_id}",
    ]
    if score.reasons:
        lines.append(f"- **Why**: {escape_markdown(format_reasons(score))}")
    if shown.also:
        links = (f"[{each.id}]({each.link}) {escape_markdown(each.title)}" for each in shown.also)
        lines.append(f"- **Also**: {'; '.join(links)}")
    summary = _summary(shown.summary) if shown.summary else []
    return [*lines, "", *summary, escape_markdown(paper.abstract), ""]


def _summary(summary: Summary) -> list[str]:
    """The TL;DR, and the parts in an element that opens at a click; blank lines let Markdown begin inside it."""
    lines = [
        escape_markdown(tldr_of(summary)),
        "",
        "<details>",
        f"<summary>{_escape_html(label_of(summary))}</summary>",
    ]
    for name, points in parts_of(summary):
        lines += ["", f"**{escape_markdown(name)}**", "", *(f"- {escape_markdown(point)}" for point in points)]
    return [*lines, "", "</details>", ""]


def _escape_html(text: str) -> str:
    """For inside an element, where no backslash escapes."""
    return escape(text).replace("://", ":\u200b//")


def escape_markdown(text: str) -> str:
    """Foreign text as one line that Markdown shows literally: no link, image, tag, mention or list of its making."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _LINE_START.sub(_escape_start, escaped).replace("://", ":\u200b//")


def _escape_start(found: re.Match[str]) -> str:
    number = found[2]
    return f"{found[1]}{number}\\{found[3]}" if number else f"{found[4]}\\{found[5]}"
