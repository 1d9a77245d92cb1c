"""The folder of pages: what a reader of the repository finds, and when a file is touched."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from bot.calendar import feed_of
from bot.errors import SourceError
from bot.model.chat import Chat
from bot.publishing import Publishing
from tests.build import NOW, make_batch, make_paper, make_subscription
from tests.fake_folder import FakeFolder
from tests.world import World

PUBLISHED = make_subscription(chat=Chat("publish", "-"), categories=("cs.CL", "cs.LG"), days_back=0)
FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)
WEDNESDAY, THURSDAY = date(2026, 11, 25), date(2026, 11, 26)
AFTER_THANKSGIVING, NEXT_MONDAY = date(2026, 11, 27), date(2026, 11, 30)
PAGE = "archive/2026-11-20.md"


class Repository(World):
    """A world whose pages go into a folder; nobody follows anything."""

    def __init__(self, *batches, subscription=PUBLISHED, folder=None, **world):
        super().__init__(*batches, **world)
        self.folder = folder or FakeFolder()
        self.services.pipeline.published = subscription.categories
        self.publishing = self.publish(subscription)

    def publish(self, subscription):
        """Another process that publishes."""
        return Publishing(self.services.pipeline, subscription, self.folder, self.summaries)

    async def look(self, *, pull=True):
        """What happens every minute; the names of the files that were written."""
        if pull:
            await self.pull()
        self.folder.writes.clear()
        assert await self.publishing.look() == len(self.folder.writes)
        return self.folder.writes[:]

    async def announce(self, day, *papers, category="cs.CL"):
        """It is half past midnight in New York, and the day's feed is out."""
        self.now = max(self.now, feed_of(day) + timedelta(minutes=30))
        self.source.batches[category] = make_batch(*papers, category=category, day=day)

    @property
    def readme(self):
        return self.folder.files["README.md"]


@pytest.fixture
async def repository():
    made = Repository(
        make_batch(make_paper("2611.00001", "Small teapots")),
        make_batch(make_paper("2611.00002", "Large teapots", categories=("cs.LG",)), category="cs.LG"),
    )
    await made.storage.open()
    return made


async def test_a_page_an_index_and_the_newest(repository):
    """All categories that are published are read though nobody follows them; the page is there before what leads to it."""
    assert await repository.look() == [PAGE, "archive/README.md", "README.md"]
    assert "- [Friday 20 November 2026](2026-11-20.md): 2 papers" in repository.folder.files["archive/README.md"]
    for text in (
        "Announcement of Friday 20 November 2026.",
        "- **Last Updated**: Friday 20 November 2026, 12:00 UTC",
        "- **Total Papers Found**: 2",
        "- **Categories Monitored**: cs.CL, cs.LG",
        "[Small teapots](https://arxiv.org/abs/2611.00001)",
        "(archive/README.md)",
    ):
        assert text in repository.readme
    assert "## Statistics" in repository.folder.files[PAGE]


async def test_looking_again_touches_nothing(repository):
    """Neither this process nor the next one writes what is there already."""
    await repository.look()
    assert await repository.look() == []
    repository.later(minutes=1)
    repository.publishing = repository.publish(PUBLISHED)
    assert await repository.look() == []


async def test_what_is_lost_is_made_again(repository):
    """A file that somebody deleted or cut short comes back as it was."""
    await repository.look()
    before = dict(repository.folder.files)
    for lost in (PAGE, "README.md"):
        del repository.folder.files[lost]
        assert lost in await repository.look()
        assert repository.folder.files == before
    repository.folder.files[PAGE] = before[PAGE][:10]
    await repository.look()
    assert repository.folder.files == before


async def test_the_next_day(repository):
    """It has a page of its own and becomes the newest; the page before stays as it is."""
    await repository.look()
    friday = repository.folder.files[PAGE]
    await repository.announce(MONDAY, make_paper("2611.00003", "Blue teapots"))
    await repository.announce(MONDAY, make_paper("2611.00004", "Red teapots"), category="cs.LG")
    assert await repository.look() == ["archive/2026-11-23.md", "archive/README.md", "README.md"]
    assert repository.folder.files[PAGE] == friday
    assert "Blue teapots" in repository.readme
    assert "Small teapots" not in repository.readme
    days = re.findall(r"\((.*?)\)", repository.folder.files["archive/README.md"])
    assert days == ["2026-11-23.md", "2026-11-20.md"]


async def test_a_part_is_waited_for(repository):
    """A day of which a category lacks is published after half an hour, and made whole when the rest is here."""
    await repository.look()
    await repository.announce(MONDAY, make_paper("2611.00003", "Blue teapots"))
    assert await repository.look() == []
    repository.later(minutes=31)
    assert "Blue teapots" in (await repository.look() and repository.readme)
    await repository.announce(MONDAY, make_paper("2611.00004", "Red teapots"), category="cs.LG")
    repository.later(hours=1)
    await repository.look()
    assert "Red teapots" in repository.readme


