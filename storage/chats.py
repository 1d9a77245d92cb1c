"""What concerns several tables of a chat at once."""

from collections.abc import Sequence
from datetime import UTC, date

from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Version
from storage import deliveries, follows, marks, moments, seen, subscriptions
from storage.journal import JournalTinyDB


def forget_chat(chats: JournalTinyDB, chat: Chat) -> None:
    """Erase what is known of the chat."""
    subscriptions.forget_subscription(chats, chat)
    seen.forget_seen(chats, chat)
    marks.forget_marks(chats, chat)
    follows.forget_follows(chats, chat)
    deliveries.forget_deliveries(chats, chat)
    moments.forget_choices(chats, chat)
    moments.forget_questions(chats, chat)


def move_chat(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let what is known of `old` be known of `new`."""
    subscriptions.move_subscription(chats, old, new)
    seen.move_seen(chats, old, new)
    marks.move_marks(chats, old, new)
    follows.move_follows(chats, old, new)
    deliveries.move_deliveries(chats, old, new)
    moments.move_choices(chats, old, new)
    moments.forget_questions(chats, old)


def plan(
    chats: JournalTinyDB,
    chat: Chat,
    progress: Progress | None,
    planned: Sequence[Delivery],
    versions: Sequence[Version],
) -> None:
    """Keep what is planned for the chat, as long as it reads anything."""
    if subscriptions.is_subscribed(chats, chat):
        if progress is not None:
            subscriptions.put_progress(chats, chat, progress)
        deliveries.add_deliveries(chats, planned)
        follows.note_versions(chats, chat, versions)


def plan_after(  # noqa: PLR0913, PLR0917 - the port's
    chats: JournalTinyDB,
    chat: Chat,
    before: Progress | None,
    progress: Progress | None,
    planned: Sequence[Delivery],
    versions: Sequence[Version],
) -> bool:
    """Plan, unless the progress is another than `before`, or one of the deliveries is there; whether it was done."""
    taken = {(each.day, each.part) for each in deliveries.find_deliveries(chats, chat)}
    is_as_before = subscriptions.find_progress(chats, chat) == before
    if not is_as_before or any((each.day, each.part) in taken for each in planned):
        return False
    plan(chats, chat, progress, planned, versions)
    return True


def record(chats: JournalTinyDB, delivery: Delivery) -> bool:
    """Replace the one of this key, and let what was sent count as seen; False where there is none."""
    is_known = deliveries.replace_delivery(chats, delivery)
    if is_known and delivery.state == DeliveryState.SENT:
        seen.add_seen(chats, delivery.chat, delivery.papers, delivery.changed_at.astimezone(UTC).date())
    return is_known


def record_after(chats: JournalTinyDB, before: Delivery, delivery: Delivery) -> bool:
    """Record, unless the one of its key is another than `before`."""
    return before in deliveries.find_deliveries(chats, before.chat) and record(chats, delivery)


def prune_chats(chats: JournalTinyDB, batches_before: date, seen_before: date) -> None:
    """Drop what was delivered on earlier days."""
    seen.prune_seen(chats, seen_before)
    deliveries.prune_deliveries(chats, batches_before)
