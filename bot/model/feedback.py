"""Feedback: what the people of a chat made of papers."""

from dataclasses import dataclass

from bot.model.paper import Paper


@dataclass(frozen=True, slots=True)
class Feedback:
    """The papers that people liked and disliked, each as often as there are people who did.

    Of a paper that is no longer kept, only the title is known. `muted`: learned terms that shall count for nothing.
    """

    liked: tuple[Paper, ...] = ()
    disliked: tuple[Paper, ...] = ()
    muted: frozenset[str] = frozenset()


NO_FEEDBACK = Feedback()
