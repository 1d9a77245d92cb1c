"""The words all platforms share: dates, reasons, headings, excerpts. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from bot.language import later, tr, tr_n
from bot.model.card import Card
from bot.model.digest import Digest, DigestPaper, Reason, ReasonKind, Score
from bot.model.paper import Paper
from bot.zones import open_zone

SAMPLE_LABEL = later("SAMPLE of invented papers, not an arXiv announcement")
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
_NAME_LENGTH = 60


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


def format_reasons(reasons: Sequence[Reason]) -> str:
    """`kv cache in title and abstract (2.10), au:Dao in author (1.50)`."""
    return tr(", ").join(_format_reason(each) for each in reasons)


def _format_reason(reason: Reason) -> str:
    details = {"topic": reason.topic, "fields": _join(reason.fields), "points": reason.points}
    match reason.kind:
        case ReasonKind.MEANING | ReasonKind.JUDGED:
            return _format_place(reason)
        case ReasonKind.TOPIC:
            return tr("{topic} in {fields} ({points:.2f})", **details)
        case ReasonKind.RELATED:
            return tr("close to your topics: {topic} ({points:.2f})", **details)
        case ReasonKind.LIKED:
            return tr_n(
                "like {count} paper you liked: {topic} ({points:.2f})",
                "like {count} papers you liked: {topic} ({points:.2f})",
                reason.count,
                **details,
            )
        case ReasonKind.DISLIKED:
            return tr_n(
                "like {count} paper you did not like: {topic} ({points:.2f})",
                "like {count} papers you did not like: {topic} ({points:.2f})",
                reason.count,
                **details,
            )


def _format_place(reason: Reason) -> str:
    """Why other papers stand before or behind this one than by their words alone."""
    details = {"topic": shorten(reason.topic, _NAME_LENGTH), "points": reason.points}
    match reason.kind, reason.points >= 0:
        case ReasonKind.MEANING, True:
            return tr("near in meaning to {topic} ({points:+.2f})", **details)
        case ReasonKind.MEANING, False:
            return tr("others are nearer in meaning ({points:+.2f})", **details)
        case _:
            return tr("the judge gives it {topic} of 10 ({points:+.2f})", **details)


def _join(words: Sequence[str]) -> str:
    said = [tr(word) for word in words]
    return tr("{words} and {last}", words=tr(", ").join(said[:-1]), last=said[-1]) if len(said) > 1 else "".join(said)


def format_title(digest: Digest) -> str:
    """What digest this is, and how many papers of how many it shows."""
    days = format_day(digest.day)
    if digest.since is not None:
        days = tr("{first} to {last}", first=format_day(digest.since), last=days)
    title = f"Paperround · {days} · {', '.join(digest.categories) or tr('all categories')}"
    if digest.papers:
        title += " · " + tr("{count} of {total} papers", count=len(digest.papers), total=digest.total)
    return f"{tr(SAMPLE_LABEL)}\n{title}" if digest.is_sample else title


def format_summary(digest: Digest) -> str:
    """How many papers are shown, and why the others are not."""
    left = [tr("{count} {reason}", count=count, reason=tr(reason.value)) for reason, count in digest.left_out.items()]
    if not digest.papers and not left:
        return tr("No papers.")
    shown = tr("None of {total} papers", total=digest.total)
    if digest.papers:
        shown = tr("{count} of {total} papers shown", count=len(digest.papers), total=digest.total)
    return tr("{shown}; {left}.", shown=shown, left=tr(", ").join(left)) if left else tr("{shown}.", shown=shown)


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


def format_score(score: Score) -> str:
    """What made the score, or that nothing did."""
    if score.excluded_by:
        return tr("Left out by the topic {topic}", topic=score.excluded_by)
    if not score.reasons:
        return tr("Score 0: none of this chat's topics is in it")
    return tr("Score {points:.2f}: {reasons}", points=score.points, reasons=format_reasons(score.reasons))


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
