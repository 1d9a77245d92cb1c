"""What stands before every route: limits, headers, words, and nothing that a stranger sends makes an error of ours."""

import asyncio
import io
import logging

import pytest
from aiohttp import ClientSession, web

from bot.app import load_languages
from bot.errors import StorageError
from bot.web import WebServer
from bot.web.answers import Cache
from bot.web.security import HEADERS, LONGEST_PATH, Allowance, Buckets


async def crash(_):
    raise RuntimeError("disk full at /d/AZaz09_-AZaz09_-AZaz09")


async def gone(_):
    raise web.HTTPGone


async def fail(_):
    raise StorageError("disk full")


async def leave(_):
    raise web.HTTPFound("https://evil.example/")


@pytest.fixture
def serve(unused_tcp_port):
    """Makes a server with these options, and with the address of it a function that asks it."""

    def make(**options):
        server = WebServer(unused_tcp_port, "127.0.0.1", languages=load_languages(), **options)
        server.add_routes([web.get("/crash", crash), web.get("/gone", gone), web.get("/fail", fail)])
        server.add_post("/in", lambda _, body: 200 if body else 400)
        return server

    return make


@pytest.fixture
def ask(unused_tcp_port):
    async def ask(path, method="GET", data=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            ClientSession() as session,
            session.request(
                method, f"http://127.0.0.1:{unused_tcp_port}{path}", headers=named, data=data, allow_redirects=False
            ) as answer,
        ):
            return answer, await answer.text()

    return ask


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/crash", "/static/x", "/gone"])
async def test_every_answer_has_the_headers(serve, ask, path):
    """Good ones, missing ones and failures."""
    async with serve():
        answer, _ = await ask(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers


async def test_only_https_is_told_to_stay_https(serve, ask):
    """Where the world reaches us by it."""
    async with serve(public_url="https://x.test"):
        assert "max-age" in (await ask("/healthz"))[0].headers["Strict-Transport-Security"]


async def test_failures_are_explained_and_logged(serve, ask, caplog):
    """The reader gets plain words in their language and no trace; the log has the trace and the route, not the path."""
    async with serve():
        answer, text = await ask("/crash", Accept="text/html", Accept_Language="zh")
        assert answer.status == 500
        assert '<html lang="zh">' in text
        plain, words = await ask("/crash")
        assert plain.content_type == "text/plain"
    assert words.startswith("Something went wrong here. ")
    for each in (text, words):
        assert "Traceback" not in each
        assert "disk full" not in each
    assert "route=/crash" in caplog.text


async def test_a_storage_that_fails_is_no_crash(serve, ask, caplog):
    """The reader is asked to come again; the log has one line."""
    async with serve():
        answer, text = await ask("/fail")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Please try again in a few minutes" in text
    assert "Traceback" not in caplog.text
    assert "reason=storage" in caplog.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nothing", 404, "There is no such page"),
        ("/gone", 410, "not used any more"),
        ("/" + "x" * LONGEST_PATH, 414, "too much"),
    ],
)
async def test_refusals_are_kind(serve, ask, path, status, words):
    """As a page where that is wanted, and as text elsewhere."""
    async with serve():
        for accept, kind in (("text/html", "text/html"), ("*/*", "text/plain")):
            answer, text = await ask(path, Accept=accept)
            assert (answer.status, answer.content_type) == (status, kind)
            assert words in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_told_what_is_allowed(serve, ask, method):
    """With 405 and Allow."""
    async with serve():
        answer, _ = await ask("/healthz", method)
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}
        assert (await ask("/in"))[0].headers["Allow"] == "POST"


async def test_head_is_get_without_a_body(serve, ask):
    """With the same headers."""
    async with serve():
        head, text = await ask("/healthz", "HEAD")
        assert (head.status, text) == (200, "")
        assert head.headers["Content-Length"] == "2"


async def test_nobody_is_sent_elsewhere(serve, ask):
    """Whatever a path says, no answer has a Location."""
    server = serve()
    server.add_routes([web.get("/leave", leave)])
    async with server:
        for path in (
            "//evil.example",
            "/healthz//evil.example",
            "/\\evil.example",
            "/?next=https://evil.example",
            "/leave",
        ):
            answer, _ = await ask(path)
            assert "Location" not in answer.headers


