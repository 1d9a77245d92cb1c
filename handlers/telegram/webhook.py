"""Updates by webhook: the address that Telegram posts to, and the watch that it still does.

https://core.telegram.org/bots/api#setwebhook; how posts are repeated: WebhookActor.cpp of
https://github.com/tdlib/telegram-bot-api. It posts what belongs to one chat in order, one after the other.
"""

import hmac
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from telegram import Bot, WebhookInfo
from telegram.error import BadRequest

from bot.errors import PlatformError
from handlers.telegram.client import KINDS, patiently

log = logging.getLogger(__name__)

Take = Callable[[dict[str, Any]], bool]
"""Queues an update; False where too much waits, and it is to come again."""

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
MOST_CONNECTIONS = 20
"""How many posts Telegram makes at once. Each is answered as soon as it is queued, so a few are enough."""
_REMEMBERED = 5000


class _Unseen(str):
    """A text that python-telegram-bot, which logs the parameters of every call, cannot show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[secret]'"


@dataclass(slots=True)
class Webhook:
    """Where Telegram posts updates: `path` on our server, which the world reaches as `url`.

    It lives as long as the process, so that an update which comes twice is known even after the platform restarted.
    """

    token: str = field(repr=False)
    public_url: str
    _take: Take | None = field(default=None, init=False, repr=False)
    _taken: OrderedDict[int, None] = field(default_factory=OrderedDict, init=False, repr=False)

    @property
    def path(self) -> str:
        return f"/telegram/{self._derive('path')[:16]}"

    @property
    def url(self) -> str:
        return f"{self.public_url}{self.path}"

    @property
    def secret(self) -> str:
        """What every post must carry; follows from the token and tells nothing about it."""
        return _Unseen(self._derive("secret"))

    def _derive(self, label: str) -> str:
        return hmac.digest(self.token.encode(), f"paperround telegram webhook {label}".encode(), "sha256").hex()

    @contextmanager
    def opened(self, take: Take) -> Iterator[None]:
        """Hand updates to `take`; before and after, Telegram is asked to come again."""
        self._take = take
        try:
            yield
        finally:
            self._take = None

    def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """The HTTP status that answers a post: 200 where its update is queued, now or earlier; 503: later, please."""
        given = headers.get(SECRET_HEADER, "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self.secret.encode()):
            return HTTPStatus.UNAUTHORIZED
        raw = _parse(headers.get("Content-Type", ""), body)
        if raw is None:
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.OK if self._take_once(raw) else HTTPStatus.SERVICE_UNAVAILABLE

    def _take_once(self, raw: dict[str, Any]) -> bool:
        number = raw["update_id"]
        if number in self._taken:
            return True
        if self._take is None or not self._take(raw):
            return False
        self._taken[number] = None
        if len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)
        return True


def _parse(content_type: str, body: bytes) -> dict[str, Any] | None:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) and isinstance(raw.get("update_id"), int) else None


@dataclass(slots=True)
class Registration:
    """Tells Telegram to post to `webhook`, and sees to it that this stays so.

    Both methods raise TelegramError, and PlatformError where Telegram does not take the address.
    """

    bot: Bot
    webhook: Webhook
    _last_error: datetime | None = field(default=None, init=False)

    async def register(self) -> None:
        """Set the webhook. Setting it again changes nothing, and no update is lost."""
        try:
            await patiently(
                lambda: self.bot.set_webhook(
                    self.webhook.url,
                    max_connections=MOST_CONNECTIONS,
                    allowed_updates=KINDS,
                    drop_pending_updates=False,
                    secret_token=self.webhook.secret,
                )
            )
        except BadRequest as error:
            raise PlatformError(f"Telegram does not take the address in PUBLIC_URL: {error}") from error

    async def check(self) -> None:
        """Log what went wrong since the last check, and set right what somebody else changed."""
        info = await self.bot.get_webhook_info()
        is_refusal = self._note_trouble(info) and " 401 " in (info.last_error_message or "")
        is_ours = info.url == self.webhook.url and set(info.allowed_updates or ()) == set(KINDS)
        # Who sets our address with another secret shows only in our own refusals.
        if is_ours and not is_refusal:
            return
        log.error(
            "telegram webhook: somebody else changed or removed it; it is set again. Does another program use the same "
            "token? Stop it, or give this one a token of its own."
        )
        await self.register()

    def _note_trouble(self, info: WebhookInfo) -> bool:
        """Whether a post failed since the last check."""
        is_news = info.last_error_date is not None and info.last_error_date != self._last_error
        self._last_error = info.last_error_date
        if is_news:
            log.warning(
                "webhook status=failed at=%s pending=%d error=%r",
                info.last_error_date,
                info.pending_update_count,
                info.last_error_message,
            )
        elif info.pending_update_count:
            log.info("webhook status=ok pending=%d", info.pending_update_count)
        return is_news