async def test_a_quiet_day_changes_one_line(repository):
    """On a holiday nothing is written but what says so; on a weekend nothing at all."""
    await repository.look()
    repository.now = NOW + timedelta(days=1)
    assert await repository.look() == []
    for day in (MONDAY, TUESDAY, WEDNESDAY, THURSDAY):
        await repository.announce(day, make_paper(f"2611.001{day.day}"))
        await repository.announce(day, make_paper(f"2611.002{day.day}"), category="cs.LG")
        await repository.look()
    before = repository.readme.splitlines()
    repository.now = feed_of(AFTER_THANKSGIVING) + timedelta(hours=2)
    assert await repository.look() == ["README.md"]
    changed = [line for line in repository.readme.splitlines() if line not in before]
    [line] = changed
    assert "Thursday 26 November 2026; arXiv announced nothing on Friday 27 November 2026." in line
    assert await repository.look() == []
    await repository.announce(NEXT_MONDAY, make_paper("2611.00300"))
    await repository.announce(NEXT_MONDAY, make_paper("2611.00301"), category="cs.LG")
    await repository.look()
    assert "Announcement of Monday 30 November 2026. " in repository.readme


async def test_days_of_an_outage_are_made_up_for(repository):
    """What was stored while nobody published gets its pages, one for each day."""
    for day in (FRIDAY, MONDAY, TUESDAY):
        await repository.announce(day, make_paper(f"2611.001{day.day}"))
        await repository.announce(day, make_paper(f"2611.002{day.day}"), category="cs.LG")
        await repository.pull()
    written = await repository.look()
    assert written[:3] == [PAGE, "archive/2026-11-23.md", "archive/2026-11-24.md"]


async def test_a_day_that_could_not_be_read(repository):
    """It is said, and the last page stays."""
    await repository.look()
    repository.source.failures = dict.fromkeys(("cs.CL", "cs.LG"), SourceError("no answer", where="here"))
    repository.now = feed_of(MONDAY) + timedelta(hours=1)
    await repository.look()
    assert "arXiv could not be read on Monday 23 November 2026" in repository.readme
    assert "Small teapots" in repository.readme


async def test_a_template_of_the_original(repository):
    """README.template.md with its places is filled in; what a paper is called is no place."""
    repository.source.batches["cs.CL"] = make_batch(make_paper(title="On {{KEYWORDS}}"))
    repository.folder.files["README.template.md"] = (
        "# Mine\n{{LAST_UPDATED}} {{PAPER_COUNT}} {{CATEGORIES}} {{STATE}} {{OTHER}}\n- {{KEYWORDS}}\n\n{{PAPERS_SECTION}}\nend\n"
    )
    repository.publishing = repository.publish(replace(PUBLISHED, topics=("teapots", "-survey")))
    await repository.look()
    lines = repository.readme.splitlines()
    assert lines[:3] == [
        "# Mine",
        "Friday 20 November 2026, 12:00 UTC 1 cs.CL, cs.LG Announcement of Friday 20 November 2026. {{OTHER}}",
        "- teapots",
    ]
    assert lines[-1] == "end"
    assert "Large teapots" in repository.readme
    repository.publishing = repository.publish(replace(PUBLISHED, topics=("keywords",)))
    await repository.look()
    assert r"On \{\{KEYWORDS\}\}" in repository.readme


async def test_late_papers_renew_their_page():
    """What arXiv added to a day is on its page, though another day is the newest."""
    only = replace(PUBLISHED, categories=("cs.CL",))
    repository = Repository(make_batch(make_paper("2611.00001")), subscription=only)
    await repository.storage.open()
    await repository.look()
    await repository.announce(MONDAY, make_paper("2611.00009"))
    await repository.look()
    repository.source.batches["cs.CL"] = make_batch(make_paper("2611.00001"), make_paper("2611.00007", "A late one"))
    await repository.services.pipeline.pull(["cs.CL"], pause=timedelta())
    assert set(await repository.look(pull=False)) <= {PAGE, "archive/README.md"}


async def test_summaries_are_added_when_they_are_there():
    """The page comes at once with abstracts, and once more with the summaries; then it is done with."""
    only = replace(PUBLISHED, categories=("cs.CL",))
    repository = Repository(make_batch(make_paper("2611.00001")), subscription=only, summaries_budget=100_000)
    await repository.storage.open()
    repository.writer.gate.clear()
    await repository.look()
    assert "TL;DR of" not in repository.readme
    assert "lacks=1" in repository.folder.files[PAGE]
    repository.writer.gate.set()
    [paper] = (await repository.services.pipeline.announcements())[0].papers.values()
    await repository.summaries.wait([paper], "en", 10)
    assert await repository.look() == [PAGE, "archive/README.md", "README.md"][::2]
    assert "A TL;DR of 2611.00001 in en." in repository.readme
    assert await repository.look() == []
    assert repository.writer.calls["2611.00001", "en"] == 1


async def test_times_are_utc(repository):
    """Wherever the machine stands."""
    repository.now = datetime(2026, 11, 20, 14, 30, tzinfo=timezone(timedelta(hours=2, minutes=30)))
    await repository.look()
    assert "Friday 20 November 2026, 12:00 UTC" in repository.readme
