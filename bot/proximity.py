"""How near words stand to each other in a text. Pure."""

from collections.abc import Collection

FARTHEST = 10
"""Words that are spread over more than this many times their own number have nothing to do with each other."""


def closeness(words: Collection[str], folded: str) -> float:
    """How near different words, each between blanks, are in a folded text: their number over the length of the shortest stretch
    that has them all. 1: side by side; 0: it has not all of them, or they are far apart.
    """
    if not all(word in folded for word in words):
        return 0.0
    wanted = {word.strip() for word in words}
    last: dict[str, int] = {}
    shortest = len(folded)
    for place, word in enumerate(folded.split()):
        if word in wanted:
            last[word] = place
            if len(last) == len(wanted):
                shortest = min(shortest, place - min(last.values()) + 1)
    return len(wanted) / shortest if shortest <= FARTHEST * len(wanted) else 0.0
