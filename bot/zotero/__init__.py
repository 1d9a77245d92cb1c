"""Zotero's web API, version 3."""

from bot.zotero.client import ZoteroLibrary

__all__ = ["ZoteroLibrary"]
