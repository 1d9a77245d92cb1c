"""Names of authors in parts, as reference managers want them. Pure."""

import re
from dataclasses import dataclass

_GROUP = re.compile(
    r"\b(?:Collaborations?|Consortium|Teams?|Group|Project|Network|Institute|University)\b", re.IGNORECASE
)
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Name:
    """`family` with its particles, such as `van den Berg`; a group has nothing but that."""

    family: str
    given: str = ""
    suffix: str = ""
    is_group: bool = False

    @property
    def inverted(self) -> str:
        """`van den Berg, Jan`, and with a suffix `King, Martin Luther, Jr.`, as RIS has it."""
        return ", ".join(part for part in (self.family, self.given, self.suffix) if part)


def split_name(text: str) -> Name:
    """The parts of a name in its natural order.

    Particles are written small and stand before the last word: that is what tells `van` from the Vietnamese `Van`.
    """
    words = text.replace(",", " ").split()
    # What holds an "and" is no one person's name.
    if _GROUP.search(text) or len(words) < 2 or "and" in words:  # noqa: PLR2004 - one word is no given name
        return Name(" ".join(words), is_group=len(words) != 1)
    suffix = words.pop() if len(words) > 2 and _SUFFIX.fullmatch(words[-1]) else ""  # noqa: PLR2004 - it needs a name before it
    start = len(words) - 1
    particles = [place for place in range(1, start) if words[place][:1].islower()]
    if particles:
        start = particles[0]
    return Name(" ".join(words[start:]), " ".join(words[:start]), suffix)
