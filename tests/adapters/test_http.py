"""The polite client against a server on loopback; time is a counter that sleeping advances."""

import asyncio
import gzip
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import httpx2
import pytest

from bot.errors import SourceError, SourceFault, StorageError
from bot.sources.http import PoliteClient, make_user_agent
from tests.adapters.arxiv_server import ArxivServer, Canned

XML = ("xml",)
NOON = datetime(2026, 8, 13, 12, tzinfo=UTC)
OK = Canned(b"<rss/>")


class Time:
    """Seconds that pass only in `sleep`."""

    def __init__(self):
        self.seconds = 0.0
        self.slept = []

    def clock(self):
        return self.seconds

    def now(self):
        return NOON + timedelta(seconds=self.seconds)

    async def sleep(self, seconds):
        self.slept.append(round(seconds, 3))
        self.seconds += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def server():
    async with ArxivServer(pages={"/a": OK, "/b": OK}) as running:
        yield running


@pytest.fixture
async def make_client(time):
    made = []

    def make(**options):
        options = {"min_interval": 3.0, "clock": time.clock, "now": time.now, "sleep": time.sleep} | options
        chance = Random(1)
        made.append(PoliteClient("paperround/test (+ada@example.org)", random=chance, **options))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


async def test_a_request_says_who_asks(server, make_client):
    """The User-Agent is ours, and an answer carries address, status, type and content."""
    answer = await make_client().get(f"{server.url}/a", accept=XML, patience=20)
    assert (answer.url, answer.status, answer.content) == (f"{server.url}/a", 200, b"<rss/>")
    assert answer.content_type == "application/rss+xml"
    assert server.seen[0].headers["user-agent"] == "paperround/test (+ada@example.org)"


def test_the_user_agent_names_version_and_contact():
    """arXiv can tell the program, its version and whom to write to."""
    assert make_user_agent("1.2", "mailto:ada@example.org") == "paperround/1.2 (+mailto:ada@example.org)"
    assert make_user_agent("1.2", "") == "paperround/1.2"


async def test_requests_keep_their_distance(server, make_client, time):
    """However many ask at once, requests start min_interval apart, over one connection."""
    client = make_client()
    await asyncio.gather(*(client.get(f"{server.url}/{path}", accept=XML, patience=60) for path in "abab"))
    assert time.slept == [3.0, 3.0, 3.0]
    assert server.open_most == 1


async def test_real_time_passes_between_requests(server):
    """With the real clock, the server sees requests no closer than min_interval."""
    async with PoliteClient("paperround/test", min_interval=0.1) as client:
        await asyncio.gather(*(client.get(f"{server.url}/a", accept=XML, patience=5) for _ in range(3)))
    first, second, third = (each.at for each in server.seen)
    assert min(second - first, third - second) >= 0.099


async def test_a_host_may_have_a_longer_distance(server, make_client, time):
    """A host in `intervals` is asked that seldom; the others in between keep the common distance."""
    client = make_client(intervals={"127.0.0.1": 15.0})
    for _ in range(2):
        await client.get(f"{server.url}/a", accept=XML, patience=60)
    assert time.slept == [15.0]
    await client.get(f"{server.url.replace('127.0.0.1', 'localhost')}/a", accept=XML, patience=60)
    assert time.slept == [15.0, 3.0]


async def test_a_host_that_is_asked_seldom_holds_up_no_other(server):
    """Who waits for the long distance of one host does not keep those away who want another."""
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    async with PoliteClient("paperround/test", min_interval=0.0, intervals={"127.0.0.1": 0.4}) as client:
        await client.get(f"{server.url}/a", accept=XML, patience=5)
        urls = (f"{server.url}/a", f"{server.url}/a", f"{elsewhere}/b")
        await asyncio.gather(*(client.get(url, accept=XML, patience=5) for url in urls))
    assert [each.path for each in server.seen] == ["/a", "/b", "/a", "/a"]
    times = [each.at for each in server.seen if each.path == "/a"]
    assert min(after - before for before, after in pairwise(times)) >= 0.39


