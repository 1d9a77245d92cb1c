"""Schema versions: what documents look like, and how older ones become newer ones.

Raise a version when documents change in a way the codec cannot read, and add the step from the version before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Tables = dict[str, dict[str, dict[str, Any]]]
"""Every document of a database: by table, then by id."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The version written today; `steps[n]` turns all documents of version n into those of n + 1."""

    version: int
    steps: Mapping[int, Callable[[Tables], Tables]] = field(default_factory=dict)


CHATS = Schema(version=1)
ANNOUNCEMENTS = Schema(version=1)
SUMMARIES = Schema(version=1)
PAGES = Schema(version=1)
