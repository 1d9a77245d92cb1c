"""Feeds over HTTP: valid in all three formats, cheap to poll, and gone when they are taken away."""

import asyncio
import gzip
import html
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from secrets import token_bytes

import feedparser
import pytest
from aiohttp import ClientSession

from bot.app import load_languages
from bot.feeding import Feeding
from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.page import Page
from bot.model.paper import AnnounceType
from bot.web import WebServer, feeds
from tests.browser.papers import invented_batch, make_digest
from tests.build import CHAT, DAY, NOW, make_batch, make_paper, make_subscription
from tests.fake_summaries import make_summary
from tests.fakes import FakeStorage
from tests.syndication import TYPES, check
from tests.world import World

FORMS = ("atom", "rss", "json")
PUBLIC = "https://bot.example.org"
ADDRESS = f"{PUBLIC}/feeds/cs.CL"
CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink them.", authors=("Ada Vale", "Bo Li"))
WORLDS = make_paper("2611.00003", "On Worlds", "The world is wide.", categories=("cs.AI", "cs.CL"))
DIGEST = make_digest(invented_batch(3), "zeros", summaries=2)
HOSTILE = [
    "<script>alert(1)</script> & <b>bold</b>",
    "]]> &lt;img src=x onerror=alert(1)&gt;",
    "\x00\x01\x1b[2J \ufffe\uffff control",
    "\u202eright to left\u202c \U0001f600 𝔘nicode é",
    "\"quotes' and %s {braces} \\backslash",
    "<![CDATA[x]]><!-- y --><?php z ?>",
    "a < b > c &amp; &notanentity;",
    "   ",
]


class CountingStorage(FakeStorage):
    """Counts what is read of it."""

    def __init__(self):
        super().__init__()
        self.reads = Counter()

    async def get_pages(self, chat, limit):
        self.reads["pages"] += 1
        return await super().get_pages(chat, limit)

    async def get_summary(self, key):
        self.reads["summary"] += 1
        return await super().get_summary(key)


class Site(World):
    """A world that serves its feeds; `get` gives the answer and its body."""

    def __init__(self, port, *batches, budget=0, storage=None):
        super().__init__(*batches, storage=storage or CountingStorage(), summaries_budget=budget)
        self.url, self.seconds = f"http://127.0.0.1:{port}", 0.0
        self.web = WebServer(port, "127.0.0.1", public_url=PUBLIC, languages=load_languages())
        self.feeding = Feeding(self.storage, lambda: self.now, token_bytes)
        self.services = replace(self.services, feeding=self.feeding, public_url=PUBLIC, languages=load_languages())
        self.web.add_routes(
            feeds.routes(
                self.services.pipeline, self.feeding, self.web.templates, PUBLIC, "en", lambda: self.seconds, self.summaries
            )
        )  # fmt: skip

    async def make(self, *digests, chat=CHAT, **fields):
        """A chat with a feed and these digests, a day apart; its secret."""
        await self.storage.open()
        await self.storage.change_subscription(chat, lambda known: known or make_subscription(chat=chat, **fields))
        for number, digest in enumerate(digests):
            await self.share(digest, number, chat)
        return (await self.feeding.renew(chat)).secret

    async def share(self, digest, number, chat=CHAT):
        await self.storage.save_page(Page(f"page-{number:017}", chat, NOW + timedelta(days=number), "en", digest))

    async def get(self, path, method="GET", **headers):
        named = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(method, self.url + path, headers=named) as answer,
        ):
            return answer, await answer.read()


@pytest.fixture
async def site(unused_tcp_port):
    batches = (make_batch(CACHE, WORLDS), make_batch((WORLDS, AnnounceType.CROSS), category="cs.AI"))
    site = Site(unused_tcp_port, *batches)
    await site.storage.open()
    await site.services.pipeline.pull(["cs.CL", "cs.AI"])
    async with site.web:
        yield site


@pytest.mark.parametrize("form", FORMS)
async def test_a_chats_digests_are_a_valid_feed(site, form):
    """Each paper once, the newest first, with score, reasons and summary, and feedparser has nothing to complain of."""
    secret = await site.make(DIGEST, language="en")
    answer, body = await site.get(f"/f/{secret}.{form}")
    assert (answer.status, answer.content_type, answer.charset) == (200, TYPES[form], "utf-8")
    titles = check(form, body, f"{PUBLIC}/f/{secret}.{form}")
    assert len(titles) == 3
    said = body.decode()
    assert re.search(r"Score [\d.]+: .*zeros", said)
    assert "TL;DR" in said
    assert "AI summary, from the full text" in said
    if form != "json":
        read = feedparser.parse(body)
        assert not read.bozo, read.bozo_exception
        assert [each.link for each in read.entries] == [each.announced.paper.link for each in DIGEST.papers]
        assert all(each.published_parsed for each in read.entries)


