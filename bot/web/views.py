"""What the page of a digest shows, ready for its template, in the language spoken now. Pure."""

from datetime import timedelta

from bot.language import ENGLISH, base_language, tr
from bot.model.digest import Digest, DigestPaper
from bot.model.page import Page
from bot.model.summary import Summary
from bot.rendering.clean import clean_line
from bot.rendering.scores import format_score
from bot.rendering.summaries import label_of, parts_of
from bot.rendering.text import (
    SAMPLE_LABEL,
    format_authors,
    format_day,
    format_links,
    format_summary,
)
from bot.web.prose import abstract_html, title_html

_MOST_AUTHORS = 20
KEPT = timedelta(days=90)


def digest_view(page: Page, before: str, after: str, home: str) -> dict[str, object]:
    """The values of `digest.html`; `before` and `after` are the ids of its neighbours, `home` the public page, or empty."""
    digest = page.digest
    return {
        "heading": heading_of(digest),
        "categories": [clean_line(each) for each in digest.categories],
        "sample": tr(SAMPLE_LABEL) if digest.is_sample else "",
        "count": format_summary(digest),
        "papers": [_paper_view(each, digest) for each in digest.papers],
        "home": home,
        "before": before,
        "after": after,
        "at": page.at.isoformat(timespec="minutes"),
        "words": {
            "before": tr("Previous digest"),
            "after": tr("Next digest"),
            "neighbours": tr("Other digests of this chat"),
            "abstract": tr("Abstract"),
            "also": tr("also:"),
            "no_papers": tr("No papers."),
            "kept": tr(
                "This page can be read until {day} by whoever has its address.", day=format_day((page.at + KEPT).date())
            ),
            "thanks": tr("Thank you to arXiv for use of its open access interoperability."),
            "about": tr("A digest of Paperround, made for one chat."),
        },
    }


def heading_of(digest: Digest) -> str:
    """`arXiv papers of Friday 20 November 2026`."""
    days = format_day(digest.day)
    if digest.since is not None:
        days = tr("{first} to {last}", first=format_day(digest.since), last=days)
    return tr("arXiv papers of {day}", day=days)


def _paper_view(shown: DigestPaper, digest: Digest) -> dict[str, object]:
    announced = shown.announced
    paper = announced.paper
    is_late = announced.day != digest.day
    return {
        "place": shown.place,
        "id": paper.id,
        "title": title_html(paper.raw_title, paper.title) or paper.id,
        "link": "" if digest.is_sample else paper.link,
        "authors": clean_line(format_authors(paper.authors, most=_MOST_AUTHORS)),
        "categories": [clean_line(each) for each in paper.categories],
        "type": announced.announce_type.value,
        "versioned_id": paper.versioned_id,
        "announced": tr("announced {day}", day=format_day(announced.day)) if is_late else "",
        "score": clean_line(format_score(shown.score)) if shown.score.reasons else "",
        "also": [
            (each.id, "" if digest.is_sample else each.link, title_html(each.raw_title, each.title))
            for each in shown.also
        ],
        "summary": _summary_view(shown.summary) if shown.summary else None,
        "abstract": abstract_html(paper.raw_abstract, paper.abstract),
        "links": () if digest.is_sample else format_links(paper),
    }


def _summary_view(summary: Summary) -> dict[str, object]:
    return {
        "language": base_language(summary.language) or ENGLISH,
        "tldr": clean_line(summary.tldr),
        "label": clean_line(label_of(summary)),
        "parts": tuple(parts_of(summary)),
    }
