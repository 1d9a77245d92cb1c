"""Use cases behind the commands that change what a chat reads.

Every method that changes a subscription returns it as it then stands, raises UserError for what cannot be done and StorageError
where it could not be kept; in both cases nothing has changed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2s
from secrets import token_bytes

from bot.chat_config import ChatConfig
from bot.errors import UserError
from bot.feeding import Feeding
from bot.language import later, tr
from bot.lessons import Lessons
from bot.model.chat import Chat
from bot.model.subscription import ON_ANNOUNCEMENT, Pause, PauseReason, Subscription
from bot.ports import Clock, Storage
from bot.preferences import find_preference
from bot.sharing import Sharing
from bot.taxonomy import Taxonomy
from bot.topics import compile_topic, split_weight, weigh_topic
from bot.zones import UTC_NAME

MAX_TOPICS = 200
MAX_CATEGORIES = 100
WEIGHTS = (1.0, 2.0, 3.0, 0.5)
"""What the weight of a topic goes through, in this order, when it is changed step by step."""
_TOO_MANY_TOPICS = later("A chat can follow at most {limit} topics; this would make {count}.")
_TOO_MANY_CATEGORIES = later("A chat can follow at most {limit} categories; this would make {count}.")


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What chats follow. `language`, `schedule` and `timezone` are those of new chats.

    `on_change` is told that some chat may follow something new.
    """

    storage: Storage
    taxonomy: Taxonomy
    clock: Clock
    language: str = "en"
    schedule: str = ON_ANNOUNCEMENT
    timezone: str = UTC_NAME
    on_change: Callable[[], None] = lambda: None

    async def get(self, chat: Chat) -> Subscription:
        """The chat's subscription; an empty one, not kept, if it has none."""
        return await self.storage.get_subscription(chat) or self._new(chat)

    async def keep(self, chat: Chat) -> Subscription:
        """Keep the chat's subscription, even an empty one: whatever is sent unasked needs one."""
        return await self.storage.change_subscription(chat, lambda known: known or self._new(chat))

    async def add_topic(self, chat: Chat, text: str) -> Subscription:
        """Follow a topic, checked; one that means the same as a followed one is refused, or takes its place with another weight."""
        topic = " ".join(text.split())
        key = compile_topic(topic).key

        def change(subscription: Subscription) -> Subscription:
            for known in subscription.topics:
                if compile_topic(known).key == key:
                    raise UserError(_already(known, is_muted=known in subscription.muted))
                if _meaning(known) == _meaning(topic):
                    return _exchange(subscription, known, topic)
            return replace(subscription, topics=_within((*subscription.topics, topic), MAX_TOPICS, _TOO_MANY_TOPICS))

        return await self._change(chat, change)

    async def remove_topic(self, chat: Chat, text: str) -> tuple[Subscription, str]:
        """Stop following the topic with this number in the list, tag or text; also returns what was removed."""

        def remove(subscription: Subscription, topic: str) -> Subscription:
            left, muted = _without(subscription.topics, topic), _without(subscription.muted, topic)
            return replace(subscription, topics=left, muted=muted)

        return await self._change_topic(chat, text, remove)

    async def mute_topic(self, chat: Chat, text: str) -> tuple[Subscription, str]:
        """Let the topic with this number, tag or text count for nothing, or count again; also returns the topic."""

        def mute(subscription: Subscription, topic: str) -> Subscription:
            muted = subscription.muted
            return replace(subscription, muted=_without(muted, topic) if topic in muted else (*muted, topic))

        return await self._change_topic(chat, text, mute)

    async def weigh_topic(self, chat: Chat, text: str) -> tuple[Subscription, str]:
        """Give the topic with this number, tag or text the next of `WEIGHTS`; also returns it as it then reads."""
        weighed = ""

        def weigh(subscription: Subscription, topic: str) -> Subscription:
            nonlocal weighed
            weighed = _with_next_weight(topic)
            return _exchange(subscription, topic, weighed)

        subscription, _ = await self._change_topic(chat, text, weigh)
        return subscription, weighed

    async def clear_topics(self, chat: Chat) -> Subscription:
        """Stop following every topic."""
        return await self._change(chat, lambda subscription: replace(subscription, topics=(), muted=()))

    async def add_categories(self, chat: Chat, names: Sequence[str]) -> tuple[Subscription, tuple[str, ...]]:
        """Follow categories by their codes, all or none; also returns those that are new, spelled as arXiv does."""
        codes = tuple(dict.fromkeys(self.taxonomy.check(name) for name in names))
        before = set((await self.get(chat)).categories)

        def change(subscription: Subscription) -> Subscription:
            wanted = tuple(dict.fromkeys((*subscription.categories, *codes)))
            return replace(subscription, categories=_within(wanted, MAX_CATEGORIES, _TOO_MANY_CATEGORIES))

        return await self._change(chat, change), tuple(code for code in codes if code not in before)

    async def remove_category(self, chat: Chat, text: str) -> tuple[Subscription, str]:
        """Stop following the category with this number in the list, tag or code; also returns what was removed."""
        removed = ""

        def remove(subscription: Subscription) -> Subscription:
            nonlocal removed
            removed = _find(subscription.categories, text, "/categories")
            return replace(subscription, categories=_without(subscription.categories, removed))

        return await self._change(chat, remove), removed

    async def set_preference(self, chat: Chat, name: str, value: str) -> Subscription:
        """Change one setting."""
        return await self.set_preferences(chat, {name: value})

    async def set_preferences(self, chat: Chat, values: Mapping[str, str]) -> Subscription:
        """Change several settings, all or none."""
        return await self._change(chat, lambda subscription: _with_preferences(subscription, values))

    async def pause(self, chat: Chat, until: datetime | None) -> Subscription:
        """Send nothing until this instant, or until somebody resumes it, as somebody in the chat asked for."""
        pause = Pause(PauseReason.ASKED, self.clock(), until)
        return await self._change(chat, lambda subscription: replace(subscription, pause=pause))

    async def pause_for(self, chat: Chat, reason: PauseReason) -> bool:
        """Send nothing, as the platform does not let us. False, and nothing is changed, where the chat is paused already or
        has no subscription.
        """
        now = self.clock()

        def change(subscription: Subscription | None) -> Subscription:
            if subscription is None or subscription.is_paused(now):
                raise _NothingToPauseError
            return replace(subscription, pause=Pause(reason, now))

        try:
            await self.storage.change_subscription(chat, change)
        except _NothingToPauseError:
            return False
        return True

    async def resume(self, chat: Chat) -> Subscription:
        """End a pause, whatever its reason. Fine where there is none."""
        subscription = await self.get(chat)
        if subscription.pause is None:
            return subscription
        return await self._change(chat, lambda subscription: replace(subscription, pause=None))

    async def import_config(self, chat: Chat, config: ChatConfig) -> Subscription:
        """Replace categories, topics and settings by those of `config`.

        Settings it does not state take their default, but for the language, the schedule and its time zone, which stay.
        """
        return await self._change(chat, lambda subscription: with_config(subscription, config, self.taxonomy))

    async def add_config(self, chat: Chat, config: ChatConfig) -> tuple[Subscription, tuple[str, ...], tuple[str, ...]]:
        """Add the categories and topics of `config`; also returns those categories and topics that are new here."""
        codes = tuple(dict.fromkeys(self.taxonomy.check(name) for name in config.categories))
        keys = {_meaning(topic): topic for topic in config.topics}
        before = await self.get(chat)

        def change(subscription: Subscription) -> Subscription:
            known = {_meaning(topic) for topic in subscription.topics}
            topics = (*subscription.topics, *(topic for key, topic in keys.items() if key not in known))
            categories = tuple(dict.fromkeys((*subscription.categories, *codes)))
            return replace(
                subscription,
                topics=_within(topics, MAX_TOPICS, _TOO_MANY_TOPICS),
                categories=_within(categories, MAX_CATEGORIES, _TOO_MANY_CATEGORIES),
            )

        after = await self._change(chat, change)
        return after, _new(after.categories, before.categories), _new(after.topics, before.topics)

    async def move(self, old: Chat, new: Chat) -> None:
        """Let `new` go on as `old`, with all that is known of it and its link; moving twice is the same as once."""
        await Sharing(self.storage).move(old, new)
        await Lessons(self.storage).move(old, new)
        await Feeding(self.storage, self.clock, token_bytes).move(old, new)
        await self.storage.move_chat(old, new)

    async def forget(self, chat: Chat) -> None:
        """Erase all that is known of the chat, and what it shared."""
        await Sharing(self.storage).forget(chat)
        await Lessons(self.storage).forget(chat)
        await Feeding(self.storage, self.clock, token_bytes).forget(chat)
        await self.storage.forget_chat(chat)

    def _new(self, chat: Chat) -> Subscription:
        return Subscription(chat, self.clock(), language=self.language, schedule=self.schedule, timezone=self.timezone)

    async def _change(self, chat: Chat, change: Callable[[Subscription], Subscription]) -> Subscription:
        changed = await self.storage.change_subscription(chat, lambda known: change(known or self._new(chat)))
        self.on_change()
        return changed

    async def _change_topic(
        self, chat: Chat, text: str, change: Callable[[Subscription, str], Subscription]
    ) -> tuple[Subscription, str]:
        topic = ""

        def change_found(subscription: Subscription) -> Subscription:
            nonlocal topic
            topic = _find(subscription.topics, text, "/topics")
            return change(subscription, topic)

        return await self._change(chat, change_found), topic