async def test_one_answer_may_be_larger_or_smaller_than_others(server, make_client):
    """What the caller says of this answer goes before what holds for all."""
    server.pages["/a"] = Canned(b"x" * 1000)
    client = make_client(max_bytes=100)
    assert len((await client.get(f"{server.url}/a", accept=XML, patience=60, max_bytes=1000)).content) == 1000
    with pytest.raises(SourceError, match="larger than 10 bytes"):
        await client.get(f"{server.url}/a", accept=XML, patience=60, max_bytes=10)
    with pytest.raises(SourceError, match="larger than 100 bytes"):
        await client.get(f"{server.url}/a", accept=XML, patience=60)


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_rate_exceeded_holds_the_host(server, make_client, time, status):
    """After 403, 429 or 503 nobody asks the host for a minute, doubling each time in a row, and then it works."""
    server.script("/a", Canned(b"Rate exceeded.", status), Canned(b"Rate exceeded.", status))
    answer = await make_client().get(f"{server.url}/a", accept=XML, patience=900)
    assert answer.status == 200
    assert time.slept == [60.0, 120.0]


async def test_holding_stops_at_ten_minutes_and_starts_anew(server, make_client, time):
    """The wait grows to ten minutes at most, and is a minute again after a success."""
    limit = Canned(b"", 429)
    client = make_client()
    server.script("/a", limit, limit, limit, limit, OK)
    await client.get(f"{server.url}/a", accept=XML, patience=5000)
    assert time.slept == [60.0, 120.0, 240.0, 480.0]
    server.script("/b", limit, limit, limit, limit, limit)
    with pytest.raises(SourceError, match="HTTP 429, 5 times"):
        await client.get(f"{server.url}/b", accept=XML, patience=5000)
    assert time.slept[4:] == [3.0, 60.0, 120.0, 240.0, 480.0]
    time.slept.clear()
    await client.get(f"{server.url}/a", accept=XML, patience=5000)
    assert time.slept == [600.0]
    server.script("/a", limit)
    await client.get(f"{server.url}/a", accept=XML, patience=5000)
    assert time.slept == [600.0, 3.0, 60.0]


@pytest.mark.parametrize(
    ("stated", "waited"),
    [
        ("300", 300.0),
        ("5", 60.0),
        ("999999", 3600.0),
        ("Thu, 13 Aug 2026 12:05:00 GMT", 300.0),
        ("soon", 60.0),
        ("-5", 60.0),
    ],
)
async def test_retry_after_is_honoured_within_bounds(server, make_client, time, stated, waited):
    """Retry-After counts in seconds or as a date, never less than our own minute nor more than an hour."""
    server.script("/a", Canned(b"", 429, headers=(("Retry-After", stated),)))
    await make_client().get(f"{server.url}/a", accept=XML, patience=7200)
    assert time.slept == [waited]


async def test_the_impatient_are_told_at_once(server, make_client, time):
    """Who cannot wait for a held host gets an error that says until when; the host is not asked again."""
    server.script("/a", Canned(b"", 429))
    client = make_client()
    for path in "ab":
        with pytest.raises(SourceError, match=r"HTTP 429; it is left alone until 12:01:00 UTC") as caught:
            await client.get(f"{server.url}/{path}", accept=XML, patience=20)
        assert caught.value.retry
        assert caught.value.where == f"{server.url}/{path}"
        assert caught.value.fault is SourceFault.REFUSED
        assert f"{caught.value.until:%H:%M}" == "12:01"
    assert len(server.seen) == 1
    assert time.slept == []


async def test_all_who_wait_for_a_host_go_one_by_one(server, make_client, time):
    """When a hold ends, those who waited for it still keep their distance."""
    server.script("/a", Canned(b"", 429))
    client = make_client()
    await asyncio.gather(*(client.get(f"{server.url}/{path}", accept=XML, patience=900) for path in "aab"))
    assert len(server.seen) == 4
    assert time.seconds >= 60 + 3 + 3


