"""The texts of papers on disk, for this bot alone: arXiv's terms let nobody hand them on.

https://info.arxiv.org/help/api/tou.html
"""

import gzip
import logging
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

import orjson

from bot.model.paper import Paper
from bot.model.summary import FullText, Section, SectionKind, TextSource

log = logging.getLogger(__name__)

MAX_BYTES = 200 * 1024 * 1024
"""Of all texts together, compressed: about 5,000 papers."""

_FORMAT = 1
"""Part of every entry: one that an older parser made is made again."""
_ENDING = ".json.gz"


@dataclass(frozen=True, slots=True)
class TextCache:
    """Keeps what was read last. Never fails: what cannot be kept or read is as if it had never been there.

    Blocks, so it is called in a thread; other threads and processes may use the same folder.
    """

    folder: Path
    max_bytes: int = MAX_BYTES

    def get(self, paper: Paper) -> FullText | None:
        """The text of this version, if it is here."""
        file = self._file(paper)
        try:
            text = _decode(file.read_bytes())
            os.utime(file)
        except FileNotFoundError:
            return None
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
            log.warning("text dropped paper=%s reason=%r", paper.versioned_id, str(error))
            _remove(file)
            return None
        return text

    def put(self, paper: Paper, text: FullText) -> None:
        """Keep a text, and drop those not used for longest if there are too many."""
        file = self._file(paper)
        draft = file.with_suffix(f".{token_hex(8)}.tmp")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                target.write(_encode(text))
            draft.replace(file)
            self._shrink()
        except OSError as error:
            log.warning("text not kept paper=%s reason=%r", paper.versioned_id, str(error))
            _remove(draft)

    def _file(self, paper: Paper) -> Path:
        return self.folder / (quote(paper.versioned_id, safe="") + _ENDING)

    def _shrink(self) -> None:
        files = []
        with os.scandir(self.folder) as found:
            for each in found:
                # Another process may have taken it away meanwhile.
                with suppress(FileNotFoundError):
                    files.append((each.stat(), each.path))
        files.sort(key=lambda each: each[0].st_mtime_ns)
        size = sum(status.st_size for status, _ in files)
        for status, path in files:
            if size <= self.max_bytes:
                return
            _remove(Path(path))
            size -= status.st_size


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("text not removed file=%s reason=%r", file.name, str(error))


def _encode(text: FullText) -> bytes:
    return gzip.compress(orjson.dumps({"format": _FORMAT, "text": text}), compresslevel=6, mtime=0)


def _decode(content: bytes) -> FullText:
    entry = orjson.loads(gzip.decompress(content))
    if entry["format"] != _FORMAT:
        raise ValueError(f"format {entry['format']}, not {_FORMAT}")
    text = entry["text"]
    sections = (Section(each["title"], each["text"], SectionKind(each["kind"])) for each in text["sections"])
    return FullText(TextSource(text["source"]), tuple(sections), tuple(text["links"]))
