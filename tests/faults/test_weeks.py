"""Scripted weeks of arXiv, over loopback: each paper reaches each chat that wants it once, and /status never lies."""

import re
from collections import Counter
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta

import pytest

from bot.calendar import feed_of, is_expected, latest_day, next_day, previous_day
from bot.model.chat import Chat
from bot.model.paper import AnnounceType
from bot.sources.http import PoliteClient
from handlers.commands.status import describe_category
from tests import places
from tests.adapters.arxiv_server import Canned
from tests.build import make_subscription
from tests.servers.arxiv import FakeArxiv
from tests.servers.arxiv_near import NearFeeds, NearLists, NearLookup, NearRecords
from tests.world import World

AI, LG, KT = "cs.AI", "cs.LG", "math.KT"
CATEGORIES = (AI, LG, KT)
MONDAY = date(2026, 11, 9)
QUARTER = timedelta(minutes=15)
CHATS = {Chat("console", "all"): CATEGORIES, Chat("console", "ai"): (AI,), Chat("console", "pair"): (LG, AI)}
WANTED = (AnnounceType.NEW, AnnounceType.CROSS)
LIMITED = Canned(b"Rate exceeded.", 429, "text/plain")


class Site(World):
    """A world before a scripted arXiv. Waiting for arXiv takes the world's time."""

    def __init__(self, arxiv, storage, start):
        client = PoliteClient("paperround/test", clock=self.seconds, now=lambda: self.now, sleep=self.sleep)
        super().__init__(storage=storage, source=NearFeeds(client, arxiv.rss_url, patience=30))
        self.client, self.invented, self.now = client, arxiv, start
        self.messenger.papers_a_part = 10_000
        checking = self.services.pipeline.checking
        checking.listings = NearLists(client, arxiv.site_url, patience=300)
        checking.lookup = NearLookup(client, arxiv.api_url, patience=300)
        checking.records = NearRecords(client, arxiv.oai_url)
        arxiv.clock = lambda: self.now

    def seconds(self):
        return self.now.timestamp()

    async def sleep(self, seconds):
        self.now += timedelta(seconds=max(seconds, 0.001))

    async def run(self, until, step=QUARTER):
        """Live until then, looking every quarter of an hour at what is due, and at /status."""
        while self.now < until:
            await self.tick()
            await self.check_status()
            self.now = max(self.now, min(self.now + step, until))

    async def status(self, category):
        return await describe_category(self.services, category)

    async def check_status(self):
        """What is called complete has all its papers, what is called quiet has none, and what is out is not awaited for long."""
        for category in CATEGORIES:
            told = await self.status(category)
            if found := re.search(r"complete, (\d+) papers? announced on (.*?)(?:;|$)", told):
                day = datetime.strptime(found[2], "%A %d %B %Y").date()  # noqa: DTZ007 - a calendar day
                assert day >= latest_day(self.now), (self.now, told)
                assert len(self.invented.types(day, category)) == int(found[1]), (self.now, told)
            elif "quiet" in told:
                assert not self.invented.types(latest_day(self.now), category), (self.now, told)

    async def restart(self):
        """The same storage, another process."""
        await self.client.aclose()
        messenger = self.messenger
        self.__init__(self.invented, self.storage, self.now)
        self.messenger = self.lane.messenger = messenger
        self.rounds.messengers = {"console": messenger}


def got(site, chat):
    """How often each paper arrived in a chat."""
    return Counter(re.findall(r"\b\d{4}\.\d{5}\b", " ".join(site.got(chat))))


def wanted(arxiv, chat, days):
    """The papers that these days announced to the chat as new or crossed."""
    return {each for day in days for each, kind in arxiv.types(day, *CHATS[chat]).items() if kind in WANTED}


def days_between(first, last):
    return [day for day in (first + timedelta(days=n) for n in range((last - first).days + 1)) if is_expected(day)]


