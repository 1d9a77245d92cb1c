"""An arXiv that says what it is told to."""

import asyncio

from bot.model.announcement import Batch
from tests.build import DAY


class FakeSource:
    """A PaperSource that shows the given batches and fails where `failures` says so; `asked` is its memory."""

    def __init__(self, *batches):
        self.batches = {each.category: each for each in batches}
        self.failures = {}
        self.asked = []

    async def fetch(self, category):
        self.asked.append(category)
        await asyncio.sleep(0)  # as on a network, others get their turn meanwhile
        if category in self.failures:
            raise self.failures[category]
        return self.batches.get(category, Batch(category, DAY, ()))
