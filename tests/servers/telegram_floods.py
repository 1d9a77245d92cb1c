"""Telegram's limits, kept to the letter: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Floods:
    """Sliding windows over the messages that were let in, by the time they arrived; what is refused does not count.

    `overall` in any second, one in any second and chat, `crowd` in any `minute` and group or channel. `refused` counts the
    messages that came too early.
    """

    overall: int = 30
    crowd: int = 20
    minute: float = 60.0
    refused: int = 0
    _all: deque = field(default_factory=deque)
    _chats: dict = field(default_factory=lambda: defaultdict(deque))

    def admit(self, chat, now):
        """Seconds until a message to `chat` may come; 0, and it is counted, where it may now."""
        mine = self._chats[chat]
        for times, span in ((self._all, 1.0), (mine, self.minute)):
            while times and times[0] <= now - span:
                times.popleft()
        wait = max(
            self._all[-self.overall] + 1.0 - now if len(self._all) >= self.overall else 0.0,
            mine[-1] + 1.0 - now if mine else 0.0,
            mine[-self.crowd] + self.minute - now if chat < 0 and len(mine) >= self.crowd else 0.0,
        )
        if wait > 0:
            self.refused += 1
            return math.ceil(wait)
        self._all.append(now)
        mine.append(now)
        return 0
