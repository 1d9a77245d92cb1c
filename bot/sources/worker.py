"""The child process in which answers of arXiv's are parsed: frames on standard input, JSON lines on standard output.

A frame is a line that says what kind of answer it is and its size, and then the answer. The first line about it is what there
is beside the items, or an error; every further line is one item; the last says how many. To see what the bot sees, run
`python -m bot.sources.worker feed < feed.xml`, or `listing CATEGORY`, `api`, `oai`, `html`, `pdf` instead of `feed`.
"""

import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import orjson

from bot.errors import SourceError
from bot.model.summary import FullText

_CPU_SECONDS = 60
_MEMORY = 2 * 1024**3
_TEXT_MEMORY = 512 * 1024**2
_Told = tuple[dict[str, Any], Iterable[Any]]

# Each kind imports what it needs: starting Python is most of what a small answer costs.


def _tell_feed(content: bytes) -> _Told:
    from bot.sources.feed import parse_feed  # noqa: PLC0415

    batch = parse_feed(content)
    items = ({"paper": paper, "type": announce_type} for paper, announce_type in batch.papers)
    return {"category": batch.category, "day": batch.day}, items


def _tell_listing(content: bytes, category: str) -> _Told:
    from bot.sources.listing import parse_listing  # noqa: PLC0415

    listing = parse_listing(content, category)
    items = ({"id": identifier, "type": announce_type} for identifier, announce_type in listing.entries)
    return {"day": listing.day, "total": listing.total}, items


def _tell_answer(content: bytes) -> _Told:
    from bot.sources.api import parse_answer  # noqa: PLC0415

    return {}, parse_answer(content)


def _tell_records(content: bytes) -> _Told:
    from bot.sources.oai import parse_records  # noqa: PLC0415

    page = parse_records(content)
    return {"token": page.token, "total": page.total, "is_expired": page.is_expired}, page.records


def _tell_page(content: bytes) -> _Told:
    from bot.sources.html_text import parse_html  # noqa: PLC0415

    limit_resources(_TEXT_MEMORY)
    return _tell_text(parse_html(content))


def _tell_pdf(content: bytes) -> _Told:
    from bot.sources.pdf_text import parse_pdf  # noqa: PLC0415

    limit_resources(_TEXT_MEMORY)
    return _tell_text(parse_pdf(content))


def _tell_text(text: FullText) -> _Told:
    return {"source": text.source, "links": text.links}, text.sections


_KINDS: dict[str, Callable[..., _Told]] = {
    "feed": _tell_feed,
    "listing": _tell_listing,
    "api": _tell_answer,
    "oai": _tell_records,
    "html": _tell_page,
    "pdf": _tell_pdf,
}


def limit_resources(memory: int = _MEMORY) -> None:
    """An answer that asks for more than any real one needs ends this process, and nothing else."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = _CPU_SECONDS + int(used.ru_utime + used.ru_stime)
    for limit, value in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, memory)):
        # Not every system knows every limit, and a stricter one may already hold.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def answer(content: bytes, kind: str = "feed", *details: str) -> Iterator[Any]:
    """The lines that say what is in `content`."""
    try:
        head, items = _KINDS[kind](content, *details)
    except SourceError as error:
        yield {"error": str(error), "retry": error.retry, "fault": error.fault.name}
        return
    yield head
    count = 0
    for count, item in enumerate(items, 1):  # noqa: B007 - how many there were is told at the end
        yield item
    yield {"items": count}


def run(source: BinaryIO, target: BinaryIO) -> None:
    """Answer one frame after another until there are no more."""
    while line := source.readline():
        limit_resources()
        frame = orjson.loads(line)
        _write(target, source.read(frame["size"]), *frame["kind"])


def _write(target: BinaryIO, content: bytes, *kind: str) -> None:
    target.writelines(orjson.dumps(line) + b"\n" for line in answer(content, *kind))
    target.flush()


if __name__ == "__main__":
    if sys.argv[1:]:
        _write(sys.stdout.buffer, sys.stdin.buffer.read(), *sys.argv[1:])
    else:
        run(sys.stdin.buffer, sys.stdout.buffer)
