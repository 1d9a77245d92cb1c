"""Where a part goes: what kind of channel a chat is, and the thread or post in which a digest goes on."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from discord import ChannelType

from bot.errors import DeliveryError, Remedy
from bot.model.chat import Chat
from handlers.discord.failures import RefusedError
from handlers.discord.rest import DiscordRest

_PERSON = "user:"
_KEPT_SECONDS = 600.0
"""A text channel may become an announcement channel, and a forum get other tags."""
_MOST_THREADS = 1000
_THREAD_EXISTS = 160004
_REQUIRE_TAG = 1 << 4
_TEXT, _NEWS, _THREAD = ChannelType.text.value, ChannelType.news.value, ChannelType.public_thread.value
_FORUMS = (ChannelType.forum.value, ChannelType.media.value)


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, thread or direct message. Of a forum also `guild`, the `tags` that posts may get, and `needs_tag`."""

    id: str
    kind: int
    guild: str = ""
    tags: tuple[Mapping[str, Any], ...] = ()
    needs_tag: bool = False

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Place":
        """The place as GET /channels tells of it."""
        needs_tag = bool(told.get("flags", 0) & _REQUIRE_TAG)
        tags = tuple(told.get("available_tags") or ())
        return cls(str(told["id"]), told["type"], str(told.get("guild_id", "")), tags, needs_tag)

    @property
    def is_forum(self) -> bool:
        """Whether it takes posts alone."""
        return self.kind in _FORUMS

    @property
    def is_news(self) -> bool:
        """Whether messages in it are to be published."""
        return self.kind == _NEWS

    def thread(self, identifier: str) -> "Place":
        """A thread or post of it."""
        return replace(self, id=identifier, kind=_THREAD, tags=())


def choose_tags(forum: Place, name: str) -> list[str]:
    """The id of the tag with this name, else, where a post must have one, of the first that needs no moderator; else none."""
    wanted = name.casefold()
    named = [each for each in forum.tags if wanted and str(each["name"]).casefold() == wanted]
    if not named and forum.needs_tag:
        named = sorted(forum.tags, key=lambda each: bool(each.get("moderated")))
    return [str(each["id"]) for each in named[:1]]


@dataclass(slots=True)
class Places:
    """Finds places, and keeps them for ten minutes. `get_kind` tells the type of a channel if the gateway told it."""

    rest: DiscordRest
    get_kind: Callable[[str], int | None]
    _people: dict[str, str] = field(default_factory=dict)
    _kept: dict[str, tuple[float, Place]] = field(default_factory=dict)
    _threads: dict[tuple[str, str], Place] = field(default_factory=dict)

    async def get_id(self, chat: Chat) -> str:
        """The channel's id; a person's direct messages are opened first. Raises DeliveryError."""
        name = chat.id.removeprefix(_PERSON)
        if not (name.isascii() and name.isdigit()):
            raise DeliveryError(Remedy.DROP, f"{chat.id!r} is no Discord id")
        if name == chat.id:
            return name
        if chat.id not in self._people:
            self._people[chat.id] = str((await self.rest.open_dm(name)).data["id"])
        return self._people[chat.id]

    async def get(self, chat: Chat, root: str = "", name: str = "") -> Place:
        """The chat itself; or, with `root`, where what began with that message goes on. Raises DeliveryError.

        In a text or announcement channel that is a thread called `name`, started from the message where there is none
        yet, or the channel itself where there can be none. In a forum `root` is a post.
        """
        place = await self._find(await self.get_id(chat))
        if root and place.is_forum:
            return place.thread(root)
        if root and place.kind in {_TEXT, _NEWS}:
            return await self._thread(place, root, name)
        return place

    def forget(self, chat: Chat) -> None:
        """Look again when next asked; an error may mean that the chat has changed."""
        identifier = self._people.pop(chat.id, chat.id)
        self._kept.pop(identifier, None)
        self._threads = {key: place for key, place in self._threads.items() if key[0] != identifier}

    async def _find(self, identifier: str) -> Place:
        kind = self.get_kind(identifier)
        if kind is not None and kind not in _FORUMS:
            return Place(identifier, kind)
        now = asyncio.get_running_loop().time()
        if identifier in self._kept and self._kept[identifier][0] > now:
            return self._kept[identifier][1]
        place = Place.from_json((await self.rest.get_channel(identifier)).data)
        self._kept[identifier] = (now + _KEPT_SECONDS, place)
        return place

    async def _thread(self, place: Place, root: str, name: str) -> Place:
        key = (place.id, root)
        if key not in self._threads:
            if len(self._threads) >= _MOST_THREADS:
                self._threads.clear()
            self._threads[key] = await self._start(place, root, name)
        return self._threads[key]

    async def _start(self, place: Place, root: str, name: str) -> Place:
        try:
            await self.rest.start_thread(place.id, root, name)
        except RefusedError as error:
            if error.remedy in {Remedy.RETRY, Remedy.STOP}:
                raise
            # Without the right to make threads, or the message to start one from, the digest goes on in the channel.
            return place.thread(root) if error.code == _THREAD_EXISTS else place
        return place.thread(root)
