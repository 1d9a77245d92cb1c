"""Answers parsed in a process of their own, so that neither a large nor a hostile one holds the event loop."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar, cast

import orjson

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.model.listing import Listing, Record
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.sources.oai import Page

log = logging.getLogger(__name__)

_SECONDS = 90.0
_SLICE = 256 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
_ITEMS_AT_ONCE = 20
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONTZPATH")


_T = TypeVar("_T")

WORKER = (sys.executable, "-m", "bot.sources.worker")


async def parse_feed_apart(
    content: bytes, *, where: str = "", seconds: float = _SECONDS, worker: tuple[str, ...] = WORKER
) -> Batch:
    """What `parse_feed` returns or raises, without blocking the event loop.

    Also raises SourceError where parsing takes more than `seconds`, or the `worker` process dies of taking more
    processor time or memory than any real answer needs. Cancelling it ends the process. So do the others here.
    """
    head, papers = await _parse(content, _read_announced, where, seconds, worker)
    return Batch(head["category"], date.fromisoformat(head["day"]), papers)


async def parse_listing_apart(content: bytes, category: str, *, where: str = "") -> Listing:
    """What `parse_listing` returns or raises."""
    head, entries = await _parse(content, _read_entry, where, _SECONDS, (*WORKER, "listing", category))
    return Listing(category, date.fromisoformat(head["day"]), head["total"], entries)


async def parse_answer_apart(content: bytes, *, where: str = "") -> tuple[Record, ...]:
    """What `parse_answer` returns or raises."""
    return (await _parse(content, _read_record, where, _SECONDS, (*WORKER, "api")))[1]


async def parse_records_apart(content: bytes, *, where: str = "") -> Page:
    """What `parse_records` returns or raises."""
    head, records = await _parse(content, _read_record, where, _SECONDS, (*WORKER, "oai"))
    return Page(records, head["token"], head["total"], head["is_expired"])


async def _parse(
    content: bytes, make: Callable[[dict[str, Any]], _T], where: str, seconds: float, worker: tuple[str, ...]
) -> tuple[dict[str, Any], tuple[_T, ...]]:
    process = await asyncio.create_subprocess_exec(
        *worker, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, env=_environment()
    )
    try:
        async with asyncio.timeout(seconds):
            return await _talk(process, content, make, where)
    except TimeoutError as error:
        raise SourceError(f"parsing took more than {seconds:.0f} s", where=where, fault=SourceFault.INVALID) from error
    finally:
        await _end(process)


def _environment() -> dict[str, str]:
    """Where to find our modules, and nothing more: whoever reads hostile input has no business with our tokens."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(each or os.curdir for each in sys.path)}


async def _talk(
    process: Process, content: bytes, make: Callable[[dict[str, Any]], _T], where: str
) -> tuple[dict[str, Any], tuple[_T, ...]]:
    sending = asyncio.create_task(_send(process, content))
    try:
        return await _receive(process, make, where)
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


async def _receive(
    process: Process, make: Callable[[dict[str, Any]], _T], where: str
) -> tuple[dict[str, Any], tuple[_T, ...]]:
    first = await _read_line(process, where)
    if "error" in first:
        raise SourceError(first["error"], where=where, retry=first["retry"], fault=SourceFault[first["fault"]])
    items: list[_T] = []
    while "items" not in (line := await _read_line(process, where)):
        items.append(make(line))
        if len(items) % _ITEMS_AT_ONCE == 0:
            # Lines that have already arrived are read without a pause: give others their turn.
            await asyncio.sleep(0)
    return first, tuple(items)


async def _read_line(process: Process, where: str) -> dict[str, Any]:
    line = await cast(asyncio.StreamReader, process.stdout).readline()
    if not line.endswith(b"\n"):
        raise SourceError(f"parsing it failed: {await _last_words(process)}", where=where, fault=SourceFault.INVALID)
    return dict(orjson.loads(line))


async def _last_words(process: Process) -> str:
    words = (await cast(asyncio.StreamReader, process.stderr).read()).decode(errors="replace").strip()
    code = await process.wait()
    log.error("worker died code=%s stderr=%r", code, words[-4000:])
    return words.splitlines()[-1] if words else f"the parser ended with code {code}"


def _read_paper(fields: dict[str, Any]) -> Paper:
    return Paper(**{**fields, "authors": tuple(fields["authors"]), "categories": tuple(fields["categories"])})


def _read_announced(line: dict[str, Any]) -> tuple[Paper, AnnounceType]:
    return _read_paper(line["paper"]), AnnounceType(line["type"])


def _read_entry(line: dict[str, Any]) -> tuple[ArxivId, AnnounceType]:
    return ArxivId(line["id"]), AnnounceType(line["type"])


def _read_record(line: dict[str, Any]) -> Record:
    days = {name: date.fromisoformat(line[name]) for name in ("changed", "created")}
    return Record(**{**line, **days, "paper": _read_paper(line["paper"])})


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    # Reads what is left, so that the pipes are closed before the process is forgotten.
    await process.communicate()
