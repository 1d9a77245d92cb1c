"""A follow: a chat wants to hear when a paper changes; and the version of the paper that it knows of."""

from dataclasses import dataclass

from bot.model.paper import ArxivId, Paper

MOST_ABSTRACT, MOST_AUTHORS = 5_000, 200
"""What is kept of a version, at most: characters, and names."""


@dataclass(frozen=True, slots=True)
class Version:
    """What is kept of one version of a paper, so that a later one can be compared with it when announcements are gone.

    Of a paper of which only the title is known, `number` is 0 and the rest is empty.
    """

    id: ArxivId
    number: int
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @classmethod
    def of(cls, paper: Paper) -> "Version":
        """The version that `paper` is."""
        abstract, authors = paper.abstract[:MOST_ABSTRACT], paper.authors[:MOST_AUTHORS]
        return cls(paper.id, paper.version, paper.title, abstract, authors, paper.categories)


@dataclass(frozen=True, slots=True)
class Follow:
    """A paper that a chat follows. `known`: the newest version that the chat was told of, or that was there when it began.

    `is_asked`: somebody said so; `savers`: the people who saved the paper in the chat. It is over when neither is left.
    """

    known: Version
    is_asked: bool = False
    savers: tuple[str, ...] = ()
