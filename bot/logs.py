"""One line per event on standard error, or in a file where a person sits at the terminal."""

import json
import logging
import logging.handlers
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

_LOG_SIZE = 1_000_000
# The first tell every request and every tick; the others, at DEBUG, what people and the bot say, and what a model is sent.
QUIETER = dict.fromkeys(
    ("httpx", "httpcore", "httpx2", "httpcore2", "apscheduler", "procrastinate", "psycopg.pool"), logging.WARNING
)
QUIETER |= dict.fromkeys(("telegram", "discord", "openai", "psycopg"), logging.INFO)
# A trace for each request that is no HTTP; what goes wrong in a request of ours, bot.web tells.
QUIETER |= {"aiohttp.server": logging.CRITICAL}
"""The least level at which libraries may log, whatever LOG_LEVEL says, by logger."""
_TELEGRAM_FORM = r"(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}"
"""Telegram's tokens stand in the path of every request: taken out even where nobody declared one."""
_ADDRESS_FORM = r"(?<=/[df]/)[A-Za-z0-9_-]{16,}"
"""Whoever knows the address of a page or a feed may read it."""
_trace: ContextVar[str] = ContextVar("trace", default="")


def begin_trace() -> str:
    """A new trace: from here to the end of the running task, and in the tasks it starts, log lines carry this id."""
    trace = token_hex(4)
    _trace.set(trace)
    return trace


def current_trace() -> str:
    """The id that log lines carry now; empty for none."""
    return _trace.get()


@contextmanager
def tracing(trace: str) -> Iterator[None]:
    """Inside the block log lines carry this id, such as that of the command which planned what is sent now."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


class Redaction:
    """Takes secrets out of texts: those given, also as they stand in addresses, and whatever has the form of a token."""

    def __init__(self, secrets: Collection[str]) -> None:
        known = [re.escape(form) for secret in secrets if secret for form in (secret, quote(secret, safe=""))]
        self._secret = re.compile("|".join([*known, _TELEGRAM_FORM, _ADDRESS_FORM]))

    def __call__(self, text: str) -> str:
        return self._secret.sub("[secret]", text)


class _Redacting(logging.Formatter):
    """Takes secrets out of the finished line, so that no message, argument or trace can carry one."""

    def __init__(self, inner: logging.Formatter, secrets: Collection[str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = Redaction(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(self._inner.format(record))


class _TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        line, trace = super().formatMessage(record), current_trace()
        return f"{line} trace={trace}" if trace else line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        content = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if trace := current_trace():
            content["trace"] = trace
        if record.exc_info:
            content["error"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


def set_up_logs(level: str, form: str, file: Path | None = None, secrets: Collection[str] = ()) -> None:
    """Send the logs of this process to `file`, or standard error; `form` is text or json. `secrets` never show."""
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=_LOG_SIZE, backupCount=1, encoding="utf-8")
        file.chmod(0o600)
    text = _TextFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    handler.setFormatter(_Redacting(_JsonFormatter() if form == "json" else text, secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for logger, least in QUIETER.items():
        logging.getLogger(logger).setLevel(max(least, logging.getLogger().level))