@pytest.mark.parametrize(
    "trouble",
    [
        Canned(b"", 500),
        Canned(b"", 502),
        Canned(b"<rss>" * 100, sent=50),
        Canned(b"not gzip", headers=(("Content-Encoding", "gzip"),)),
    ],
)
async def test_passing_trouble_is_tried_again(server, make_client, time, trouble):
    """5xx, dropped connections and broken encodings are asked for again after a short, growing, uneven wait."""
    server.script("/a", trouble, trouble)
    answer = await make_client(min_interval=0.0).get(f"{server.url}/a", accept=XML, patience=100)
    assert answer.content == b"<rss/>"
    first, second = time.slept
    assert 1.0 <= first <= 1.5
    assert 4.0 <= second <= 6.0


async def test_lasting_trouble_ends_in_an_error(server, make_client):
    """After five attempts, or when the next would come too late, the error says what and where."""
    server.script("/a", *[Canned(b"", 500)] * 20)
    client = make_client(min_interval=0.0)
    with pytest.raises(SourceError, match="HTTP 500, 5 times") as caught:
        await client.get(f"{server.url}/a", accept=XML, patience=100)
    assert (caught.value.where, caught.value.retry, len(server.seen)) == (f"{server.url}/a", True, 5)
    assert caught.value.fault is SourceFault.UNREACHABLE
    with pytest.raises(SourceError, match=r"HTTP 500$"):
        await client.get(f"{server.url}/a", accept=XML, patience=3)
    assert len(server.seen) == 7


async def test_nobody_listening_is_an_error(make_client):
    """A refused connection is told apart from an answer that is wrong."""
    async with ArxivServer() as gone:
        pass
    with pytest.raises(SourceError, match=r"no connection .*, 3 times") as caught:
        await make_client().get(f"{gone.url}/a", accept=XML, patience=100)
    assert not caught.value.reached
    assert caught.value.fault is SourceFault.UNREACHABLE


async def test_a_slow_answer_is_given_up(server, make_client):
    """An answer that does not come in time is an error, both for one request and for the caller's patience."""
    server.script("/a", *[Canned(b"<rss/>", pause=5)] * 10)
    with pytest.raises(SourceError, match="no whole answer within 0 s, 5 times"):
        await make_client(request_seconds=0.05).get(f"{server.url}/a", accept=XML, patience=100)
    with pytest.raises(SourceError, match="no answer within 0 s"):
        await make_client().get(f"{server.url}/a", accept=XML, patience=0.2)


async def test_a_host_may_be_silent_for_as_long_as_is_said(server, make_client):
    """Some answers take thought: who says so waits longer for the first byte than others do."""
    server.script("/a", *[Canned(b"<rss/>", pause=0.3)] * 6)
    client = make_client()
    with pytest.raises(SourceError, match="ReadTimeout, 5 times"):
        await client.get(f"{server.url}/a", accept=XML, patience=100, silence=0.05)
    assert (await client.get(f"{server.url}/a", accept=XML, patience=100, silence=5)).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        Canned(b"x" * 1_000_001),
        Canned(b"x" * 1_000_001, sized=False),
        Canned(b"x" * 1_000_000, repeat=50, sized=False),
        Canned(gzip.compress(b"x" * 50_000_000), headers=(("Content-Encoding", "gzip"),)),
    ],
)
async def test_an_oversized_answer_is_refused(server, make_client, answer):
    """A stated, a streamed and a compressed answer beyond the limit are all given up, without another try."""
    server.script("/a", answer)
    with pytest.raises(SourceError, match="larger than 1000000 bytes"):
        await make_client(max_bytes=1_000_000).get(f"{server.url}/a", accept=XML, patience=100)
    assert len(server.seen) == 1


