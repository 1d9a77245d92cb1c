"""Logs: one line per event, and never a secret."""

import json
import logging

import pytest

from bot.logs import QUIETER, set_up_logs

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
