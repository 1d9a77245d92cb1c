"""The invented arXiv keeps arXiv's rules, or what is tested with it proves nothing."""

from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest

from bot.model.paper import AnnounceType
from bot.sources.feed import parse_feed
from tests.adapters.arxiv_server import Canned
from tests.servers.arxiv import FakeArxiv
from tests.servers.arxiv_truth import announced_at

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 8, day) for day in range(10, 14))
SUNDAY = date(2026, 8, 9)


class Clock:
    """A present that is set."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def morning(day):
    """Noon in UTC, when everything of `day` is out."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    return Clock(morning(MONDAY))


@pytest.fixture
async def arxiv(clock):
    async with FakeArxiv(clock=clock) as running:
        yield running


async def ask(address):
    async with httpx2.AsyncClient() as client:
        return await client.get(address)


async def feed(arxiv, query, place="rss"):
    """Day and types as a feed tells them."""
    batch = parse_feed((await ask(f"{arxiv.url}/{place}/{query}")).content)
    return batch.day, {paper.versioned_id: kind.value for paper, kind in batch.papers}


@pytest.mark.parametrize("place", ["rss", "atom"])
async def test_types_are_relative_to_the_query(arxiv, place):
    """A paper is new where its primary was asked for, and a cross-list elsewhere; one row a paper."""
    arxiv.announce(MONDAY, "2608.00001", "cs.AI", "cs.LG")
    assert await feed(arxiv, "cs.AI", place) == (MONDAY, {"2608.00001v1": "new"})
    assert await feed(arxiv, "cs.LG", place) == (MONDAY, {"2608.00001v1": "cross"})
    assert await feed(arxiv, "cs.LG+cs.AI", place) == (MONDAY, {"2608.00001v1": "new"})
    assert await feed(arxiv, "cs", place) == (MONDAY, {"2608.00001v1": "new"})
    assert arxiv.types(MONDAY, "cs.LG") == {"2608.00001": AnnounceType.CROSS}


async def test_a_feed_is_one_day_long(arxiv, clock):
    """The next day has its own rows, a day off none, each feed dated with its day."""
    arxiv.fill(MONDAY, 2, "cs.AI")
    arxiv.replace(TUESDAY, "2608.00001", title="Again")
    clock.now = morning(SUNDAY)
    assert await feed(arxiv, "cs.AI") == (SUNDAY, {})
    clock.now = morning(TUESDAY)
    assert await feed(arxiv, "cs.AI") == (TUESDAY, {"2608.00001v2": "replace"})
    clock.now = morning(WEDNESDAY)
    assert await feed(arxiv, "cs.AI") == (WEDNESDAY, {})


async def test_a_late_category_shows_the_day_before_under_todays_date(arxiv, clock):
    """While it is delayed, the previous batch, or nothing, has today's date; other categories are on time."""
    arxiv.fill(MONDAY, 1, "cs.AI")
    arxiv.fill(TUESDAY, 1, "cs.AI")
    arxiv.fill(TUESDAY, 1, "cs.CL")
    clock.now = morning(TUESDAY)
    arxiv.delay("cs.AI", clock.now + timedelta(hours=3))
    arxiv.delay("cs.CL", clock.now + timedelta(hours=3), shows="nothing")
    assert await feed(arxiv, "cs.AI") == (TUESDAY, {"2608.00001v1": "new"})
    assert await feed(arxiv, "cs.CL") == (TUESDAY, {})
    clock.now += timedelta(hours=3)
    assert await feed(arxiv, "cs.AI") == (TUESDAY, {"2608.00002v1": "new"})
    assert await feed(arxiv, "cs.CL") == (TUESDAY, {"2608.00003v1": "new"})


async def test_an_overflowing_feed_loses_what_is_new(arxiv, clock):
    """Rows beyond the limit are the new ones, as arXiv sorts the weakest types first."""
    old = arxiv.fill(MONDAY, 3, "cs.AI")
    for each in old:
        arxiv.replace(TUESDAY, each)
    arxiv.fill(TUESDAY, 3, "cs.AI")
    arxiv.limit, clock.now = 4, morning(TUESDAY)
    assert sorted((await feed(arxiv, "cs.AI"))[1].values()) == ["new", "replace", "replace", "replace"]


async def test_lists_lead_the_feed_by_four_hours(arxiv, clock):
    """The list tells of a day at 20:00 of the evening before in New York, and stays with it until the next."""
    arxiv.fill(MONDAY, 1, "cs.AI")
    clock.now = announced_at(MONDAY)
    assert clock.now == datetime(2026, 8, 10, 0, tzinfo=UTC)
    assert "Showing new listings for Monday, 10 August 2026" in (await ask(f"{arxiv.site_url}/list/cs.AI/new")).text
    clock.now -= timedelta(seconds=1)
    assert (await ask(f"{arxiv.site_url}/list/cs.AI/new")).status_code == 404


async def test_trouble_goes_by_the_clock(arxiv, clock):
    """For its time, and its paths, an answer is what was scripted, or broken off."""
    arxiv.fill(MONDAY, 1, "cs.AI")
    later = clock.now + timedelta(hours=1)
    arxiv.trouble(clock.now, later, Canned(b"Rate exceeded.", 429, "text/plain"), "/rss/cs.AI")
    arxiv.truncate(clock.now, later, "/atom/")
    assert (await ask(f"{arxiv.url}/rss/cs.AI")).status_code == 429
    assert not (await ask(f"{arxiv.url}/atom/cs.AI")).text.endswith("</feed>")
    assert (await ask(f"{arxiv.url}/rss/cs.CL")).status_code == 200
    clock.now = later
    assert (await ask(f"{arxiv.url}/rss/cs.AI")).status_code == 200


async def test_it_can_be_away_for_a_while(arxiv):
    """Between hanging up and listening again connections are refused at the same address."""
    await arxiv.hang_up()
    with pytest.raises(httpx2.ConnectError):
        await ask(f"{arxiv.url}/rss/cs.AI")
    await arxiv.listen()
    assert (await ask(f"{arxiv.url}/rss/cs.AI")).status_code == 200


async def test_an_unknown_category_has_no_feed(arxiv):
    """Where categories are known, any other is arXiv's error feed."""
    arxiv.known = frozenset({"cs.AI"})
    assert (await ask(f"{arxiv.url}/rss/cs.ai")).status_code == 200
    assert (await ask(f"{arxiv.url}/rss/cs.XX")).status_code == 400


async def test_a_sixth_version_is_not_announced(arxiv, clock):
    """Replacements from version 6 on never appear."""
    (each,) = arxiv.fill(MONDAY, 1, "cs.AI")
    for _ in range(5):
        arxiv.replace(TUESDAY, each)
    clock.now = morning(TUESDAY)
    assert (await feed(arxiv, "cs.AI"))[1] == {f"{each}v5": "replace"}
