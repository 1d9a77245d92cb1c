"""The words all platforms share: dates, reasons, headings, excerpts. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from bot.model.digest import Digest, DigestPaper, Reason, Score
from bot.model.paper import AnnouncedPaper, Paper

SAMPLE_LABEL = "SAMPLE of invented papers, not an arXiv announcement"
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9“\"(])")
_EXCERPT_LENGTH = 320


def format_day(day: date) -> str:
    """`Thursday 13 August 2026`, the same in every locale of the machine."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def format_instant(instant: datetime) -> str:
    """`Monday 23 November 2026, 05:00 UTC`."""
    moment = instant.astimezone(UTC)
    return f"{format_day(moment.date())}, {moment:%H:%M} UTC"


def format_reasons(reasons: Sequence[Reason]) -> str:
    """`kv cache in title and abstract (2.10), au:Dao in author (1.50)`."""
    return ", ".join(f"{each.topic} in {_join(each.fields)} ({each.points:.2f})" for each in reasons)


def _join(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def format_title(digest: Digest) -> str:
    """What digest this is."""
    title = f"Paperround · {format_day(digest.day)} · {', '.join(digest.categories) or 'all categories'}"
    return f"{SAMPLE_LABEL}\n{title}" if digest.is_sample else title


def format_summary(digest: Digest) -> str:
    """How many papers are shown, and why the others are not."""
    shown = (
        f"{len(digest.papers)} of {digest.total} papers shown" if digest.papers else f"None of {digest.total} papers"
    )
    left = [f"{count} {reason.value}" for reason, count in digest.left_out.items()]
    if not digest.papers and not left:
        return "No papers."
    return f"{shown}; {', '.join(left)}." if left else f"{shown}."


def format_authors(authors: Sequence[str], most: int = 5) -> str:
    """The authors, a long list cut after `most` with the count of the rest."""
    if len(authors) <= most:
        return ", ".join(authors)
    return f"{', '.join(authors[:most])} and {len(authors) - most} more"


def format_facts(paper: DigestPaper, digest: Digest) -> str:
    """Categories, type, id, and the day where it is not the digest's."""
    announced = paper.announced
    facts = [", ".join(announced.paper.categories), announced.announce_type.value, announced.paper.versioned_id]
    if announced.day != digest.day:
        facts.append(f"announced {format_day(announced.day)}")
    return " · ".join(facts)


def format_announced(announced: AnnouncedPaper) -> str:
    """Categories, type, id and day: `cs.CL, cs.LG · new · 2608.11232v1 · announced Thursday 13 August 2026`."""
    paper = announced.paper
    facts = [", ".join(paper.categories), announced.announce_type.value, paper.versioned_id]
    return " · ".join([*facts, f"announced {format_day(announced.day)}"])


def format_score(score: Score) -> str:
    """What made the score, or that nothing did."""
    if score.excluded_by:
        return f"Left out by the topic {score.excluded_by}"
    if not score.reasons:
        return "Score 0: none of this chat's topics is in it"
    return f"Score {score.points:.2f}: {format_reasons(score.reasons)}"


def format_links(paper: Paper) -> tuple[tuple[str, str], ...]:
    """What arXiv has of the paper, as names and addresses; the abstract page first, which is always there."""
    return tuple((name, f"https://arxiv.org/{name}/{paper.id}") for name in ("abs", "pdf", "html"))


def shorten(text: str, most: int) -> str:
    """The text on one line, cut off with an ellipsis where it is longer than `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def excerpt(abstract: str, detail: str) -> str:
    """As much of the abstract as `detail` asks for: nothing, its first sentences, or all."""
    if detail == "titles":
        return ""
    if detail == "full" or len(abstract) <= _EXCERPT_LENGTH:
        return abstract
    taken = ""
    for sentence in _SENTENCE_END.split(abstract):
        if taken and len(taken) + len(sentence) > _EXCERPT_LENGTH:
            break
        taken = f"{taken} {sentence}".strip()
    return taken if taken == abstract else f"{taken} …"
