"""A card: one paper on its own, with what a person made of it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bot.model.digest import Score
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.summary import Summary


class Mark(StrEnum):
    """What a person says of a paper. 👍 and 👎 exclude each other; the rest stand alone."""

    UP = "up"
    DOWN = "down"
    SAVE = "save"
    MUTE = "mute"


_OPPOSITES = {Mark.UP: frozenset({Mark.DOWN}), Mark.DOWN: frozenset({Mark.UP})}


@dataclass(frozen=True, slots=True)
class MarkedPaper:
    """A paper with a person's marks. The title is kept, as papers are forgotten after a month; `day`: of the last change."""

    id: ArxivId
    title: str
    marks: frozenset[Mark]
    day: date


@dataclass(frozen=True, slots=True)
class Card:
    """A paper in full. `score` is None where this chat's topics did not rank it; `marks` are of the person who asked.

    `comment`: what its authors say of this version, where that is known. `is_followed`: the chat is told of new versions.
    `is_announced` False: it was looked up, and `announced` has the day of its last change instead of an announcement's.
    """

    announced: AnnouncedPaper
    score: Score | None = None
    marks: frozenset[Mark] = frozenset()
    is_sample: bool = False
    comment: str = ""
    is_followed: bool = False
    summary: Summary | None = None
    is_announced: bool = True


def toggle_mark(marks: frozenset[Mark], mark: Mark) -> frozenset[Mark]:
    """The marks after one press on `mark`: a second press takes it back, and 👍 and 👎 replace each other."""
    if mark in marks:
        return marks - {mark}
    return (marks - _OPPOSITES.get(mark, frozenset())) | {mark}
