"""The table `notes`: short texts, which belong to nobody; its ids are the callers' keys."""

from collections.abc import Callable, Mapping

from storage.journal import JournalTinyDB

_NOTES = "notes"


def find_note(chats: JournalTinyDB, key: str) -> str | None:
    """The text."""
    document = chats.table(_NOTES).find(key)
    return None if document is None else document["text"]


def find_notes(chats: JournalTinyDB, prefix: str) -> Mapping[str, str]:
    """The texts whose keys begin so, by key."""
    frozen = chats.table(_NOTES).freeze()
    return {key: frozen[key]["text"] for key in sorted(key for key in frozen if key.startswith(prefix))}


def put_note(chats: JournalTinyDB, key: str, text: str) -> None:
    """Keep this text in the place of any other; an empty one is none."""
    if text:
        chats.table(_NOTES).replace(key, {"text": text})
    else:
        chats.table(_NOTES).discard(key)


def change_note(chats: JournalTinyDB, key: str, change: Callable[[str], str]) -> str:
    """Keep what `change` makes of the text, empty where there is none."""
    text = change(find_note(chats, key) or "")
    put_note(chats, key, text)
    return text
