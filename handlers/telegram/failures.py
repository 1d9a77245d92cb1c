"""What an error of python-telegram-bot says about one message: whether it was sent, and what to do next."""

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.delivery.answers import find_answer
from bot.errors import DeliveryError, Remedy
from bot.model.subscription import PauseReason
from handlers.telegram.client import wait_seconds

_MOST_WORDS = 200
# Each class stands for one status, as in python-telegram-bot's BaseRequest; the first that fits. What is left are 5xx,
# and a 429 that does not say for how long.
_STATUSES: tuple[tuple[type[TelegramError], int], ...] = (
    (Forbidden, 403),
    (InvalidToken, 401),
    (ChatMigrated, 400),
    (BadRequest, 400),
    (Conflict, 409),
    (RetryAfter, 429),
    (NetworkError, 500),
)
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


def explain(error: TelegramError) -> DeliveryError:
    """The error as the outbox understands it."""
    cause = error.__cause__
    if isinstance(cause, httpx.PoolTimeout):
        return DeliveryError(Remedy.RETRY, "all connections are in use")
    if isinstance(cause, _NEVER_LEFT):
        return DeliveryError(Remedy.RETRY, f"Telegram cannot be reached: {_words(error)}", is_everywhere=True)
    if isinstance(cause, TelegramError):
        # Its own answers are JSON: it was something before it that refused.
        return DeliveryError(Remedy.RETRY, f"a refusal that is not Telegram's: {_words(error)}")
    status = next((number for kind, number in _STATUSES if isinstance(error, kind)), None)
    if cause is not None or status is None or isinstance(error, TimedOut):
        return DeliveryError(Remedy.UNCERTAIN, f"the answer was lost: {_words(error)}")
    return _judge(error, status)


def _judge(error: TelegramError, status: int) -> DeliveryError:
    text = f"{status}: {_words(error)}"
    if isinstance(error, ChatMigrated):
        return DeliveryError(Remedy.MOVE, text, moved_to=str(error.new_chat_id))
    answer = find_answer("telegram", status, str(error))
    if answer.remedy is Remedy.MOVE:
        return DeliveryError(Remedy.PAUSE, f"{text}, and nobody says where to", pause=PauseReason.GONE)
    seconds = wait_seconds(error) if isinstance(error, RetryAfter) else 0.0
    return DeliveryError(answer.remedy, text, retry_after=seconds, pause=answer.pause or "")


def _words(error: TelegramError) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}…"
