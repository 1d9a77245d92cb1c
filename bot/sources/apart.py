"""Answers parsed in a process of their own, so that neither a large nor a hostile one holds the event loop."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import orjson

from bot.errors import SourceError, SourceFault
from bot.model.announcement import Batch
from bot.model.listing import Listing, Record
from bot.model.paper import AnnounceType, ArxivId, Paper
from bot.model.summary import FullText, Section, SectionKind, TextSource
from bot.sources.oai import Page

log = logging.getLogger(__name__)

KEEP = 20.0
"""Seconds for which a process that may be needed again waits: longer than arXiv's site is left alone between requests."""
_SECONDS = 90.0
_SLICE = 256 * 1024
_LONGEST_LINE = 16 * 1024 * 1024
_ITEMS_AT_ONCE = 20
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONTZPATH")
_T = TypeVar("_T")
_Line = dict[str, Any]
_Pieces = tuple[bytes | memoryview, ...]

WORKER = (sys.executable, "-m", "bot.sources.worker")


async def parse_feed_apart(
    content: bytes, *, where: str = "", seconds: float = _SECONDS, worker: tuple[str, ...] = WORKER
) -> Batch:
    """What `Parser.parse_feed` returns or raises, by a process for this feed alone."""
    async with Parser(seconds=seconds, worker=worker) as parser:
        return await parser.parse_feed(content, where=where)


@dataclass(slots=True)
class Parser:
    """Parses one answer after another in a process, started when one is there and ended `keep` seconds after the last.

    Each method returns or raises what the pure function of its name does, without blocking the event loop. It also raises
    SourceError where parsing takes more than `seconds`, or the process dies of taking more processor time or memory than
    any real answer needs. A process that met an error, or whose caller was cancelled, is not used again. Close it.
    """

    keep: float = 0.0
    seconds: float = _SECONDS
    worker: tuple[str, ...] = WORKER
    _process: Process | None = field(init=False, default=None)
    _idle: asyncio.TimerHandle | None = field(init=False, default=None)
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the process, if one waits."""
        if process := self._take():
            await _end(process)

    async def parse_feed(self, content: bytes, *, where: str = "") -> Batch:
        """A batch of one category."""
        head, papers = await self._parse(("feed",), content, _read_announced, where)
        return Batch(head["category"], date.fromisoformat(head["day"]), papers)

    async def parse_listing(self, content: bytes, category: str, *, where: str = "") -> Listing:
        """A page of a list."""
        head, entries = await self._parse(("listing", category), content, _read_entry, where)
        return Listing(category, date.fromisoformat(head["day"]), head["total"], entries)

    async def parse_answer(self, content: bytes, *, where: str = "") -> tuple[Record, ...]:
        """An answer of the API."""
        return (await self._parse(("api",), content, _read_record, where))[1]

    async def parse_records(self, content: bytes, *, where: str = "") -> Page:
        """An answer of OAI-PMH."""
        head, records = await self._parse(("oai",), content, _read_record, where)
        return Page(records, head["token"], head["total"], head["is_expired"])

    async def parse_text(self, content: bytes, source: TextSource, *, where: str = "") -> FullText:
        """A paper: its HTML page or its PDF."""
        head, sections = await self._parse((source.value,), content, _read_section, where)
        return FullText(TextSource(head["source"]), sections, tuple(head["links"]))

    async def _parse(
        self, kind: tuple[str, ...], content: bytes, make: Callable[[_Line], _T], where: str
    ) -> tuple[_Line, tuple[_T, ...]]:
        async with self._turn:
            process = self._take() or await _start(self.worker)
            try:
                async with asyncio.timeout(self.seconds):
                    parsed = await _talk(process, _frame(kind, content), make, where)
            except TimeoutError as error:
                await _end(process)
                message = f"parsing took more than {self.seconds:.0f} s"
                raise SourceError(message, where=where, fault=SourceFault.INVALID) from error
            except BaseException:
                await _end(process)
                raise
            await self._put_back(process)
            return parsed

    def _take(self) -> Process | None:
        if self._idle is not None:
            self._idle.cancel()
        process, self._process, self._idle = self._process, None, None
        return process if process is not None and process.returncode is None else None

    async def _put_back(self, process: Process) -> None:
        if not self.keep:
            await _end(process)
            return
        self._process = process
        self._idle = asyncio.get_running_loop().call_later(self.keep, self._dismiss)

    def _dismiss(self) -> None:
        # Nothing is in its pipes, so asyncio closes them by itself when the process is gone.
        if process := self._take():
            process.kill()


async def _start(worker: tuple[str, ...]) -> Process:
    return await asyncio.create_subprocess_exec(
        *worker, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, env=_environment()
    )


def _environment() -> dict[str, str]:
    """Where to find our modules, and nothing more: whoever reads hostile input has no business with our tokens."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(each or os.curdir for each in sys.path)}


def _frame(kind: tuple[str, ...], content: bytes) -> _Pieces:
    head, view = orjson.dumps({"kind": kind, "size": len(content)}) + b"\n", memoryview(content)
    return (head, *(view[start : start + _SLICE] for start in range(0, len(content), _SLICE)))


async def _talk(
    process: Process, pieces: _Pieces, make: Callable[[_Line], _T], where: str
) -> tuple[_Line, tuple[_T, ...]]:
    sending = asyncio.create_task(_send(process, pieces))
    try:
        return await _receive(process, make, where)
    finally:
        sending.cancel()
        await asyncio.wait({sending})


async def _send(process: Process, pieces: _Pieces) -> None:
    stdin = cast(asyncio.StreamWriter, process.stdin)
    try:
        for piece in pieces:
            stdin.write(piece)
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # The child is gone; what it wrote, or did not, tells the rest.


async def _receive(process: Process, make: Callable[[_Line], _T], where: str) -> tuple[_Line, tuple[_T, ...]]:
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


async def _read_line(process: Process, where: str) -> _Line:
    line = await cast(asyncio.StreamReader, process.stdout).readline()
    if not line.endswith(b"\n"):
        raise SourceError(f"parsing it failed: {await _last_words(process)}", where=where, fault=SourceFault.INVALID)
    return cast(_Line, orjson.loads(line))


async def _last_words(process: Process) -> str:
    words = (await cast(asyncio.StreamReader, process.stderr).read()).decode(errors="replace").strip()
    code = await process.wait()
    log.error("worker died code=%s stderr=%r", code, words[-4000:])
    return words.splitlines()[-1] if words else f"the parser ended with code {code}"


def _read_paper(fields: _Line) -> Paper:
    return Paper(**{**fields, "authors": tuple(fields["authors"]), "categories": tuple(fields["categories"])})


def _read_announced(line: _Line) -> tuple[Paper, AnnounceType]:
    return _read_paper(line["paper"]), AnnounceType(line["type"])


def _read_entry(line: _Line) -> tuple[ArxivId, AnnounceType]:
    return ArxivId(line["id"]), AnnounceType(line["type"])


def _read_record(line: _Line) -> Record:
    days = {name: date.fromisoformat(line[name]) for name in ("changed", "created")}
    return Record(**{**line, **days, "paper": _read_paper(line["paper"])})


def _read_section(line: _Line) -> Section:
    return Section(line["title"], line["text"], SectionKind(line["kind"]))


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    # Reads what is left, so that the pipes are closed before the process is forgotten.
    await process.communicate()
