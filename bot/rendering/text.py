"""The words all platforms share: dates, reasons, headings, excerpts. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from bot.language import later, tr, tr_n
from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper
from bot.model.paper import Paper
from bot.zones import open_zone

SAMPLE_LABEL = later("SAMPLE of invented papers, not an arXiv announcement")
LINK_LABEL = later("Read on the web")
_WEEKDAYS = (
    later("Monday"),
    later("Tuesday"),
    later("Wednesday"),
    later("Thursday"),
    later("Friday"),
    later("Saturday"),
    later("Sunday"),
)
_MONTHS = (
    later("January"),
    later("February"),
    later("March"),
    later("April"),
    later("May"),
    later("June"),
    later("July"),
    later("August"),
    later("September"),
    later("October"),
    later("November"),
    later("December"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9“\"(])")
_EXCERPT_LENGTH = 320


def format_day(day: date) -> str:
    """`Thursday 13 August 2026` in the language spoken now, whatever the locale of the machine."""
    weekday, month = tr(_WEEKDAYS[day.weekday()]), tr(_MONTHS[day.month - 1])
    return tr("{weekday} {day} {month} {year}", weekday=weekday, day=day.day, month=month, year=day.year)


def format_instant(instant: datetime) -> str:
    """`Monday 23 November 2026, 05:00 UTC`."""
    moment = instant.astimezone(UTC)
    return tr("{day}, {time} UTC", day=format_day(moment.date()), time=f"{moment:%H:%M}")


def format_local(instant: datetime, zone: str) -> str:
    """`Friday 27 November 2026, 06:00 (Europe/Berlin)`; `zone` is an IANA name."""
    moment = instant.astimezone(open_zone(zone))
    return tr("{day}, {time} ({zone})", day=format_day(moment.date()), time=f"{moment:%H:%M}", zone=zone)


def format_title(digest: Digest) -> str:
    """What digest this is, and how many papers of how many it shows."""
    days = format_day(digest.day)
    if digest.since is not None:
        days = tr("{first} to {last}", first=format_day(digest.since), last=days)
    title = f"Paperround · {days} · {', '.join(digest.categories) or tr('all categories')}"
    if digest.papers:
        title += " · " + format_share(len(digest.papers), digest.total)
    return f"{tr(SAMPLE_LABEL)}\n{title}" if digest.is_sample else title


def format_summary(digest: Digest) -> str:
    """How many papers are shown, and why the others are not."""
    left = [tr("{count} {reason}", count=count, reason=tr(reason.value)) for reason, count in digest.left_out.items()]
    if not digest.papers and not left:
        return tr("No papers.")
    shown = tr("None of {papers}", papers=format_papers(digest.total))
    if digest.papers:
        shown = tr("{papers} shown", papers=format_share(len(digest.papers), digest.total))
    return tr("{shown}; {left}.", shown=shown, left=tr(", ").join(left)) if left else tr("{shown}.", shown=shown)


def format_categories(count: int) -> str:
    """`1 category`, `2 categories`."""
    return tr_n("{count} category", "{count} categories", count)


def format_topics(count: int) -> str:
    """`1 topic`, `2 topics`."""
    return tr_n("{count} topic", "{count} topics", count)


def format_papers(count: int) -> str:
    """`1 paper`, `2 papers`."""
    return tr_n("{count} paper", "{count} papers", count)


def format_share(shown: int, count: int) -> str:
    """`10 of 139 papers`."""
    return tr_n("{shown} of {count} paper", "{shown} of {count} papers", count, shown=shown)


def format_authors(authors: Sequence[str], most: int = 5) -> str:
    """The authors, a long list cut after `most` with the count of the rest."""
    if len(authors) <= most:
        return ", ".join(authors)
    return tr("{names} and {count} more", names=", ".join(authors[:most]), count=len(authors) - most)


def format_facts(paper: DigestPaper, digest: Digest) -> str:
    """Categories, type, id, and the day where it is not the digest's."""
    announced = paper.announced
    facts = [", ".join(announced.paper.categories), announced.announce_type.value, announced.paper.versioned_id]
    if announced.day != digest.day:
        facts.append(tr("announced {day}", day=format_day(announced.day)))
    return " · ".join(facts)


def format_card(card: Card) -> str:
    """Categories, type, id and day: `cs.CL, cs.LG · new · 2608.11232v1 · Thursday 13 August 2026`.

    A paper that was looked up has no type, and the day of its last change.
    """
    paper, day = card.announced.paper, format_day(card.announced.day)
    if not card.is_announced:
        return " · ".join([", ".join(paper.categories), paper.versioned_id, tr("last changed {day}", day=day)])
    return " · ".join([", ".join(paper.categories), card.announced.announce_type.value, paper.versioned_id, day])


def format_notes(card: Card) -> tuple[str, ...]:
    """The authors' comment and where the paper was published, a line each, where they are known."""
    journal = card.announced.paper.journal_ref
    comments = (tr("Comment: {text}", text=card.comment),) if card.comment else ()
    return (*comments, tr("Journal: {text}", text=journal)) if journal else comments


def format_links(paper: Paper) -> tuple[tuple[str, str], ...]:
    """What arXiv has of the paper, as names and addresses; the abstract page first, which is always there."""
    return tuple((name, f"https://arxiv.org/{name}/{paper.id}") for name in ("abs", "pdf", "html"))


def shorten(text: str, most: int) -> str:
    """The text on one line, cut off with an ellipsis where it is longer than `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def split_sentences(text: str) -> list[str]:
    """Its sentences, as far as that can be told without understanding them."""
    return _SENTENCE_END.split(text)


def excerpt(abstract: str, detail: str) -> str:
    """As much of the abstract as `detail` asks for: nothing, its first sentences, or all."""
    if detail == "titles":
        return ""
    if detail != "tldr" or len(abstract) <= _EXCERPT_LENGTH:
        return abstract
    taken = ""
    for sentence in split_sentences(abstract):
        if taken and len(taken) + len(sentence) > _EXCERPT_LENGTH:
            break
        taken = f"{taken} {sentence}".strip()
    return taken if taken == abstract else f"{taken} …"
