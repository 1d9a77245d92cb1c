"""Hand-written stand-ins for the ports; the contract suites check them like the real ones."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date

from bot.errors import StorageError
from bot.model.announcement import Announcement, Batch, merge_batches
from bot.model.card import Mark, MarkedPaper
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.moves import merge_seen, merge_subscriptions, renumber_deliveries
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription


class FakeStorage:
    """In memory; closing and opening again keeps everything, as a restart would."""

    def __init__(self) -> None:
        self._is_open = False
        self._subscriptions: dict[Chat, Subscription] = {}
        self._seen: dict[Chat, dict[ArxivId, date]] = {}
        self._marks: dict[tuple[Chat, str], dict[ArxivId, MarkedPaper]] = {}
        self._notes: dict[str, str] = {}
        self._batches: dict[tuple[date, str], Batch] = {}
        self._progress: dict[Chat, Progress] = {}
        self._deliveries: dict[tuple[Chat, date, int], Delivery] = {}

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
        self._marks = {key: marked for key, marked in self._marks.items() if key[0] != chat}
        self._progress.pop(chat, None)
        self._deliveries = {key: each for key, each in self._deliveries.items() if key[0] != chat}

    async def move_chat(self, old: Chat, new: Chat) -> None:
        self._require_open()
        if old == new:
            return
        subscription = self._subscriptions.pop(old, None)
        if subscription:
            self._subscriptions[new] = merge_subscriptions(new, subscription, self._subscriptions.get(new))
        self._seen[new] = merge_seen(self._seen.pop(old, {}), self._seen.get(new, {}))
        for chat, person in list(self._marks):
            if chat == old:
                moved = self._marks.pop((old, person))
                present = self._marks.get((new, person), {})
                self._marks[new, person] = {key: moved[key] for key in moved if key not in present} | present
        progress = self._progress.pop(old, None)
        if progress:
            self._progress.setdefault(new, progress)
        moved_deliveries = renumber_deliveries(new, self._deliveries_of(old), self._deliveries_of(new))
        self._deliveries = {key: each for key, each in self._deliveries.items() if key[0] != old}
        self._keep(*moved_deliveries)

    async def get_seen(self, chat: Chat) -> Mapping[ArxivId, date]:
        self._require_open()
        return dict(self._seen.get(chat, {}))

    async def add_seen(self, chat: Chat, ids: Sequence[ArxivId], day: date) -> None:
        self._require_open()
        self._seen[chat] = dict.fromkeys(ids, day) | self._seen.get(chat, {})

    async def get_marks(self, chat: Chat, person: str) -> Mapping[ArxivId, MarkedPaper]:
        self._require_open()
        return dict(self._marks.get((chat, person), {}))

    async def get_chat_marks(self, chat: Chat) -> Mapping[str, Mapping[ArxivId, MarkedPaper]]:
        self._require_open()
        return {person: dict(marked) for (there, person), marked in self._marks.items() if there == chat and marked}

    async def change_marks(
        self,
        chat: Chat,
        person: str,
        paper: ArxivId,
        title: str,
        change: Callable[[frozenset[Mark]], frozenset[Mark]],
        day: date,
    ) -> frozenset[Mark]:
        self._require_open()
        marked = dict(self._marks.get((chat, person), {}))
        before = marked.pop(paper, None)
        marks = change(before.marks if before else frozenset())
        if marks:
            marked[paper] = MarkedPaper(paper, title, marks, day)
        self._marks[chat, person] = marked
        return marks

    async def get_note(self, key: str) -> str | None:
        self._require_open()
        return self._notes.get(key)

    async def set_note(self, key: str, text: str) -> None:
        self._require_open()
        self._notes[key] = text
        if not text:
            del self._notes[key]

    async def save_batch(self, batch: Batch) -> None:
        self._require_open()
        self._batches[batch.day, batch.category] = batch

    async def get_announcements(self, since: date) -> tuple[Announcement, ...]:
        self._require_open()
        return merge_batches(self._batches[key] for key in sorted(self._batches) if key[0] >= since)

    async def get_progress(self, chat: Chat) -> Progress | None:
        self._require_open()
        return self._progress.get(chat)

    async def get_all_progress(self) -> Mapping[Chat, Progress]:
        self._require_open()
        return dict(self._progress)

    async def plan(self, chat: Chat, progress: Progress, deliveries: Sequence[Delivery] = ()) -> None:
        self._require_open()
        if chat in self._subscriptions:
            self._progress[chat] = progress
            # In reverse, so that of one key twice the first stays.
            self._keep(*(each for each in reversed(deliveries) if _key(each) not in self._deliveries))

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        self._require_open()
        return self._deliveries_of(chat)

    async def get_open_chats(self) -> tuple[Chat, ...]:
        self._require_open()
        waiting = sorted((each.planned_at, each.chat.key) for each in self._deliveries.values() if each.is_open)
        return tuple(dict.fromkeys(Chat.from_key(key) for _, key in waiting))

    async def record(self, delivery: Delivery) -> bool:
        self._require_open()
        if _key(delivery) not in self._deliveries:
            return False
        self._keep(delivery)
        if delivery.state == DeliveryState.SENT:
            await self.add_seen(delivery.chat, delivery.papers, delivery.changed_at.astimezone(UTC).date())
        return True

    async def count_deliveries(self, since: date) -> Mapping[tuple[str, DeliveryState], int]:
        self._require_open()
        return Counter((each.chat.platform, each.state) for each in self._deliveries.values() if each.day >= since)

    async def prune(self, *, batches_before: date, seen_before: date) -> None:
        self._require_open()
        self._batches = {key: batch for key, batch in self._batches.items() if key[0] >= batches_before}
        for chat, seen in self._seen.items():
            self._seen[chat] = {each: day for each, day in seen.items() if day >= seen_before}
        kept = (each for each in self._deliveries.values() if each.day >= batches_before or each.is_open)
        self._deliveries = {_key(each): each for each in kept}

    async def check(self) -> None:
        self._require_open()

    def _keep(self, *deliveries: Delivery) -> None:
        self._deliveries |= {_key(each): each if each.is_repeatable else replace(each, body="") for each in deliveries}

    def _deliveries_of(self, chat: Chat) -> tuple[Delivery, ...]:
        found = [each for each in self._deliveries.values() if each.chat == chat]
        return tuple(sorted(found, key=lambda each: (each.day, each.part)))

    def _require_open(self) -> None:
        if not self._is_open:
            raise StorageError("the storage is not open")


def _key(delivery: Delivery) -> tuple[Chat, date, int]:
    return delivery.chat, delivery.day, delivery.part
