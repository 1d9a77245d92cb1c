"""Any path, any header and any body, over every route that the program serves: never an error of ours."""

import asyncio
import socket
import threading
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import open_app
from bot.feeding import Feeding
from bot.model.page import Page
from config.settings import load_settings
from handlers.telegram.webhook import SECRET_HEADER, Webhook
from tests.browser.papers import invented_batch, make_digest
from tests.build import CHAT, NOW, make_subscription
from tests.servers.telegram import TOKEN

SECONDS = 60
ID = "AZaz09_-AZaz09_-AZaz09"
SECRET = "A" * 22
"""What a feed is called whose every bit is zero."""
WEBHOOK = Webhook(TOKEN, "http://127.0.0.1")
METHODS = st.sampled_from(["GET"] * 6 + ["HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
KNOWN_PATHS = [
    "/",
    "/healthz",
    f"/d/{ID}",
    WEBHOOK.path,
    "/static/style.css",
    "/readyz",
    "/metrics",
    "/feeds/cs.CL.rss",
    "/feeds/all.json",
    f"/f/{SECRET}.atom",
]
PARTS = st.sampled_from(
    [
        "",
        ".",
        "..",
        "%00",
        "%2e%2e",
        "%ff",
        "%zz",
        "d",
        "f",
        "feeds",
        "static",
        "x" * 300,
        ID,
        f"{ID}.atom",
        "cs.CL.rss",
    ]
) | st.text(max_size=12).map(lambda text: quote(text.encode("utf-8", "surrogatepass"), safe=""))
PATHS = st.sampled_from(KNOWN_PATHS) | st.lists(PARTS, max_size=5).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.just("") | st.text(max_size=30).map(
    lambda text: "?" + quote(text.encode("utf-8", "surrogatepass"), safe="&=%")
)
NAMES = st.sampled_from(
    ["Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since", "X-Forwarded-For", "Range",
     "Content-Type", "Cookie", "Authorization", "Expect", "Upgrade", "Content-Encoding", SECRET_HEADER, "X-Anything"]
)  # fmt: skip
VALUES = st.binary(max_size=40).map(lambda value: value.translate(None, b"\r\n\x00")) | st.sampled_from(
    [b"*", b"gzip", b"text/html", b"zh-CN,en", b'"x"', b"bytes=0-", b"application/json", b"Thu, 01 Jan 1970 00:00:00 GMT",
     b",,,;q=;", b"-1", b"100-continue", b"websocket", WEBHOOK.secret.encode(), b"deflate"]
)  # fmt: skip
BODIES = (
    st.just(b"")
    | st.binary(max_size=200)
    | st.sampled_from([b"{}", b"[" * 500, b'{"update_id": 1}', b"null", b'{"update_id": "x"}'])
)


@asynccontextmanager
async def opened(folder, port):
    """The program as an owner sets it up, with a page and a day of papers; nothing is pulled or sent."""
    environment = {"data_dir": folder, "port": port, "public_url": "https://x.test", "public_chats": (CHAT.key,)}
    known = load_settings(None).model_copy(update=environment | {"trusted_proxies": 1})
    async with open_app(known) as app:
        storage = app.services.pipeline.storage
        await storage.change_subscription(CHAT, lambda _: make_subscription())
        await storage.save_page(Page(ID, CHAT, NOW, "en", make_digest(invented_batch(3))))
        await storage.save_batch(invented_batch(3, NOW.date()))
        await Feeding(storage, lambda: NOW, bytes).renew(CHAT)
        app.web.add_post(WEBHOOK.path, WEBHOOK.receive)
        async with app.web:
            yield


@pytest.fixture(scope="module")
def port(tmp_path_factory, unused_tcp_port_factory):
    """Where the program listens, from a loop in a thread of its own: hypothesis knows no coroutines."""
    port, folder = unused_tcp_port_factory(), tmp_path_factory.mktemp("data")
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def run():
        async with opened(folder, port):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="site")
    thread.start()
    assert ready.wait(SECONDS)
    yield port
    loop.call_soon_threadsafe(stop.set)
    thread.join(SECONDS)
    loop.close()


def ask(port, head, body):
    """The status that answers; 0 where it hung up."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        with connection.makefile("rb") as answer:
            return int((answer.readline().split() or [b"", b"0"])[1])


def test_the_routes_are_there(port):
    """What is fuzzed answers."""
    for path in ("/", "/healthz", f"/d/{ID}"):
        assert ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode(), b"") == 200


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(METHODS, PATHS, QUERIES, st.lists(st.tuples(NAMES, VALUES), max_size=6), BODIES, st.ip_addresses(v=4))
def test_whatever_is_asked_is_no_error_of_ours(port, method, path, query, headers, body, address):
    """Each request comes from another address, so that the limits do not answer for the routes."""
    head = f"{method} {path}{query} HTTP/1.1\r\nHost: x\r\n".encode()
    head += b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers)
    assert ask(port, head + f"X-Forwarded-For: {address}\r\n".encode(), body) < 500
