"""Unasked messages on Discord: parts of digests, and plain text for owners."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from bot.errors import DeliveryError, Remedy
from bot.model.chat import Chat
from bot.model.message import Message, Outgoing, Part, Receipt
from bot.ports import Clock, Limits
from handlers.discord.failures import RefusedError
from handlers.discord.parts import name_of, render_parts
from handlers.discord.places import Place, Places, choose_tags
from handlers.discord.render import render_text
from handlers.discord.rest import LIMITS, DiscordRest
from handlers.discord.search import explain_unreadable, find_message, find_post
from handlers.discord.view import to_payload, to_plain_payloads

log = logging.getLogger(__name__)

NONCE_SECONDS = 180.0
"""For so long Discord certainly knows a nonce again."""
_SETTLE_SECONDS = 15.0
"""A request whose answer was lost may still be under way for so long."""
# Crossposted already; and where there is nothing to follow, such as a channel that is no announcement channel any more.
_NOTHING_TO_PUBLISH = frozenset({40033, 50024})
_THREAD_IS_SHUT = frozenset({10003, 50083, 160005})
_NONCE_STEM = 23


async def _no_tag(_: Chat) -> str:
    return ""


def _no_kind(_: str) -> int | None:
    return None


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Body:
    """What `Part.body` holds: the payload of one message, and what a post or a thread with it is called."""

    name: str
    payload: dict[str, Any]

    def to_json(self) -> str:
        return json.dumps({"name": self.name, "payload": self.payload}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


class DiscordMessenger:
    """Sends to a channel, thread, forum or direct message by its id, or to a person where the id is `user:123`.

    `get_tag` gives the name of the tag that posts in this forum get, or nothing; `get_kind` the type of a channel where the
    gateway told it, which saves asking for it.
    """

    def __init__(
        self,
        rest: DiscordRest,
        get_tag: Callable[[Chat], Awaitable[str]] = _no_tag,
        get_kind: Callable[[str], int | None] = _no_kind,
        clock: Clock = _utc_now,
    ) -> None:
        self.rest = rest
        self._get_tag = get_tag
        self._clock = clock
        self._places = Places(rest, get_kind)

    def learn_kinds(self, get_kind: Callable[[str], int | None]) -> None:
        """From now on `get_kind` tells the type of a channel, where it can."""
        self._places.get_kind = get_kind

    async def __aenter__(self) -> Self:
        await self.rest.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.rest.__aexit__(kind, error, trace)

    @property
    def limits(self) -> Limits:
        return LIMITS

    def compose(self, chat: Chat, message: Message) -> tuple[Part, ...]:  # noqa: ARG002 - alike in every kind of channel
        name = name_of(message)
        return tuple(
            Part(_Body(name, to_payload(each.message)).to_json(), each.papers) for each in render_parts(message)
        )

    async def deliver(self, chat: Chat, outgoing: Outgoing) -> Receipt:
        try:
            return await self._deliver(chat, outgoing, _Body.from_json(outgoing.body))
        except DeliveryError as error:
            self._places.forget(chat)
            raise _settled(error, is_doubtful=outgoing.unanswered_for is not None) from error

    async def publish(self, chat: Chat, message_id: str) -> None:
        try:
            await self.rest.crosspost(await self._places.get_id(chat), message_id)
        except RefusedError as error:
            if error.code not in _NOTHING_TO_PUBLISH:
                raise _settled(error) from error

    async def send(self, chat: Chat, text: str) -> None:
        name, messages = name_of(Message(text)), [to_payload(each) for each in render_text(text)]
        place = await self._places.get(chat)
        for number, each in enumerate(messages):
            receipt = await self._send_one(chat, place, name, each)
            if place.is_forum and number == 0:
                place = place.thread(receipt.message_id)

    async def _deliver(self, chat: Chat, outgoing: Outgoing, body: _Body) -> Receipt:
        waited = outgoing.unanswered_for
        try:
            place = await self._places.get(chat, outgoing.root, body.name)
        except RefusedError as error:
            raise (error if waited is None else explain_unreadable(error)) from error
        if waited is not None and (place.is_forum or waited >= NONCE_SECONDS):
            if found := await self._find(place, outgoing.nonce, body, waited):
                return Receipt(found, has_to_be_published=place.is_news)
            if waited < _SETTLE_SECONDS:
                wait = _SETTLE_SECONDS - waited
                raise DeliveryError(Remedy.REPEAT, "the lost part may still be on its way", retry_after=wait)
        try:
            return await self._send(chat, place, outgoing.nonce, body)
        except RefusedError as error:
            if not outgoing.root or error.remedy is not Remedy.PAUSE:
                raise
            return await self._send_beside(chat, place, outgoing.nonce, body, error)

    async def _find(self, place: Place, nonce: str, body: _Body, waited: float) -> str:
        began = self._clock().timestamp() - waited
        if place.is_forum:
            return await find_post(self.rest, place, body.name, began, waited)
        return await find_message(self.rest, place.id, nonce, body.payload, began)

    async def _send(self, chat: Chat, place: Place, nonce: str, body: _Body) -> Receipt:
        try:
            return await self._send_one(chat, place, body.name, body.payload, nonce)
        except RefusedError as error:
            if error.remedy is not Remedy.PLAIN or "content" in body.payload:
                raise
            log.warning("markup chat=%s status=refused code=%d, sent as plain text", chat.key, error.code)
        first, *others = to_plain_payloads(body.payload)
        receipt = await self._send_one(chat, place, body.name, first, nonce)
        if place.is_forum:
            place = place.thread(receipt.message_id)
        for number, each in enumerate(others, start=1):
            try:
                await self._send_one(chat, place, body.name, each, f"{nonce[:_NONCE_STEM]}{number:02}")
            except DeliveryError as error:  # the first half is there already
                raise _settled(error, is_doubtful=True) from error
        return receipt

    async def _send_beside(self, chat: Chat, place: Place, nonce: str, body: _Body, refused: RefusedError) -> Receipt:
        """A digest's thread may be closed to us, or gone, without anything being wrong with its chat."""
        channel = await self._places.get(chat)
        if channel.is_forum and refused.code in _THREAD_IS_SHUT:
            raise DeliveryError(Remedy.DROP, f"the digest's post is shut: {refused}") from refused
        if channel.is_forum or channel.id == place.id:
            raise refused
        return await self._send(chat, channel, nonce, body)

    async def _send_one(
        self, chat: Chat, place: Place, name: str, payload: Mapping[str, Any], nonce: str = ""
    ) -> Receipt:
        if place.is_forum:
            tags = choose_tags(place, await self._get_tag(chat))
            answer = await self.rest.open_post(place.id, name, tags, payload)
        else:
            answer = await self.rest.send_message(place.id, payload, nonce)
        return Receipt(str(answer.data["id"]), answer.pause, has_to_be_published=place.is_news)


def _settled(error: DeliveryError, *, is_doubtful: bool = False) -> DeliveryError:
    """The error as it is told outside: plain text was tried already.

    `is_doubtful`: something may be there from before, of which it says nothing that this request certainly did nothing.
    """
    remedy = Remedy.DROP if error.remedy is Remedy.PLAIN else error.remedy
    if is_doubtful and remedy is Remedy.RETRY:
        remedy = Remedy.REPEAT
    return DeliveryError(
        remedy, str(error), retry_after=error.retry_after, is_everywhere=error.is_everywhere, pause=error.pause
    )
