"""A delivery: the record that a part of a digest reached a chat, or did not; and how far a chat's rounds have come."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from bot.model.chat import Chat
from bot.model.paper import ArxivId

_NONCE_LENGTH = 22


class DeliveryState(StrEnum):
    """Where a part is on its way: planned → sending → sent, or one of the other ends.

    `failed`: the platform refused it; `uncertain`: it was sent, and the answer was lost; `dead`: it was given up, because
    the chat was paused or the part had waited too long.
    """

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One part for one chat. Its key is (chat, day, part).

    `day` is the announcement day it belongs to, and `part` counts everything sent to the chat about that day, from 1, in
    the order in which it is to arrive. `first` is the part that begins the digest or the notice this part belongs to.
    `body` and `papers` as in `Part`; the body is kept as long as it may be sent again. `tries` counts requests of which
    it is certain that they did nothing. `not_before`: the instant until which the platform told us to wait. `began`: when
    a request was first begun whose answer is not here. `resends` counts how often a person asked for it again.
    `must_publish`: sent, and still to be handed on. `reason` tells of a part that failed or is dead. `trace` is the id that
    the log lines of what planned it carry. Instants are UTC.
    """

    chat: Chat
    day: date
    part: int
    first: int
    planned_at: datetime
    changed_at: datetime
    body: str = ""
    papers: tuple[ArxivId, ...] = ()
    state: DeliveryState = DeliveryState.PLANNED
    tries: int = 0
    not_before: datetime | None = None
    began: datetime | None = None
    message_id: str = ""
    must_publish: bool = False
    resends: int = 0
    reason: str = ""
    trace: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the outbox still has something to do for it."""
        return self.state in {DeliveryState.PLANNED, DeliveryState.SENDING} or self.must_publish

    @property
    def is_unsettled(self) -> bool:
        """Whether its papers are on their way, or perhaps there."""
        return self.state in {DeliveryState.PLANNED, DeliveryState.SENDING, DeliveryState.UNCERTAIN}

    @property
    def is_repeatable(self) -> bool:
        """Whether it may have to be sent again: as long as this, a storage keeps its body."""
        return self.is_unsettled or self.must_publish

    @property
    def nonce(self) -> str:
        """132 bits in 22 characters; the same at every try, another after each resend that a person asked for."""
        text = f"{self.chat.key} {self.day.isoformat()} {self.part} {self.resends}"
        return urlsafe_b64encode(sha256(text.encode()).digest()).decode()[:_NONCE_LENGTH]


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one round of a chat: a digest, or none and why.

    `at` is the UTC instant, `day` the newest announcement it was about. `papers` is how many the digest shows, 0 for none.
    `announced` is how many papers the announcements had for this chat, 0 on a quiet day; `best` the highest score, from 0 to 99, of
    those that scored too little.
    """

    at: datetime
    day: date
    papers: int = 0
    announced: int = 0
    best: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the rounds of one chat have come; a chat that has none yet was never looked at.

    `covered`: announcements up to this day are dealt with. `slot`: the last due instant that is dealt with, UTC.
    `awaited`: categories whose batch of the day `covered` was not here when its digest went out. `last`: the last round,
    `last_digest` the last one that had papers. `noticed`: the day of the last notice about trouble, so that it is said once.
    `budget_noticed`: the UTC day on which it was last said that the budget for summaries was used up.
    `heard`: the `at` of the newest `bot.model.day.Addition` that is dealt with, None: of none.
    """

    covered: date
    slot: datetime
    awaited: tuple[str, ...] = ()
    last: Round | None = None
    last_digest: Round | None = None
    noticed: date | None = None
    budget_noticed: date | None = None
    heard: datetime | None = None