async def test_compressed_answers_are_read(server, make_client):
    """A gzip answer comes out as it was before."""
    server.script("/a", Canned(gzip.compress(b"<rss/>"), headers=(("Content-Encoding", "gzip"),)))
    assert (await make_client().get(f"{server.url}/a", accept=XML, patience=9)).content == b"<rss/>"


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", ""])
async def test_a_wrong_type_is_refused_by_name(server, make_client, kind):
    """An answer of another type than asked for is an error that names the type that came."""
    server.script("/a", Canned(b"<html>Maintenance</html>", content_type=kind))
    with pytest.raises(SourceError, match=kind or "of no type") as caught:
        await make_client().get(f"{server.url}/a", accept=XML, patience=9)
    assert caught.value.fault is SourceFault.INVALID


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_no_is_an_answer(server, make_client, status):
    """What repeating would not change comes back to the caller, whatever its type."""
    server.script("/a", Canned(b"no", status, "text/plain"))
    answer = await make_client().get(f"{server.url}/a", accept=XML, patience=9)
    assert (answer.status, answer.content) == (status, b"no")


async def test_redirects_stay_with_arxiv(server, make_client):
    """A redirect on the same host is followed, one to elsewhere or in a circle is refused."""
    client = make_client(min_interval=0.0)
    server.script("/a", Canned(b"", 302, headers=(("Location", "/b"),)))
    assert (await client.get(f"{server.url}/a", accept=XML, patience=9)).url == f"{server.url}/b"
    server.script("/a", Canned(b"", 302, headers=(("Location", "http://evil.example/b"),)))
    with pytest.raises(SourceError, match=r"redirected to http://evil\.example/b"):
        await client.get(f"{server.url}/a", accept=XML, patience=9)
    server.script("/a", *[Canned(b"", 302, headers=(("Location", "/a"),))] * 9)
    with pytest.raises(SourceError, match="more than 3 redirects"):
        await client.get(f"{server.url}/a", accept=XML, patience=9)


@pytest.mark.parametrize(
    ("origin", "location", "is_followed"),
    [
        ("http://rss.arxiv.org/a", "https://export.arxiv.org/b", True),
        ("https://rss.arxiv.org/a", "https://arxiv.org/b", True),
        ("https://rss.arxiv.org/a", "http://arxiv.org/b", False),
        ("https://rss.arxiv.org/a", "https://notarxiv.org/b", False),
        ("https://rss.arxiv.org/a", "https://arxiv.org.evil.example/b", False),
        ("https://rss.arxiv.org/a", "file:///etc/passwd", False),
    ],
)
async def test_only_arxivs_hosts_are_followed(make_client, origin, location, is_followed):
    """arXiv's own hosts are followed to, never less safely than before; look-alikes are not."""

    def answer(request):
        if request.url.path == "/a":
            return httpx2.Response(301, headers={"Location": location})
        return httpx2.Response(200, content=b"<rss/>", headers={"Content-Type": "text/xml"})

    client = make_client(transport=httpx2.MockTransport(answer))
    if is_followed:
        assert (await client.get(origin, accept=XML, patience=99)).url == location
    else:
        with pytest.raises(SourceError, match="which is not arXiv"):
            await client.get(origin, accept=XML, patience=99)


async def test_nonsense_is_no_address(make_client):
    """An address that cannot be one is an error without a retry."""
    with pytest.raises(SourceError) as caught:
        await make_client().get("http://127.0.0.1:port/a", accept=XML, patience=9)
    assert caught.value.retry is False


async def test_giving_up_lets_the_next_one_through(server, make_client):
    """A cancelled request frees its turn, and cancellation is not swallowed."""
    server.script("/a", Canned(b"", pause=60))
    client = make_client()
    waiting = asyncio.create_task(client.get(f"{server.url}/a", accept=XML, patience=99))
    await asyncio.wait_for(server.asked.wait(), 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await client.get(f"{server.url}/b", accept=XML, patience=9)).status == 200


class Notes:
    """Small texts by key, as a storage keeps them."""

    def __init__(self):
        self.texts = {}
        self.is_broken = False

    async def load(self, key):
        self._break()
        return self.texts.get(key)

    async def save(self, key, text):
        self._break()
        self.texts[key] = text

    def _break(self):
        if self.is_broken:
            raise StorageError("the disk is full")


