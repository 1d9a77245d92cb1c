"""What people were asked, and whose words answer it: through restarts, and for all processes on one storage."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from bot.errors import StorageError, UserError
from bot.language import tr
from bot.model.chat import Chat
from bot.model.question import Question
from bot.ports import Clock, MomentStore
from handlers.command import Catalogue, Services
from handlers.execution import APOLOGY, parse_line

log = logging.getLogger(__name__)

SPAN = timedelta(hours=1)
"""For how long a question is open, from the moment it was asked."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The open questions, one for each person in each chat."""

    store: MomentStore
    clock: Clock
    catalogue: Catalogue

    @classmethod
    def of(cls, services: Services, catalogue: Catalogue) -> "Questions":
        """Those that are kept where these services keep everything."""
        return cls(services.subscriptions.storage, services.subscriptions.clock, catalogue)

    async def ask(self, here: Chat, person: str, line: str, message: str = "") -> None:
        """The person's next words `here` complete `line`, whatever was asked before. `message`: the id of the one that asks.

        Where that cannot be kept, words are not taken for an answer.
        """
        with _forgiving("asked", here):
            await self.store.set_question(here, person, Question(line, self.clock() + SPAN, message))

    async def end(self, here: Chat, person: str) -> None:
        """The person went on to something else. Where that cannot be kept, the question ends with its time."""
        with _forgiving("ended", here):
            question = await self.store.get_question(here, person)
            if question is not None:
                await self.store.end_question(here, person, question)

    async def answer(self, here: Chat, person: str, replied: str | None = None) -> str:
        """The line that the person's words complete, or nothing. The question ends: words elsewhere at this moment are no answer.

        `replied`: the message that the words must reply to; None where any words answer. Raises UserError where the question is
        over, where this version does not know its line, and where it cannot be read.
        """
        try:
            question = await self.store.get_question(here, person)
            if question is None or replied not in {None, question.message}:
                return ""
            if not await self.store.end_question(here, person, question):
                return ""
        except StorageError as error:
            error_id = token_hex(4)
            log.warning("question chat=%s status=not-read error_id=%s error=%r", here.key, error_id, str(error))
            raise UserError(tr(APOLOGY).format(error_id)) from error
        # A clock that was set back must not stretch the time.
        is_open = timedelta() < question.until - self.clock() <= SPAN
        begin = self._command_of(question)
        if not is_open or begin is None:
            raise UserError(
                tr(
                    "I no longer wait for this answer, and nothing was done. Please start again: {command}",
                    command=begin or "/help",
                )
            )
        return question.line

    def _command_of(self, question: Question) -> str | None:
        """The command that asked, as people type it; None where there is none (any more)."""
        try:
            return parse_line(self.catalogue, question.line).usage
        except UserError:
            return None


@contextmanager
def _forgiving(what: str, here: Chat) -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        log.warning("question chat=%s status=not-%s error=%r", here.key, what, str(error))
