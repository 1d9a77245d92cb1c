"""Hand-written stand-ins for the ports; the contract suites check them like the real ones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.chat import Chat
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription


class FakeStorage:
    """In memory; closing and opening again keeps everything, as a restart would."""

    def __init__(self) -> None:
        self._is_open = False
        self._subscriptions: dict[Chat, Subscription] = {}
        self._seen: dict[Chat, dict[ArxivId, date]] = {}
        self._batches: dict[tuple[date, str], Batch] = {}

    async def open(self) -> None:
        self._is_open = True

    async def close(self) -> None:
        self._is_open = False

    async def get_subscription(self, chat: Chat) -> Subscription | None:
        self._require_open()
        return self._subscriptions.get(chat)

    async def get_subscriptions(self) -> tuple[Subscription, ...]:
        self._require_open()
        return tuple(sorted(self._subscriptions.values(), key=lambda each: each.chat.key))

    async def change_subscription(
        self, chat: Chat, change: Callable[[Subscription | None], Subscription]
    ) -> Subscription:
        self._require_open()
        changed = change(self._subscriptions.get(chat))
        if changed.chat != chat:
            raise ValueError(f"a change of {chat.key} made a subscription of {changed.chat.key}")
        self._subscriptions[chat] = changed
        return changed

    async def forget_chat(self, chat: Chat) -> None:
        self._require_open()
        self._subscriptions.pop(chat, None)
        self._seen.pop(chat, None)

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        self._require_open()
        return dict(self._seen.get(chat, {}))

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        self._require_open()
        self._seen[chat] = dict.fromkeys(ids, day) | self._seen.get(chat, {})

    async def save_batch(self, batch: Batch) -> None:
        self._require_open()
        self._batches[batch.day, batch.category] = batch

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        self._require_open()
        return merge_batches(self._batches[key] for key in sorted(self._batches) if key[0] >= since)

    async def prune(self, *, batches_before: date, seen_before: date) -> None:
        self._require_open()
        self._batches = {key: batch for key, batch in self._batches.items() if key[0] >= batches_before}
        for chat, seen in self._seen.items():
            self._seen[chat] = {each: day for each, day in seen.items() if day >= seen_before}

    async def check(self) -> None:
        self._require_open()

    def _require_open(self) -> None:
        if not self._is_open:
            raise StorageError("the storage is not open")
