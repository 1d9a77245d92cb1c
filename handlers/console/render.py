"""Replies as terminal text. Pure: width and colour are arguments."""

import textwrap
from collections.abc import Sequence

from bot.language import tr
from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper
from bot.model.message import Button
from bot.rendering.clean import clean, clean_line
from bot.rendering.scores import format_score
from bot.rendering.summaries import body_of, label_of, part_lines, tldr_of
from bot.rendering.text import (
    LINK_LABEL,
    SAMPLE_LABEL,
    format_authors,
    format_card,
    format_facts,
    format_links,
    format_notes,
    format_summary,
    format_title,
)
from handlers.command import Reply

_BOLD, _DIM, _CYAN, _YELLOW, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[33m", "\x1b[0m"
_WIDEST = 100
_INDENT = "   "


def render_reply(reply: Reply, *, width: int, colour: bool) -> str:
    """The reply as text lines; `width` in columns."""
    width = min(width, _WIDEST)
    parts = [clean(text) for text in (reply.toast, reply.text, reply.copy) if text]
    if reply.file is not None:
        # A script takes it from here; a person copies it. Where it would be written, nobody has said.
        parts.append(clean(reply.file.text).strip("\n"))
    if reply.card is not None:
        parts.append(render_card(reply.card, reply.buttons, width=width, colour=colour))
    if reply.digest is not None:
        parts.append(render_digest(reply.digest, reply.detail, reply.link, width=width, colour=colour))
    return "\n\n".join(parts)


def render_digest(digest: Digest, detail: str, link: str = "", *, width: int, colour: bool) -> str:
    """The digest as numbered papers, each with its facts, reasons and as much abstract as `detail` asks for.

    `link`: where it can be read on the web.
    """
    blocks = [_paint(format_title(digest), _YELLOW if digest.is_sample else _BOLD, colour=colour)]
    blocks += [f"{tr(LINK_LABEL)}: {link}"] if link else []
    blocks += [_render_paper(paper, digest, detail, width=width, colour=colour) for paper in digest.papers]
    closing = format_summary(digest)
    if digest.papers:
        closing += "\n" + tr(
            "/why {id} explains the first paper; it works for every id.", id=digest.papers[0].announced.paper.id
        )
    return "\n\n".join([*blocks, _paint(closing, _DIM, colour=colour)])


def render_card(card: Card, buttons: Sequence[Button], *, width: int, colour: bool) -> str:
    """The paper with its whole abstract and all links; then the commands that its buttons stand for."""
    paper = card.announced.paper
    lines = [_paint(tr(SAMPLE_LABEL), _YELLOW, colour=colour)] if card.is_sample else []
    lines.append(_paint(_fill(paper.title, width, first=""), _BOLD, colour=colour))
    lines.append(_fill(", ".join(paper.authors), width))
    lines.append(_paint(_fill(format_card(card), width), _CYAN, colour=colour))
    lines += [_fill(note, width) for note in format_notes(card)]
    if card.score is not None:
        lines.append(_fill(format_score(card.score), width))
    lines += ["", *_summary_lines(card, width, colour=colour), _fill(paper.abstract, width), ""]
    if card.is_sample:
        lines.append(_INDENT + tr("(invented, no page)"))
    else:
        lines += [f"{_INDENT}{address}" for _, address in format_links(paper)]
    if buttons:
        commands = "  ".join(f"{each.label} {each.line}" for each in buttons)
        lines.append(_paint(_fill(commands, width), _DIM, colour=colour))
    return "\n".join(lines)


def _summary_lines(card: Card, width: int, *, colour: bool) -> list[str]:
    """The summary above the abstract, with an empty line between; nothing where there is none."""
    if card.summary is None:
        return []
    lines = [_fill(each, width) for each in (tldr_of(card.summary), *part_lines(card.summary))]
    return [*lines, _paint(_fill(label_of(card.summary), width), _DIM, colour=colour), ""]


def _render_paper(paper: DigestPaper, digest: Digest, detail: str, *, width: int, colour: bool) -> str:
    shown = paper.announced.paper
    lines = [_paint(_fill(shown.title, width, first=f"{paper.place}. "), _BOLD, colour=colour)]
    lines.append(_fill(format_authors(shown.authors), width))
    lines.append(_paint(_fill(format_facts(paper, digest), width), _CYAN, colour=colour))
    if paper.score.reasons:
        lines.append(_fill(format_score(paper.score), width))
    lines += [_fill(f"{tr('also:')} {each.link} {each.title}", width) for each in paper.also]
    body = body_of(paper, detail)
    text = (*body.unfolded, body.label) if body.label else body.unfolded
    lines += [_paint(_fill(each, width), _DIM, colour=colour) for each in text]
    lines.append(_INDENT + tr("(invented, no page)") if digest.is_sample else f"{_INDENT}{shown.link}")
    return "\n".join(lines)


def _fill(text: str, width: int, first: str = _INDENT) -> str:
    return textwrap.fill(
        clean_line(text),
        width,
        initial_indent=first,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _paint(text: str, style: str, *, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour else text
