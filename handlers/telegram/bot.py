"""Telegram as a platform: polls for what people send, and watches that polling goes on.

The polling loop is our own. python-telegram-bot's ends silently at a 401, hides timed-out polls, and its Updater then
raises in the middle of its own shutdown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from telegram import Bot, Update
from telegram.constants import UpdateType
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.errors import PlatformError, PlatformRefusedError
from bot.ports import Clock
from handlers.command import Catalogue, Services
from handlers.telegram.arrivals import place_of
from handlers.telegram.client import PollingBot, open_bot, wait_seconds
from handlers.telegram.desk import Desk
from handlers.telegram.lanes import Lanes
from handlers.telegram.menus import set_menus
from handlers.telegram.post import PLATFORM, OnMigration, Post

log = logging.getLogger(__name__)

KINDS = (UpdateType.MESSAGE, UpdateType.EDITED_MESSAGE, UpdateType.CALLBACK_QUERY, UpdateType.MY_CHAT_MEMBER)
"""The updates we ask for; without saying so, Telegram goes on with what an earlier program asked for."""
_SAID_FOR = 3600.0
_LONGEST_PAUSE = 15.0
_CONFIRM_SECONDS = 1.5


@dataclass(slots=True)
class TelegramPlatform:
    """Paperround on Telegram, by long polling.

    `owners` are user ids. `on_migration` is told of basic groups that became supergroups. `patience`: seconds without an
    answered poll after which the platform is given up as wedged; `poll_seconds`: how long one poll waits for news;
    `pause`: seconds after the first failed poll, more after the next; `finish_seconds`: for work in flight at the end.
    """

    token: str = field(repr=False)
    api_url: str
    catalogue: Catalogue
    services: Services
    owners: frozenset[str]
    clock: Clock
    on_migration: OnMigration
    patience: float = 90.0
    poll_seconds: int = 30
    pause: float = 1.0
    finish_seconds: float = 7.5
    _last_contact: datetime | None = field(default=None, init=False)
    _conflict_seen: float | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return PLATFORM

    @property
    def last_contact(self) -> datetime | None:
        return self._last_contact

    async def run(self) -> None:
        try:
            async with open_bot(self.api_url, self.token) as bot:
                await self._serve(bot)
        except InvalidToken as error:
            raise PlatformRefusedError("Telegram refuses the bot's token; @BotFather has the valid one") from error
        except TelegramError as error:
            raise PlatformError(f"Telegram cannot be reached: {error}") from error
        except TimeoutError as error:
            raise PlatformError("Telegram does not answer") from error

    async def _serve(self, bot: PollingBot) -> None:
        async with asyncio.timeout(self.patience):
            await bot.get_me()
            # A webhook that an earlier installation left behind would keep us from polling.
            await bot.delete_webhook()
        self._note_contact()
        log.info("telegram status=connected bot=%s", bot.username)
        desk = Desk(bot, Post(bot, self.on_migration), self.catalogue, self.services, self.owners)
        lanes = Lanes()
        await lanes.start("menus", partial(set_menus, bot, self.catalogue, self.services.languages))
        offset = 0
        try:
            while True:
                for raw in await self._next_updates(bot, offset):
                    await _take(raw, bot, desk, lanes)
                    offset = int(raw["update_id"]) + 1
        finally:
            # What was taken on is not to come again; what was not, is.
            await _step("confirm", _CONFIRM_SECONDS, lambda: bot.poll(offset, 0, KINDS))
            await _step("finish", self.finish_seconds + 1, lambda: lanes.finish(self.finish_seconds))

    async def _next_updates(self, bot: PollingBot, offset: int) -> list[dict[str, Any]]:
        """The next updates, however many polls that takes. Raises PlatformError after `patience` without an answer."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self.patience, self.pause
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    updates = await bot.poll(offset, self.poll_seconds, KINDS)
            except TimeoutError as error:
                raise PlatformError(f"no poll was answered for {self.patience:g} seconds") from error
            except Conflict:
                self._note_conflict(loop.time())
                deadline, pause = loop.time() + self.patience, 3 * self.pause
            except InvalidToken:
                raise
            except TelegramError as error:
                log.warning("poll status=failed error=%r", str(error))
                pause = wait_seconds(error) if isinstance(error, RetryAfter) else min(2 * pause, _LONGEST_PAUSE)
                if loop.time() + pause >= deadline:
                    raise
            else:
                self._note_contact()
                return updates
            await asyncio.sleep(pause)

    def _note_contact(self) -> None:
        self._last_contact = self.clock()

    def _note_conflict(self, moment: float) -> None:
        """Say it once, not at each of the many polls that two programs take from each other."""
        self._note_contact()
        if self._conflict_seen is None or moment - self._conflict_seen > _SAID_FOR:
            log.error(
                "telegram conflict: another program polls with the same token, and each gets only a part of what people "
                "say. Stop one of them, or give this one a token of its own."
            )
        self._conflict_seen = moment


async def _take(raw: dict[str, Any], bot: Bot, desk: Desk, lanes: Lanes) -> None:
    """Start the work that an update asks for; one that cannot be read is left out."""
    try:
        update = Update.de_json(raw, bot)
    except (TypeError, ValueError, KeyError, AttributeError):
        log.exception("update unreadable id=%s", raw.get("update_id"))
        return
    message = update.effective_message
    lane = place_of(message).chat.key if message is not None else ""
    await lanes.start(lane, partial(desk.handle, update))


async def _step(name: str, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """One step of the way down; whatever becomes of it, the next one follows."""
    try:
        async with asyncio.timeout(seconds):
            await work()
    except (TelegramError, TimeoutError) as error:
        log.info("shutdown step=%s status=failed error=%r", name, str(error))
