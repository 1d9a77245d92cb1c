"""What systemd is told."""

import asyncio
import os
import socket
from contextlib import suppress

from bot.watchdog import watch_over


async def listen_to(address, work):
    """What is said to the socket while the work goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(address)
        channel.settimeout(0.2)
        await work()
        said = []
        with suppress(TimeoutError):
            while True:
                said.append(channel.recv(100).decode())
        return said


async def test_started_going_on_stopping(tmp_path):
    """In this order; nothing is said while something stalls."""
    address, stalled = str(tmp_path / "notify"), []

    async def work():
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
        task = asyncio.create_task(watch_over(environment, lambda: stalled))
        await asyncio.sleep(0.3)
        stalled.append("rounds")
        await asyncio.sleep(0.2)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    said = await listen_to(address, work)
    assert (said[0], said[-1]) == ("READY=1", "STOPPING=1")
    assert set(said[1:-1]) == {"WATCHDOG=1"}


async def test_a_stalled_job_is_not_hidden(tmp_path):
    """Where a job stalls from the beginning, nobody is told that we go on."""
    address = str(tmp_path / "notify")

    async def work():
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"}
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await watch_over(environment, lambda: ("rounds",))

    assert await listen_to(address, work) == ["READY=1", "STOPPING=1"]


async def test_nobody_listens(tmp_path):
    """Without systemd it is over at once; where the socket is gone, the bot goes on."""
    await watch_over({}, tuple)
    await watch_over({"NOTIFY_SOCKET": ""}, tuple)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await watch_over({"NOTIFY_SOCKET": str(tmp_path / "gone")}, tuple)


async def test_a_name_without_a_file():
    """systemd may name an abstract socket."""

    async def work():
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await watch_over({"NOTIFY_SOCKET": f"@{name}"}, tuple)

    name = f"paperround-test-{os.getpid()}"
    assert "READY=1" in await listen_to(f"\0{name}", work)