async def test_a_hold_outlives_the_process(server, make_client, time):
    """Whoever comes after a restart leaves the host alone as long, goes on doubling, and forgets it after a success."""
    notes = Notes()
    options = {"load_note": notes.load, "save_note": notes.save}
    server.script("/a", *[Canned(b"", 429)] * 2)
    with pytest.raises(SourceError):
        await make_client(**options).get(f"{server.url}/a", accept=XML, patience=20)
    time.seconds += 10
    second = make_client(**options)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 answered HTTP 429; it is left alone until 12:01:00 UTC"):
        await second.get(f"{server.url}/b", accept=XML, patience=20)
    assert len(server.seen) == 1
    await second.get(f"{server.url}/a", accept=XML, patience=900)
    assert time.slept == [50.0, 120.0]
    assert list(notes.texts.values()) == [""]
    await make_client(**options).get(f"{server.url}/a", accept=XML, patience=1)


async def test_all_who_ask_at_first_wait_for_the_note(server, make_client, time):
    """Nobody slips through while the note is being read."""
    notes = Notes()
    notes.texts["hold 127.0.0.1"] = "2026-08-13T12:00:30+00:00 1 it said so"

    async def load(key):
        await asyncio.sleep(0.05)
        return await notes.load(key)

    client = make_client(load_note=load, save_note=notes.save)
    await asyncio.gather(*(client.get(f"{server.url}/a", accept=XML, patience=90) for _ in range(3)))
    assert time.slept[0] == 30.0


@pytest.mark.parametrize(
    ("note", "slept"),
    [
        ("", []),
        ("soon", []),
        ("2026-08-13T12:00:30 1 no zone", []),
        ("2026-08-13T12:00:30+00:00 many times", []),
        ("2026-08-13T11:00:00+00:00 9 long ago", []),
        ("2099-01-01T00:00:00+00:00 1 clock was wrong", [3600.0]),
    ],
)
async def test_a_strange_note_harms_nobody(server, make_client, time, note, slept):
    """What makes no sense, or ended long ago, is no hold; none lasts longer than an hour."""
    notes = Notes()
    notes.texts["hold 127.0.0.1"] = note
    client = make_client(load_note=notes.load, save_note=notes.save)
    await client.get(f"{server.url}/a", accept=XML, patience=9999)
    assert time.slept == slept


async def test_a_broken_storage_does_not_stop_reading(server, make_client, time):
    """Where notes can be neither read nor written, holds hold for this process."""
    notes = Notes()
    notes.is_broken = True
    server.script("/a", Canned(b"", 429))
    client = make_client(load_note=notes.load, save_note=notes.save)
    await client.get(f"{server.url}/a", accept=XML, patience=900)
    assert time.slept == [60.0]


async def test_a_slow_connection_brings_requests_no_closer(server):
    """The distance counts from the end of a request, so the server never sees two closer than that."""
    server.script("/a", Canned(b"<rss/>", pause=0.2))
    async with PoliteClient("paperround/test", min_interval=0.1) as client:
        for _ in range(2):
            await client.get(f"{server.url}/a", accept=XML, patience=5)
    assert server.gaps()[0] >= 0.299


async def test_two_processes_are_one_to_arxiv(server, make_client, time):
    """One asks at a time, at the distance that one alone would keep, and both leave a host alone that asked one of them to wait."""
    notes, lock, inside = Notes(), asyncio.Lock(), []

    @asynccontextmanager
    async def outside():
        async with lock:
            inside.append(len(server.seen))
            yield

    options = {"load_note": notes.load, "save_note": notes.save, "outside": outside}
    one, other = make_client(**options), make_client(**options)
    await one.get(f"{server.url}/a", accept=XML, patience=60)
    await other.get(f"{server.url}/a", accept=XML, patience=60)
    await one.get(f"{server.url}/b", accept=XML, patience=60)
    assert time.slept == [3.0, 3.0]
    assert inside == [0, 1, 2]
    server.script("/a", Canned(b"", 429))
    with pytest.raises(SourceError):
        await one.get(f"{server.url}/a", accept=XML, patience=20)
    with pytest.raises(SourceError, match="left alone"):
        await other.get(f"{server.url}/b", accept=XML, patience=20)
    assert len(server.seen) == 4
