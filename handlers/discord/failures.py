"""What an answer of Discord that is no success means. Pure.

https://docs.discord.com/developers/topics/rate-limits, https://docs.discord.com/developers/topics/opcodes-and-status-codes
"""

import math
from collections.abc import Mapping
from typing import Any

from bot.delivery.answers import find_answer
from bot.errors import DeliveryError

TOO_MANY = 429
_LONGEST_WAIT = 86_400.0


class RefusedError(DeliveryError):
    """Discord answered, but not with success: with this HTTP status, and its own `code`, 0 where there is none."""

    status: int = 0
    code: int = 0


def explain(status: int, headers: Mapping[str, str], data: object) -> RefusedError:
    """The error for an answer that is no success; `data` is what its JSON says, whatever that may be."""
    told: dict[str, Any] = data if isinstance(data, dict) else {}
    code = told["code"] if isinstance(told.get("code"), int) else 0
    row = find_answer("discord", status, str(code))
    is_limit = status == TOO_MANY
    # Discord says whether a limit is global, and is always reached through a proxy that names itself; what stands before it
    # does neither.
    is_shield = is_limit and ("Via" not in headers or not told) and "global" not in told
    error = RefusedError(
        row.remedy,
        f"Discord answered {status} (code {code}: {' '.join(str(told.get('message', '')).split())[:100]})",
        retry_after=read_seconds(told.get("retry_after"), headers.get("Retry-After")) if is_limit else 0.0,
        is_everywhere=is_shield or (is_limit and told.get("global") is True),
        pause=row.pause or "",
    )
    error.status, error.code = status, code
    return error


def read_seconds(*told: object) -> float:
    """The first of these that is a number of seconds, else 0."""
    for each in told:
        try:
            seconds = float(each)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), _LONGEST_WAIT)
    return 0.0
