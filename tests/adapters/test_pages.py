"""Digests and the public page over HTTP: who may read what, and how little it costs to ask again."""

import asyncio
import gzip
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from bot.app import load_languages
from bot.delivery.pages import Pages
from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.page import Page
from bot.web import WebServer, home, pages
from tests.browser.papers import invented_batch, make_digest
from tests.build import CHAT, NOW, make_paper, make_subscription
from tests.world import World

DIGEST = make_digest(invented_batch(3), "zeros")
FIRST, SECOND, THIRD = "first-first-first-fir0", "second-second-second-1", "third-third-third-thi2"
OTHER = Chat("telegram", "-77")


class Site(World):
    """A world that serves its pages; `get` gives the answer and its body."""

    def __init__(self, port, public=(), public_url=""):
        super().__init__()
        self.url, self.seconds = f"http://127.0.0.1:{port}", 0.0
        self.web = WebServer(port, "127.0.0.1", public_url=public_url, languages=load_languages())
        self.web.add_routes(pages.routes(self.storage, self.web.templates, has_home=bool(public)))
        self.web.add_routes(home.routes(self.services.pipeline, self.web.templates, public, lambda: self.seconds))

    async def share(self, identifier=FIRST, chat=CHAT, language="en", digest=DIGEST, **later):
        await self.storage.open()
        await self.storage.change_subscription(
            chat, lambda known: known or make_subscription(chat=chat, categories=("cs.CL", "math.CO"))
        )
        page = Page(identifier, chat, NOW + timedelta(**later), language, digest)
        await self.storage.save_page(page)
        return page

    async def get(self, path, method="GET", **headers):
        named = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(method, self.url + path, headers=named) as answer,
        ):
            return answer, (await answer.read()).decode(errors="replace")


@pytest.fixture
async def site(unused_tcp_port):
    site = Site(unused_tcp_port, (CHAT, OTHER))
    await site.share()
    async with site.web:
        yield site


async def test_a_digest_is_a_page(site):
    """In HTML, with the papers in full, and nothing foreign in it is markup."""
    answer, text = await site.get(f"/d/{FIRST}")
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert answer.charset == "utf-8"
    assert "arXiv papers of Thursday 13 August 2026" in text
    assert "<msubsup><mo>∑</mo>" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script" not in text
    assert "style=" not in text
    assert text.count("https://arxiv.org/pdf/2611.") == 3
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "path",
    ["/d/", "/d/x", "/d/AZaz09_-AZaz09_-AZaz09", f"/d/{FIRST}/", f"/d/{FIRST}x", f"/d/{FIRST.upper()}", "/d", "/x"],
)
async def test_other_addresses_are_not_found(site, path):
    """And nothing tells how near they were."""
    answer, text = await site.get(path)
    assert answer.status == 404
    assert "There is no such page" in text


async def test_papers_that_are_nearly_the_same_are_named(site):
    """Beside the one that is shown, with a link; as text, whatever their titles are."""
    first, *others = DIGEST.papers
    twin = make_paper("2611.00077", "A Twin <b>of</b> It")
    await site.share(SECOND, digest=replace(DIGEST, papers=(replace(first, also=(twin,)), *others)), days=1)
    text = (await site.get(f"/d/{SECOND}"))[1]
    assert 'also: <a href="https://arxiv.org/abs/2611.00077">2611.00077</a>' in text
    assert "A Twin &lt;b&gt;of&lt;/b&gt; It" in text
    assert "also:" not in (await site.get(f"/d/{FIRST}"))[1]


async def test_neighbours_are_linked(site):
    """The page before and the page after; a page that was rendered already gets the new neighbour."""
    assert "rel=" not in (await site.get(f"/d/{FIRST}"))[1].partition("<body>")[2]
    await site.share(SECOND, days=1)
    await site.share(THIRD, days=2)
    first, second = [(await site.get(f"/d/{each}"))[1] for each in (FIRST, SECOND)]
    assert f'href="/d/{SECOND}" rel="next"' in first
    assert 'rel="prev"' not in first
    assert f'href="/d/{FIRST}" rel="prev"' in second
    assert f'href="/d/{THIRD}" rel="next"' in second


