"""Bar charts as SVG that takes its colours from the style sheet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

_WIDTH, _HEIGHT = 360, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 4, 8, 18
_GAP = 0.25
_ROW, _NAME, _NUMBER = 20, 84, 40
_MOST_LABELS = 5

_BAR = Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
_TEXT = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
_LINE = Markup('<path class="grid" d="M{} {}H{}"/>')
_WHOLE = Markup(
    '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-labelledby="{id}-t {id}-d">'
    '<title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>{}</svg>'
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what stands at its foot, how long it is, and what it says in full."""

    label: str
    value: int
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The bars with what they show as a whole. `id` is the same nowhere else on the page."""

    id: str
    title: str
    description: str
    bars: Sequence[Bar]


def columns(plot: Plot) -> Markup:
    """Upright bars on a scale, such as one for each day."""
    top = nice_ceiling(max((each.value for each in plot.bars), default=0))
    floor_at, room = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    parts = []
    for value in (0, top // 2, top):
        y = round(floor_at - room * value / top, 1)
        parts += [_LINE.format(_LEFT, y, _WIDTH - _RIGHT), _TEXT.format(_LEFT - 5, y + 3, "end", value)]
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(plot.bars))
    every = ceil(len(plot.bars) / _MOST_LABELS)
    for number, each in enumerate(plot.bars):
        height = round(room * each.value / top, 1)
        x = round(_LEFT + step * (number + _GAP / 2), 1)
        parts.append(_BAR.format(x, round(floor_at - height, 1), round(step * (1 - _GAP), 1), height, each.title))
        if number % every == 0:
            parts.append(_TEXT.format(round(_LEFT + step * (number + 0.5), 1), _HEIGHT - 5, "middle", each.label))
    return _whole(plot, _HEIGHT, parts)


def rows(plot: Plot) -> Markup:
    """Lying bars, one below the other, such as one for each category."""
    longest = max((each.value for each in plot.bars), default=0) or 1
    room = _WIDTH - _NAME - _NUMBER
    parts = []
    for number, each in enumerate(plot.bars):
        y, width = number * _ROW, round(room * each.value / longest, 1)
        parts.append(_TEXT.format(_NAME - 6, y + 14, "end", each.label))
        parts.append(_BAR.format(_NAME, y + 4, width, _ROW - 7, each.title))
        parts.append(_TEXT.format(_NAME + width + 5, y + 14, "start", each.value))
    return _whole(plot, max(1, len(plot.bars)) * _ROW, parts)


def nice_ceiling(value: int) -> int:
    """The least number of the form 2, 4, 6, 10, 20, 40 … that is not below it: half of it is whole, too."""
    if value <= 2:  # noqa: PLR2004 - the least scale
        return 2
    unit = 10 ** floor(log10(value))
    return next(int(unit * each) for each in (1, 2, 4, 6, 10, 20) if unit * each >= value and unit * each % 2 == 0)


def _whole(plot: Plot, height: int, parts: Sequence[Markup]) -> Markup:
    return _WHOLE.format(_WIDTH, height, plot.title, plot.description, Markup("").join(parts), id=plot.id)
