"""The tables `subscriptions` and `progress`, one document for each chat: their ids are chat keys."""

from collections.abc import Callable

from bot.model.chat import Chat
from bot.model.delivery import Progress
from bot.model.moves import merge_subscriptions
from bot.model.subscription import Subscription
from storage.codec import (
    Document,
    progress_from_document,
    progress_to_document,
    subscription_from_document,
    subscription_to_document,
)
from storage.journal import JournalTinyDB
from storage.table import DecodedTable

_SUBSCRIPTIONS, _PROGRESS = "subscriptions", "progress"


def find_subscription(chats: JournalTinyDB, chat: Chat) -> Subscription | None:
    """What the chat reads."""
    document = chats.table(_SUBSCRIPTIONS).find(chat.key)
    return None if document is None else subscription_from_document(chat.key, document)


def is_subscribed(chats: JournalTinyDB, chat: Chat) -> bool:
    """Whether anything is known of what the chat reads."""
    return chats.table(_SUBSCRIPTIONS).find(chat.key) is not None


def subscription_table(chats: JournalTinyDB) -> DecodedTable:
    """For `subscription_from_document`, in any thread."""
    return chats.table(_SUBSCRIPTIONS).freeze()


def put_subscription(chats: JournalTinyDB, subscription: Subscription) -> None:
    """Keep it in the place of any of its chat."""
    chats.table(_SUBSCRIPTIONS).replace(subscription.chat.key, subscription_to_document(subscription))


def change_subscription(
    chats: JournalTinyDB, chat: Chat, change: Callable[[Subscription | None], Subscription]
) -> Subscription:
    """Keep what `change` makes of it. Raises ValueError where that is of another chat."""
    changed = change(find_subscription(chats, chat))
    if changed.chat != chat:
        raise ValueError(f"a change of {chat.key} made a subscription of {changed.chat.key}")
    put_subscription(chats, changed)
    return changed


def find_progress(chats: JournalTinyDB, chat: Chat) -> Progress | None:
    """How far the chat has got."""
    document = chats.table(_PROGRESS).find(chat.key)
    return None if document is None else progress_from_document(document)


def progress_table(chats: JournalTinyDB) -> DecodedTable:
    """For `decode_progress`, in any thread."""
    return chats.table(_PROGRESS).freeze()


def decode_progress(key: str, document: Document) -> tuple[Chat, Progress]:
    """A chat, and how far it has got."""
    return Chat.from_key(key), progress_from_document(document)


def put_progress(chats: JournalTinyDB, chat: Chat, progress: Progress) -> None:
    """Keep it in the place of any of the chat."""
    chats.table(_PROGRESS).replace(chat.key, progress_to_document(progress))


def forget_subscription(chats: JournalTinyDB, chat: Chat) -> None:
    """Erase what the chat reads, and how far it has got."""
    chats.table(_SUBSCRIPTIONS).discard(chat.key)
    chats.table(_PROGRESS).discard(chat.key)


def move_subscription(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let `new` read what either does; it goes on from where it was itself, or else from where `old` was."""
    moved = find_subscription(chats, old)
    if moved is not None:
        put_subscription(chats, merge_subscriptions(new, moved, find_subscription(chats, new)))
        chats.table(_SUBSCRIPTIONS).discard(old.key)
    table = chats.table(_PROGRESS)
    progress = table.find(old.key)
    if progress is not None:
        table.replace(new.key, table.find(new.key) or progress)
        table.discard(old.key)
