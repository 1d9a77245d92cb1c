"""The doors between the processes of one bot."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from bot.model.chat import Chat
from bot.model.delivery import Delivery


class Ledger(Protocol):
    """What a sender needs of a storage: what is to be sent, and a place to write down what came of it."""

    async def get_deliveries(self, chat: Chat) -> tuple[Delivery, ...]:
        """As in `Storage`."""
        ...

    async def record(self, delivery: Delivery) -> bool:
        """As in `Storage`. Raises StorageError where the sender's right to send has ended, too."""
        ...

    async def record_after(self, before: Delivery, delivery: Delivery) -> bool:
        """As in `Storage`. Raises StorageError where the sender's right to send has ended, too."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """One time that a process held a right; of two with the same name, the later has the higher token."""

    name: str
    token: int


class Leases(Protocol):
    """Rights that only one process has at a time, as long as it renews them. Time is that of the storage.

    Any method may raise StorageError.
    """

    async def take(self, name: str, seconds: float) -> Lease | None:
        """The right of this name for so many seconds; None while another holds it."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold it for so many seconds from now on; False where it has ended."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let others take it at once. Fine if it has ended."""
        ...

    async def claim(self, name: str, number: int) -> bool:
        """True for the first who asks for this number, for a month at least; False for all others."""
        ...

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """While entered, no other process has entered it with the same name; waits for that."""
        ...

    def ledger(self, lease: Lease) -> Ledger:
        """The storage for a sender that holds this lease: when it ends, so do all writes, those under way included."""
        ...