async def test_a_chat_turns_sharing_off_and_on(site):
    """At once, also for pages that were read a moment ago; then its pages are as if they were not there."""
    for line, status in (("off", 404), ("on", 200), ("off", 404)):
        await site.ask(f"/settings set pages {line}")
        for _ in range(2):
            assert (await site.get(f"/d/{FIRST}"))[0].status == status


async def test_a_chat_whose_pages_are_off_gets_no_link():
    """And gets it again when they are on; a bot without an address of its own links to nothing."""
    world = World()
    await world.storage.open()
    makes = Pages(world.storage, lambda: NOW, lambda size: b"\xff" * size, "https://x.test/bot")
    on, off = make_subscription(), make_subscription(pages=False)
    assert await makes.keep(on, DIGEST) == "https://x.test/bot/d/" + "_" * 21 + "w"
    assert await makes.keep(off, DIGEST) == ""
    assert await replace(makes, public_url="").keep(on, DIGEST) == ""


async def test_a_forgotten_chat_has_no_pages(site):
    """Not even those that were rendered, and not when the chat begins anew."""
    await site.get(f"/d/{FIRST}")
    await site.storage.forget_chat(CHAT)
    assert (await site.get(f"/d/{FIRST}"))[0].status == 404
    await site.share(SECOND)
    assert (await site.get(f"/d/{FIRST}"))[0].status == 404
    assert (await site.get(f"/d/{SECOND}"))[0].status == 200


async def test_a_moved_chat_keeps_its_addresses(site):
    """Its pages are read as before, and its setting is that of the new chat."""
    await site.get(f"/d/{FIRST}")
    await site.storage.move_chat(CHAT, OTHER)
    assert (await site.get(f"/d/{FIRST}"))[0].status == 200
    await site.ask("/settings set pages off", chat=OTHER)
    assert (await site.get(f"/d/{FIRST}"))[0].status == 404


async def test_a_page_speaks_the_language_of_its_chat(site):
    """With its words and its `lang`; titles and abstracts are English still. What the bot does not speak is English."""
    await site.share(SECOND, language="zh", days=1)
    text = (await site.get(f"/d/{SECOND}", Accept_Language="en"))[1]
    assert '<html lang="zh">' in text
    assert "摘要" in text
    assert re.search(r'<h2 [^>]*lang="en"', text)
    await site.share(THIRD, language="de", days=2)
    assert '<html lang="en">' in (await site.get(f"/d/{THIRD}"))[1]


async def test_asking_again_costs_nothing(site):
    """304 without a body for who has it; a changed page has another tag."""
    first, _ = await site.get(f"/d/{FIRST}")
    again, nothing = await site.get(f"/d/{FIRST}", If_None_Match=f'"x", {first.headers["ETag"]}')
    assert (again.status, nothing) == (304, "")
    assert again.headers["ETag"] == first.headers["ETag"]
    await site.share(SECOND, days=1)
    changed, _ = await site.get(f"/d/{FIRST}", If_None_Match=first.headers["ETag"])
    assert changed.status == 200


async def test_pages_are_compressed_for_who_takes_it(site):
    """And only for them."""
    plain = (await site.get(f"/d/{FIRST}", Accept_Encoding="br, gzip;q=0"))[0]
    assert "Content-Encoding" not in plain.headers
    async with (
        ClientSession(auto_decompress=False) as session,
        session.get(f"{site.url}/d/{FIRST}", headers={"Accept-Encoding": "br, gzip"}) as answer,
    ):
        body = await answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert gzip.decompress(body).decode() == (await site.get(f"/d/{FIRST}", Accept_Encoding="identity"))[1]


async def test_thirty_papers_weigh_little(unused_tcp_port):
    """A page of thirty papers full of formulas, with all that it loads, takes less than 100 KB on its way."""
    site = Site(unused_tcp_port)
    await site.share(digest=make_digest(invented_batch(), "zeros"))
    async with site.web:
        _, text = await site.get(f"/d/{FIRST}", Accept_Encoding="identity")
        paths = [f"/d/{FIRST}", *re.findall(r'(?:href|src)="(/static/[^"]+)"', text)]
        assert len(paths) == 3
        sizes = [int((await site.get(path, Accept_Encoding="gzip"))[0].headers["Content-Length"]) for path in paths]
    assert sum(sizes) < 100_000


