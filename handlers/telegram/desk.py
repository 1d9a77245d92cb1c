"""The front desk: takes what people send, runs commands, and brings the answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from secrets import token_hex

from telegram import Message, Update
from telegram.constants import ChatAction
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.errors import UserError
from bot.language import base_language, later, tr
from bot.rendering.clean import clean
from handlers.command import Catalogue, Reply, Request, Services
from handlers.execution import APOLOGY, DELETE_IT, Invocation, adopt_language, execute, parse_line
from handlers.questions import Questions
from handlers.telegram.arrivals import Arrival, command_in, from_message, from_press, paper_in
from handlers.telegram.channels import ADMINISTRATORS, locate_channel
from handlers.telegram.client import PollingBot
from handlers.telegram.membership import Membership
from handlers.telegram.post import Post
from handlers.telegram.render import TelegramMessage, render_reply
from handlers.telegram.text import shorten

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds after which a person is shown that work is going on."""
_TYPING_LASTS = 4.5
_LARGEST_FILE = 1_000_000
_LONGEST_TOAST = 200
_TOO_OLD = later("This message is too old for its buttons. Please send the command again.")


@dataclass(slots=True)
class Desk:
    """Serves one update at a time per call of `handle`; `owners` are user ids."""

    bot: PollingBot
    post: Post
    membership: Membership
    catalogue: Catalogue
    services: Services
    owners: frozenset[str]

    @property
    def questions(self) -> Questions:
        """What people were asked."""
        return Questions.of(self.services, self.catalogue)

    async def handle(self, update: Update) -> None:
        """Do what the update asks for. Raises nothing that one update could cause."""
        message = update.message or update.edited_message
        if message is not None:
            await self._hear(message)
        elif update.callback_query is not None:
            arrival = from_press(update.callback_query)
            if arrival is None:
                self.services.languages.speak(base_language(update.callback_query.from_user.language_code or ""))
                await _quietly(update.callback_query.answer(tr(_TOO_OLD), show_alert=True))
            else:
                await self._serve(arrival)
        elif update.my_chat_member is not None:
            await self.membership.note(update.my_chat_member)

    async def _hear(self, message: Message) -> None:
        if message.forum_topic_closed or message.forum_topic_reopened:
            await self.membership.note_topic(message)
        elif message.migrate_to_chat_id:
            await self.post.move(message.chat.id, message.migrate_to_chat_id)
        elif message.migrate_from_chat_id:
            await self.post.move(message.migrate_from_chat_id, message.chat.id)
        elif (arrival := from_message(message, self.bot.id)) is not None:
            await self._serve(arrival)

    async def _serve(self, arrival: Arrival) -> None:
        await adopt_language(self.services, arrival.place.chat, arrival.language)
        try:
            meant = arrival.text if arrival.query else await self._read(arrival)
            if meant is None:
                return
            async with self._signs_of_life(arrival):
                await self._deliver(arrival, await self._obey(arrival, meant) if isinstance(meant, str) else meant)
        except Exception:
            error_id = token_hex(4)
            log.exception("update failed chat=%s error_id=%s", arrival.place.chat.key, error_id)
            apology = tr(APOLOGY).format(error_id)
            await self._send(arrival, TelegramMessage(apology, apology))

    async def _read(self, arrival: Arrival) -> str | Reply | None:
        """The command line that is meant, a hint where none is, or None where we were not spoken to."""
        command = command_in(arrival.text)
        if command is not None:
            name, to, rest = command
            known = any(each.name == name.lower() for each in self.catalogue)
            if to.lower() not in ("", self.bot.username.lower()) or not (known or to or arrival.is_private):
                return None
            await self.questions.end(arrival.place.chat, arrival.person)
            return f"/{name} {rest}"
        if not arrival.is_private and arrival.replied_id is None:
            return None
        # In a group an answer is a reply to the question.
        replied = None if arrival.is_private else str(arrival.replied_id)
        try:
            question = await self.questions.answer(arrival.place.chat, arrival.person, replied)
        except UserError as error:
            return self._guess(arrival.text) if arrival.is_private and paper_in(arrival.text) else Reply(str(error))
        if question:
            return f"{question} {arrival.text}"
        return self._guess(arrival.text) if arrival.is_private else None

    def _guess(self, text: str) -> str | Reply:
        """In private: a paper's card where one is named, else what to do instead."""
        paper = paper_in(text)
        if paper:
            has_cards = any(each.name == "paper" for each in self.catalogue)
            return f"/{'paper' if has_cards else 'why'} {paper}"
        if not text:
            return Reply(
                tr("To load a configuration, send the file with /import as its caption. /help lists the commands.")
            )
        return Reply(
            tr("I act on commands. /topics add {text} follows this as a topic; /help lists them all.", text=text[:40])
        )

    async def _obey(self, arrival: Arrival, line: str) -> Reply:
        if arrival.query:
            await self.questions.end(arrival.place.chat, arrival.person)
        refused = False

        async def is_admin() -> bool:
            nonlocal refused
            refused = not await self._is_admin(arrival)
            return not refused

        try:
            invocation = await self._with_file(parse_line(self.catalogue, line), arrival)
        except UserError as error:
            return Reply(str(error))
        user_id = arrival.user_id if arrival.is_private else None
        request = Request(
            arrival.place.chat,
            arrival.person,
            is_admin,
            invocation.args,
            is_owner=arrival.person in self.owners,
            locate=None if user_id is None else partial(locate_channel, self.bot, user_id),
            is_press=arrival.query is not None,
            is_private=arrival.is_private,
            language=arrival.language,
        )
        reply = await execute(invocation, self.services, request)
        is_refusal = refused and not (reply.digest or reply.card or reply.buttons)
        # It concerns the one who pressed, not the chat.
        return Reply(toast=reply.text) if is_refusal and arrival.query else reply

    async def _is_admin(self, arrival: Arrival) -> bool:
        if arrival.is_private or arrival.is_group:
            return True
        if arrival.user_id is None:
            return False
        try:
            member = await self.bot.get_chat_member(arrival.place.chat_id, arrival.user_id)
        except BadRequest as error:
            log.info("no member chat=%s error=%r", arrival.place.chat.key, str(error))
            return False
        return member.status in ADMINISTRATORS

    async def _with_file(self, invocation: Invocation, arrival: Arrival) -> Invocation:
        """The invocation with the sent file's text for the parameter that takes files."""
        wanted = next((each.name for each in invocation.command.params if each.is_file), None)
        if wanted is None or wanted in invocation.args or arrival.document is None:
            return invocation
        document = arrival.document
        if (document.file_size or 0) > _LARGEST_FILE:
            raise UserError(tr("This file is too large for a configuration."))
        try:
            file = await self.bot.get_file(document.file_id)
            text = bytes(await file.download_as_bytearray()).decode("utf-8-sig")
        except TelegramError as error:
            raise UserError(tr("Telegram did not hand over the file. Please send it again.")) from error
        except UnicodeDecodeError as error:
            raise UserError(tr("This file is not text. Send the JSON file that /export gave.")) from error
        return replace(invocation, args={**invocation.args, wanted: text})

    async def _deliver(self, arrival: Arrival, reply: Reply) -> None:
        if reply.holds_secret and not await self._delete(arrival):
            reply = replace(reply, text=f"{reply.text} {tr(DELETE_IT)}")
        if arrival.query and not arrival.is_answered:
            await self._answer_press(arrival, reply.toast)
        elif reply.toast:
            reply = replace(reply, text=f"{reply.toast}\n{reply.text}".strip())
        messages = render_reply(reply, bot_name=self.bot.username)
        if arrival.query and reply.replaces and len(messages) == 1 and await self._edit(arrival, messages[0]):
            sent: int | None = arrival.message_id
        else:
            sent = await self._send_all(arrival, messages, asks=bool(reply.expects))
        if reply.expects and sent is not None:
            await self.questions.ask(arrival.place.chat, arrival.person, reply.expects, str(sent))

    async def _delete(self, arrival: Arrival) -> bool:
        """Take the person's message out of the chat, if we may: in private always, in groups as an administrator."""
        try:
            await self.bot.delete_message(arrival.place.chat_id, arrival.message_id)
        except TelegramError as error:
            log.info("not deleted chat=%s error=%r", arrival.place.chat.key, str(error))
            return False
        return True

    async def _answer_press(self, arrival: Arrival, toast: str = "") -> None:
        arrival.is_answered = True
        if arrival.query:
            text = shorten(clean(toast), _LONGEST_TOAST)
            await _quietly(arrival.query.answer(text or None, show_alert=len(text) > _LONGEST_TOAST // 4))

    async def _edit(self, arrival: Arrival, message: TelegramMessage) -> bool:
        """Whether the message with the button could be replaced."""
        try:
            await self.post.edit(arrival.place, arrival.message_id, message)
        except BadRequest as error:
            log.info("not replaced chat=%s error=%r", arrival.place.chat.key, str(error))
            return False
        except TelegramError as error:
            log.warning("edit chat=%s status=uncertain error=%r", arrival.place.chat.key, str(error))
        return True

    async def _send_all(self, arrival: Arrival, messages: tuple[TelegramMessage, ...], *, asks: bool) -> int | None:
        """Send them in order, each whatever became of the one before; the last one's id, if it certainly arrived."""
        sent: int | None = None
        for number, message in enumerate(messages, start=1):
            sent = await self._send(arrival, message, asks=asks and number == len(messages), first=number == 1)
        return sent

    async def _send(
        self, arrival: Arrival, message: TelegramMessage, *, asks: bool = False, first: bool = True
    ) -> int | None:
        in_group = not arrival.is_private
        reply_to = arrival.message_id if in_group and first and not arrival.query else None
        key = arrival.place.chat.key
        try:
            sent = await self.post.send(arrival.place, message, reply_to=reply_to, asks=asks and in_group)
        except Forbidden as error:
            log.info("reply chat=%s status=forbidden error=%r", key, str(error))
        except BadRequest as error:
            log.warning("reply chat=%s status=refused error=%r", key, str(error))
        except TelegramError as error:
            log.warning("reply chat=%s status=uncertain error=%r", key, str(error))
        else:
            return sent.message_id
        return None

    @asynccontextmanager
    async def _signs_of_life(self, arrival: Arrival) -> AsyncIterator[None]:
        showing = asyncio.create_task(self._show_life(arrival))
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.wait({showing})

    async def _show_life(self, arrival: Arrival) -> None:
        """After a second the button stops spinning, and the chat says that we are typing."""
        await asyncio.sleep(PATIENCE)
        if arrival.query and not arrival.is_answered:
            await self._answer_press(arrival)
        while True:
            place = arrival.place
            typing = self.bot.send_chat_action(place.chat_id, ChatAction.TYPING, message_thread_id=place.thread_id)
            await _quietly(typing)
            await asyncio.sleep(_TYPING_LASTS)


async def _quietly(call: Awaitable[object]) -> None:
    """For courtesies: if they fail, nothing is lost."""
    with suppress(TelegramError):
        await call
