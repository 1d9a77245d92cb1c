"""What becomes of a chat that goes on under another identity. Pure.

Telegram makes a supergroup of a basic group: https://core.telegram.org/bots/api#message (migrate_to_chat_id).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from bot.model.chat import Chat
from bot.model.delivery import Delivery
from bot.model.follow import Follow
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription


def merge_subscriptions(chat: Chat, old: Subscription, new: Subscription | None) -> Subscription:
    """The subscription of the new `chat`: its own settings and mutes, what both follow, and the earlier `created`.

    Where the new chat has none yet, it takes all of the old one's.
    """
    if new is None:
        return replace(old, chat=chat)
    return replace(
        new,
        created=min(old.created, new.created),
        categories=tuple(dict.fromkeys((*new.categories, *old.categories))),
        topics=tuple(dict.fromkeys((*new.topics, *old.topics))),
        muted=(*new.muted, *(each for each in old.muted if each not in new.topics)),
    )


def merge_seen(old: Mapping[ArxivId, date], new: Mapping[ArxivId, date]) -> dict[ArxivId, date]:
    """The ids that either chat got, each with the earlier of its days."""
    return {each: min(old.get(each, date.max), new.get(each, date.max)) for each in (*new, *old)}


def merge_follows(old: Mapping[ArxivId, Follow], new: Mapping[ArxivId, Follow]) -> dict[ArxivId, Follow]:
    """What either chat follows, for whatever reason either has; of a paper both were told of, the newer version."""
    merged = dict(old)
    for identifier, follow in new.items():
        known = merged.pop(identifier, follow)
        merged[identifier] = Follow(
            max(follow.known, known.known, key=lambda each: each.number),
            follow.is_asked or known.is_asked,
            tuple(dict.fromkeys((*follow.savers, *known.savers))),
        )
    return merged


def renumber_deliveries(chat: Chat, old: Iterable[Delivery], new: Iterable[Delivery]) -> list[Delivery]:
    """The old chat's deliveries as those of the new `chat`: behind the parts that it has of the same day."""
    last: dict[date, int] = {}
    for each in new:
        last[each.day] = max(each.part, last.get(each.day, 0))
    return [
        replace(each, chat=chat, part=each.part + last.get(each.day, 0), first=each.first + last.get(each.day, 0))
        for each in old
    ]