def script(arxiv, days, *, replacing=True):
    """Ordinary days: new papers, cross-lists, a replacement now and then."""
    before = []
    for day in days:
        papers = [*arxiv.fill(day, 3, AI, LG), *arxiv.fill(day, 2, LG), *arxiv.fill(day, 1, AI)]
        if before and replacing:
            arxiv.replace(day, before[0], title="Better teapots")
        before = papers


def at(day, hour=0, minute=0):
    """An hour in New York on that day, in UTC."""
    return feed_of(day) + timedelta(hours=hour, minutes=minute)


@asynccontextmanager
async def site_of(arxiv, day):
    """Chats that have followed arXiv since the noon of `day`, whose announcement is in."""
    async with arxiv:
        storage = places.make_storage()
        await storage.open()
        site = Site(arxiv, storage, at(day, 12))
        for chat, categories in CHATS.items():
            made = make_subscription(chat=chat, categories=categories, created=site.now, max_papers=10_000)
            await storage.change_subscription(chat, lambda _, made=made: made)
        try:
            await site.run(at(day, 14))
            yield site
        finally:
            await site.client.aclose()


@asynccontextmanager
async def scripted(days):
    """These days scripted, and the site on the afternoon before them."""
    arxiv, start = FakeArxiv(), previous_day(days[0])
    script(arxiv, [start, *days])
    async with site_of(arxiv, start) as site:
        yield site, arxiv


def check(site, days):
    """What every chat wanted of these days it got, once."""
    for chat in CHATS:
        assert got(site, chat) == Counter(wanted(site.invented, chat, days)), chat.key


async def play(days, disturb=lambda _: None, *, until=None):
    """Script the days, disturb them, and live through them."""
    async with scripted(days) as (site, arxiv):
        disturb(arxiv)
        await site.run(until or at(days[-1], 23, 50))
        check(site, days)
        return site


async def test_two_ordinary_weeks():
    """Weekends are quiet, and a category that seldom has papers is quiet on its quiet days."""
    days = days_between(MONDAY, MONDAY + timedelta(days=11))

    def disturb(arxiv):
        arxiv.fill(days[3], 1, KT)

    site = await play(days, disturb)
    assert "math.KT: quiet" in await site.status(KT)
    assert "cs.AI: complete, 5 papers" in await site.status(AI)


@pytest.mark.parametrize(
    "evening",
    ["2026-01-01", "2026-01-19", "2026-06-19", "2026-07-03", "2026-09-07", "2026-11-26", "2026-12-25", "2026-12-29",
     "2026-12-31"],
)  # fmt: skip
async def test_each_holiday(evening):
    """Nothing comes on the day after, nobody takes arXiv for late, and the days around it are complete."""
    holiday = date.fromisoformat(evening)
    first, last = previous_day(previous_day(holiday)), next_day(next_day(holiday + timedelta(days=1)))
    await play(days_between(first, last))


async def test_a_holiday_is_told():
    """/status names the holiday."""
    site = await play(days_between(date(2026, 11, 24), date(2026, 11, 26)), until=at(date(2026, 11, 27), 10))
    said = await site.say("/status", chat=next(iter(CHATS)))
    assert "quiet: arXiv announces nothing on Friday 27 November 2026: Thanksgiving." in said
    assert "cs.AI: complete, 5 papers announced on Thursday 26 November 2026" in said


async def test_an_announcement_on_a_holiday():
    """A holiday that arXiv does not keep after all brings its papers at once."""
    friday = date(2026, 11, 27)
    days = days_between(date(2026, 11, 24), date(2026, 11, 26))
    async with scripted(days) as (site, arxiv):
        arxiv.fill(friday, 2, AI)
        await site.run(at(friday, 2))
        assert "cs.AI: complete, 2 papers announced on Friday 27 November 2026" in await site.status(AI)
        check(site, [*days, friday])


