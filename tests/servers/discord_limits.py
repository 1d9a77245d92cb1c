"""How fast Discord lets a bot speak: https://docs.discord.com/developers/topics/rate-limits."""

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field

_SENDING = re.compile(r"/channels/(\d+)/messages")


@dataclass
class Bucket:
    """What one channel took since `begun`."""

    begun: float
    count: int = 0


@dataclass
class Limits:
    """`most` requests in any second, `channel_most` messages per channel in each `channel_seconds`.

    `told_off` are the paths that were answered 429, `arrivals` the times of all requests that were not.
    """

    most: int = 50
    channel_most: int = 5
    channel_seconds: float = 5.0
    told_off: list = field(default_factory=list)
    arrivals: list = field(default_factory=list)
    _window: deque = field(default_factory=deque)
    _buckets: dict = field(default_factory=dict)

    def check(self, method, path):
        """The body, status and headers of the 429 for this request, or None, and it counts."""
        now = asyncio.get_running_loop().time()
        while self._window and self._window[0] <= now - 1:
            self._window.popleft()
        if len(self._window) >= self.most:
            return self._tell_off(path, self._window[0] + 1 - now, is_global=True)
        if bucket := self._bucket(method, path, now):
            if bucket.count >= self.channel_most:
                return self._tell_off(path, bucket.begun + self.channel_seconds - now, is_global=False)
            bucket.count += 1
        self._window.append(now)
        self.arrivals.append(now)
        return None

    def describe(self, method, path):
        """The headers that tell what is left of the channel's limit."""
        now = asyncio.get_running_loop().time()
        bucket = self._bucket(method, path, now)
        if bucket is None:
            return {}
        return {
            "X-RateLimit-Limit": str(self.channel_most),
            "X-RateLimit-Remaining": str(self.channel_most - bucket.count),
            "X-RateLimit-Reset-After": f"{bucket.begun + self.channel_seconds - now:.3f}",
            "X-RateLimit-Bucket": "messages",
        }

    def _bucket(self, method, path, now):
        found = _SENDING.fullmatch(path)
        if method != "POST" or not found:
            return None
        bucket = self._buckets.get(found[1])
        if bucket is None or bucket.begun + self.channel_seconds <= now:
            bucket = self._buckets[found[1]] = Bucket(now)
        return bucket

    def _tell_off(self, path, wait, *, is_global):
        self.told_off.append(path)
        body = {"message": "You are being rate limited.", "retry_after": round(wait, 3), "global": is_global}
        headers = {"Via": "1.1 google", "Retry-After": str(int(wait) + 1)}
        scope = (
            {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
            if is_global
            else {"X-RateLimit-Scope": "user"}
        )
        return body, 429, headers | scope