async def test_what_a_page_loads_is_kept_for_good(site):
    """Its name changes with its content."""
    _, text = await site.get(f"/d/{FIRST}")
    style = re.search(r'href="(/static/style-[0-9a-f]{12}\.css)"', text)[1]
    answer, css = await site.get(style)
    assert (answer.status, answer.content_type) == (200, "text/css")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "prefers-color-scheme: dark" in css
    for path in ("/static/", "/static", "/static/style.css", "/static/../server.py", "/static/%2e%2e%2fserver.py"):
        assert (await site.get(path))[0].status == 404


async def test_addresses_begin_where_the_world_sees_us(unused_tcp_port):
    """Behind a proxy that serves us below a path, links have that path."""
    site = Site(unused_tcp_port, (CHAT,), "https://x.test/bot")
    await site.share()
    await site.share(SECOND, days=1)
    async with site.web:
        for path in (f"/d/{FIRST}", "/"):
            text = (await site.get(path))[1]
            assert f'href="/bot/d/{SECOND}"' in text
            assert 'href="/bot/static/style-' in text
            assert 'href="/d/' not in text


async def test_many_at_once_render_once(site):
    """Whoever asks meanwhile gets the same."""
    answers = await asyncio.gather(*(site.get(f"/d/{FIRST}") for _ in range(20)))
    assert {answer.status for answer, _ in answers} == {200}
    assert len({text for _, text in answers}) == 1


async def test_the_public_page_shows_what_public_chats_share(site):
    """The latest digests with links, of those chats alone that share; the newest first."""
    await site.share(SECOND, OTHER, days=1)
    await site.share(THIRD, Chat("telegram", "1"), days=2)
    answer, text = await site.get("/")
    assert answer.status == 200
    assert re.findall(r'href="/d/([\w-]{22})"', text) == [SECOND, FIRST]
    await site.ask("/settings set pages off")
    site.seconds += 60
    assert re.findall(r'href="/d/([\w-]{22})"', (await site.get("/"))[1]) == [SECOND]


async def test_the_public_page_counts_papers(site):
    """When arXiv was read last, and how many papers were found, of what public chats read alone."""
    day = NOW.date()
    batches = [invented_batch(5, day), invented_batch(9, day - timedelta(days=1)), Batch("math.CO", day, ())]
    secret = Batch("cs.CR", day, invented_batch(20, day).papers)
    for batch in (*batches, secret):
        await site.storage.save_batch(batch)
    text = (await site.get("/"))[1]
    numbers = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", text))
    assert numbers == {
        "Last updated": "Friday 20 November 2026, 05:00 UTC",
        "Papers found, last 30 days": "9",
        "Papers found, latest day": "5",
        "Categories monitored": "2",
    }
    assert "Friday 20 November 2026: 5 papers" in text
    assert "cs.CL: 14 papers" in text
    assert "cs.CR" not in text


async def test_the_public_page_is_made_anew_now_and_then(site):
    """Not for each request; in the language that is asked for."""
    before = (await site.get("/"))[1]
    await site.share(SECOND, days=1)
    assert (await site.get("/"))[1] == before
    site.seconds += 60
    assert SECOND in (await site.get("/"))[1]
    answer, text = await site.get("/", Accept_Language="zh-CN, en;q=0.5")
    assert '<html lang="zh">' in text
    assert "Accept-Language" in answer.headers["Vary"]


async def test_an_empty_public_page_says_so(unused_tcp_port):
    """Before anything was pulled or sent."""
    site = Site(unused_tcp_port, (CHAT,))
    await site.storage.open()
    async with site.web:
        answer, text = await site.get("/")
    assert answer.status == 200
    assert "No digest has been sent yet." in text
    assert "not yet" in text


async def test_there_is_no_public_page_unless_a_chat_is_public(unused_tcp_port):
    """And the others do not link to it."""
    site = Site(unused_tcp_port)
    await site.share()
    async with site.web:
        assert (await site.get("/"))[0].status == 404
        assert 'href="/"' not in (await site.get(f"/d/{FIRST}"))[1]
