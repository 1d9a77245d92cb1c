"""Bar charts that a person, a screen reader and a dark background can read."""

from xml.etree import ElementTree as ET

import pytest

from bot.web.plot import Bar, Plot, columns, nice_ceiling, rows

BARS = [Bar(f"{day}.8.", value, f"day {day}: {value} <papers>") for day, value in enumerate((0, 7, 92, 31), start=1)]


def parse(made):
    return ET.fromstring(made)  # noqa: S314 - of our own making


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (7, 10), (10, 10), (11, 20), (92, 100), (139, 200), (501, 600)],
)
def test_scales_end_at_round_numbers(value, top):
    """Not below what they show, and with a whole number in the middle."""
    assert nice_ceiling(value) == top


@pytest.mark.parametrize("draw", [columns, rows])
@pytest.mark.parametrize("bars", [BARS, BARS[:1], [], [Bar("x", 10**9, "much")]])
def test_plots_are_well_formed_and_named(draw, bars):
    """An image with a name and a description, a title for each bar, no colour and no style of its own."""
    svg = draw(Plot("p", "Papers & days", "What <it> shows.", bars))
    tree = parse(svg)
    assert tree.attrib["role"] == "img"
    assert tree.attrib["aria-labelledby"] == "p-t p-d"
    assert (tree[0].attrib["id"], tree[0].text, tree[1].text) == ("p-t", "Papers & days", "What <it> shows.")
    drawn = list(tree.iter("rect"))
    assert [each[0].text for each in drawn] == [each.title for each in bars]
    assert all(float(each.attrib["width"]) >= 0 and float(each.attrib["height"]) >= 0 for each in drawn)
    assert not {"style", "fill", "stroke"} & {name for each in tree.iter() for name in each.attrib}


def test_longer_bars_stand_for_more():
    """In proportion."""
    heights = [float(each.attrib["height"]) for each in parse(columns(Plot("p", "", "", BARS))).iter("rect")]
    widths = [float(each.attrib["width"]) for each in parse(rows(Plot("p", "", "", BARS))).iter("rect")]
    for sizes in (heights, widths):
        assert sizes == [*sorted(sizes[:2]), max(sizes), sizes[3]]
        assert sizes[3] / sizes[2] == pytest.approx(31 / 92, abs=0.02)
