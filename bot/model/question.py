"""What a person was asked and has not answered yet."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Question:
    """The command line that an answer completes, until that instant.

    Lines are drawn on buttons, too, and outlive the version that drew them. `message` is the platform's id of the message that
    asks, empty where none is needed. What is answered is never part of it.
    """

    line: str
    until: datetime
    message: str = ""
