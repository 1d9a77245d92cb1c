"""A person's library in a reference manager."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Whose key it is: the library's id and the name by which its owner knows it."""

    id: str
    name: str
    can_write: bool
