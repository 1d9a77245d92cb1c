"""Telegram as a platform: takes what people send by polling or by webhook, and watches that it goes on coming.

The polling loop is our own. python-telegram-bot's ends silently at a 401, hides timed-out polls, and its Updater then
raises in the middle of its own shutdown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.delivery.pacing import Pacer
from bot.errors import PlatformError, PlatformRefusedError, StorageError
from bot.model.chat import Chat
from bot.model.subscription import PauseReason
from bot.ports import Clock
from handlers.command import Catalogue, Services
from handlers.telegram.arrivals import place_of
from handlers.telegram.client import PollingBot, open_bot, wait_seconds
from handlers.telegram.desk import Desk
from handlers.telegram.lanes import Lanes
from handlers.telegram.membership import Membership, OnBack, OnGone
from handlers.telegram.menus import set_menus
from handlers.telegram.post import LIMITS, PLATFORM, OnMigration, Place, Post
from handlers.telegram.webhook import Registration, Webhook

Result = TypeVar("Result")
Claim = Callable[[int], Awaitable[bool]]
"""Whether nobody claimed this number before."""

log = logging.getLogger(__name__)

_SAID_FOR = 3600.0
_LONGEST_PAUSE = 15.0
_CONFIRM_SECONDS = 1.5


async def _ignore_gone(chat: Chat, reason: PauseReason) -> None:
    """For a platform whose chats nobody pauses."""


async def _ignore_back(chat: Chat) -> None:
    """For a platform whose chats nobody resumes."""


@dataclass(slots=True)
class TelegramPlatform:
    """Paperround on Telegram, by webhook where there is one, else by long polling.

    `owners` are user ids. `on_migration` is told of basic groups that became supergroups, `on_gone` of chats that nothing
    reaches any more and why, `on_back` of those that can be reached again; a group's is told for the group alone, and
    concerns its topics, too. `pacer` is shared with all that sends there. `claim`: whether an
    update that was posted is ours to handle, where several processes are posted to; None: each is. `patience`: seconds without an answer after which the platform is given up as wedged; `poll_seconds`: how long one poll waits for news;
    `check_seconds`: between two looks at a webhook; `pause`: seconds after the first poll or look that failed, more after
    the next; `finish_seconds`: for work in flight at the end.
    """

    token: str = field(repr=False)
    api_url: str
    catalogue: Catalogue
    services: Services
    owners: frozenset[str]
    clock: Clock
    on_migration: OnMigration
    on_gone: OnGone = _ignore_gone
    on_back: OnBack = _ignore_back
    pacer: Pacer = field(default_factory=lambda: Pacer(LIMITS), repr=False)
    webhook: Webhook | None = None
    claim: Claim | None = None
    patience: float = 90.0
    poll_seconds: int = 30
    check_seconds: float = 180.0
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
        post = Post(bot, self.on_migration, self.pacer)
        membership = Membership(self.on_gone, self.on_back)
        desk = Desk(bot, post, membership, self.catalogue, self.services, self.owners)
        lanes = Lanes()
        try:
            if self.webhook is None:
                await self._poll(desk, lanes)
            else:
                await self._listen(self.webhook, desk, lanes)
        finally:
            await _step("finish", self.finish_seconds + 1, lambda: lanes.finish(self.finish_seconds))

    async def _begin(self, claim: Callable[[], Awaitable[object]], bot: PollingBot, lanes: Lanes) -> None:
        """Make Telegram send us updates in the way that `claim` asks for; the two ways exclude each other."""
        async with asyncio.timeout(self.patience):
            await claim()
        self._note_contact()
        log.info("telegram status=connected bot=%s by=%s", bot.username, "webhook" if self.webhook else "polling")
        await lanes.start("menus", partial(set_menus, bot, self.catalogue, self.services.languages))

    async def _poll(self, desk: Desk, lanes: Lanes) -> None:
        # A webhook that an earlier installation left behind would keep us from polling.
        await self._begin(desk.bot.delete_webhook, desk.bot, lanes)
        offset = 0
        try:
            while True:
                for raw in await self._insist(partial(self._poll_once, desk.bot, offset)):
                    if found := _read(raw, desk):
                        await lanes.start(*found)
                    offset = int(raw["update_id"]) + 1
        finally:
            # What was taken on is not to come again; what was not, is.
            await _step("confirm", _CONFIRM_SECONDS, lambda: desk.bot.poll(offset, 0))

    async def _poll_once(self, bot: PollingBot, offset: int) -> list[dict[str, Any]]:
        try:
            return await bot.poll(offset, self.poll_seconds)
        except Conflict as error:
            if "webhook" not in str(error).lower():
                raise
        # Such as the last deed of our predecessor, while it was replaced. A new start would forget what is done with.
        log.error("telegram conflict: another program set a webhook with the same token; it is removed")
        await bot.delete_webhook()
        await asyncio.sleep(self.pause)
        return []

    async def _listen(self, webhook: Webhook, desk: Desk, lanes: Lanes) -> None:
        def take(raw: dict[str, Any]) -> bool:
            self._note_contact()
            found = _read(raw, desk)
            if found is None:
                return True
            lane, work = found
            return lanes.offer(lane, partial(self._handle_once, int(raw["update_id"]), work))

        registration = Registration(desk.bot, webhook)
        # At the end the webhook stays: Telegram keeps what people send until we are back.
        with webhook.opened(take):
            await self._begin(registration.register, desk.bot, lanes)
            while True:
                await asyncio.sleep(self.check_seconds)
                await self._insist(registration.check)

    async def _handle_once(self, number: int, work: Callable[[], Awaitable[None]]) -> None:
        """Handle what was posted, unless it was posted to another process before."""
        try:
            is_ours = self.claim is None or await self.claim(number)
        except StorageError as error:
            # Whoever asks something now is to hear that it cannot be done.
            log.warning("update id=%d status=not-claimed error=%r", number, str(error))
            is_ours = True
        if is_ours:
            await work()

    async def _insist(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """What `call` gives, however often it takes. Raises PlatformError after `patience` without an answer."""
        loop, what = asyncio.get_running_loop(), "webhook check" if self.webhook else "poll"
        deadline, pause = loop.time() + self.patience, self.pause
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    result = await call()
            except TimeoutError as error:
                raise PlatformError(f"no {what} was answered for {self.patience:g} seconds") from error
            except Conflict:
                self._note_conflict(loop.time())
                deadline, pause = loop.time() + self.patience, 3 * self.pause
            except InvalidToken:
                raise
            except TelegramError as error:
                log.warning("%s status=failed error=%r", what, str(error))
                pause = wait_seconds(error) if isinstance(error, RetryAfter) else min(2 * pause, _LONGEST_PAUSE)
                if loop.time() + pause >= deadline:
                    raise
            else:
                self._note_contact()
                return result
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


def _read(raw: dict[str, Any], desk: Desk) -> tuple[str, Callable[[], Awaitable[None]]] | None:
    """The lane of an update and the work that it asks for; one that cannot be read is left out."""
    try:
        update = Update.de_json(raw, desk.bot)
        lane = _lane_of(update)
    except (TypeError, ValueError, KeyError, AttributeError):
        log.exception("update unreadable id=%s", raw.get("update_id"))
        return None
    return lane, partial(desk.handle, update)


def _lane_of(update: Update) -> str:
    """What must be done in order: all that happens in one chat, and coming and going of the bot there."""
    if update.effective_message is not None:
        return place_of(update.effective_message).chat.key
    return Place(update.effective_chat.id).chat.key if update.effective_chat else ""


async def _step(name: str, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """One step of the way down; whatever becomes of it, the next one follows."""
    try:
        async with asyncio.timeout(seconds):
            await work()
    except (TelegramError, TimeoutError) as error:
        log.info("shutdown step=%s status=failed error=%r", name, str(error))