async def test_a_body_that_is_too_large_is_refused(serve, ask):
    """In words."""
    async with serve():
        answer, _ = await ask("/in", "POST", data=io.BytesIO(b"x" * (2**20 + 1)))
        assert answer.status == 413


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(200)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /d/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_hardly_http_is_refused(serve, unused_tcp_port, request_bytes):
    """With a status of the client's, or by hanging up; never an error of ours."""
    async with serve():
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(request_bytes)
        async with asyncio.timeout(30):
            line = await reader.readline()
        writer.close()
    assert not line or line.split()[1].startswith(b"4")


async def test_each_address_has_its_limit(serve, ask):
    """Beyond it 429 says when to come again; what platforms and hosts ask for is not counted."""
    async with serve(allowance=Allowance(3, 0.001)):
        assert [(await ask("/nothing"))[0].status for _ in range(3)] == [404] * 3
        answer, text = await ask("/nothing", Accept="text/html")
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 100
        assert "Please wait a minute" in text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for _ in range(5):
            assert (await ask("/healthz"))[0].status == 200
            assert (await ask("/in", "POST", data=b"x"))[0].status == 200


async def test_forwarded_addresses_count_only_where_the_owner_says_so(serve, ask):
    """Without a trusted proxy nobody gets more by inventing addresses, and the owner is told once; with one the last is taken."""
    async with serve(allowance=Allowance(2, 0.001)):
        statuses = [(await ask("/x", X_Forwarded_For=f"10.0.0.{number}"))[0].status for number in range(4)]
    assert statuses == [404, 404, 429, 429]


async def test_behind_a_proxy_each_reader_has_a_limit(serve, ask):
    """The address that our own proxy saw; what a client put before it says nothing, nor do its lies about an IPv6 network."""
    async with serve(allowance=Allowance(2, 0.001), proxies=1):
        lies = [(await ask("/x", X_Forwarded_For=f"10.0.0.{n}, 192.0.2.1"))[0].status for n in range(3)]
        assert lies == [404, 404, 429]
        assert (await ask("/x", X_Forwarded_For="192.0.2.2"))[0].status == 404
        network = [(await ask("/x", X_Forwarded_For=f"2001:db8::{n}"))[0].status for n in range(1, 4)]
        assert network == [404, 404, 429]
        odd = [(await ask("/x", X_Forwarded_For="not an address"))[0].status for _ in range(3)]
        assert odd == [404, 404, 429]


async def test_a_proxy_that_is_not_trusted_is_noticed(serve, ask, caplog):
    """Once, with the setting's name."""
    async with serve():
        for _ in range(3):
            await ask("/x", X_Forwarded_For="10.0.0.1")
    told = [each for each in caplog.records if "TRUSTED_PROXIES" in each.getMessage()]
    assert [each.levelno for each in told] == [logging.WARNING]


def test_buckets_fill_again_and_are_bounded():
    """At the pace that is allowed; who was not heard of for longest is forgotten."""
    now = [0.0]
    buckets = Buckets(Allowance(2, 0.5), lambda: now[0], most=3)
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 2.0]
    now[0] = 1.0
    assert buckets.take("a") == pytest.approx(1.0)
    now[0] = 2.0
    assert buckets.take("a") == 0.0
    now[0] = 1_000.0
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 2.0]
    for number in range(10):
        buckets.take(f"b{number}")
    assert len(buckets) == 3
    assert buckets.take("a") == 0.0


def test_the_cache_is_bounded():
    """In bytes and in entries; what was not used for longest goes first."""
    cache = Cache(most_bytes=10, most_entries=3)
    for name in "abc":
        cache.put(name, name.upper(), 3)
    assert cache.get("a") == "A"
    cache.put("d", "D", 1)
    assert (cache.get("b"), cache.get("a"), len(cache)) == (None, "A", 3)
    cache.put("a", "AA", 9)
    assert (cache.get("a"), cache.get("c"), cache.get("d")) == ("AA", None, "D")
    cache.put("e", "too large", 11)
    assert len(cache) == 0