@pytest.mark.parametrize("form", FORMS)
async def test_papers_that_are_nearly_the_same_are_named(site, form):
    """In the item of the one that was shown, with a link."""
    first, *others = DIGEST.papers
    twin = make_paper("2611.00077", "A Twin of It")
    secret = await site.make(replace(DIGEST, papers=(replace(first, also=(twin,)), *others)))
    _, body = await site.get(f"/f/{secret}.{form}")
    assert len(check(form, body, f"{PUBLIC}/f/{secret}.{form}")) == 3
    assert "also: " in body.decode()
    assert "2611.00077</a> A Twin of It" in html.unescape(body.decode()).replace('\\"', '"')


@pytest.mark.parametrize("form", FORMS)
async def test_categories_have_feeds(site, form):
    """One for each that is read by default, and one for all; new and crossed papers, without scores."""
    for name, count in (("cs.CL", 2), ("cs.AI", 1), ("all", 2)):
        answer, body = await site.get(f"/feeds/{name}.{form}")
        assert answer.status == 200
        titles = check(form, body, f"{PUBLIC}/feeds/{name}.{form}")
        assert len(titles) == count
        assert "Score" not in body.decode()
    for path in (f"/feeds/cs.LG.{form}", f"/feeds/.{form}", "/feeds/cs.CL.xml", "/feeds/cs.CL", "/feeds/", "/f/"):
        assert (await site.get(path))[0].status == 404


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_breaks_a_feed(unused_tcp_port, form, text):
    """Whatever arXiv serves is shown as text, in titles, names, abstracts and summaries."""
    paper = make_paper(title=text, abstract=text, authors=(text, "Ada Vale"), categories=("cs.CL", text))
    site = Site(unused_tcp_port, make_batch(paper))
    digest = make_digest(Batch("cs.CL", DAY, ((paper, AnnounceType.NEW),)))
    [shown] = digest.papers
    summary = make_summary(paper, tldr=text, methods=(text,))
    secret = await site.make(replace(digest, papers=(replace(shown, summary=summary),)))
    await site.services.pipeline.pull(["cs.CL"])
    async with site.web:
        for path in (f"/f/{secret}", "/feeds/cs.CL"):
            answer, body = await site.get(f"{path}.{form}")
            assert answer.status == 200
            assert len(check(form, body, f"{PUBLIC}{path}.{form}")) == 1
            if form != "json":
                read = feedparser.parse(body)
                assert not read.bozo, read.bozo_exception


@pytest.mark.parametrize("form", FORMS)
async def test_an_empty_feed_is_valid_too(site, form):
    """A chat that got nothing yet."""
    secret = await site.make()
    _, body = await site.get(f"/f/{secret}.{form}")
    assert check(form, body, f"{PUBLIC}/f/{secret}.{form}") == []
    if form != "json":
        assert not feedparser.parse(body).bozo


@pytest.mark.parametrize("path", ["/f/{}.atom", "/f/{}.rss", "/f/{}.json", "/feeds/cs.CL.rss", "/feeds/all.json"])
async def test_who_has_it_already_is_told_so(site, path):
    """By ETag or by date, also with HEAD; nothing is read or written for it but what tells that nothing is new."""
    path = path.format(await site.make(DIGEST))
    answer, _ = await site.get(path)
    etag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
    reads = dict(site.storage.reads)
    for method in ("GET", "HEAD"):
        for headers in (
            {"If_None_Match": etag},
            {"If_Modified_Since": date},
            {"If_None_Match": etag, "If_Modified_Since": "x"},
        ):
            again, nothing = await site.get(path, method, **headers)
            assert (again.status, nothing) == (304, b"")
            assert (again.headers["ETag"], again.headers["Last-Modified"]) == (etag, date)
    assert dict(site.storage.reads) == reads
    for headers in (
        {"If_None_Match": 'W/"other"', "If_Modified_Since": date},
        {"If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If_Modified_Since": "no date"},
    ):
        assert (await site.get(path, **headers))[0].status == 200


