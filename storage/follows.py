"""The tables of follows, laid out so that a button rewrites one paper, and an announcement finds its readers at once.

`follows`: one document for each chat and paper; its ids are JSON, `["telegram:1","2611.00001"]`.
`following`: the papers that a chat follows, the one begun last at the end; its ids are chat keys.
`followers`: the chats that follow a paper, with the paper's categories; its ids are papers. The three always agree.
"""

from collections.abc import Callable, Iterable, Mapping

from bot.model.chat import Chat
from bot.model.follow import Follow, Version
from bot.model.moves import merge_follows
from bot.model.paper import ArxivId
from storage.codec import Document, follow_from_document, follow_to_document
from storage.journal import JournalTinyDB
from storage.records import encode_document
from storage.table import DecodedTable

_FOLLOWS, _FOLLOWING, _FOLLOWERS = "follows", "following", "followers"


def find_follow(chats: JournalTinyDB, chat: Chat, paper: ArxivId) -> Follow | None:
    """The chat's follow of this paper."""
    document = chats.table(_FOLLOWS).find(follow_id(chat, paper))
    return None if document is None else follow_from_document(document)


def find_follows(chats: JournalTinyDB, chat: Chat) -> dict[ArxivId, Follow]:
    """All that the chat follows, in its order."""
    found = ((each, find_follow(chats, chat, each)) for each in _following(chats, chat))
    return {paper: follow for paper, follow in found if follow is not None}


def find_followers(chats: JournalTinyDB, paper: ArxivId) -> dict[Chat, Follow]:
    """The follows of the paper by chat, ordered by chat key."""
    followers = map(Chat.from_key, sorted(_followers(chats, paper)["chats"]))
    found = ((each, find_follow(chats, each, paper)) for each in followers)
    return {chat: follow for chat, follow in found if follow is not None}


def followed_table(chats: JournalTinyDB) -> DecodedTable:
    """For `decode_followed`, in any thread."""
    return chats.table(_FOLLOWERS).freeze()


def decode_followed(paper: str, document: Document) -> tuple[ArxivId, tuple[str, ...]]:
    """A followed paper with its categories."""
    return ArxivId(paper), tuple(document["categories"])


def change_follow(
    chats: JournalTinyDB, chat: Chat, paper: ArxivId, change: Callable[[Follow | None], Follow | None]
) -> Follow | None:
    """Keep what `change` makes of the follow; None ends it."""
    changed = change(find_follow(chats, chat, paper))
    replace_follow(chats, chat, paper, changed)
    return changed


def replace_follow(chats: JournalTinyDB, chat: Chat, paper: ArxivId, follow: Follow | None) -> None:
    """Keep this follow instead of any before; None ends it."""
    document_id, papers, followers = follow_id(chat, paper), _following(chats, chat), _followers(chats, paper)
    others = [key for key in followers["chats"] if key != chat.key]
    if follow is None:
        chats.table(_FOLLOWS).discard(document_id)
        papers = [each for each in papers if each != paper]
    else:
        chats.table(_FOLLOWS).replace(document_id, follow_to_document(follow))
        papers = papers if paper in papers else [*papers, paper]
        others.append(chat.key)
        followers["categories"] = follow.known.categories or followers["categories"]
    _keep(chats, _FOLLOWING, chat.key, {"papers": papers}, is_empty=not papers)
    _keep(chats, _FOLLOWERS, paper, {**followers, "chats": others}, is_empty=not others)


def note_versions(chats: JournalTinyDB, chat: Chat, versions: Iterable[Version]) -> None:
    """Let the chat's follows know these versions."""
    for version in versions:
        follow = find_follow(chats, chat, version.id)
        if follow is not None and follow.known.number < version.number:
            replace_follow(chats, chat, version.id, Follow(version, follow.is_asked, follow.savers))


def forget_follows(chats: JournalTinyDB, chat: Chat) -> None:
    """End all that the chat follows."""
    for paper in _following(chats, chat):
        replace_follow(chats, chat, paper, None)


def move_follows(chats: JournalTinyDB, old: Chat, new: Chat) -> None:
    """Let `new` follow what either does."""
    moved = find_follows(chats, old)
    if not moved:
        return
    merged: Mapping[ArxivId, Follow] = merge_follows(moved, find_follows(chats, new))
    for chat in (old, new):
        forget_follows(chats, chat)
    for paper, follow in merged.items():
        replace_follow(chats, new, paper, follow)


def _following(chats: JournalTinyDB, chat: Chat) -> list[ArxivId]:
    document = chats.table(_FOLLOWING).find(chat.key)
    return document["papers"] if document else []


def _followers(chats: JournalTinyDB, paper: ArxivId) -> Document:
    return chats.table(_FOLLOWERS).find(paper) or {"chats": [], "categories": []}


def _keep(chats: JournalTinyDB, table: str, document_id: str, document: Document, *, is_empty: bool) -> None:
    if is_empty:
        chats.table(table).discard(document_id)
    else:
        chats.table(table).replace(document_id, document)


def follow_id(chat: Chat, paper: ArxivId) -> str:
    """The id of the chat's follow of this paper."""
    return encode_document([chat.key, paper]).decode()
