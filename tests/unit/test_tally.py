"""What is counted in memory."""

from bot.tally import Spread


def test_values_fall_under_their_bounds():
    """A value at a bound is under it, one above the last is counted, too, and none is below zero."""
    spread = Spread((1.0, 2.0))
    for value in (-5.0, 1.0, 1.5, 2.0, 3.0):
        spread.add(value)
    assert spread.cumulated == [2, 4, 5]
    assert spread.total == 7.5


def test_nothing_counted():
    """A spread without values says so."""
    assert Spread((1.0,)).cumulated == [0, 0]
