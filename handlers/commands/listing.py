"""Lists with pages and buttons, and commands on one entry of such a list, alike for topics and categories."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bot.errors import UserError
from bot.language import tr
from bot.model.message import Button
from bot.rendering.text import shorten
from bot.subscriptions import tag_of
from handlers.command import Param, Reply

PAGE_SIZE = 8
PAGE = Param("page", "the page, 1 first", required=False)
_TAG = re.compile("#[0-9a-f]{8}")
_TOAST_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, counted from 1. `line` is the command that shows a page when its number is put behind it."""

    number: int
    count: int
    size: int
    line: str

    @property
    def start(self) -> int:
        """The index of the first entry on the page."""
        return (self.number - 1) * self.size

    @property
    def entries(self) -> slice:
        """Which entries are on the page."""
        return slice(self.start, self.start + self.size)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The ways to the pages before and after, where there are any."""
        ways = ((tr("‹ Previous"), self.number - 1), (tr("Next ›"), self.number + 1))
        return tuple(Button(label, f"{self.line} {to}") for label, to in ways if 1 <= to <= self.count)


def open_page(line: str, text: str, entries: int, size: int = PAGE_SIZE) -> Page:
    """The page that `text` asks for, the first if it is empty, the last if there are not so many.

    Raises UserError for what is no number.
    """
    wanted = text.strip()
    if wanted and not (wanted.isascii() and wanted.isdigit()):
        raise UserError(tr('"{text}" is not the number of a page. For example: {line} 2', text=wanted[:20], line=line))
    count = max(1, -(-entries // size))
    return Page(min(max(int(wanted[:9] or 1), 1), count), count, size, line)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list: its text, how it is shown, and its row of buttons but for the one that removes it.

    A button is a sign and the subcommand that it stands for.
    """

    text: str
    label: str
    signs: tuple[tuple[str, str], ...] = ()

    def buttons(self, number: int, name: str) -> tuple[Button, ...]:
        """Its row, in which the entry is named by its tag, so that a button never hits another one."""
        signs = (("✕", "remove"), *self.signs)
        return tuple(Button(f"{sign} {number}", f"/{name} {word} {tag_of(self.text)}") for sign, word in signs)


def entry_list(heading: str, name: str, entries: Sequence[Entry], page_text: str, size: int = PAGE_SIZE) -> Reply:
    """The entries with numbers, and the buttons of those on the page.

    Without a page asked for, the text has every entry. A page takes the place of the message with its button.
    """
    page = open_page(f"/{name} list", page_text, len(entries), size)
    numbered = list(enumerate(entries, start=1))
    on_page = numbered[page.entries]
    shown = on_page if page_text else numbered
    if page_text and page.count > 1:
        heading = tr("{heading} (page {page} of {pages})", heading=heading, page=page.number, pages=page.count)
    lines = [tr("{heading}:", heading=heading), *(f"{number}. {entry.label}" for number, entry in shown)]
    rows = [entry.buttons(number, name) for number, entry in on_page]
    has_rows = any(entry.signs for _, entry in on_page)
    return Reply(
        "\n".join([*lines, "", tr("/{name} remove <number> removes one.", name=name)]),
        buttons=(*chain(*rows), *page.buttons),
        rows=tuple(len(row) for row in (*rows, page.buttons) if row) if has_rows else (),
        replaces=bool(page_text),
    )


async def change_entry(
    wanted: str,
    entries: Sequence[str],
    change: Callable[[], Awaitable[Reply]],
    show: Callable[[str], Awaitable[Reply]],
    size: int = PAGE_SIZE,
) -> Reply:
    """What a command on one entry answers: the text of `change` where the entry was typed.

    Where it is the tag of a button, the toast, with the button's page of the list shown anew. What is gone stays as it is.
    """
    if not _TAG.fullmatch(wanted.strip()):
        return replace(await change(), toast="")
    index = next((index for index, entry in enumerate(entries) if tag_of(entry) == wanted.strip()), None)
    toast = tr("That was removed before.") if index is None else (await change()).toast
    shown = await show(str((index or 0) // size + 1))
    return replace(shown, replaces=True, toast=toast)


def briefly(entry: str) -> str:
    """The entry as a toast has room for it."""
    return shorten(entry, _TOAST_LENGTH)
