"""Buttons that more than one kind of message has. Pure."""

from bot.model.digest import Digest
from bot.model.message import Button
from bot.model.paper import ArxivId

MOST_NUMBERS = 30
"""A keyboard of more numbers than this is no help."""


def open_button(number: int, identifier: ArxivId) -> Button:
    """A bare number that opens the paper's card."""
    return Button(str(number), f"/paper {identifier}")


def number_buttons(digest: Digest) -> tuple[Button, ...]:
    """A number for each paper of the digest."""
    return tuple(open_button(each.place, each.announced.paper.id) for each in digest.papers[:MOST_NUMBERS])
