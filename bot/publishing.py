"""A folder of Markdown pages, such as a repository: the newest digest, a page for each day, and an index of them.

Every file follows from what is stored. Looking again writes nothing where nothing changed, and makes up for what a death or a
full disk left out; the first line of a page says from what it was made.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256

from bot.calendar import feed_day
from bot.days import MOST_DAYS, PARTIAL_FOR, Here, begin_day
from bot.delivery.due import Due
from bot.delivery.readings import Readings, Shown, wished, wishes_of
from bot.model.announcement import Announcement
from bot.model.day import DayPhase
from bot.model.digest import Digest
from bot.model.subscription import Subscription
from bot.pipeline import Pipeline
from bot.ports import Folder
from bot.rendering.markdown import escape_markdown, render_markdown
from bot.rendering.text import format_day, format_instant
from bot.summarising import Summaries

log = logging.getLogger(__name__)

NEWEST, TEMPLATE, ARCHIVE = "README.md", "README.template.md", "archive"
_FORM = 1
"""Raised when pages are to look different: those of the last days are then made anew."""
_PAGE_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.md")
_HEAD = re.compile(r"<!-- paperround key=(\w+) papers=(\d+) lacks=(\d+) updated=(\S+) -->\n")
_PAPERS = "\n## Papers\n\n"
_PLACE = re.compile(r"{{([A-Z_]+)}}")
_SATURDAY = 5
_DEFAULT = """\
# arXiv papers

{{STATE}} [All days](archive/README.md)

## Statistics

- **Last Updated**: {{LAST_UPDATED}}
- **Total Papers Found**: {{PAPER_COUNT}}
- **Categories Monitored**: {{CATEGORIES}}

## Recent Papers

{{PAPERS_SECTION}}
"""


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of a page: from what it was made, its papers, how many lack a summary, and when the last of them came."""

    key: str
    papers: int
    lacks: int
    updated: datetime

    def __str__(self) -> str:
        updated = self.updated.isoformat(timespec="seconds")
        return f"<!-- paperround key={self.key} papers={self.papers} lacks={self.lacks} updated={updated} -->\n"


