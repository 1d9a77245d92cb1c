"""The HTTP server of the process, and the settings that turn it on."""

import asyncio
import socket

import pytest
from aiohttp import ClientSession

from bot.errors import ConfigError
from bot.web import WebServer
from config.settings import load_settings


@pytest.fixture
def address(unused_tcp_port):
    return f"http://127.0.0.1:{unused_tcp_port}"


@pytest.fixture
def web(unused_tcp_port):
    return WebServer(unused_tcp_port, "127.0.0.1")


async def test_health_is_answered(web, address):
    """Hosts that ask whether we live are told so, and what does not exist is not found."""
    async with web, ClientSession() as session:
        async with session.get(f"{address}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.get(f"{address}/elsewhere") as answer:
            assert answer.status == 404


async def test_posts_reach_their_receiver(web, address):
    """With headers and body; its status is the answer, and a busy one says when to come again."""
    posts = []

    def receive(headers, body):
        posts.append((headers["x-kind"], body))
        return 503 if body == b"busy" else 200

    web.add_post("/in", receive)
    async with web, ClientSession() as session:
        for body, status in ((b"x", 200), (b"busy", 503)):
            async with session.post(f"{address}/in", data=body, headers={"X-Kind": "a"}) as answer:
                assert answer.status == status
                assert ("Retry-After" in answer.headers) == (status == 503)
        async with session.get(f"{address}/in") as answer:
            assert answer.status == 405
    assert posts == [("a", b"x"), ("a", b"busy")]


async def test_a_post_that_breaks_off_is_no_news(web, unused_tcp_port, caplog):
    """A caller who hangs up in the middle leaves nothing in the log and nothing with the receiver."""
    posts = []
    web.add_post("/in", lambda headers, body: posts.append(body) or 200)
    async with web:
        _, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.1)
    assert posts == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_stopping_does_not_wait_for_open_connections(web, unused_tcp_port):
    """A caller who keeps a connection open holds nobody up for more than two seconds."""
    async with web:
        _, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 3
    writer.close()


async def test_every_interface_is_served(unused_tcp_port):
    """By IPv4 and, where this machine has it, by IPv6."""
    async with WebServer(unused_tcp_port), ClientSession() as session:
        for host in ["127.0.0.1", *(["[::1]"] if has_ipv6() else [])]:
            async with session.get(f"http://{host}:{unused_tcp_port}/healthz") as answer:
                assert answer.status == 200


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_a_port_in_use_is_a_mistake_of_the_settings(web, unused_tcp_port):
    """The message names PORT, and the server can be entered again when the port is free."""
    async with web:
        with pytest.raises(ConfigError, match=f"PORT {unused_tcp_port} .*in use"):
            await WebServer(unused_tcp_port, "127.0.0.1").__aenter__()
    async with WebServer(unused_tcp_port, "127.0.0.1"):
        pass


@pytest.fixture
def settings(monkeypatch):
    """The settings with these values in the environment."""

    def load(**environment):
        for name in ("PORT", "PUBLIC_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load_settings(None)

    return load


def test_the_web_is_off_unless_asked_for(settings):
    """No PORT, no server; PORT alone serves without being public; an empty value is none."""
    assert (settings().port, settings().public_url) == (None, "")
    assert settings(PORT="8080").port == 8080
    assert settings(PORT="", PUBLIC_URL="").port is None


@pytest.mark.parametrize("url", ["https://bot.example.org/", "https://example.org/bot", "http://127.0.0.1:8080"])
def test_public_addresses_are_taken(settings, url):
    """https anywhere, http on this machine; a slash at the end is no part of it."""
    assert settings(PORT="8080", PUBLIC_URL=url).public_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["http://bot.example.org", "bot.example.org", "ftp://x.org", "https://me:pw@x.org", "https://x.org/?a=b"]
)
def test_other_addresses_are_not(settings, url):
    """What Telegram could not reach, or what holds more than an address, is refused without being repeated."""
    with pytest.raises(ConfigError, match="PUBLIC_URL") as caught:
        settings(PORT="8080", PUBLIC_URL=url)
    assert url not in str(caught.value)


def test_a_wrong_port_is_told_once(settings):
    """Beside a public address, too."""
    with pytest.raises(ConfigError, match="PORT: ") as caught:
        settings(PORT="70000", PUBLIC_URL="https://bot.example.org")
    assert "PUBLIC_URL" not in str(caught.value)
