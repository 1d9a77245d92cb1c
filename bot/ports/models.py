"""The doors to what ranks and to language models."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from bot.model.announcement import Announcement
from bot.model.digest import Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.meaning import Interests, Vector
from bot.model.paper import AnnouncedPaper, AnnounceType, ArxivId, Paper
from bot.model.summary import BatchRequest, FullText, Reply, Summary, Usage


class Ranker(Protocol):
    """Gives every paper a score with reasons.

    `types` are those it scores at all; `has_min_score`: whether its points read as a score from 0 to 100, of which a chat can
    ask a minimum; else they are shown as they are.
    `is_broad`: whether every topic it finds shall have a place in a digest.
    """

    @property
    def name(self) -> str: ...

    @property
    def types(self) -> tuple[AnnounceType, ...]: ...

    @property
    def has_min_score(self) -> bool: ...

    @property
    def is_broad(self) -> bool: ...

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        """One score per paper, in the order of `papers`. Pure: equal arguments, equal scores.

        `topics` are topic texts, those that leave papers out among them; without any topic of interest and without feedback every
        score is 0 with no reason. A topic that leaves papers out always does; one that matches always leaves some points. `recent` are announcements to learn from which words are common.
        Topics that do not parse are skipped: what is stored was checked when it was added.
        """
        ...

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        """The terms that feedback taught for and against, the strongest first; nothing for a ranker that learns nothing."""
        ...


class Summarizer(Protocol):
    """Writes summaries. `model` and `prompt` (a version) say by what, for caches."""

    @property
    def model(self) -> str: ...

    @property
    def prompt(self) -> str: ...

    def estimate(self, paper: Paper, text: FullText) -> int:
        """The tokens that summarising may cost at most, to be reserved before."""
        ...

    async def summarise(self, paper: Paper, text: FullText, language: str) -> tuple[Summary, Usage]:
        """A summary in this language (ISO 639-1), checked against the text, and what it cost.

        Raises LLMError, whose `spent` is what was used up in vain.
        """
        ...


class BatchWriter(Protocol):
    """Writes summaries through a provider's batch endpoint: for less, within a day."""

    async def is_ready(self) -> bool:
        """Whether a batch may be sent: the server is not known to have none, and is known to answer what is asked like this."""
        ...

    async def write(self, paper: Paper, text: FullText, language: str) -> BatchRequest:
        """The request for a summary, the same as a single call's."""
        ...

    async def upload(self, requests: Sequence[BatchRequest]) -> str:
        """The name of a file for one batch; that costs nothing. Raises LLMError, `is_final` where the server has no batches."""
        ...

    async def start(self, file: str, tokens: int) -> str:
        """The id of a new batch of this file, which may cost so much.

        Raises LLMError: `is_final` where the server has no batches, with `spent` where this one may be under way all the same.
        """
        ...

    async def find(self, file: str) -> str | None:
        """The id of the batch that was started from this file within the last days, by whomever; None where none was.

        Raises LLMError, `is_final` where the server does not tell.
        """
        ...

    async def fetch(self, batch: str) -> Mapping[str, Reply] | None:
        """What was answered, by the ids of the requests, without those that failed; None while it is under way.

        Raises LLMError, `is_final` where there is no such batch (any more).
        """
        ...

    async def read(self, request: str, reply: Reply, paper: Paper, text: FullText, language: str) -> Summary | None:
        """The summary in a reply, checked as a single call's.

        None where it cannot be used, or where `request` is not the id of what would be asked about this text.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors that lie near each other where the texts mean the same. `model` says by what, for caches."""

    @property
    def model(self) -> str: ...

    @property
    def most(self) -> int:
        """How many texts one call takes."""
        ...

    def estimate(self, texts: Sequence[str]) -> int:
        """The tokens that embedding these may cost at most, to be reserved before."""
        ...

    async def embed(self, texts: Sequence[str]) -> tuple[Sequence[Vector], Usage]:
        """One vector for each text, in order, all of one size, and what they cost.

        Of a text that is too long the beginning counts. Raises LLMError, whose `spent` is what was used up in vain.
        """
        ...


class Judge(Protocol):
    """Says how well papers fit what somebody wants to read. `model` and `prompt` (a version) say by what, for caches."""

    @property
    def model(self) -> str: ...

    @property
    def prompt(self) -> str: ...

    def estimate(self, interests: Interests, papers: Sequence[Paper]) -> int:
        """The tokens that judging these may cost at most, to be reserved before."""
        ...

    async def judge(self, interests: Interests, papers: Sequence[Paper]) -> tuple[Mapping[ArxivId, float], Usage]:
        """From 0 to 10 for each of these papers, without those of which nothing usable was said, and what it cost.

        Raises LLMError, whose `spent` is what was used up in vain, also where the answers tell nothing: all alike, or
        on another scale.
        """
        ...


class BlobCache(Protocol):
    """Small values that cost something to make again, kept over restarts. Nothing is lost for good with one that is."""

    def get(self, key: str) -> bytes | None:
        """The value, if it is there; at once."""
        ...

    async def put(self, blobs: Mapping[str, bytes], day: date) -> None:
        """Keep these as of that day, replacing earlier ones. What cannot be written is kept until the end of the process."""
        ...

    async def prune(self, before: date) -> None:
        """Drop what is kept as of earlier days."""
        ...
