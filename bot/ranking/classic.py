"""The score of the bot this project grew from, to the half point: keywords as substrings.

https://github.com/MayDomine/arxiv_rss_bot, `ArxivBot.matches_criteria` and `calculate_score`
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.announcement import Announcement
from bot.model.digest import Reason, Score
from bot.model.feedback import NO_FEEDBACK, Feedback
from bot.model.paper import AnnouncedPaper, AnnounceType, Paper
from bot.topics import plain_keyword

_FOUND = 1.0
_FOUND_IN_TITLE = 0.5


@dataclass(frozen=True, slots=True)
class ClassicRanker:
    """Reads topics as plain keywords: no fields, no operators, no folding, parts of words count.

    Only papers of type `new` have a score. A score of 0 was never shown as long as there was a keyword.
    """

    name: str = "classic"
    types: tuple[AnnounceType, ...] = (AnnounceType.NEW,)
    has_min_score: bool = False
    is_broad: bool = False

    def rank(
        self,
        papers: Sequence[AnnouncedPaper],
        topics: Sequence[str],
        recent: Sequence[Announcement],
        feedback: Feedback = NO_FEEDBACK,
    ) -> list[Score]:
        del recent, feedback  # the original knows no common words and learns nothing
        keywords: list[_Keyword] = []
        excludes: list[_Keyword] = []
        for topic in topics:
            words, is_exclusion = plain_keyword(topic)
            if words.strip():
                (excludes if is_exclusion else keywords).append(_Keyword(topic, words.lower()))
        return [_score(announced, keywords, excludes) for announced in papers]

    def learned(self, recent: Sequence[Announcement], feedback: Feedback) -> tuple[Sequence[str], Sequence[str]]:
        del recent, feedback
        return (), ()


def classic_scores(papers: Sequence[AnnouncedPaper], keywords: Sequence[str], excludes: Sequence[str]) -> list[Score]:
    """One score per paper, in order, from keywords as the original's `config.json` has them: any text, repetitions count."""
    wanted = [_Keyword(each, each.lower()) for each in keywords]
    unwanted = [_Keyword(each, each.lower()) for each in excludes]
    return [_score(announced, wanted, unwanted) for announced in papers]


@dataclass(frozen=True, slots=True)
class _Keyword:
    """What to look for, and the topic as the person knows it."""

    topic: str
    lower: str


def _score(announced: AnnouncedPaper, keywords: Sequence[_Keyword], excludes: Sequence[_Keyword]) -> Score:
    if announced.announce_type is not AnnounceType.NEW or not (keywords or excludes):
        return Score(0.0)
    title, abstract = _read(announced.paper)
    text = f"{title} {abstract}"
    excluded_by = next((each.topic for each in excludes if each.lower in text), "")
    if excluded_by:
        return Score(0.0, excluded_by=excluded_by)
    reasons = [_reason(each, title, abstract) for each in keywords if each.lower in text]
    reasons.sort(key=lambda each: (-each.points, each.topic))
    return Score(sum(each.points for each in reasons), tuple(reasons))


def _read(paper: Paper) -> tuple[str, str]:
    """Title and abstract as the original saw them: raw, small, the abstract up to its first line break.

    The original's pattern for the abstract skips white space before it, and its dot stops at a line break.
    """
    title, abstract = paper.raw_title or paper.title, paper.raw_abstract or paper.abstract
    return title.lower(), abstract.lstrip().partition("\n")[0].lower()


def _reason(keyword: _Keyword, title: str, abstract: str) -> Reason:
    in_title, in_abstract = keyword.lower in title, keyword.lower in abstract
    is_across = not (in_title or in_abstract)
    places = (("title", in_title or is_across), ("abstract", in_abstract or is_across))
    return Reason(
        keyword.topic, tuple(name for name, found in places if found), _FOUND + (_FOUND_IN_TITLE if in_title else 0.0)
    )
