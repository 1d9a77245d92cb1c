"""What can go wrong in the world, as one tree.

    BotError
    ├── UserError        a person asked for something that cannot be; the text is for them
    ├── ConfigError      settings or files of the operator are wrong; the text says what to change
    ├── SourceError      arXiv could not be read, or not be believed
    ├── StorageError     nothing was written, or nothing can be read
    └── PlatformError    a chat platform cannot be used now; later it may
        └── PlatformRefusedError   it refuses us for good: the token, or what we ask for, is wrong

Adapters raise these from the original error, for the world's faults only; a bug stays what it is.
The text of a UserError may be shown in a chat. The others are for operators and logs.
"""


class BotError(Exception):
    """The root: anything the bot knows how to explain."""


class UserError(BotError):
    """A person's request cannot be done; the message says what to do instead."""


class ConfigError(BotError):
    """The operator's settings or files are wrong; the message names each of them."""


class SourceError(BotError):
    """A source could not be read or is not to be believed.

    `where` is the address or file, `retry` whether a later attempt may succeed, `reached` whether anybody answered:
    if not, other addresses of the same host need not be tried now.
    """

    def __init__(self, message: str, *, where: str = "", retry: bool = True, reached: bool = True) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.retry = retry
        self.reached = reached


class StorageError(BotError):
    """A read or a write failed; a write that raised this has changed nothing."""


class PlatformError(BotError):
    """A chat platform is down, unreachable, or silent; trying again later makes sense. The text never holds a token."""


class PlatformRefusedError(PlatformError):
    """A chat platform refuses us until its operator changes something, such as the token."""
