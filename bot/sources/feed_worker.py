"""The child process in which a feed is parsed: the feed on standard input, JSON lines on standard output.

The first line is the batch without its papers, or an error; every further line is one paper; the last says how many.
"""

import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import orjson

from bot.errors import SourceError
from bot.model.announcement import Batch
from bot.sources.feed import parse_feed

_CPU_SECONDS = 60
_MEMORY = 2 * 1024**3


def limit_resources() -> None:
    """A feed that asks for more than any real one needs ends this process, and nothing else."""
    for limit, value in ((resource.RLIMIT_CPU, _CPU_SECONDS), (resource.RLIMIT_AS, _MEMORY)):
        # Not every system knows every limit, and a stricter one may already hold.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def answer(content: bytes) -> Iterator[dict[str, Any]]:
    """The lines that say what is in `content`."""
    try:
        batch = parse_feed(content)
    except SourceError as error:
        yield {"error": str(error), "retry": error.retry, "fault": error.fault.name}
        return
    yield from _tell(batch)


def _tell(batch: Batch) -> Iterator[dict[str, Any]]:
    yield {"category": batch.category, "day": batch.day.isoformat()}
    for paper, announce_type in batch.papers:
        yield {"paper": paper, "type": announce_type}
    yield {"papers": len(batch.papers)}


def run(source: BinaryIO, target: BinaryIO) -> None:
    """Read one feed, write its lines."""
    limit_resources()
    target.writelines(orjson.dumps(line) + b"\n" for line in answer(source.read()))


if __name__ == "__main__":
    run(sys.stdin.buffer, sys.stdout.buffer)
