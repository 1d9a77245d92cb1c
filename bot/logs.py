"""One line per event on standard error, or in a file where a person sits at the terminal."""

import json
import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path

_LOG_SIZE = 1_000_000


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        content = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            content["error"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


def set_up_logs(level: str, form: str, file: Path | None = None) -> None:
    """Send the logs of this process to `file`, or standard error; `form` is text or json."""
    handler: logging.Handler = logging.StreamHandler()
    if file is not None:
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=_LOG_SIZE, backupCount=1, encoding="utf-8")
        file.chmod(0o600)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    handler.setFormatter(_JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # These two tell every request and every tick; addresses can hold secrets.
    for chatty in ("httpx2", "httpcore2", "apscheduler"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
