"""What every refusal means: one table."""

import pytest

from bot.delivery.answers import ANSWERS, find_answer
from bot.errors import Remedy
from bot.model.subscription import PauseReason

PAUSE, DROP, PLAIN, RETRY, STOP = Remedy.PAUSE, Remedy.DROP, Remedy.PLAIN, Remedy.RETRY, Remedy.STOP
BLOCKED, REMOVED, GONE = PauseReason.BLOCKED, PauseReason.REMOVED, PauseReason.GONE
NO_RIGHTS, CLOSED = PauseReason.NO_RIGHTS, PauseReason.CLOSED

TELEGRAM = [
    (403, "Forbidden: bot was blocked by the user", PAUSE, BLOCKED),
    (403, "Forbidden: bot can't initiate conversation with a user", PAUSE, BLOCKED),
    (403, "Forbidden: user is deactivated", PAUSE, GONE),
    (403, "Forbidden: the group chat was deleted", PAUSE, GONE),
    (403, "Forbidden: bot was kicked from the group chat", PAUSE, REMOVED),
    (403, "Forbidden: bot was kicked from the supergroup chat", PAUSE, REMOVED),
    (403, "Forbidden: bot was kicked from the channel chat", PAUSE, REMOVED),
    (403, "Forbidden: bot is not a member of the supergroup chat", PAUSE, REMOVED),
    (403, "Forbidden: bot is not a member of the channel chat", PAUSE, REMOVED),
    (403, "Forbidden: CHAT_WRITE_FORBIDDEN", PAUSE, NO_RIGHTS),
    (403, "Forbidden: bot can't send messages to bots", PAUSE, NO_RIGHTS),
    (400, "Bad Request: chat not found", PAUSE, GONE),
    (400, "Bad Request: user not found", PAUSE, GONE),
    (400, "Bad Request: group chat was deactivated", PAUSE, GONE),
    (400, "Bad Request: INPUT_USER_DEACTIVATED", PAUSE, GONE),
    (400, "Bad Request: PEER_ID_INVALID", PAUSE, GONE),
    (400, "Bad Request: CHAT_ID_INVALID", PAUSE, GONE),
    (400, "Bad Request: CHANNEL_INVALID", PAUSE, GONE),
    (400, "Bad Request: USER_IS_BLOCKED", PAUSE, BLOCKED),
    (400, "Bad Request: CHANNEL_PRIVATE", PAUSE, REMOVED),
    (400, "Bad Request: message thread not found", PAUSE, CLOSED),
    (400, "Bad Request: TOPIC_CLOSED", PAUSE, CLOSED),
    (400, "Bad Request: TOPIC_DELETED", PAUSE, CLOSED),
    (400, "Bad Request: CHANNEL_FORUM_MISSING", PAUSE, CLOSED),
    (400, "Bad Request: the chat is not a forum", PAUSE, CLOSED),
    (400, "Bad Request: need administrator rights in the channel chat", PAUSE, NO_RIGHTS),
    (400, "Bad Request: not enough rights to send text messages to the chat", PAUSE, NO_RIGHTS),
    (400, "Bad Request: have no rights to send a message", PAUSE, NO_RIGHTS),
    (400, "Bad Request: have no write access to the chat", PAUSE, NO_RIGHTS),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN", PAUSE, NO_RIGHTS),
    (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", PAUSE, NO_RIGHTS),
    (400, "Bad Request: CHAT_ADMIN_REQUIRED", PAUSE, NO_RIGHTS),
    (400, "Bad Request: CHAT_RESTRICTED", PAUSE, NO_RIGHTS),
    (400, "Bad Request: USER_BANNED_IN_CHANNEL", PAUSE, NO_RIGHTS),
    (400, "Bad Request: ALLOW_PAYMENT_REQUIRED_10", PAUSE, NO_RIGHTS),
    (400, 'Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 5', PLAIN, None),
    (400, "Bad Request: can't find end tag corresponding to start tag b", PLAIN, None),
    (400, "Bad Request: ENTITY_BOUNDS_INVALID", PLAIN, None),
    (400, "Bad Request: ENTITY_TEXTURL_INVALID", PLAIN, None),
    (400, "Bad Request: ENTITIES_TOO_LONG", PLAIN, None),
    (400, "Bad Request: message is too long", DROP, None),
    (400, "Bad Request: message text is empty", DROP, None),
    (400, "Bad Request: BUTTON_DATA_INVALID", DROP, None),
    (400, "Bad Request: group chat was upgraded to a supergroup chat", Remedy.MOVE, None),
    (400, "Bad Request: Logged out", STOP, None),
    (401, "Unauthorized", STOP, None),
    (404, "Not Found", STOP, None),
    (409, "Conflict: terminated by other getUpdates request", RETRY, None),
    (413, "Request Entity Too Large", DROP, None),
    (429, "Too Many Requests: retry after 7", RETRY, None),
    (500, "Internal Server Error: restart", RETRY, None),
    (502, "Bad Gateway", RETRY, None),
    (504, "Gateway Timeout", RETRY, None),
]


@pytest.mark.parametrize(("status", "description", "remedy", "pause"), TELEGRAM)
def test_what_telegram_says(status, description, remedy, pause):
    """Every description that Telegram is known to give has its remedy, and each pause its reason."""
    answer = find_answer("telegram", status, description)
    assert (answer.remedy, answer.pause) == (remedy, pause)


@pytest.mark.parametrize("platform", ["telegram", "discord"])
def test_every_status_has_a_row(platform):
    """Whatever a platform answers, there is something to do about it."""
    for status in range(300, 600):
        assert find_answer(platform, status, "words that nobody has said before").remedy in set(Remedy)


def test_a_pause_has_a_reason_and_nothing_else_has():
    """The reason is what people are shown."""
    assert all((row.pause is not None) == (row.remedy is PAUSE) for row in ANSWERS)
