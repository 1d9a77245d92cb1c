"""The console chat: reads lines, runs commands, prints replies.

On a terminal prompt_toolkit gives line editing, history and completion. Over a pipe it is plain lines in and out, so
that scripts can talk to the bot.
"""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bot.errors import UserError
from bot.language import tr
from bot.model.chat import Chat
from handlers.command import Catalogue, CommandGroup, Reply, Request, Services
from handlers.console.render import render_reply
from handlers.execution import Invocation, adopt_language, execute, parse_line

log = logging.getLogger(__name__)

CHAT = Chat("console", "local")
_QUIT = ("/quit", "/exit")
PIPE_WIDTH = 100
_LARGEST_FILE = 1_000_000


@dataclass(slots=True)
class ConsoleBot:
    """One person at one terminal, who may do everything. `write` shows a reply, `notice` a passing remark."""

    services: Services
    catalogue: Catalogue
    write: Callable[[str], None]
    notice: Callable[[str], None]
    width: Callable[[], int] = lambda: PIPE_WIDTH
    colour: bool = False
    _expects: str = field(default="", init=False)

    async def run(self, lines: AsyncIterator[str]) -> None:
        """Answer each line in turn until /quit or the end of input."""
        async for line in lines:
            text = line.strip()
            if text.lower() in _QUIT:
                return
            if text:
                reply = await self.answer(text)
                self.write(render_reply(reply, width=self.width(), colour=self.colour))

    async def answer(self, text: str) -> Reply:
        """The reply to one line. A command always is one; other text answers the last question, if one was asked."""
        expected, self._expects = self._expects, ""
        await adopt_language(self.services, CHAT)
        if not text.startswith("/"):
            if not expected:
                return Reply(
                    tr(
                        "I act on commands. /topics add {text} follows this as a topic; /help lists them all.",
                        text=text[:40],
                    )
                )
            text = f"{expected} {text}"
        try:
            invocation = _with_files(parse_line(self.catalogue, text))
        except UserError as error:
            return Reply(str(error))
        reply = await execute(
            invocation,
            self.services,
            Request(CHAT, "owner", _yes, invocation.args, self.notice, is_owner=True, is_private=True),
        )
        self._expects = reply.expects
        return reply


async def _yes() -> bool:
    return True


def _with_files(invocation: Invocation) -> Invocation:
    """The invocation with file names replaced by contents, for the parameters that take files."""
    args = dict(invocation.args)
    for param in invocation.command.params:
        path = Path(args.get(param.name, "")).expanduser()
        if param.is_file and not args.get(param.name, "{").lstrip().startswith("{"):
            args[param.name] = _read(path)
    return Invocation(invocation.command, invocation.usage, args)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UserError(tr("{path} is too large for a configuration.", path=path))
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(
            tr("{path} cannot be read. Give the JSON itself, or the name of a file that holds it.", path=path)
        ) from error


def completions(catalogue: Catalogue) -> dict[str, dict[str, None] | None]:
    """The words that can follow each other, for a completer."""
    words: dict[str, dict[str, None] | None] = {"/quit": None}
    for entry in catalogue:
        shown = [each for each in entry.commands if not each.is_hidden] if isinstance(entry, CommandGroup) else []
        names = {each.name: None for each in shown} or None
        words[f"/{entry.name}"] = names
    return words


async def piped_lines(stream: TextIO) -> AsyncIterator[str]:
    """The lines of a pipe or file, read in a thread of their own that never keeps the process from ending."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with suppress(RuntimeError):  # the loop has ended before the input
            try:
                for line in stream:
                    loop.call_soon_threadsafe(queue.put_nowait, line)
            finally:
                loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


async def typed_lines(catalogue: Catalogue) -> AsyncIterator[str]:
    """The lines a person types, until Ctrl-D or Ctrl-C."""
    from prompt_toolkit import PromptSession  # noqa: PLC0415 - half a second that a pipe never needs
    from prompt_toolkit.completion import NestedCompleter  # noqa: PLC0415
    from prompt_toolkit.patch_stdout import patch_stdout  # noqa: PLC0415

    session: PromptSession[str] = PromptSession(
        "> ", completer=NestedCompleter.from_nested_dict(completions(catalogue)), complete_while_typing=False
    )
    while True:
        try:
            # Only while the prompt stands: what is said then goes above it, and replies are printed plainly.
            with patch_stdout(raw=True):
                line = await session.prompt_async()
        except (EOFError, KeyboardInterrupt):
            return
        yield line


def is_interactive(streams: Sequence[TextIO] = (sys.stdin, sys.stdout)) -> bool:
    """Whether a person sits at both ends."""
    return all(stream.isatty() for stream in streams)


def wants_colour(stream: TextIO) -> bool:
    """Colour on a terminal only, and not where NO_COLOR (https://no-color.org) or a dumb terminal forbids it."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
