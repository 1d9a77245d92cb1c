"""What of a paper goes into a request: a safe guess at tokens, and the sections that matter most. Pure."""

import re
from bisect import bisect_right
from dataclasses import replace
from math import ceil

from bot.model.paper import Paper
from bot.model.summary import FullText, Section, SectionKind
from bot.summaries.prompts import encode

_WORDS = re.compile(r"[A-Za-z ]+")
_RARE = re.compile("[\U00010000-\U0010ffff]")
_LETTERS_A_TOKEN = 3
_RARE_TOKENS = 4
_MARGIN = 1.15
ABSTRACT = "Abstract"
LEAST_PIECE = 200
"""Tokens: less than this of a section is not worth its heading."""

# The first that matches a heading says what the section is worth, best first.
_WORTH = (
    r"abstract",
    r"introduction|overview|motivation",
    r"conclu|discussion|summary|limitation|future",
    r"result|experiment|evaluation|ablation|analys|finding|benchmark",
    r"method|approach|model|architecture|algorithm|framework|training|data",
)
_WORTH_PATTERNS = tuple(re.compile(each, re.IGNORECASE) for each in _WORTH)
_LOW = re.compile(r"related work|background|preliminar|notation", re.IGNORECASE)
_NONE = re.compile(
    r"acknowledg|funding|author contribution|competing|conflict of interest|impact statement", re.IGNORECASE
)
_GAP = "\n[…]\n"
_HEAD_SHARE = 2 / 3


def estimate_tokens(text: str) -> int:
    """At least the tokens that any usual model counts: three letters each, everything else one by one, and a margin."""
    others = len(_WORDS.sub("", text))
    rare = len(_RARE.findall(text)) if not text.isascii() else 0
    return ceil(((len(text) - others) / _LETTERS_A_TOKEN + others + (_RARE_TOKENS - 1) * rare) * _MARGIN)


def cost(section: Section) -> int:
    """The tokens of a section in a request."""
    return estimate_tokens(encode({"heading": section.title, "text": section.text}) + ", ")


def fit(paper: Paper, text: FullText, room: int) -> tuple[Section, ...]:
    """The sections, in the paper's order and the abstract first, that cost at most `room` tokens together.

    What is worth most is taken first; a section that would take more than half of what is left, though others wait that
    are worth something, keeps its beginning and its end.
    References are never taken: they are much text that says nothing.
    """
    sections = _candidates(paper, text)
    costs = [cost(each) for each in sections]
    if sum(costs) <= room:
        return sections
    worth = [_worth(each) for each in sections]
    awaited = sum(each for each, rank in zip(costs, worth, strict=True) if rank <= len(_WORTH))
    chosen: dict[int, Section] = {}
    for index in sorted(range(len(sections)), key=lambda index: (worth[index], index)):
        awaited = max(awaited - costs[index], 0)
        piece = _cut(sections[index], costs[index], min(room, max(room // 2, room - awaited, LEAST_PIECE)))
        if piece is not None:
            chosen[index] = piece
            room -= cost(piece)
    return tuple(chosen[index] for index in sorted(chosen))


def _candidates(paper: Paper, text: FullText) -> tuple[Section, ...]:
    """arXiv's abstract, then what of the full text is worth reading and is not that abstract again."""
    abstract = Section(ABSTRACT, paper.abstract)
    others = (each for each in text.sections if each.text.strip() and not _is_left_out(each))
    return (abstract, *others) if paper.abstract.strip() else tuple(others)


def _is_left_out(section: Section) -> bool:
    title = section.title.strip().rstrip(".:").lower()
    return section.kind == SectionKind.REFERENCES or title == ABSTRACT.lower() or bool(_NONE.search(section.title))


def _worth(section: Section) -> int:
    if section.kind == SectionKind.APPENDIX:
        return len(_WORTH) + 2
    if _LOW.search(section.title):
        return len(_WORTH) + 1
    return next((place for place, each in enumerate(_WORTH_PATTERNS) if each.search(section.title)), len(_WORTH))


def _cut(section: Section, whole: int, share: int) -> Section | None:
    """The section, which costs so much as a whole, within its share; None where nothing worth its heading fits."""
    if whole <= share:
        return section
    if share < LEAST_PIECE:
        return None
    piece = replace(section, text=_shorten(section.text, share - cost(replace(section, text=_GAP))))
    return piece if piece.text and cost(piece) <= share else None


def _shorten(text: str, room: int) -> str:
    """Beginning and end of the text: there a section says what it does and what came out."""
    if _encoded_cost(text) <= room:
        return text
    head = text[: _longest(text, int(room * _HEAD_SHARE))]
    tail = text[::-1][: _longest(text[::-1], room - _encoded_cost(head) - 1)][::-1]
    return f"{head.rsplit(' ', 1)[0]}{_GAP}{tail.split(' ', 1)[-1]}"


def _longest(text: str, room: int) -> int:
    """How many characters from the beginning cost at most `room` tokens."""
    return max(bisect_right(range(len(text) + 1), max(room, 0), key=lambda length: _encoded_cost(text[:length])) - 1, 0)


def _encoded_cost(text: str) -> int:
    return estimate_tokens(encode(text))
