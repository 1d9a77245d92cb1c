"""Papers made of what arXiv wrote, whichever way it came. Pure."""

from dataclasses import dataclass

from bot.model.paper import ArxivId, Paper, parse_arxiv_id
from bot.rendering.latex import to_readable
from bot.sources.authors import split_authors
from bot.sources.xml_guard import MalformedFeedError


@dataclass(frozen=True, slots=True)
class Texts:
    """As arXiv wrote them. `names`: the authors one by one, where it tells them so."""

    title: str
    abstract: str
    authors: str
    names: tuple[str, ...] = ()


def make_paper(  # noqa: PLR0913, PLR0917 - a paper has so many parts
    named: tuple[ArxivId, int],
    texts: Texts,
    categories: tuple[str, ...],
    license_: str = "",
    doi: str = "",
    journal_ref: str = "",
) -> Paper:
    """The paper with its texts made readable. Raises MalformedFeedError where it lacks what every paper has."""
    title, authors = to_readable(" ".join(texts.title.split())), texts.names or split_authors(texts.authors)
    for name, value in (("title", title), ("author", authors), ("category", categories)):
        if not value:
            raise MalformedFeedError(f"{named[0]} has no {name}")
    return Paper(
        *named,
        title,
        to_readable(texts.abstract),
        authors,
        categories,
        raw_title=texts.title,
        raw_abstract=texts.abstract,
        raw_authors=texts.authors,
        license=license_,
        doi=doi,
        journal_ref=to_readable(" ".join(journal_ref.split())),
    )


def read_versioned_id(text: str) -> tuple[ArxivId, int]:
    """The id and version in `text`. Raises MalformedFeedError where either is missing."""
    identifier, version = parse_arxiv_id(text) or (ArxivId(""), None)
    if version is None:
        raise MalformedFeedError(f"{text[:100]!r} is no arXiv id with its version")
    return identifier, version
