"""Lists with pages and buttons, alike in every command."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bot.errors import UserError
from bot.language import tr
from bot.model.message import Button
from bot.model.subscription import Subscription
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


def removal_list(heading: str, name: str, entries: Sequence[str], labels: Sequence[str], page_text: str) -> Reply:
    """The entries with numbers, and for each on the page a button that removes it.

    Without a page asked for, the text has every entry. A page takes the place of the message with its button.
    """
    page = open_page(f"/{name} list", page_text, len(entries))
    numbered = list(enumerate(zip(entries, labels, strict=True), start=1))
    on_page = numbered[page.entries]
    shown = on_page if page_text else numbered
    if page_text and page.count > 1:
        heading = tr("{heading} (page {page} of {pages})", heading=heading, page=page.number, pages=page.count)
    lines = [tr("{heading}:", heading=heading), *(f"{number}. {label}" for number, (_, label) in shown)]
    buttons = [Button(f"✕ {number}", f"/{name} remove {tag_of(entry)}") for number, (entry, _) in on_page]
    return Reply(
        "\n".join([*lines, "", tr("/{name} remove <number> removes one.", name=name)]),
        buttons=(*buttons, *page.buttons),
        replaces=bool(page_text),
    )


def is_tag(text: str) -> bool:
    """Whether it is what the buttons of `removal_list` name an entry by."""
    return _TAG.fullmatch(text.strip()) is not None


async def press_removal(
    tag: str,
    entries: Sequence[str],
    remove: Callable[[], Awaitable[tuple[Subscription, str]]],
    show: Callable[[str], Awaitable[Reply]],
) -> Reply:
    """What a button of `removal_list` does: the entry it was drawn for goes, and its page of the list is shown anew."""
    index = next((index for index, entry in enumerate(entries) if tag_of(entry) == tag.strip()), None)
    if index is None:
        toast = tr("That was removed before.")
    else:
        _, removed = await remove()
        toast = tr("Removed {entry}.", entry=shorten(removed, _TOAST_LENGTH))
    shown = await show(str((index or 0) // PAGE_SIZE + 1))
    return replace(shown, replaces=True, toast=toast)
