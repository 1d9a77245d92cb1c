"""Work that one process does at a time: it waits for the right to, and stops when that ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass, field

from bot.errors import StorageError
from bot.ports import Lease, Leases

log = logging.getLogger(__name__)

SECONDS = 20.0
"""For how long a lease holds by itself: a process that died is replaced so soon after."""
RENEW_EVERY, TRY_EVERY = 5.0, 2.0
"""Seconds between renewals, and between tries to take what another holds."""

Work = Callable[[Lease], Awaitable[None]]


async def hold(leases: Leases, name: str, work: Work, seconds: float = SECONDS) -> None:
    """Do `work` whenever the lease is ours, until it returns. What it raises is raised.

    It is cancelled before the lease can have ended without a renewal, and when we are; it then has to stop soon.
    """
    while True:
        began, lease = await _take(leases, name, seconds)
        log.info("lease name=%s token=%d status=taken", name, lease.token)
        working = asyncio.ensure_future(work(lease))
        try:
            await _renew(leases, lease, working, began + seconds, seconds)
            if working.done():
                return working.result()
            log.error("lease name=%s token=%d status=lost", name, lease.token)
        finally:
            working.cancel()
            await asyncio.wait({working})
            with suppress(StorageError, TimeoutError):
                async with asyncio.timeout(RENEW_EVERY):
                    await leases.release(lease)


async def _take(leases: Leases, name: str, seconds: float) -> tuple[float, Lease]:
    """The lease, and when it certainly had not begun yet, by the loop's clock."""
    loop, is_told = asyncio.get_running_loop(), False
    while True:
        began = loop.time()
        try:
            lease = await leases.take(name, seconds)
        except StorageError as error:
            log.warning("lease name=%s status=not-taken error=%r", name, str(error))
        else:
            if lease is not None:
                return began, lease
            if not is_told:
                log.info("lease name=%s status=waiting", name)
                is_told = True
        await asyncio.sleep(TRY_EVERY * seconds / SECONDS)


async def _renew(leases: Leases, lease: Lease, working: "asyncio.Future[None]", until: float, seconds: float) -> None:
    """Renew it until the work is done or the lease has ended, perhaps."""
    loop = asyncio.get_running_loop()
    pause = RENEW_EVERY * seconds / SECONDS
    while True:
        await asyncio.wait({working}, timeout=min(pause, max(until - loop.time(), 0.0)))
        if working.done() or loop.time() >= until:
            return
        began = loop.time()
        try:
            async with asyncio.timeout_at(until):
                if not await leases.renew(lease, seconds):
                    return
        except TimeoutError:
            return
        except StorageError as error:
            log.warning("lease name=%s status=not-renewed error=%r", lease.name, str(error))
        else:
            until = began + seconds


@dataclass(slots=True)
class Turn:
    """A lock for the tasks of this process and, with `outside`, for those of all processes."""

    outside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    _inside: asyncio.Lock = field(default_factory=asyncio.Lock)
    _held: AsyncExitStack = field(default_factory=AsyncExitStack)

    def locked(self) -> bool:
        """Whether a task of this process has it."""
        return self._inside.locked()

    async def __aenter__(self) -> None:
        await self._inside.acquire()
        try:
            await self._held.enter_async_context(self.outside())
        except BaseException:
            self._inside.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._held.aclose()
        finally:
            self._inside.release()