async def test_what_is_new_comes_at_the_next_look(site):
    """A digest for a chat's feed, an announcement for a category's; the ids of what was there stay."""
    secret = await site.make(DIGEST)
    before, body = await site.get(f"/f/{secret}.json")
    ids = [each["id"] for each in json.loads(body)["items"]]
    batch = Batch("cs.CL", DAY, ((make_paper("2611.09999", "A Newcomer"), AnnounceType.NEW),))
    await site.share(make_digest(batch), 1)
    site.now += timedelta(days=1)
    after, body = await site.get(f"/f/{secret}.json", If_None_Match=before.headers["ETag"])
    assert after.status == 200
    assert [each["id"] for each in json.loads(body)["items"]] == ["https://arxiv.org/abs/2611.09999v1", *ids]
    assert after.headers["Last-Modified"] != before.headers["Last-Modified"]
    known, _ = await site.get("/feeds/cs.CL.atom")
    site.source.batches["cs.CL"] = make_batch(make_paper("2611.09999", "A Newcomer"), day=DAY + timedelta(days=3))
    site.later(days=3)
    await site.services.pipeline.pull(["cs.CL"])
    _, body = await site.get("/feeds/cs.CL.atom", If_None_Match=known.headers["ETag"])
    assert check("atom", body, f"{ADDRESS}.atom") == ["A Newcomer", "Small KV Caches", "On Worlds"]


async def test_summaries_come_into_a_feed_later(unused_tcp_port):
    """Within ten minutes; the address, the ids and the dates of items stay what they are."""
    site = Site(unused_tcp_port, make_batch(CACHE), budget=100_000)
    await site.storage.open()
    await site.services.pipeline.pull(["cs.CL"])
    async with site.web:
        before, body = await site.get("/feeds/cs.CL.rss")
        assert b"TL;DR" not in body
        await site.storage.save_summary(
            make_summary(CACHE, model=site.writer.model, prompt=site.writer.prompt, language="en")
        )
        again, _ = await site.get("/feeds/cs.CL.rss", If_None_Match=before.headers["ETag"])
        assert again.status == 304
        site.seconds, site.now = 601.0, site.now + timedelta(seconds=601)
        after, later = await site.get("/feeds/cs.CL.rss", If_Modified_Since=before.headers["Last-Modified"])
        assert after.status == 200
        assert b"TL;DR" in later
        assert feedparser.parse(later).entries[0].id == feedparser.parse(body).entries[0].id


