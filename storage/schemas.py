"""Schema versions: what documents look like, and how older ones become newer ones.

Raise a version when documents change in a way the codec cannot read, and add the step from the version before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.calibration import least_score

Document = dict[str, Any]
Tables = dict[str, dict[str, Document]]
"""Every document of a database: by table, then by id."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The version written today; `steps[n]` turns all documents of version n into those of n + 1."""

    version: int
    steps: Mapping[int, Callable[[Tables], Tables]] = field(default_factory=dict)


def _from_points_to_scores(tables: Tables) -> Tables:
    """What was kept as points becomes about the same as a score from 0 to 100 for the topics of its chat."""
    subscriptions, progress = tables.get("subscriptions", {}), tables.get("progress", {})
    topics = {key: _active_topics(each) for key, each in subscriptions.items()}
    changed = {
        "subscriptions": {
            key: each | {"min_score": least_score(float(each["min_score"]), topics[key])}
            for key, each in subscriptions.items()
        },
        "progress": {key: each | _with_scores(each, topics.get(key, ())) for key, each in progress.items()},
    }
    return tables | {name: table for name, table in changed.items() if name in tables}


def _active_topics(subscription: Document) -> tuple[str, ...]:
    muted = subscription.get("muted", ())
    return tuple(each for each in subscription.get("topics", ()) if each not in muted)


def _with_scores(progress: Document, topics: tuple[str, ...]) -> Document:
    rounds = {name: progress[name] for name in ("last", "last_digest") if progress.get(name)}
    return {name: each | {"best": least_score(float(each["best"]), topics)} for name, each in rounds.items()}


CHATS = Schema(version=2, steps={1: _from_points_to_scores})
ANNOUNCEMENTS = Schema(version=1)
SUMMARIES = Schema(version=1)
PAGES = Schema(version=1)
