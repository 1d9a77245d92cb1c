"""/paper, its buttons, and /saved: one paper on its own, and what a person makes of it."""

from bot.cards import Cards
from bot.errors import UserError
from bot.language import later, tr, tr_n
from bot.model.card import Card, Mark, MarkedPaper
from bot.model.message import Button
from bot.model.paper import ArxivId, parse_arxiv_id
from bot.rendering.buttons import open_button
from bot.rendering.text import shorten
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.listing import PAGE, open_page

SAVED_PAGE_SIZE = 10
_LABELS = {Mark.UP: "👍", Mark.DOWN: "👎", Mark.SAVE: "💾", Mark.MUTE: "🔇"}
_SAID = {
    Mark.UP: (later("👍 noted."), later("👍 taken back.")),
    Mark.DOWN: (later("👎 noted."), later("👎 taken back.")),
    Mark.SAVE: (later("Saved."), later("No longer saved.")),
    Mark.MUTE: (
        later("Less like this from now on."),
        later("No longer muted."),
    ),
}


async def show_paper(services: Services, request: Request) -> Reply:
    """The card of a paper with the person's marks as buttons."""
    return await _show(services, request, read_id(request.args["paper"], "/paper"))


async def mark_paper(services: Services, request: Request) -> Reply:
    """Set a mark or take it back, and show the card as it is then."""
    mark = next((each for each in Mark if each.value == request.args["what"].lower()), None)
    if mark is None:
        raise UserError(tr("A paper is marked {marks}. For example: /mark save 2608.11232", marks=", ".join(Mark)))
    identifier = read_id(request.args["paper"], "/mark save")
    subscription = await services.subscriptions.get(request.chat)
    marks = await Cards(services.pipeline).toggle(subscription, request.person, identifier, mark)
    noted, taken_back = _SAID[mark]
    toast = tr(noted if mark in marks else taken_back)
    shown = await _show(services, request, identifier)
    return Reply(shown.text, card=shown.card, buttons=shown.buttons, replaces=True, toast=toast)


async def list_saved(services: Services, request: Request) -> Reply:
    """What this person saved in this chat, the latest first, with a button for each card."""
    saved = await Cards(services.pipeline).get_saved(request.chat, request.person)
    wanted = request.args.get("page", "")
    if not saved:
        text = tr("You have saved nothing in this chat yet. /paper 2608.11232, for example, has a button that saves.")
        return Reply(text, replaces=bool(wanted))
    page = open_page("/saved list", wanted, len(saved), SAVED_PAGE_SIZE)
    shown = list(enumerate(saved, start=1))[page.entries]
    lines = [f"{number}. {each.title} ({each.id})" for number, each in shown]
    heading = tr_n(
        "You have saved {count} paper in this chat", "You have saved {count} papers in this chat", len(saved)
    )
    if page.count > 1:
        heading = tr(
            "{heading} (page {page} of {pages}; {line} 2 turns it)",
            heading=heading,
            page=page.number,
            pages=page.count,
            line=page.line,
        )
    heading = tr("{heading}:", heading=heading)
    buttons = (*(open_button(number, each.id) for number, each in shown), *page.buttons)
    return Reply("\n".join([heading, *lines]), buttons=buttons, replaces=bool(wanted))


def read_id(text: str, command: str) -> ArxivId:
    """The id that a person wrote. Raises UserError with an example of `command`."""
    named = parse_arxiv_id(text)
    if named is None:
        raise UserError(
            tr(
                '"{text}" is not an arXiv id or link. For example: {command} 2608.11232',
                text=shorten(text, 60),
                command=command,
            )
        )
    return named[0]


async def _show(services: Services, request: Request, identifier: ArxivId) -> Reply:
    cards = Cards(services.pipeline)
    subscription = await services.subscriptions.get(request.chat)
    card = await cards.get(subscription, request.person, identifier)
    if card is not None:
        return Reply(card=card, buttons=_card_buttons(card))
    marked = await cards.get_marked(request.chat, request.person, identifier)
    if marked is not None:
        return Reply(_describe_old(marked), buttons=_mark_buttons(identifier, marked.marks))
    return Reply(
        tr(
            "{id} is in none of the announcements kept here, which are those of the last 30 days in the categories "
            "that somebody follows. arXiv has it, if it exists: https://arxiv.org/abs/{id}",
            id=identifier,
        )
    )


def _describe_old(marked: MarkedPaper) -> str:
    over = tr("Its abstract is kept here for 30 days, which are over.")
    return f"{marked.title}\nhttps://arxiv.org/abs/{marked.id}\n{over}"


def _card_buttons(card: Card) -> tuple[Button, ...]:
    """None for an invented paper: nothing of the sample is ever kept."""
    return () if card.is_sample else _mark_buttons(card.announced.paper.id, card.marks)


def _mark_buttons(identifier: ArxivId, marks: frozenset[Mark]) -> tuple[Button, ...]:
    return tuple(
        Button(f"{_LABELS[mark]} ✓" if mark in marks else _LABELS[mark], f"/mark {mark} {identifier}") for mark in Mark
    )


_PAPER = Param("paper", "an arXiv id or link")

PAPER = Command(
    "paper",
    "A paper on its own: abstract, links, your marks.",
    show_paper,
    (_PAPER,),
    "/paper 2608.11232",
    is_public=True,
)
MARK = Command(
    "mark",
    "Mark a paper, or take the mark back.",
    mark_paper,
    (Param("what", "up, down, save or mute"), _PAPER),
    "/mark save 2608.11232",
    is_hidden=True,
)
_LIST = Command("list", "Show what you saved, the latest first.", list_saved, (PAGE,))
SAVED = CommandGroup("saved", "The papers you saved in this chat.", (_LIST,), shorthand=_LIST)
