"""Looks whether a part whose answer was lost is there. Each function gives the id of what it found, or nothing where it
is certain that there is nothing; where that cannot be told it raises DeliveryError with `Remedy.UNCERTAIN`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from discord.utils import snowflake_time

from bot.errors import DeliveryError, Remedy
from handlers.discord.failures import RefusedError
from handlers.discord.places import Place
from handlers.discord.rest import DiscordRest
from handlers.discord.view import texts_in, to_plain_payloads

_FORBIDDEN, _UNKNOWN_CHANNEL = 403, 10003
_MOST = 100
_SLACK_SECONDS = 60.0
"""How far our clock and Discord's may be apart."""
_ARCHIVE_SECONDS = 3600.0
"""A post that nobody writes in is not active any more after an hour at the earliest."""


async def find_message(rest: DiscordRest, channel: str, nonce: str, payload: Mapping[str, Any], began: float) -> str:
    """Our message in the channel that has the nonce, or was sent after `began` (seconds since 1970) with the same words."""
    since = began - _SLACK_SECONDS
    try:
        me, history = str((await rest.get_me()).data["id"]), (await rest.get_messages(channel, _MOST)).data
    except RefusedError as error:
        if error.code == _UNKNOWN_CHANNEL:
            return ""
        raise explain_unreadable(error) from error
    wanted = {_words(payload), _words(to_plain_payloads(payload)[0])}
    for each in history:
        is_same = str(each.get("nonce", "")) == nonce or (_sent(each["id"]) >= since and _words(each) in wanted)
        if str(each["author"]["id"]) == me and is_same:
            return str(each["id"])
    if not await _is_all(rest, channel, history, since):
        raise DeliveryError(Remedy.UNCERTAIN, "The channel's history does not show whether the lost part arrived")
    return ""


async def find_post(rest: DiscordRest, forum: Place, name: str, began: float, waited: float) -> str:
    """Our post in the forum that has this name and was opened after `began`, which was `waited` seconds ago."""
    try:
        me, told = str((await rest.get_me()).data["id"]), (await rest.get_active_threads(forum.guild)).data
    except RefusedError as error:
        raise explain_unreadable(error) from error
    for each in told["threads"]:
        whose = (str(each.get("parent_id")), str(each.get("owner_id")), each.get("name"))
        if whose == (forum.id, me, name) and _sent(each["id"]) >= began - _SLACK_SECONDS:
            return str(each["id"])
    if waited >= _ARCHIVE_SECONDS:
        raise DeliveryError(Remedy.UNCERTAIN, "The lost post may be archived already")
    return ""


def explain_unreadable(error: RefusedError) -> DeliveryError:
    """What it means that we may not look: not knowing. Any other error stays as it is."""
    if error.status != _FORBIDDEN or error.remedy is not Remedy.PAUSE:
        return error
    return DeliveryError(Remedy.UNCERTAIN, f"What was lost cannot be looked for: {error}")


async def _is_all(rest: DiscordRest, channel: str, history: Sequence[Mapping[str, Any]], since: float) -> bool:
    """Whether the history shows all that was sent since then.

    Without the right to read it, it is empty: https://docs.discord.com/developers/resources/message#get-channel-messages
    """
    if history:
        return len(history) < _MOST or _sent(history[-1]["id"]) < since
    last = (await rest.get_channel(channel)).data.get("last_message_id")
    return last is None or _sent(last) < since


def _words(message: Mapping[str, Any]) -> str:
    return " ".join(" ".join(texts_in(message)).split())


def _sent(identifier: object) -> float:
    return snowflake_time(int(str(identifier))).timestamp()
