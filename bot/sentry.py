"""Errors to a Sentry server, where the operator names one: what went wrong and where in the code, and nothing that anybody said.

An event is made of parts that cannot hold a text or a secret: the line as it stands in our source, without what was filled in;
types of exceptions, without their messages; names of modules and functions. The log has the rest, under the same trace.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bot.logs import current_trace

if TYPE_CHECKING:
    import sentry_sdk

AGAIN_SECONDS = 600.0
"""The same line is sent once in so many seconds: what goes wrong again and again is one error."""
STOP_SECONDS = 2.0
_OURS = ("bot", "handlers", "storage", "config")
_MOST_CAUSES = 5
# A caller's malformed request, in which the error is the caller's.
_STRANGERS = "aiohttp.http_exceptions"


@contextmanager
def reporting(dsn: str, release: str, redact: Callable[[str], str]) -> Iterator[None]:
    """Inside the block what is logged as an error goes to the server of `dsn`, in the background; empty: nothing goes anywhere.

    `redact` takes secrets out of a text. Leaving takes up to two seconds, in which the last errors are sent.
    """
    if not dsn:
        yield
        return
    # It takes a tenth of a second, which hardly anybody needs.
    import sentry_sdk  # noqa: PLC0415

    client = sentry_sdk.Client(
        dsn=dsn,
        release=release,
        # Each integration would add what it sees of requests, threads and arguments.
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        enable_backpressure_handling=False,
        enable_metrics=False,
        spotlight=False,
        before_send=lambda event, _: _clean(event, redact),
    )
    handler = _Reporter(client)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        client.close(timeout=STOP_SECONDS)


class _Reporter(logging.Handler):
    def __init__(self, client: "sentry_sdk.Client") -> None:
        super().__init__(logging.ERROR)
        self._client = client
        self._sent: dict[tuple[str, str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        # The reporter's own trouble must not make more of it.
        if record.name.startswith(("sentry_sdk", "urllib3")):
            return
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and type(error).__module__ == _STRANGERS:
            return
        line = str(record.msg) if record.name.partition(".")[0] in _OURS else f"error in {record.name}"
        if not self._is_news((record.name, line, type(error).__name__)):
            return
        try:
            self._client.capture_event(_make_event(record, line, error))
        except Exception:  # noqa: BLE001 - whatever it is, the bot goes on
            self.handleError(record)

    def _is_news(self, what: tuple[str, str, str]) -> bool:
        now = time.monotonic()
        is_news = now - self._sent.get(what, float("-inf")) >= AGAIN_SECONDS
        if is_news:
            self._sent[what] = now
        return is_news


def _make_event(record: logging.LogRecord, line: str, error: BaseException | None) -> Any:  # noqa: ANN401 - a dict of the SDK's
    event: dict[str, object] = {
        "level": record.levelname.lower(),
        "logger": record.name,
        "timestamp": datetime.fromtimestamp(record.created, UTC),
        "logentry": {"message": line},
        "tags": {"trace": current_trace() or "none"},
    }
    if error is not None:
        event["exception"] = {"values": [_describe(each) for each in reversed(_chain(error))]}
    return event


def _chain(error: BaseException) -> list[BaseException]:
    """The error, what it came from, and so on."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and len(chain) < _MOST_CAUSES and following not in chain:
        chain.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return chain


def _describe(error: BaseException) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "stacktrace": {"frames": _frames(error.__traceback__)},
    }


def _frames(trace: TracebackType | None) -> list[dict[str, object]]:
    frames = []
    for frame, number in walk_tb(trace):
        module = str(frame.f_globals.get("__name__", "?"))
        is_ours = module.partition(".")[0] in _OURS
        frames.append({"module": module, "function": frame.f_code.co_name, "lineno": number, "in_app": is_ours})
    # The server takes no event without one.
    return frames or [{"module": "?", "function": "?"}]


def _clean(event: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - a dict of the SDK's
    """The event without the machine's name, and without secrets, should one have got into it against all reason."""
    return {key: _redacted(value, redact) for key, value in event.items() if key not in {"server_name", "modules"}}


def _redacted(value: object, redact: Callable[[str], str]) -> object:
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _redacted(each, redact) for key, each in value.items()}
        case list() | tuple():
            return [_redacted(each, redact) for each in value]
        case _:
            return value