class _NothingToPauseError(Exception):
    """Takes a change back that would change nothing."""


def with_config(subscription: Subscription, config: ChatConfig, taxonomy: Taxonomy) -> Subscription:
    """The subscription as `import_config` leaves it. Raises UserError that says what of it cannot be."""
    codes = tuple(dict.fromkeys(taxonomy.check(name) for name in config.categories))
    for topic in config.topics:
        compile_topic(topic)
    fresh = Subscription(
        subscription.chat,
        subscription.created,
        _within(codes, MAX_CATEGORIES, _TOO_MANY_CATEGORIES),
        _within(config.topics, MAX_TOPICS, _TOO_MANY_TOPICS),
        language=subscription.language,
        schedule=subscription.schedule,
        timezone=subscription.timezone,
        pause=subscription.pause,
        muted=tuple(each for each in config.topics if each in config.muted),
    )
    return _with_preferences(fresh, config.settings)


def _with_preferences(subscription: Subscription, values: Mapping[str, str]) -> Subscription:
    for name, value in values.items():
        subscription = find_preference(name).set(subscription, value)
    return subscription


def tag_of(entry: str) -> str:
    """`#1a2b3c4d`, short enough for a button: it names this entry whatever its number and weight are by the time it is pressed."""
    return "#" + blake2s(split_weight(entry)[0].encode(), digest_size=4).hexdigest()


