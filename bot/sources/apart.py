"""Feeds parsed in a process of their own, so that neither a large nor a hostile one holds the event loop."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from datetime import date
from typing import Any, cast

import orjson

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.model.paper import AnnounceType, Paper

log = logging.getLogger(__name__)

_SECONDS = 90.0
_SLICE = 256 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
_PAPERS_AT_ONCE = 20
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONTZPATH")


WORKER = (sys.executable, "-m", "bot.sources.feed_worker")


async def parse_feed_apart(
    content: bytes, *, where: str = "", seconds: float = _SECONDS, worker: tuple[str, ...] = WORKER
) -> Batch:
    """What `parse_feed` returns or raises, without blocking the event loop.

    Also raises SourceError where parsing takes more than `seconds`, or the `worker` process dies of taking more
    processor time or memory than any real feed needs. Cancelling it ends the process.
    """
    process = await asyncio.create_subprocess_exec(
        *worker, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, env=_environment()
    )
    try:
        async with asyncio.timeout(seconds):
            return await _talk(process, content, where)
    except TimeoutError as error:
        raise SourceError(f"parsing took more than {seconds:.0f} s", where=where, fault=SourceFault.INVALID) from error
    finally:
        await _end(process)


def _environment() -> dict[str, str]:
    """Where to find our modules, and nothing more: whoever reads hostile input has no business with our tokens."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(each or os.curdir for each in sys.path)}


async def _talk(process: Process, content: bytes, where: str) -> Batch:
    sending = asyncio.create_task(_send(process, content))
    try:
        return await _receive(process, where)
    finally:
        sending.cancel()
        await asyncio.wait({sending})


async def _send(process: Process, content: bytes) -> None:
    stdin = cast(asyncio.StreamWriter, process.stdin)
    try:
        for start in range(0, len(content), _SLICE):
            stdin.write(content[start : start + _SLICE])
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # The child is gone; what it wrote, or did not, tells the rest.
    finally:
        stdin.close()


async def _receive(process: Process, where: str) -> Batch:
    first = await _read_line(process, where)
    if "error" in first:
        raise SourceError(first["error"], where=where, retry=first["retry"], fault=SourceFault[first["fault"]])
    papers: list[tuple[Paper, AnnounceType]] = []
    while "papers" not in (line := await _read_line(process, where)):
        papers.append(_read_paper(line))
        if len(papers) % _PAPERS_AT_ONCE == 0:
            # Lines that have already arrived are read without a pause: give others their turn.
            await asyncio.sleep(0)
    return Batch(first["category"], date.fromisoformat(first["day"]), tuple(papers))


async def _read_line(process: Process, where: str) -> dict[str, Any]:
    line = await cast(asyncio.StreamReader, process.stdout).readline()
    if not line.endswith(b"\n"):
        raise SourceError(f"parsing it failed: {await _last_words(process)}", where=where, fault=SourceFault.INVALID)
    return dict(orjson.loads(line))


async def _last_words(process: Process) -> str:
    words = (await cast(asyncio.StreamReader, process.stderr).read()).decode(errors="replace").strip()
    code = await process.wait()
    log.error("feed worker died code=%s stderr=%r", code, words[-4000:])
    return words.splitlines()[-1] if words else f"the parser ended with code {code}"


def _read_paper(line: dict[str, Any]) -> tuple[Paper, AnnounceType]:
    fields = line["paper"]
    sequences = {name: tuple(fields[name]) for name in ("authors", "categories")}
    return Paper(**{**fields, **sequences}), AnnounceType(line["type"])


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    # Reads what is left, so that the pipes are closed before the process is forgotten.
    await process.communicate()