@dataclass(slots=True)
class Publishing:
    """Publishes what `subscription` asks for. `summaries` None: pages carry abstracts."""

    pipeline: Pipeline
    subscription: Subscription
    folder: Folder
    summaries: Summaries | None = None
    # The newest page as it was ranked, which is not done again for each summary that arrives.
    _kept: tuple[str, Shown] | None = None
    _is_indexed: bool = False
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self._readings = Readings(self.pipeline, self.summaries)

    async def look(self) -> int:
        """Write what changed since the last look, and say how many files that were. Raises StorageError."""
        async with self._looking:
            return await self._look()

    async def _look(self) -> int:
        here = await self.pipeline.here()
        ready = [each for each in await self.pipeline.announcements() if self._is_ready(each, here)]
        pages = sum([await self._write_page(each, here, is_newest=each is ready[-1]) for each in ready])
        # In this order: a page is there before anything leads to it.
        if pages or not self._is_indexed:
            pages += await self._write_index()
            self._is_indexed = True
        written = pages + await self._write_newest(here)
        if written:
            log.info("published files=%d", written)
        return written

    def _is_ready(self, announcement: Announcement, here: Here) -> bool:
        """Whether the day is one of the last, has papers for us, and lacks nothing that is still waited for."""
        if announcement.day <= feed_day(here.now) - timedelta(days=MOST_DAYS):
            return False
        if not announcement.papers_for(self.subscription.categories):
            return False
        wanted = self.pipeline.categories_of(self.subscription)
        came = [at for code, at in here(announcement.day).items() if code in wanted]
        return len(came) == len(wanted) or (bool(came) and here.now - min(came) >= PARTIAL_FOR)

    async def _write_page(self, announcement: Announcement, here: Here, *, is_newest: bool) -> bool:
        name, key = f"{ARCHIVE}/{announcement.day}.md", self._key(announcement)
        known, _ = _split(await self.folder.read(name) or "")
        # What lacks a summary days later will not get one.
        if known is not None and known.key == key and not (is_newest and known.lacks and self.summaries):
            return False
        shown = await self._show(announcement.day, key, here.now)
        if shown.digest is None:
            return False
        lacks = sum(each.summary is None for each in wished(self.subscription, shown.digest)) if self.summaries else 0
        updated = self._updated(announcement.day, here)
        return await self.folder.write(name, _page(_Head(key, len(shown.digest.papers), lacks, updated), shown.digest))

    async def _show(self, day: date, key: str, now: datetime) -> Shown:
        """The day's digest with the summaries that are there; what lacks is asked for once."""
        if self._kept is None or self._kept[0] != key:
            shown = await self._readings.read(self.subscription, Due(day - timedelta(days=1), day, now))
            self._kept = key, shown
            if self.summaries is not None:
                await self.summaries.want(wishes_of(self.subscription, shown.digest))
        return await self._readings.with_summaries(self.subscription, self._kept[1])

    def _key(self, announcement: Announcement) -> str:
        """Stands for all that the page rests on but the summaries."""
        rows = sorted(
            (category, each, announcement.papers[each].version, kind)
            for category in self.pipeline.categories_of(self.subscription)
            for each, kind in announcement.listings.get(category, ())
        )
        return sha256(repr((_FORM, announcement.day, self.subscription, rows)).encode()).hexdigest()[:16]

    def _updated(self, day: date, here: Here) -> datetime:
        """When the last of the day's papers came."""
        states = [here.states.get((code, day)) for code in self.pipeline.categories_of(self.subscription)]
        came = [each.came for each in states if each is not None and each.came is not None]
        late = [each.at for state in states if state is not None for each in state.additions]
        return max([*came, *late], default=here.now)

    async def _pages(self) -> Sequence[tuple[date, str]]:
        """The days that have a page, the newest first, with its name."""
        found = [_PAGE_NAME.fullmatch(each) for each in await self.folder.names(ARCHIVE)]
        return sorted(((date.fromisoformat(each[1]), f"{ARCHIVE}/{each[0]}") for each in found if each), reverse=True)

    async def _write_index(self) -> bool:
        lines = ["# All days", ""]
        for day, name in await self._pages():
            head, _ = _split(await self.folder.read(name) or "")
            if head is not None:
                lines.append(f"- [{format_day(day)}]({day}.md): {head.papers} paper{'' if head.papers == 1 else 's'}")
        return len(lines) > 2 and await self.folder.write(f"{ARCHIVE}/README.md", "\n".join(lines) + "\n")  # noqa: PLR2004 - the title

    async def _write_newest(self, here: Here) -> bool:
        """The newest page in the form of the template; on a quiet day nothing but its line of state is another."""
        pages = await self._pages()
        if not pages:
            return False
        day, name = pages[0]
        head, page = _split(await self.folder.read(name) or "")
        if head is None:
            return False
        topics = [escape_markdown(each) for each in self.subscription.topics if not each.startswith("-")]
        values = {
            "STATE": self._state(day, here),
            "LAST_UPDATED": format_instant(head.updated),
            "PAPER_COUNT": str(head.papers),
            "CATEGORIES": ", ".join(self.pipeline.categories_of(self.subscription)),
            "KEYWORDS": "\n- ".join(topics),
            "PAPERS_SECTION": page.partition(_PAPERS)[2].strip("\n") or "No paper matched.",
        }
        template = await self.folder.read(TEMPLATE) or _DEFAULT
        # At one go: a paper may be called {{KEYWORDS}}.
        return await self.folder.write(NEWEST, _PLACE.sub(lambda found: values.get(found[1], found[0]), template))

    def _state(self, shown: date, here: Here) -> str:
        """What became of the newest announcement day that is decided, where that is not the one shown."""
        day = feed_day(here.now)
        while day > shown:
            categories = self.pipeline.categories_of(self.subscription)
            states = [here.states.get((code, day)) or begin_day(code, day) for code in categories]
            phases = {each.phase for each in states} if day.weekday() < _SATURDAY else set()
            if phases == {DayPhase.QUIET}:
                return f"Announcement of {format_day(shown)}; arXiv announced nothing on {format_day(day)}."
            if DayPhase.FAILED in phases and phases <= {DayPhase.QUIET, DayPhase.FAILED}:
                return f"Announcement of {format_day(shown)}; arXiv could not be read on {format_day(day)}."
            day -= timedelta(days=1)
        return f"Announcement of {format_day(shown)}."


def _page(head: _Head, digest: Digest) -> str:
    return str(head) + render_markdown(digest)


def _split(text: str) -> tuple[_Head | None, str]:
    """The head of a page, None where it is none of ours, and the rest."""
    found = _HEAD.match(text)
    if found is None:
        return None, text
    try:
        updated = datetime.fromisoformat(found[4])
    except ValueError:
        return None, text
    return _Head(found[1], int(found[2]), int(found[3]), updated), text[found.end() :]
