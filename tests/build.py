"""Builders: a paper, a batch, a subscription with everything but the point of the test filled in."""

from datetime import UTC, date, datetime

from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.model.subscription import Subscription

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CHAT = Chat("console", "local")


def make_paper(identifier="2611.00001", title="A title", abstract="An abstract.", **fields):
    fields = {"version": 1, "authors": ("Ada Vale",), "categories": ("cs.CL",)} | fields
    return Paper(ArxivId(identifier), title=title, abstract=abstract, **fields)


def make_batch(*papers, category="cs.CL", day=DAY, announce_type=AnnounceType.NEW):
    """Papers, or (paper, type) pairs, as one category announces them."""
    return Batch(category, day, tuple(each if isinstance(each, tuple) else (each, announce_type) for each in papers))


def make_subscription(**fields):
    return Subscription(
        **{"chat": CHAT, "created": datetime(2026, 1, 1, tzinfo=UTC), "categories": ("cs.CL",)} | fields
    )
