"""What feeds say of papers, in the language spoken now. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from uuid import UUID

from bot.calendar import feed_of
from bot.feeding import hash_of
from bot.language import tr
from bot.model.digest import DigestPaper
from bot.model.page import Page
from bot.model.paper import AnnouncedPaper, ArxivId, Paper
from bot.model.summary import Summary
from bot.rendering.clean import clean_line
from bot.rendering.scores import format_score
from bot.rendering.summaries import label_of, parts_of, tldr_of
from bot.web.syndication import Feed, Item

_ARXIV = "https://arxiv.org"
_EPOCH = datetime(1991, 8, 14, tzinfo=UTC)
"""When arXiv began, for a feed in which nothing has ever been."""
_MOST_ITEMS, _MOST_AUTHORS = 150, 50


def chat_feed(address: str, made_at: datetime, pages: Sequence[Page], language: str, shared: str) -> Feed:
    """The papers of a chat's digests, given the newest first. `shared`: where the newest can be read, or empty."""
    items: dict[ArxivId, Item] = {}
    for page in pages:
        for each in page.digest.papers:
            if not page.digest.is_sample and len(items) < _MOST_ITEMS:
                items.setdefault(each.announced.paper.id, _chosen(each, page.at))
    return Feed(
        f"urn:uuid:{UUID(hex=hash_of(address.rpartition('/')[2])[:32], version=5)}",
        address,
        shared or _ARXIV,
        "Paperround",
        tr("The arXiv papers picked for one chat, each with the reason why."),
        language,
        max([made_at, *(page.at for page in pages[:1])]),
        tuple(items.values()),
    )


def category_feed(
    address: str, category: str, papers: Sequence[AnnouncedPaper], summaries: Mapping[ArxivId, Summary], language: str
) -> Feed:
    """What a category announced, or without one all that are read here, given the newest first."""
    return Feed(
        f"{address}.atom",
        address,
        f"{_ARXIV}/list/{category}/new" if category else _ARXIV,
        tr("arXiv papers of {category}", category=category) if category else tr("arXiv papers"),
        tr(
            "New and crossed papers as arXiv announces them. Thank you to arXiv for use of its open access interoperability."
        ),
        language,
        max((feed_of(each.day) for each in papers), default=_EPOCH),
        tuple(_announced(each, summaries.get(each.paper.id)) for each in papers),
    )


def _chosen(shown: DigestPaper, at: datetime) -> Item:
    score = clean_line(format_score(shown.score)) if shown.score.reasons else ""
    return _item(shown.announced, shown.summary, at, _p(score) + _also(shown.also))


def _also(papers: Sequence[Paper]) -> str:
    """The papers that are nearly the same, with links; nothing where there are none."""
    links = (f'<a href="{escape(each.link)}">{each.id}</a> {escape(clean_line(each.title))}' for each in papers)
    return f"<p>{escape(tr('also:'))} {' · '.join(links)}</p>" if papers else ""


def _announced(announced: AnnouncedPaper, summary: Summary | None) -> Item:
    known = summary if summary is not None and summary.version == announced.paper.version else None
    return _item(announced, known, feed_of(announced.day), "")


def _item(announced: AnnouncedPaper, summary: Summary | None, at: datetime, standing: str) -> Item:
    paper = announced.paper
    facts = " · ".join([", ".join(paper.categories), announced.announce_type.value, paper.versioned_id])
    return Item(
        f"{_ARXIV}/abs/{paper.versioned_id}",
        paper.link,
        clean_line(paper.title) or paper.id,
        "".join([_p(clean_line(facts)), standing, *_summary(summary), _p(_abstract(paper)), _links(paper)]),
        tuple(filter(None, map(clean_line, paper.authors[:_MOST_AUTHORS]))),
        tuple(filter(None, map(clean_line, paper.categories))),
        at,
    )


def _summary(summary: Summary | None) -> list[str]:
    if summary is None:
        return []
    parts = [
        f"<p><b>{escape(name)}</b></p><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
        for name, lines in parts_of(summary)
    ]
    return [_p(tldr_of(summary)), *parts, f"<p><small>{escape(clean_line(label_of(summary)))}</small></p>"]


def _abstract(paper: Paper) -> str:
    return clean_line(paper.abstract)


def _links(paper: Paper) -> str:
    links = (f'<a href="{_ARXIV}/{kind}/{paper.id}">{kind}</a>' for kind in ("abs", "pdf", "html"))
    return f"<p>{' · '.join(links)}</p>"


def _p(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""
