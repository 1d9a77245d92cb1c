"""What points mean for a chat: how many of them read as a score of 50. Pure; docs/adr/0014 says why it is so."""

import math
from collections.abc import Iterable

from bot.errors import UserError
from bot.topics import compile_topic

HALF_POINTS = 1.8
"""What reads as 50 where a chat has one topic of weight 1: about its words in a title, once."""
BREADTH = 0.2
"""By so much more, for each time that the topics are e times as many: papers that match several come with several."""


def half_points(topics: Iterable[str]) -> float:
    """The points that read as 50 for a chat with these topics. Muted ones are to be left out before.

    It follows from how many topics there are and what they weigh, so it stays as it is until they change.
    """
    weights = [weight for weight in map(weight_of, dict.fromkeys(topics)) if weight]
    if not weights:
        return HALF_POINTS
    heaviest = max(weights)
    return HALF_POINTS * heaviest * (1 + BREADTH * math.log(math.fsum(weights) / heaviest))


def least_score(points: float, topics: Iterable[str]) -> int:
    """What a minimum of so many points is as a score, for a chat with these topics: 0 to 100, which no paper reaches."""
    if points <= 0:
        return 0
    return max(1, 100 - round(100 / (1 + points / half_points(topics))))


def weight_of(topic: str) -> float:
    """The weight of the heaviest words of a topic; 0 of one that leaves papers out, or cannot be read."""
    # So are nearly all topics, and there may be a million.
    if "^" not in topic and topic[:1].isalnum() and not topic.startswith("NOT"):
        return 1.0
    try:
        compiled = compile_topic(topic)
    except UserError:
        return 0.0
    return 0.0 if compiled.is_exclusion else max((term.weight for term in compiled.terms), default=0.0)
