"""Keeps every platform running, each on its own: what happens to one never touches another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from bot.errors import PlatformError, PlatformRefusedError
from bot.model.chat import Chat
from bot.ports import Clock, Messenger, Platform

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before a failed platform is started again: the first, doubling up to the last."""
HEALTHY_AFTER = 600.0
"""A platform that served for so many seconds has recovered: its next failure is news, and the pauses start over."""
ALERT_ATTEMPTS, ALERT_SECONDS = 15, 20.0
"""How often an owner is tried, a second apart: at the start, the platform to tell them by may not be up yet. And how
long one attempt may take."""


@dataclass(slots=True)
class Owners:
    """The people who run the bot, told through whatever platform still works."""

    chats: Sequence[Chat]
    messengers: Mapping[str, Messenger] = field(default_factory=dict)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def tell(self, text: str, *, not_by: str = "") -> None:
        """Say it to every owner on every platform but `not_by`. Never raises: the log has it in any case."""
        log.error("owner alert text=%r", text)
        for chat in self.chats:
            messenger = self.messengers.get(chat.platform)
            if messenger is not None and chat.platform != not_by:
                await self._tell_one(messenger, chat, text)

    async def _tell_one(self, messenger: Messenger, chat: Chat, text: str) -> None:
        for attempt in range(1, ALERT_ATTEMPTS + 1):
            try:
                async with asyncio.timeout(ALERT_SECONDS):
                    await messenger.send(chat, text)
            except PlatformRefusedError:
                return
            except (PlatformError, TimeoutError) as error:
                log.warning("owner alert chat=%s attempt=%d status=failed error=%r", chat.key, attempt, str(error))
                await self.sleep(1.0)
            else:
                return


@dataclass(slots=True)
class Supervisor:
    """Starts a platform again and again, with growing pauses, until it is refused for good or the bot stops."""

    owners: Owners
    clock: Clock
    random: Random
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def keep(self, platform: Platform) -> None:
        """Run the platform until cancelled. Returns only where its operator must act; then the owner was told."""
        pause = FIRST_PAUSE
        alert: asyncio.Task[None] | None = None
        try:
            while True:
                started = self.clock()
                trouble = await self._run_once(platform)
                if (self.clock() - started).total_seconds() >= HEALTHY_AFTER:
                    pause = FIRST_PAUSE
                if isinstance(trouble, PlatformRefusedError):
                    await self.owners.tell(f"{platform.name} is switched off: {trouble}", not_by=platform.name)
                    return
                if pause == FIRST_PAUSE:
                    # Beside the restart: telling may take longer than coming back.
                    text = f"{platform.name} stopped and is being restarted: {trouble}"
                    alert = asyncio.create_task(self.owners.tell(text, not_by=platform.name))
                await self.sleep(pause * (1 + self.random.random() / 4))
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            if alert is not None:
                alert.cancel()

    async def _run_once(self, platform: Platform) -> Exception:
        try:
            await platform.run()
        except PlatformError as error:
            log.warning("platform name=%s status=down error=%r", platform.name, str(error))
            return error
        except Exception:
            log.exception("platform name=%s status=crashed", platform.name)
            return PlatformError("it crashed; the log has the details")
        return PlatformError("it ended without being asked to")
