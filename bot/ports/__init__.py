"""The doors between the core and the world. Each docstring is the contract its contract suite checks."""

from collections.abc import Callable
from datetime import datetime

from bot.ports.arxiv import FullTexts, ListingSource, PaperLookup, PaperSource, RecordSource
from bot.ports.chats import Folder, Limits, Messenger, Platform, ReferenceLibrary
from bot.ports.leases import Lease, Leases, Ledger
from bot.ports.models import BatchWriter, BlobCache, Embedder, Judge, Ranker, Summarizer
from bot.ports.moments import MomentStore
from bot.ports.storage import MovableStorage, Revisions, Storage

__all__ = [
    "BatchWriter",
    "BlobCache",
    "Clock",
    "Embedder",
    "Folder",
    "FullTexts",
    "Judge",
    "Lease",
    "Leases",
    "Ledger",
    "Limits",
    "ListingSource",
    "Messenger",
    "MomentStore",
    "MovableStorage",
    "PaperLookup",
    "PaperSource",
    "Platform",
    "Ranker",
    "RecordSource",
    "ReferenceLibrary",
    "Revisions",
    "Storage",
    "Summarizer",
]

Clock = Callable[[], datetime]
"""The present as an aware UTC instant."""
