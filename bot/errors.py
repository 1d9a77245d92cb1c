"""What can go wrong in the world, as one tree.

    BotError
    ├── UserError        a person asked for something that cannot be; the text is for them
    ├── ConfigError      settings or files of the operator are wrong; the text says what to change
    ├── SourceError      arXiv could not be read, or not be believed
    ├── LLMError         no summary could be had; the paper's abstract stands in
    ├── LibraryError     a paper could not be put into a person's library
    ├── StorageError     nothing was written, or nothing can be read
    └── PlatformError    a chat platform cannot be used now; later it may
        ├── PlatformRefusedError   it refuses us for good: the token, or what we ask for, is wrong
        └── DeliveryError    one part did not, or may not have, arrived; it says what to do about that

Adapters raise these from the original error, for the world's faults only; a bug stays what it is.
The text of a UserError may be shown in a chat. The others are for operators and logs.
"""

from datetime import datetime
from enum import StrEnum


class SourceFault(StrEnum):
    """What is wrong with a source.

    `unreachable`: no answer came. `refused`: it asks us to wait. `invalid`: the answer is incomplete or not to be believed.
    `missing`: it has no such category. `unknown`: anything else.
    """

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    INVALID = "invalid"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Remedy(StrEnum):
    """What to do about a part that was not certainly delivered.

    `retry`: it certainly did not arrive; later it may. `repeat`: the answer was lost; the same request may be made again
    and is then known for the same. `uncertain`: the answer was lost, and nothing tells whether it arrived. `plain`: its
    markup was refused; without it it may pass. `drop`: this part will never be taken. `pause`: nothing can reach this
    chat now. `move`: the chat goes on under another id. `stop`: the platform refuses us altogether.
    """

    RETRY = "retry"
    REPEAT = "repeat"
    UNCERTAIN = "uncertain"
    PLAIN = "plain"
    DROP = "drop"
    PAUSE = "pause"
    MOVE = "move"
    STOP = "stop"


class BotError(Exception):
    """The root: anything the bot knows how to explain."""


class UserError(BotError):
    """A person's request cannot be done; the message says what to do instead."""


class ConfigError(BotError):
    """The operator's settings or files are wrong; the message names each of them."""


class SourceError(BotError):
    """A source could not be read or is not to be believed.

    `where` is the address or file, `retry` whether a later attempt may succeed, `reached` whether anybody answered:
    if not, other addresses of the same host need not be tried now. `fault` is what can be told to anybody;
    `until` is the aware instant until which a source that refused us is left alone, where that is known.
    """

    def __init__(  # noqa: PLR0913 - whoever catches it has as many questions
        self,
        message: str,
        *,
        where: str = "",
        retry: bool = True,
        reached: bool = True,
        fault: SourceFault = SourceFault.UNKNOWN,
        until: datetime | None = None,
    ) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.retry = retry
        self.reached = reached
        self.fault = fault
        self.until = until


class LLMError(BotError):
    """A language model gave nothing that can be used. The text holds no key and nothing that the model wrote.

    `spent`: tokens that were used up all the same; `retry_after`: seconds until it makes sense to ask again, 0 if unknown;
    `is_final`: asking again for the same makes no sense.
    """

    def __init__(self, message: str, *, spent: int = 0, retry_after: float = 0.0, is_final: bool = False) -> None:
        super().__init__(message)
        self.spent = spent
        self.retry_after = retry_after
        self.is_final = is_final


class LibraryError(BotError):
    """A reference manager did not do what it was asked. The text holds no key.

    `retry_after`: seconds until it makes sense to ask again, 0 if unknown; `is_refused`: the key is not valid (any more);
    `is_final`: this paper will never be taken.
    """

    def __init__(
        self, message: str, *, retry_after: float = 0.0, is_refused: bool = False, is_final: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_refused = is_refused
        self.is_final = is_final


class StorageError(BotError):
    """A read or a write failed; a write that raised this has changed nothing."""


class PlatformError(BotError):
    """A chat platform is down, unreachable, or silent; trying again later makes sense. The text never holds a token."""


class PlatformRefusedError(PlatformError):
    """A chat platform refuses us until its operator changes something, such as the token."""


class DeliveryError(PlatformError):
    """A part was not certainly delivered. The text is for logs and never holds a token or what the part says.

    `retry_after`: seconds that the platform asks us to wait, 0 if it does not say; `is_everywhere`: that holds for all
    chats of the platform, as where it cannot be reached. `pause`: with `Remedy.PAUSE`, one of `bot.model.subscription`'s
    `PauseReason`. `moved_to`: with `Remedy.MOVE`, the new id of the chat.
    """

    def __init__(  # noqa: PLR0913 - each remedy has its own detail
        self,
        remedy: Remedy,
        message: str,
        *,
        retry_after: float = 0.0,
        is_everywhere: bool = False,
        pause: str = "",
        moved_to: str = "",
    ) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.retry_after = retry_after
        self.is_everywhere = is_everywhere
        self.pause = pause
        self.moved_to = moved_to
