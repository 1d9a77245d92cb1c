"""What every refusal of both platforms means for a part and its chat: one table.

Telegram's words are those of its server, https://github.com/tdlib/telegram-bot-api (Client.cpp) and TDLib; Discord's
codes those of https://docs.discord.com/developers/topics/opcodes-and-status-codes.
"""

from dataclasses import dataclass

from bot.errors import Remedy
from bot.model.subscription import PauseReason


@dataclass(frozen=True, slots=True)
class Answer:
    """One row. `status` 0 and empty `words` fit any answer; `words` stand in Telegram's description or are Discord's code."""

    platform: str
    status: int
    words: str
    remedy: Remedy
    pause: PauseReason | None = None

    def fits(self, platform: str, status: int, text: str) -> bool:
        """Whether the row is about an answer of `platform` with this status and text, or code."""
        same_status = self.status in (0, status)
        if not self.words or platform == "telegram":
            return platform == self.platform and same_status and self.words in text.lower()
        return platform == self.platform and same_status and self.words == text


ANSWERS = (
    Answer("telegram", 403, "bot was blocked by the user", Remedy.PAUSE, PauseReason.BLOCKED),
    Answer("telegram", 403, "can't initiate conversation", Remedy.PAUSE, PauseReason.BLOCKED),
    Answer("telegram", 403, "user is deactivated", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 403, "was deleted", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 403, "bot was kicked", Remedy.PAUSE, PauseReason.REMOVED),
    Answer("telegram", 403, "not a member", Remedy.PAUSE, PauseReason.REMOVED),
    Answer("telegram", 403, "", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "upgraded to a supergroup", Remedy.MOVE),
    Answer("telegram", 400, "chat not found", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 400, "user not found", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 400, "deactivated", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 400, "peer_id_invalid", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 400, "chat_id_invalid", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 400, "channel_invalid", Remedy.PAUSE, PauseReason.GONE),
    Answer("telegram", 400, "user_is_blocked", Remedy.PAUSE, PauseReason.BLOCKED),
    Answer("telegram", 400, "channel_private", Remedy.PAUSE, PauseReason.REMOVED),
    Answer("telegram", 400, "message thread not found", Remedy.PAUSE, PauseReason.CLOSED),
    Answer("telegram", 400, "topic_", Remedy.PAUSE, PauseReason.CLOSED),
    Answer("telegram", 400, "forum_missing", Remedy.PAUSE, PauseReason.CLOSED),
    Answer("telegram", 400, "not a forum", Remedy.PAUSE, PauseReason.CLOSED),
    Answer("telegram", 400, "rights", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "write access", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "admin_required", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "forbidden", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "chat_restricted", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "user_banned", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "payment_required", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("telegram", 400, "entit", Remedy.PLAIN),
    Answer("telegram", 400, "start tag", Remedy.PLAIN),
    Answer("telegram", 400, "end tag", Remedy.PLAIN),
    # From a Bot API server of one's own, after `logOut`.
    Answer("telegram", 400, "logged out", Remedy.STOP),
    Answer("telegram", 400, "", Remedy.DROP),
    Answer("telegram", 413, "", Remedy.DROP),
    Answer("telegram", 401, "", Remedy.STOP),
    Answer("telegram", 404, "", Remedy.STOP),
    Answer("telegram", 0, "", Remedy.RETRY),
    Answer("discord", 403, "50001", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("discord", 403, "50013", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("discord", 403, "50007", Remedy.PAUSE, PauseReason.BLOCKED),
    # Without a code it is not Discord that refuses, but what stands before it.
    Answer("discord", 403, "0", Remedy.RETRY),
    Answer("discord", 403, "", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("discord", 404, "10003", Remedy.PAUSE, PauseReason.GONE),
    Answer("discord", 404, "10004", Remedy.PAUSE, PauseReason.REMOVED),
    Answer("discord", 404, "0", Remedy.RETRY),
    Answer("discord", 404, "", Remedy.DROP),
    Answer("discord", 400, "50008", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("discord", 400, "50024", Remedy.PAUSE, PauseReason.NO_RIGHTS),
    Answer("discord", 400, "50083", Remedy.PAUSE, PauseReason.CLOSED),
    Answer("discord", 400, "160005", Remedy.PAUSE, PauseReason.CLOSED),
    Answer("discord", 400, "40067", Remedy.DROP),
    Answer("discord", 400, "", Remedy.PLAIN),
    Answer("discord", 401, "", Remedy.STOP),
    Answer("discord", 0, "", Remedy.RETRY),
)
"""The first row that fits is the one that counts. What got no answer at all is not in the table: see each messenger."""


def find_answer(platform: str, status: int, text: str) -> Answer:
    """The row for an answer with this HTTP status, and Telegram's description or Discord's code as text."""
    return next(row for row in ANSWERS if row.fits(platform, status, text))
