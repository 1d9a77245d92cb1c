"""Logs: one line per event, and never a secret."""

import asyncio
import json
import logging
import re

import pytest

from bot.logs import QUIETER, begin_trace, current_trace, set_up_logs, tracing
from tests.build import CHAT, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import World

TOKEN = "1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture(autouse=True)
def put_the_handlers_back():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in QUIETER}
    yield
    for name, known in levels.items():
        logging.getLogger(name).setLevel(known)
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_the_pool_of_connections_tells_only_what_is_wrong(tmp_path, level):
    """It would tell three lines for each query; why a connection was lost is told."""
    file = tmp_path / "log"
    set_up_logs(level, "text", file)
    pool = logging.getLogger("psycopg.pool")
    pool.info("connection requested from %r", "storage")
    pool.warning("error connecting in %r", "storage")
    assert "requested" not in file.read_text()
    assert "error connecting in 'storage'" in file.read_text()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_in_message_argument_or_trace(tmp_path, form):
    """A token is taken out wherever it stands, also one nobody declared that has Telegram's form."""
    file = tmp_path / "log"
    set_up_logs("DEBUG", form, file, ["disc ord/secret"])
    try:
        raise ValueError(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ValueError:
        logging.getLogger("x").exception("failed with %s at %s", "disc ord/secret", "/a/disc%20ord%2Fsecret")
    text = file.read_text(encoding="utf-8")
    assert "[secret]" in text
    for secret in (TOKEN, "disc ord/secret", "disc%20ord%2Fsecret"):
        assert secret not in text
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_people_say_is_not_logged(tmp_path):
    """Libraries that would log whole messages at DEBUG are kept from it."""
    file = tmp_path / "log"
    set_up_logs("DEBUG", "text", file)
    for library in ("telegram.Bot", "discord.http", "httpx"):
        logging.getLogger(library).debug("message text=%s", "my private topic")
    assert "private" not in file.read_text(encoding="utf-8")
    set_up_logs("ERROR", "text", file)
    logging.getLogger("telegram.ext").warning("a remark")
    assert "remark" not in file.read_text(encoding="utf-8")


def test_addresses_that_are_secrets_are_not_logged(tmp_path):
    """Whoever knows the address of a page or a feed can read it; other paths stay."""
    file = tmp_path / "log"
    set_up_logs("DEBUG", "text", file)
    for path in ("/d/AZaz09_-AZaz09_-AZaz09", "https://x.test/f/AZaz09_-AZaz09_-AZaz09.atom"):
        logging.getLogger("x").error("failed path=%s", path)
    logging.getLogger("x").error("failed path=%s", "/feeds/cs.LG.rss")
    text = file.read_text(encoding="utf-8")
    assert "AZaz" not in text
    assert text.count("/[secret]") == 2
    assert "/f/[secret].atom" in text
    assert "/feeds/cs.LG.rss" in text


def test_json_lines_are_json(tmp_path):
    """Each line is one object with the time in UTC, the level, the logger and the event."""
    file = tmp_path / "log"
    set_up_logs("INFO", "json", file)
    logging.getLogger("bot").info("pulled papers=%d", 3)
    logging.getLogger("httpx").info("POST /bot123")
    [line] = file.read_text(encoding="utf-8").splitlines()
    content = json.loads(line)
    assert (content["level"], content["logger"], content["event"]) == ("INFO", "bot", "pulled papers=3")
    assert content["at"].endswith("+00:00")


class BrokenStorage(FakeStorage):
    """It has a bug."""

    async def get_progress(self, chat):
        raise ZeroDivisionError


def read_lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_lines_carry_the_trace(tmp_path):
    """In both forms; a block has its own, and outside of any there is none."""
    file = tmp_path / "log"
    set_up_logs("INFO", "text", file)
    logging.getLogger("bot").info("before")
    with tracing("cafe0001"):
        logging.getLogger("bot").info("sent part=%d", 1)
    assert [line.partition(" bot ")[2] for line in file.read_text(encoding="utf-8").splitlines()] == [
        "before", "sent part=1 trace=cafe0001",
    ]  # fmt: skip
    other = tmp_path / "json"
    set_up_logs("INFO", "json", other)
    logging.getLogger("bot").info("before")
    with tracing("cafe0002"):
        logging.getLogger("bot").info("inside")
    assert [line.get("trace") for line in read_lines(other)] == [None, "cafe0002"]


async def test_what_a_task_begins_stays_there():
    """A trace goes on into the tasks that its own starts, and not out of it."""
    before, found = current_trace(), []

    async def inner():
        found.append(current_trace())

    async def outer():
        found.append(begin_trace())
        await asyncio.create_task(inner())

    await asyncio.create_task(outer())
    assert re.fullmatch("[0-9a-f]{8}", found[0])
    assert found[1] == found[0]
    assert current_trace() == before


async def test_one_trace_from_the_command_to_the_delivery(tmp_path):
    """What the owner announces is found by one id: the command, what it planned, and what was sent in another process."""
    world = World(make_batch(make_paper()))
    await world.ask("/categories add cs.CL")
    file = tmp_path / "log"
    set_up_logs("INFO", "json", file)
    await asyncio.create_task(world.ask("/owner announce Hello", is_owner=True))
    await asyncio.create_task(world.ask("/status"))
    again = World(storage=world.storage)
    await asyncio.create_task(again.send())
    lines = {line["event"].partition(" ")[0]: line for line in read_lines(file) if "/status" not in line["event"]}
    [trace] = {lines[event]["trace"] for event in ("announced", "command", "planned", "delivered")}
    assert again.got(CHAT) == ["Hello"]
    [delivery] = [each for each in await world.storage.get_deliveries(CHAT) if each.trace == trace]
    assert lines["delivered"]["event"].endswith(f"part={delivery.part}")


async def test_an_apology_names_the_trace(tmp_path):
    """The error number that a person is shown finds all that their command did."""
    world = World(storage=BrokenStorage())
    file = tmp_path / "log"
    set_up_logs("INFO", "json", file)
    await world.ask("/categories add cs.CL")
    reply = await world.ask("/status")
    [line] = [line for line in read_lines(file) if line["level"] == "ERROR"]
    assert f"(Error {line['trace']})" in reply.text
