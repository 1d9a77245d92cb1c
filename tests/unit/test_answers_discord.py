"""What every refusal of Discord means: its rows of the table."""

import pytest

from bot.delivery.answers import find_answer
from bot.errors import Remedy
from bot.model.subscription import PauseReason
from handlers.discord.failures import explain

PAUSE, DROP, PLAIN, RETRY, STOP = Remedy.PAUSE, Remedy.DROP, Remedy.PLAIN, Remedy.RETRY, Remedy.STOP
BLOCKED, REMOVED, GONE = PauseReason.BLOCKED, PauseReason.REMOVED, PauseReason.GONE
NO_RIGHTS, CLOSED = PauseReason.NO_RIGHTS, PauseReason.CLOSED
VIA = {"Via": "1.1 google"}


@pytest.mark.parametrize(
    ("status", "code", "remedy", "pause"),
    [
        (403, 50001, PAUSE, NO_RIGHTS),
        (403, 50013, PAUSE, NO_RIGHTS),
        (403, 50007, PAUSE, BLOCKED),
        (403, 40333, PAUSE, NO_RIGHTS),
        (403, 0, RETRY, None),
        (404, 10003, PAUSE, GONE),
        (404, 10004, PAUSE, REMOVED),
        (404, 10008, DROP, None),
        (404, 0, RETRY, None),
        (400, 50008, PAUSE, NO_RIGHTS),
        (400, 50024, PAUSE, NO_RIGHTS),
        (400, 50083, PAUSE, CLOSED),
        (400, 160005, PAUSE, CLOSED),
        (400, 40067, DROP, None),
        (400, 50035, PLAIN, None),
        (400, 0, PLAIN, None),
        (401, 0, STOP, None),
        (429, 0, RETRY, None),
        (500, 0, RETRY, None),
        (502, 0, RETRY, None),
        (503, 0, RETRY, None),
        (302, 0, RETRY, None),
        (418, 0, RETRY, None),
    ],
)
def test_each_answer_has_its_remedy(status, code, remedy, pause):
    """By status and code; without a code it is something before Discord that refuses."""
    row = find_answer("discord", status, str(code))
    assert (row.remedy, row.pause) == (remedy, pause)
    error = explain(status, VIA, {"code": code, "message": "Not like this"})
    assert (error.remedy, error.pause, error.status, error.code) == (remedy, pause or "", status, code)
    assert not error.is_everywhere


@pytest.mark.parametrize(
    ("headers", "body", "wait", "is_everywhere"),
    [
        (VIA, {"retry_after": 1.337, "global": False}, 1.337, False),
        (VIA | {"Retry-After": "9"}, {"retry_after": 1.337, "global": True}, 1.337, True),
        (VIA | {"Retry-After": "9"}, {"message": "Slow down"}, 9, False),
        (VIA, {"message": "Slow down"}, 0, False),
        (VIA, {"retry_after": "soon"}, 0, False),
        (VIA | {"Retry-After": "7"}, {"retry_after": float("nan")}, 7, False),
        (VIA, {"retry_after": -3}, 0, False),
        (VIA, {"retry_after": 1e300}, 86_400, False),
        (VIA, {"retry_after": 10**400}, 0, False),
        ({"Retry-After": "60"}, {"retry_after": 30}, 30, True),
        ({}, {"retry_after": 30, "global": False}, 30, False),
        ({"Retry-After": "60"}, None, 60, True),
        (VIA, ["not", "an", "object"], 0, True),
    ],
)
def test_what_was_too_fast_tells_how_long_to_wait(headers, body, wait, is_everywhere):
    """From the body, else the header, else nothing; a global limit and what stands before Discord hold for every chat."""
    error = explain(429, headers, body)
    assert (error.remedy, error.retry_after, error.is_everywhere) == (RETRY, wait, is_everywhere)


@pytest.mark.parametrize("body", [None, {}, [], "x", 3, {"code": None}, {"code": "50001"}, {"message": None}])
def test_any_body_is_understood(body):
    """Whatever an answer says, it is an error of ours, of one short line."""
    error = explain(400, {}, body)
    assert (error.remedy, error.code) == (PLAIN, 0)
    long = explain(400, {}, {"code": 50035, "message": "two\nlines " * 100})
    assert len(str(long)) < 200
    assert "\n" not in str(long)
