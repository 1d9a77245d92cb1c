"""What people say and press on Discord, answered."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from secrets import token_hex
from typing import Any, cast

import discord

from bot.errors import UserError
from bot.language import base_language, tr
from bot.model.chat import Chat
from bot.model.message import Message
from bot.model.paper import parse_arxiv_id
from handlers.command import Catalogue, Reply, Request, Services
from handlers.discord.channels import locate_channel
from handlers.discord.commands import Interaction
from handlers.discord.delivery import NETWORK_ERRORS, bounded, edit, follow_up, send_in_thread, send_to
from handlers.discord.markup import unbroken
from handlers.discord.parts import name_of, render_parts
from handlers.discord.render import ANSWER, DiscordMessage, limited, render_reply
from handlers.discord.rest import REQUEST_SECONDS
from handlers.discord.suggestions import suggest
from handlers.discord.view import to_form, typed_text
from handlers.execution import APOLOGY, DELETE_IT, Invocation, adopt_language, execute, parse_line
from handlers.questions import Questions

log = logging.getLogger(__name__)

_LARGEST_FILE = 1_000_000
MOST_MESSAGES = 12
"""How many messages answer one interaction at most; more would bury a channel."""
# https://docs.discord.com/developers/interactions/receiving-and-responding#followup-messages
_MOST_WHERE_NOT_INVITED = 6


@dataclass(slots=True)
class Conversation:
    """Answers commands, presses, forms and direct messages. `in_flight` are the tasks that are answering now."""

    services: Services
    catalogue: Catalogue
    owners: frozenset[str]
    in_flight: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def questions(self) -> Questions:
        """What people were asked in direct messages."""
        return Questions.of(self.services, self.catalogue)

    async def on_command(
        self, interaction: Interaction, invocation: Invocation, file: discord.Attachment | None
    ) -> None:
        """A slash command: told at once that we are at it, then answered."""
        with self._answering():
            is_hidden = interaction.guild_id is not None and not invocation.command.is_public
            await bounded(interaction.response.defer(ephemeral=is_hidden, thinking=True))
            await self._adopt_language(interaction)
            try:
                invocation = await _with_file(invocation, file)
            except UserError as error:
                await self._reply(interaction, Reply(str(error)), is_hidden=is_hidden)
            else:
                await self._reply(interaction, await self._run(interaction, invocation), is_hidden=is_hidden)

    async def on_press(self, interaction: Interaction) -> None:
        """A button or a menu whose line is a command, drawn at any time, also before a restart."""
        given = cast(Mapping[str, Any], interaction.data)
        line = str((given.get("values") or [given.get("custom_id", "")])[0])
        with self._answering():
            await self._adopt_language(interaction)
            if line.startswith(ANSWER):
                await bounded(interaction.response.send_modal(to_form(line.removeprefix(ANSWER))))
                return
            await bounded(interaction.response.defer())
            await self._reply_to_press(interaction, await self._run_line(interaction, line))

    async def on_form(self, interaction: Interaction) -> None:
        """An answered question: the line it belongs to, completed by what was typed."""
        given = cast(Mapping[str, Any], interaction.data)
        question = str(given.get("custom_id", "")).removeprefix(ANSWER)
        is_hidden = interaction.guild_id is not None
        with self._answering():
            await bounded(interaction.response.defer(ephemeral=is_hidden, thinking=True))
            await self._adopt_language(interaction)
            reply = await self._run_line(interaction, f"{question} {unbroken(typed_text(given.get('components', [])))}")
            await self._reply(interaction, reply, is_hidden=is_hidden)

    async def on_message(self, message: discord.Message) -> None:
        """A direct message: a command, the answer to a question, or a paper."""
        is_talk = message.type in (discord.MessageType.default, discord.MessageType.reply)
        if message.guild is not None or message.author.bot or not is_talk:
            return
        with self._answering():
            chat = Chat("discord", str(message.channel.id))
            await adopt_language(self.services, chat)
            reply = await self._answer_text(chat, message)
            if reply.is_silent:
                return
            if reply.expects:
                await self.questions.ask(chat, str(message.author.id), reply.expects)
            if reply.toast and not reply.text:
                reply = replace(reply, text=reply.toast)
            await send_to(message.channel, _render(reply))

    async def suggest(self, usage: str, _: str, interaction: Interaction, typed: str) -> list[tuple[str, str]]:
        """What to offer for an option; nothing where that fails."""
        await self._adopt_language(interaction)
        return await suggest(self.services, self.catalogue, _chat(interaction), usage, typed)

    async def _answer_text(self, chat: Chat, message: discord.Message) -> Reply:
        person = str(message.author.id)
        try:
            text = await self._meant_by(chat, person, unbroken(message.content).strip())
            if not text:
                return Reply(
                    tr(
                        "I act on commands: /topics add follows a topic, /help lists them all. "
                        "An arXiv link or id shows that paper."
                    )
                )
            invocation = parse_line(self.catalogue, text)
            invocation = await _with_file(invocation, message.attachments[0] if message.attachments else None)
        except UserError as error:
            return Reply(str(error))
        request = Request(chat, person, _always, invocation.args, is_owner=person in self.owners, is_private=True)
        reply = await execute(invocation, self.services, request)
        # Nobody can delete another one's direct messages.
        return replace(reply, text=f"{reply.text} {tr(DELETE_IT)}") if reply.holds_secret else reply

    async def _meant_by(self, chat: Chat, person: str, text: str) -> str:
        """The command line that the text is or stands for, or nothing. Raises UserError where it answers what is over."""
        named = parse_arxiv_id(text)
        if text.startswith("/") or named is not None:
            await self.questions.end(chat, person)
        if text.startswith("/"):
            return text
        if named is None:
            named = next(filter(None, map(parse_arxiv_id, text.split())), None)
            try:
                question = await self.questions.answer(chat, person)
            except UserError:
                if named is None:
                    raise
                question = ""
            if question:
                return f"{question} {text}"
        show = "paper" if any(each.name == "paper" for each in self.catalogue) else "why"
        return f"/{show} {named[0]}" if named else ""

    async def _run_line(self, interaction: Interaction, line: str) -> Reply:
        try:
            return await self._run(interaction, parse_line(self.catalogue, line))
        except UserError as error:
            return Reply(str(error))

    async def _run(self, interaction: Interaction, invocation: Invocation) -> Reply:
        async def is_admin() -> bool:
            return interaction.guild_id is None or interaction.permissions.manage_channels

        if interaction.channel_id is None:
            return Reply(tr("I do not know this kind of channel. Please use another one."))
        person = str(interaction.user.id)
        request = Request(
            _chat(interaction),
            person,
            is_admin,
            invocation.args,
            is_owner=person in self.owners,
            locate=partial(locate_channel, interaction) if interaction.guild_id is not None else None,
            is_press=interaction.type is not discord.InteractionType.application_command,
            language=_language(interaction),
            # What one types into a command is shown to nobody, and such answers are for the person alone.
            is_private=True,
        )
        return await execute(invocation, self.services, request)

    async def _reply(self, interaction: Interaction, reply: Reply, *, is_hidden: bool) -> None:
        """Fill the answer that was announced; what does not fit follows."""
        if reply.toast and not reply.text:
            reply = replace(reply, text=reply.toast)
        await self._expect(interaction, reply)
        if reply.is_silent:
            await bounded(interaction.delete_original_response())
            return
        whole = _render(reply)
        if reply.digest and len(whole) > 1 and not is_hidden and _may_have_threads(interaction):
            await self._reply_in_thread(interaction, Message(reply.text, reply.digest, reply.detail, reply.buttons))
            return
        first, *others = limited(whole, _most_messages(interaction))
        await edit(interaction, first, is_hidden=is_hidden)
        await follow_up(interaction, others, is_hidden=is_hidden)

    async def _reply_in_thread(self, interaction: Interaction, message: Message) -> None:
        """A header as the answer, and the papers in a thread that starts from it, else after it."""
        first, *others = limited(tuple(each.message for each in render_parts(message)), MOST_MESSAGES)
        answer = await edit(interaction, first, is_hidden=False)
        if answer is None or not await send_in_thread(answer, name_of(message), others):
            await follow_up(interaction, others, is_hidden=False)

    async def _reply_to_press(self, interaction: Interaction, reply: Reply) -> None:
        is_hidden = interaction.guild_id is not None
        await self._expect(interaction, reply)
        has_more = bool(reply.text or reply.digest or reply.card or reply.buttons or reply.copy or reply.file)
        messages = _render(reply, as_components=reply.replaces) if has_more else ()
        if reply.replaces and messages:
            await edit(interaction, messages[0], is_hidden=is_hidden)
            messages = messages[1:]
        await follow_up(interaction, limited(messages, _most_messages(interaction) - 1), is_hidden=is_hidden)
        if reply.toast:
            await follow_up(interaction, _render(Reply(reply.toast)), is_hidden=is_hidden)

    async def _adopt_language(self, interaction: Interaction) -> None:
        await adopt_language(self.services, _chat(interaction), _language(interaction))

    async def _expect(self, interaction: Interaction, reply: Reply) -> None:
        """In direct messages the next plain text is an answer, too. A command always ends the last question."""
        if interaction.guild_id is not None:
            return
        chat, person = _chat(interaction), str(interaction.user.id)
        if reply.expects:
            await self.questions.ask(chat, person, reply.expects)
        else:
            await self.questions.end(chat, person)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Counts the running task as in flight; an answer that Discord does not take is logged and given up."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - every handler runs in one
        self.in_flight.add(task)
        try:
            yield
        except NETWORK_ERRORS as error:
            log.warning("answer status=lost error=%r", str(error) or type(error).__name__)
        finally:
            self.in_flight.discard(task)


async def _always() -> bool:
    return True


def _may_have_threads(interaction: Interaction) -> bool:
    """Whether this is a channel of a server where the bot itself is at home."""
    has_threads = isinstance(interaction.channel, discord.TextChannel)
    return has_threads and interaction.guild_id is not None and interaction.is_guild_integration()


def _most_messages(interaction: Interaction) -> int:
    """Where only the person installed the bot, Discord takes five messages after the first."""
    return MOST_MESSAGES if interaction.is_guild_integration() else _MOST_WHERE_NOT_INVITED


def _chat(interaction: Interaction) -> Chat:
    return Chat("discord", str(interaction.channel_id))


def _language(interaction: Interaction) -> str:
    return base_language(str(interaction.locale))


def _render(reply: Reply, *, as_components: bool = False) -> tuple[DiscordMessage, ...]:
    """The reply as messages; an apology where we made one that Discord would not take."""
    try:
        return render_reply(reply, as_components=as_components)
    except ValueError:
        error_id = token_hex(4)
        log.exception("render failed error_id=%s", error_id)
        return render_reply(Reply(tr(APOLOGY).format(error_id)), as_components=as_components)


async def _with_file(invocation: Invocation, file: discord.Attachment | None) -> Invocation:
    """The invocation with an attached file's text where a parameter takes one. Raises UserError if it cannot be read."""
    taker = next((each for each in invocation.command.params if each.is_file), None)
    if file is None or taker is None:
        return invocation
    if file.size > _LARGEST_FILE:
        raise UserError(tr("The file is too large for a configuration."))
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            text = (await file.read()).decode()
    except (*NETWORK_ERRORS, UnicodeDecodeError) as error:
        raise UserError(tr("The file could not be read. Give the JSON itself, or try again.")) from error
    return replace(invocation, args={**invocation.args, taker.name: text})
