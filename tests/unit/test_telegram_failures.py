"""What python-telegram-bot's errors say about a message."""

import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
    TimedOut,
)

from bot.errors import Remedy
from bot.model.subscription import PauseReason
from handlers.telegram.failures import explain


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (Forbidden("Forbidden: bot was blocked by the user"), Remedy.PAUSE),
        (BadRequest("Bad Request: can't parse entities: x"), Remedy.PLAIN),
        (BadRequest("Bad Request: message is too long"), Remedy.DROP),
        (ChatMigrated(-10077), Remedy.MOVE),
        (InvalidToken("Unauthorized"), Remedy.STOP),
        (Conflict("Conflict: x"), Remedy.RETRY),
        (NetworkError("Too Many Requests"), Remedy.RETRY),
        (NetworkError("Internal Server Error"), Remedy.RETRY),
        (caused(TimedOut(), httpx.PoolTimeout("x")), Remedy.RETRY),
        (caused(TimedOut(), httpx.ConnectTimeout("x")), Remedy.RETRY),
        (caused(NetworkError("x"), httpx.ConnectError("x")), Remedy.RETRY),
        (caused(NetworkError("x"), httpx.ProxyError("x")), Remedy.RETRY),
        (caused(Forbidden("a proxy says no"), TelegramError("Invalid server response")), Remedy.RETRY),
        (caused(TimedOut(), httpx.ReadTimeout("x")), Remedy.UNCERTAIN),
        (caused(TimedOut(), httpx.WriteTimeout("x")), Remedy.UNCERTAIN),
        (caused(NetworkError("x"), httpx.RemoteProtocolError("x")), Remedy.UNCERTAIN),
        (caused(NetworkError("x"), httpx.ReadError("x")), Remedy.UNCERTAIN),
        (caused(NetworkError("x"), httpx.WriteError("x")), Remedy.UNCERTAIN),
        (caused(NetworkError("x"), RuntimeError("x")), Remedy.UNCERTAIN),
        (caused(TelegramError("Invalid server response"), ValueError("x")), Remedy.UNCERTAIN),
        (TimedOut(), Remedy.UNCERTAIN),
        (TelegramError("x"), Remedy.UNCERTAIN),
    ],
    ids=repr,
)
def test_every_error_has_its_remedy(error, remedy):
    """Sent again is only what certainly did nothing."""
    assert explain(error).remedy is remedy


@pytest.mark.parametrize(
    ("cause", "is_everywhere"),
    [(httpx.PoolTimeout("x"), False), (httpx.ConnectTimeout("x"), True), (httpx.ConnectError("x"), True)],
)
def test_whom_it_concerns(cause, is_everywhere):
    """Where Telegram cannot be reached no chat can; where our own connections are in use, the next one may."""
    assert explain(caused(NetworkError("x"), cause)).is_everywhere is is_everywhere


def test_the_details_of_a_remedy():
    """Where the chat went, and why it is paused; a move to nowhere is a chat that is gone."""
    assert explain(ChatMigrated(-10077)).moved_to == "-10077"
    lost = explain(BadRequest("Bad Request: group chat was upgraded to a supergroup chat"))
    assert (lost.remedy, lost.pause) == (Remedy.PAUSE, PauseReason.GONE)
    assert len(str(explain(NetworkError("x" * 10_000)))) < 500
