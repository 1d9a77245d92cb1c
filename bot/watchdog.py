"""Tells systemd that we started, that we go on, and that we stop. https://www.freedesktop.org/software/systemd/man/sd_notify.html"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger(__name__)

_MOST_SECONDS = 60.0


async def watch_over(environment: Mapping[str, str], stalled: Callable[[], Sequence[str]]) -> None:
    """Until cancelled, say that we go on as long as nothing is `stalled`; does nothing where nobody listens.

    What stalls is then ended by the host's WatchdogSec, and started again.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    pause = min(int(environment.get("WATCHDOG_USEC", "0") or 0) / 2_000_000 or _MOST_SECONDS, _MOST_SECONDS)
    _tell(address, "READY=1")
    try:
        while True:
            names = stalled()
            if names:
                log.error("watchdog stalled=%s", ",".join(names))
            else:
                _tell(address, "WATCHDOG=1")
            await asyncio.sleep(pause)
    finally:
        _tell(address, "STOPPING=1")


def _tell(address: str, message: str) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as channel:
            channel.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            channel.send(message.encode())
    except OSError as error:
        log.warning("watchdog status=not-told message=%s error=%r", message, str(error))
