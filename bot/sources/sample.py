"""Invented papers, bundled with the bot, for whoever cannot reach arXiv yet."""

import asyncio
from importlib.resources import files
from importlib.resources.abc import Traversable

from bot.errors import SourceError
from bot.model.announcement import Batch
from bot.model.paper import AnnounceType, Paper, covers
from bot.sources.apart import parse_feed_apart


class SampleSource:
    """A paper source over one feed file, read once; without `file`, over `config/sample.xml`."""

    def __init__(self, file: Traversable | None = None) -> None:
        self._file = file
        self._whole: Batch | None = None
        self._reading = asyncio.Lock()

    async def fetch(self, category: str) -> Batch:
        async with self._reading:
            whole = self._whole = self._whole or await self._read()
        papers = tuple((paper, _type_in(category, paper)) for paper, _ in whole.papers if _is_listed(category, paper))
        return Batch(category, whole.day, papers, is_sample=True)

    async def _read(self) -> Batch:
        file = self._file or files("config").joinpath("sample.xml")
        try:
            content = await asyncio.to_thread(file.read_bytes)
        except OSError as error:
            raise SourceError(f"cannot be read ({error.strerror})", where=str(file)) from error
        return await parse_feed_apart(content, where=str(file))


def _type_in(category: str, paper: Paper) -> AnnounceType:
    return AnnounceType.NEW if covers(category, paper.categories[0]) else AnnounceType.CROSS


def _is_listed(category: str, paper: Paper) -> bool:
    return any(covers(category, each) for each in paper.categories)