async def test_a_category_that_is_stale_for_three_hours():
    """With today's date on yesterday's batch it is waiting, then stalled; the digest goes without it, and it follows."""
    days = days_between(MONDAY, MONDAY + timedelta(days=2))
    async with scripted(days) as (site, arxiv):
        arxiv.delay(AI, at(days[1], 3))
        arxiv.trouble(at(days[1]), at(days[1], 4), Canned(b"down", 500, "text/plain"), "/list/")
        await site.run(at(days[1], 1))
        assert "cs.AI: waiting for the announcement of Tuesday 10 November 2026 (still looking" in await site.status(AI)
        assert "cs.LG: complete" in await site.status(LG)
        await site.run(at(days[1], 2, 55))
        assert "cs.AI: stalled" in await site.status(AI)
        assert "next look at" in await site.status(AI)
        await site.run(at(days[-1], 23, 50))
        assert "cs.AI: complete" in await site.status(AI)
        check(site, days)


async def test_a_category_that_is_stale_all_day():
    """What the feed does not show by the time it is stalled is taken from the list."""
    days = days_between(MONDAY, MONDAY + timedelta(days=2))
    await play(days, lambda arxiv: arxiv.delay(AI, at(days[1], 23)))


async def test_the_lists_tell_of_a_feed_that_is_a_day_old():
    """After a day of ours away, a feed of yesterday with today's date is taken for what it is."""
    days = days_between(MONDAY, MONDAY + timedelta(days=3))
    async with scripted(days) as (site, arxiv):
        arxiv.delay(AI, at(days[2], 20))
        await site.run(at(days[0], 12))
        site.now = at(days[2], 0, 5)
        await site.restart()
        await site.run(at(days[-1], 23, 50))
        check(site, days)


async def test_more_than_a_feed_can_hold():
    """Of 2,100 new papers a feed lacks a hundred: the list and the API have them, and they arrive, too."""
    days = days_between(MONDAY, MONDAY + timedelta(days=1))
    site = await play(days, lambda arxiv: arxiv.fill(days[0], 2_100, AI))
    status = await site.say("/owner status", is_owner=True)
    assert "1 cut short" in status
    assert "105 papers lacked, 105 recovered" in status


@pytest.mark.parametrize("has_lists", [True, False])
async def test_empty_then_full(has_lists):
    """A feed that is empty for three hours: the list has the papers before; without it they come late, and nobody is told of a quiet day."""
    days = days_between(MONDAY, MONDAY + timedelta(days=1))
    async with scripted(days) as (site, arxiv):
        for category in CATEGORIES:
            arxiv.delay(category, at(days[0], 3), shows="nothing")
        if not has_lists:
            arxiv.trouble(at(days[0]), at(days[0], 3), Canned(b"down", 500, "text/plain"), "/list/")
        await site.run(at(days[0], 2))
        assert ("cs.AI: complete" if has_lists else "cs.AI: waiting") in await site.status(AI)
        await site.run(at(days[-1], 12))
        check(site, days)


async def test_quiet_then_full():
    """A day whose list and feeds say for hours that there is nothing is quiet; what comes after all reaches everybody."""
    days = days_between(MONDAY, MONDAY + timedelta(days=1))
    async with scripted(days) as (site, arxiv):
        late = {day: arxiv.events.pop(day) for day in days[:1]}
        await site.run(at(days[0], 6))
        assert "cs.AI: quiet" in await site.status(AI)
        arxiv.events |= late
        site.later(hours=1)
        await site.tick()
        await site.run(at(days[0], 8))
        assert "cs.AI: complete" in await site.status(AI)
        await site.run(at(days[-1], 12))
        check(site, days)


@pytest.mark.parametrize("what", ["truncated", "html", "429", "500"])
async def test_answers_that_are_none(what):
    """For some hours feeds are broken off, web pages, or refusals: the day is failed, then complete."""
    days = days_between(MONDAY, MONDAY + timedelta(days=1))
    since, until = at(days[0]), at(days[0], 2)
    answers = {"html": Canned(b"<html>Sorry</html>", 200, "text/html"), "429": LIMITED, "500": Canned(b"", 500)}

    async with scripted(days) as (site, arxiv):
        if what == "truncated":
            arxiv.truncate(since, until, "/rss/")
        else:
            arxiv.trouble(since, until, answers[what], "/rss/")
        await site.run(at(days[0], 1))
        assert "cs.AI: failed at" in await site.status(AI)
        await site.run(at(days[-1], 12))
        assert "cs.AI: complete" in await site.status(AI)
        check(site, days)


