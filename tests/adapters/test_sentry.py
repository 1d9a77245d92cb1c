"""What a Sentry server gets: where it went wrong, and nothing that anybody said."""

import asyncio
import logging
import socket
from contextlib import suppress

import pytest

from bot.errors import ConfigError, StorageError
from bot.logs import Redaction, tracing
from bot.sentry import reporting
from config.settings import load_settings
from tests.fakes import FakeStorage
from tests.servers import sentry as servers
from tests.world import World

TOKEN = "1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
KEY = "sk-very-secret-key"
TEXT = "my private topic"


@pytest.fixture
async def server():
    async with servers.serve() as server:
        yield server


async def report(server, work, count=1):
    """The events, once there are so many. Do the work while errors are reported; leaving must not wait for the loop, in which the server lives."""
    reporter = reporting(server.dsn, "1.2.3", Redaction([KEY]))
    reporter.__enter__()
    try:
        result = work()
        if asyncio.iscoroutine(result):
            await result
        await server.until(lambda: len(server.events) >= count)
    finally:
        await asyncio.to_thread(reporter.__exit__, None, None, None)
    return server.events


class BrokenStorage(FakeStorage):
    """It has a bug that repeats what it was given."""

    async def change_subscription(self, chat, change):
        try:
            raise StorageError(f"{TEXT} {KEY}")
        except StorageError as error:
            raise ZeroDivisionError(f"{TEXT} of {chat} with {TOKEN} and {KEY}") from error


async def test_a_bug_is_sent_without_what_people_said(server):
    """The event has types, places and the trace; no text, chat, secret or name of the machine is anywhere in it."""
    world = World(storage=BrokenStorage())
    [event] = await report(server, lambda: world.say(f"/topics add {TEXT}", person="person-77"))
    assert event["level"] == "error"
    assert event["release"] == "1.2.3"
    assert event["logger"] == "handlers.execution"
    assert event["logentry"]["message"] == "command failed usage=%s chat=%s error_id=%s"
    cause, error = event["exception"]["values"]
    assert (cause["type"], error["type"]) == ("StorageError", "ZeroDivisionError")
    frame = error["stacktrace"]["frames"][-1]
    assert (frame["function"], frame["lineno"] > 0) == ("change_subscription", True)
    assert any(each["in_app"] for each in error["stacktrace"]["frames"])
    assert len(event["tags"]["trace"]) == 8
    [body] = server.bodies
    for secret in (TEXT, KEY, TOKEN, "person-77", "console:local", "local'", socket.gethostname(), "/tests/"):
        assert secret not in body


async def test_lines_of_libraries_are_not_repeated(server):
    """They put texts into the line itself, as asyncio does with the message of an exception that nobody took."""

    def log():
        logging.getLogger("asyncio").error("Task exception was never retrieved: " + repr(ValueError(TEXT)))  # noqa: G003 - as it does

    [event] = await report(server, log)
    assert event["logentry"]["message"] == "error in asyncio"
    assert TEXT not in server.bodies[0]


async def test_a_secret_in_a_line_is_taken_out(server):
    """Whatever got into the line against all reason."""
    line = f"refused {TOKEN} {KEY}"

    def log():
        logging.getLogger("bot.x").error(line)

    [event] = await report(server, log)
    assert event["logentry"]["message"] == "refused [secret] [secret]"


async def test_the_same_line_is_sent_once(server):
    """However often it happens; warnings, and what strangers send us over HTTP, are no errors of ours."""

    def log():
        from aiohttp.http_exceptions import BadHttpMethod

        for number in range(50):
            logging.getLogger("bot.x").error("attempt=%d failed", number)
        logging.getLogger("bot.x").warning("a warning")
        with suppress(BadHttpMethod):
            raise BadHttpMethod("BREW")
        try:
            raise BadHttpMethod("BREW")
        except BadHttpMethod:
            logging.getLogger("aiohttp.server").exception("Error handling request")
        with tracing("cafe0001"):
            logging.getLogger("bot.x").error("the last one")

    events = await report(server, log, count=2)
    assert [each["logentry"]["message"] for each in events] == ["attempt=%d failed", "the last one"]
    assert events[1]["tags"]["trace"] == "cafe0001"


async def test_a_server_that_is_gone_holds_nobody_up():
    """Errors cost nothing, and the end comes within seconds."""
    begun = asyncio.get_running_loop().time()
    with reporting(f"http://{servers.KEY}@127.0.0.1:9/7", "1", Redaction([])):
        logging.getLogger("bot.x").error("something")
    assert asyncio.get_running_loop().time() - begun < 30


def test_without_an_address_nothing_is_loaded():
    """The reporter is nowhere among the handlers."""
    before = logging.getLogger().handlers[:]
    with reporting("", "1", Redaction([])):
        assert logging.getLogger().handlers == before


@pytest.mark.parametrize("dsn", ["https://abc@sentry.example.org/1", "http://abc@localhost:9000/path/12", ""])
def test_addresses_that_are_taken(monkeypatch, dsn):
    """https anywhere, http on this machine; it counts as a secret."""
    monkeypatch.setenv("SENTRY_DSN", dsn)
    assert (dsn in load_settings(None).secrets) == bool(dsn)


@pytest.mark.parametrize(
    "dsn", ["http://abc@sentry.example.org/1", "https://sentry.example.org/1", "abc", "https://a@b/"]
)
def test_addresses_that_are_not(monkeypatch, dsn):
    """The mistake is named, and the address is not repeated."""
    monkeypatch.setenv("SENTRY_DSN", dsn)
    with pytest.raises(ConfigError, match="SENTRY_DSN") as caught:
        load_settings(None)
    assert dsn not in str(caught.value)
