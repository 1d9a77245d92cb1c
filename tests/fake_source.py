"""An arXiv that says what it is told to."""

import asyncio

from bot.model.announcement import Batch
from bot.model.listing import Listing
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


class FakeArxiv:
    """The ListingSource, PaperLookup and RecordSource beside a FakeSource: the lists agree with its feeds, unless told otherwise.

    `lists` are Listings by category, `records` what can be looked up and harvested; `failures` by "list", "lookup" and
    "harvest"; `asked` is its memory.
    """

    def __init__(self, source):
        self.source = source
        self.lists = {}
        self.records = {}
        self.failures = {}
        self.asked = []

    async def fetch_listing(self, category):
        await self._note("list", category)
        if category in self.lists:
            return self.lists[category]
        batch = self.source.batches.get(category, Batch(category, DAY, ()))
        entries = tuple((paper.id, kind) for paper, kind in batch.papers)
        return Listing(category, batch.day, len(entries), entries)

    async def fetch_papers(self, ids):
        await self._note("lookup", tuple(ids))
        return {each: self.records[each] for each in ids if each in self.records}

    async def harvest(self, archive, since, until):
        await self._note("harvest", archive)
        found = (each for each in self.records.values() if since <= each.changed <= until)
        return tuple(each for each in found if archive in each.paper.categories)

    async def _note(self, kind, what):
        self.asked.append((kind, what))
        await asyncio.sleep(0)
        if kind in self.failures:
            raise self.failures[kind]