async def test_an_hour_of_refused_connections():
    """Nobody is there at midnight: failed, then complete."""
    days = days_between(MONDAY, MONDAY + timedelta(days=1))
    async with scripted(days) as (site, arxiv):
        await site.run(at(days[0]) - timedelta(minutes=1))
        await arxiv.hang_up()
        await site.run(at(days[0], 1))
        assert "cs.AI: failed at" in await site.status(AI)
        await arxiv.listen()
        await site.run(at(days[-1], 12))
        check(site, days)


async def test_a_day_without_feeds():
    """A day on which no feed could be read, nor any list, is failed, and is caught up on when it is over."""
    days = days_between(MONDAY, MONDAY + timedelta(days=2))
    async with scripted(days) as (site, arxiv):
        over = at(days[2]) - timedelta(minutes=10)
        arxiv.trouble(at(days[1]), over, Canned(b"down", 500, "text/plain"), "/rss/", "/list/")
        await site.run(over)
        assert "cs.AI: failed" in await site.status(AI)
        await site.run(at(days[-1], 12))
        assert "failed" not in await site.status(AI)
        check(site, days)


@pytest.mark.parametrize("down", [3, 5])
async def test_days_of_our_own_downtime(down):
    """What was announced meanwhile comes in one digest."""
    days = days_between(MONDAY, MONDAY + timedelta(days=9))
    async with scripted(days) as (site, _):
        await site.run(at(days[0], 12))
        before = len(site.messenger.sent)
        site.now = at(days[down], 9)
        await site.restart()
        await site.run(at(days[down], 10))
        assert len(site.messenger.sent) == before + len(CHATS)
        await site.run(at(days[-1], 12))
        check(site, days)


async def test_a_month_of_downtime():
    """The last seven days come in one digest, and nothing else is harvested."""
    days = days_between(MONDAY, date(2026, 12, 11))
    async with scripted(days) as (site, _):
        await site.run(at(days[0], 12))
        site.now = at(days[-2], 9)
        await site.restart()
        await site.run(at(days[-1], 12))
        week = [day for day in days if day > days[-2] - timedelta(days=7)]
        check(site, [days[0], *week])


@pytest.mark.parametrize("sunday", [date(2026, 11, 1), date(2027, 3, 14)])
async def test_days_on_which_clocks_change(sunday):
    """The feed is there at New York's midnight, whatever that is in UTC."""
    await play(days_between(sunday - timedelta(days=2), sunday + timedelta(days=2)))


async def test_a_paper_that_moves_from_cross_to_new():
    """It was crossed to a category on Monday and is new there on Tuesday: it arrives once in each chat."""
    days = days_between(MONDAY, MONDAY + timedelta(days=2))

    def disturb(arxiv):
        [moved] = arxiv.fill(days[0], 1, LG, AI)
        arxiv.reclassify(days[1], moved, AI)
        [crossed] = arxiv.fill(days[0], 1, KT)
        arxiv.cross(days[2], crossed, AI)

    await play(days, disturb)


async def test_the_first_run_takes_the_current_announcement():
    """On a first Saturday the list has what the feed does not show any more; nothing older is asked for."""
    days = days_between(MONDAY, MONDAY + timedelta(days=4))
    arxiv = FakeArxiv()
    script(arxiv, days)
    async with site_of(arxiv, days[-1] + timedelta(days=1)) as site:
        assert "cs.AI: complete, 5 papers announced on Friday 13 November 2026" in await site.status(AI)
        assert not any("/oai" in each.path for each in arxiv.seen)
        assert [each.day for each in await site.services.pipeline.announcements()] == [days[-1]]
        assert all(site.got(chat) == [] for chat in CHATS)