def _already(topic: str, *, is_muted: bool) -> str:
    if is_muted:
        return tr(
            "This chat already follows {topic}, but it is muted; /topics has a button that unmutes it.", topic=topic
        )
    return tr("This chat already follows {topic}.", topic=topic)


def _with_next_weight(topic: str) -> str:
    """The topic with the weight after its own, or with the first where its own is none of them."""
    if compile_topic(topic).is_exclusion:
        raise UserError(tr("{topic} leaves papers out, so it has no weight.", topic=topic))
    _, weight = split_weight(topic)
    place = WEIGHTS.index(weight) + 1 if weight in WEIGHTS else 0
    weighed = weigh_topic(topic, WEIGHTS[place % len(WEIGHTS)])
    compile_topic(weighed)  # raises UserError for one that has become too long
    return weighed


def _without(entries: tuple[str, ...], entry: str) -> tuple[str, ...]:
    return tuple(each for each in entries if each != entry)


def _exchange(subscription: Subscription, old: str, new: str) -> Subscription:
    """The topic `new` in the place of `old`, muted as that was."""
    topics, muted = (
        tuple(new if each == old else each for each in entries) for entries in (subscription.topics, subscription.muted)
    )
    return replace(subscription, topics=topics, muted=muted)


def _meaning(topic: str) -> str:
    """Equal for topics that find the same, whatever their weight as a whole."""
    return compile_topic(split_weight(topic)[0]).key


def _new(after: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    return tuple(each for each in after if each not in before)


def _within(entries: tuple[str, ...], limit: int, refusal: str) -> tuple[str, ...]:
    if len(entries) > limit:
        raise UserError(tr(refusal, limit=limit, count=len(entries)))
    return entries


def _find(entries: tuple[str, ...], text: str, command: str) -> str:
    """The entry with this number (from 1), tag or text, whatever its case, quotes and weight."""
    wanted = " ".join(text.split())
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(entries):
        return entries[int(wanted) - 1]
    for entry in entries:
        if wanted == tag_of(entry) or _named(wanted) in (_named(entry), _named(split_weight(entry)[0])):
            return entry
    if not entries:
        raise UserError(tr("There is nothing to remove or to change: {command} is empty.", command=command))
    raise UserError(
        tr(
            '"{entry}" is not in the list. {command} shows it with numbers, 1 to {last}.',
            entry=wanted,
            command=command,
            last=len(entries),
        )
    )


def _named(entry: str) -> str:
    return entry.casefold().strip('"')
