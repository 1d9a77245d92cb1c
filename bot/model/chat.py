"""A chat: a destination on any platform."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chat:
    """A place that digests go to. A Telegram forum topic and a Discord thread are a chat with `thread` set."""

    platform: str
    id: str
    thread: str = ""

    @property
    def key(self) -> str:
        """One string per chat, stable for ever: the key in every storage."""
        return f"{self.platform}:{self.id}:{self.thread}" if self.thread else f"{self.platform}:{self.id}"

    @classmethod
    def from_key(cls, key: str) -> "Chat":
        """The chat whose `key` this is."""
        platform, identifier, *thread = key.split(":", 2)
        return cls(platform, identifier, *thread)
