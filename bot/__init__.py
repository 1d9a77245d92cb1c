"""Paperround: the arXiv papers a chat cares about, ranked, explained and delivered."""

__version__ = "0.1.0"