async def test_feeds_travel_compressed(site):
    """For whoever takes that; the same words either way."""
    secret = await site.make(DIGEST)
    _, plain = await site.get(f"/f/{secret}.atom")
    answer, packed = await site.get(f"/f/{secret}.atom", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 2


async def test_an_address_can_be_exchanged_and_taken_away(site):
    """What it was is gone, for good; what never was is not found; and neither says whose it is."""
    first = await site.make(DIGEST)
    await site.get(f"/f/{first}.rss")
    second = (await site.feeding.renew(CHAT)).secret
    assert (await site.get(f"/f/{first}.rss"))[0].status == 410
    assert (await site.get(f"/f/{second}.rss"))[0].status == 200
    assert await site.feeding.end(CHAT)
    for secret in (first, second):
        answer, said = await site.get(f"/f/{secret}.rss")
        assert answer.status == 410
        assert CHAT.id.encode() not in said
    assert (await site.get(f"/f/{'x' * 22}.rss"))[0].status == 404
    third = (await site.feeding.renew(CHAT)).secret
    await site.services.subscriptions.forget(CHAT)
    for secret in (first, second, third):
        assert (await site.get(f"/f/{secret}.rss"))[0].status == 404


async def test_only_so_many_old_addresses_are_remembered(site):
    """Nobody fills the storage by making new ones."""
    secrets = [await site.make(DIGEST) for _ in range(20)]
    assert len(await site.storage.get_notes("feed at ")) == 6
    states = [(await site.get(f"/f/{each}.rss"))[0].status for each in secrets]
    assert states == [404] * 14 + [410] * 5 + [200]
    looked_up = json.dumps(await site.storage.get_notes("feed at "))
    assert not any(each in looked_up for each in secrets)


async def test_a_feed_moves_with_its_chat(site):
    """Readers notice nothing; where the new chat has its own feed, the old address is no longer one."""
    new = Chat("telegram", "-1001")
    secret = await site.make(DIGEST)
    await site.services.subscriptions.move(CHAT, new)
    assert (await site.get(f"/f/{secret}.atom"))[0].status == 200
    assert (await site.feeding.get(new)).secret == secret
    other = await site.make(DIGEST)
    await site.services.subscriptions.move(CHAT, new)
    assert (await site.get(f"/f/{secret}.atom"))[0].status == 200
    assert (await site.get(f"/f/{other}.atom"))[0].status == 404


async def test_feeds_are_not_for_search_engines_or_caches_of_others(site):
    """A chat's is its own; a category's is anybody's."""
    secret = await site.make(DIGEST)
    answer, _ = await site.get(f"/f/{secret}.atom")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    assert (await site.get("/feeds/all.atom"))[0].headers["Cache-Control"] == "public, max-age=300"


async def test_a_chat_is_spoken_to_in_its_language(site):
    """The words of the feed are Chinese, and it says so."""
    secret = await site.make(DIGEST, language="zh")
    _, body = await site.get(f"/f/{secret}.json")
    feed = json.loads(body)
    assert feed["language"] == "zh"
    assert feed["description"] != "The arXiv papers picked for one chat, each with the reason why."


async def test_the_sample_is_in_no_feed(site):
    """Invented papers have no pages that could be linked."""
    secret = await site.make(replace(DIGEST, is_sample=True))
    _, body = await site.get(f"/f/{secret}.json")
    assert json.loads(body)["items"] == []


async def test_many_readers_at_once_write_one_document(site):
    """Whoever comes first has it written, and the others wait for that."""
    secret = await site.make(DIGEST)
    answers = await asyncio.gather(*(site.get(f"/f/{secret}.rss") for _ in range(30)))
    assert {answer.status for answer, _ in answers} == {200}
    assert len({body for _, body in answers}) == 1
    assert site.storage.reads["pages"] == 2  # which is the newest, and those that are shown


async def test_the_newest_day_is_whole_and_old_ones_fill_up(unused_tcp_port):
    """However many papers a day has; replacements are no news."""
    papers = [make_paper(f"2611.{number:05}", f"Paper {number}") for number in range(1, 351)]
    site = Site(unused_tcp_port, make_batch(*papers, (make_paper("2610.00001"), AnnounceType.REPLACE)))
    await site.storage.open()
    await site.storage.save_batch(make_batch(make_paper("2611.08888"), day=DAY - timedelta(days=1)))
    await site.services.pipeline.pull(["cs.CL"])
    async with site.web:
        _, body = await site.get("/feeds/cs.CL.json")
    assert len(json.loads(body)["items"]) == 350


async def test_the_command_makes_shows_and_ends_a_feed(site):
    """The addresses it gives are the ones that answer; only administrators get them."""
    assert "no feed yet" in await site.say("/feed")
    made = await site.ask("/feed new")
    addresses = made.copy.splitlines()
    assert [each.rpartition(".")[2] for each in addresses] == ["atom", "rss", "json"]
    assert await site.ask("/feed show") == made
    for each in addresses:
        assert (await site.get(each.removeprefix(PUBLIC)))[0].status == 200
    assert "administrator" in await site.say("/feed", is_admin=False)
    renewed = await site.ask("/feed new")
    assert renewed.text.startswith("The earlier addresses no longer work.")
    assert addresses[0] not in renewed.copy
    assert "no longer work" in await site.say("/feed off")
    assert "no feed" in await site.say("/feed off")
    assert (await site.get(addresses[0].removeprefix(PUBLIC)))[0].status == 410


async def test_without_a_public_address_the_host_is_named():
    """Kindly, and nothing is made."""
    world = World()
    for line in ("/feed", "/feed new", "/feed off"):
        assert "PORT and PUBLIC_URL" in await world.say(line)
    assert await world.storage.get_notes("feed") == {}


async def test_after_a_restart_nothing_is_written_for_who_has_it(site, unused_tcp_port_factory):
    """The ETag and the date of a chat's feed follow from its newest digest alone."""
    secret = await site.make(DIGEST)
    known, _ = await site.get(f"/f/{secret}.rss")
    again = Site(unused_tcp_port_factory(), storage=site.storage)
    reads = site.storage.reads["pages"]
    async with again.web:
        for headers in (
            {"If_None_Match": known.headers["ETag"]},
            {"If_Modified_Since": known.headers["Last-Modified"]},
        ):
            answer, _ = await again.get(f"/f/{secret}.rss", **headers)
            assert answer.status == 304
    assert site.storage.reads["pages"] == reads + 1
