"""/paper, its buttons, and /saved: one paper on its own, its summary, and what a person makes of it."""

from bot.cards import Cards
from bot.delivery.letters import BUDGET_SPENT
from bot.errors import SourceError, UserError
from bot.follows import MOST_FOLLOWS
from bot.language import later, tr, tr_n
from bot.model.card import Card, Mark, MarkedPaper
from bot.model.message import Button
from bot.model.paper import ArxivId, parse_arxiv_id
from bot.model.subscription import Subscription
from bot.preferences import UNTEACHABLE
from bot.rendering.buttons import open_button
from bot.rendering.text import shorten
from bot.summarising import Summaries
from handlers.command import Command, Param, Reply, Request, Services
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


async def summarise_paper(services: Services, request: Request) -> Reply:
    """The card with its summary, made now if need be."""
    if services.summaries is None:
        raise UserError(tr("Nothing is summarised here: no language model is set up."))
    identifier = read_id(request.args["paper"], "/summary")
    subscription = await services.subscriptions.get(request.chat)
    cards = get_cards(services)
    card = await _get_card(cards, subscription, request.person, identifier)
    if card is None:
        return await _show(services, request, identifier)
    if card.summary is None:
        request.progress(tr("The summary is being written …"))
        card = await cards.summarise(subscription, card)
    note = "" if card.summary or card.is_sample else _describe_lack(services.summaries, subscription, card)
    return Reply(note, card=card, buttons=card_buttons(services, card), replaces=True)


def _describe_lack(summaries: Summaries, subscription: Subscription, card: Card) -> str:
    if summaries.is_spent():
        return tr(BUDGET_SPENT)
    if summaries.is_coming(card.announced.paper, subscription.language):
        return tr("The summary is still being written; open the card again in a minute.")
    return tr("No summary could be made of this paper now; its abstract stands in.")


async def mark_paper(services: Services, request: Request) -> Reply:
    """Set a mark or take it back, and show the card as it is then."""
    mark = next((each for each in Mark if each.value == request.args["what"].lower()), None)
    if mark is None:
        raise UserError(tr("A paper is marked {marks}. For example: /mark save 2608.11232", marks=", ".join(Mark)))
    identifier = read_id(request.args["paper"], "/mark save")
    subscription = await services.subscriptions.get(request.chat)
    try:
        marks = await get_cards(services).toggle(subscription, request.person, identifier, mark)
    except SourceError as error:
        raise UserError(_unreadable(identifier)) from error
    noted, taken_back = _SAID[mark]
    if mark is Mark.MUTE and subscription.ranker in UNTEACHABLE:
        noted = later("Noted, but the ranker {ranker} learns nothing; /settings ranker rules does.")
    toast = tr(noted if mark in marks else taken_back, ranker=subscription.ranker)
    if mark is Mark.SAVE:
        toast += await _follow_saved(services, request, identifier, is_saved=mark in marks)
    shown = await _show(services, request, identifier)
    if mark is Mark.SAVE:
        toast = f"{toast} {await _collect(services, request, identifier, shown.card, is_saved=mark in marks)}".strip()
    return Reply(shown.text, card=shown.card, buttons=shown.buttons, replaces=True, toast=toast)


async def _follow_saved(services: Services, request: Request, identifier: ArxivId, *, is_saved: bool) -> str:
    """Let the chat follow what somebody saved in it; what the toast says of that, if it could not."""
    if not is_saved:
        await services.follows.unsave(request.chat, request.person, identifier)
        return ""
    marked = await get_cards(services).get_marked(request.chat, request.person, identifier)
    title = marked.title if marked else identifier
    if await services.follows.save(request.chat, request.person, identifier, title):
        return ""
    return " " + tr("It is not followed, as this chat follows {limit} papers already.", limit=MOST_FOLLOWS)


async def _collect(
    services: Services, request: Request, identifier: ArxivId, card: Card | None, *, is_saved: bool
) -> str:
    """Let the person's Zotero library have what they saved; what to say of that."""
    if services.collecting is None:
        return ""
    if not is_saved:
        return await services.collecting.unsave(request.who, identifier)
    return await services.collecting.save(request.who, card.announced.paper) if card else ""


async def list_saved(services: Services, request: Request) -> Reply:
    """What this person saved in this chat, the latest first, with a button for each card."""
    saved = await get_cards(services).get_saved(request.chat, request.person)
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
    marked = await get_cards(services).get_marked(request.chat, request.person, identifier)
    try:
        card = await get_card(services, request, identifier)
    except UserError:
        if marked is None:
            raise
        card = None
    if card is not None:
        return Reply(card=card, buttons=card_buttons(services, card))
    if marked is not None:
        is_followed = await services.follows.has(request.chat, identifier)
        buttons = (*_mark_buttons(identifier, marked.marks), follow_button(identifier, is_followed=is_followed))
        return Reply(_describe_old(marked), buttons=buttons)
    if services.known.lookup is not None:
        return Reply(tr("arXiv knows no paper {id}.", id=identifier))
    return Reply(
        tr(
            "{id} is in none of the announcements kept here, which are those of the last months in the categories "
            "that somebody follows. arXiv has it, if it exists: https://arxiv.org/abs/{id}",
            id=identifier,
        )
    )


def get_cards(services: Services) -> Cards:
    """The use cases of single papers."""
    return Cards(services.pipeline, services.backfill, services.summaries, services.archive)


async def _get_card(cards: Cards, subscription: Subscription, person: str, identifier: ArxivId) -> Card | None:
    """The card. Raises UserError where arXiv had to be asked and could not be."""
    try:
        return await cards.get(subscription, person, identifier)
    except SourceError as error:
        raise UserError(_unreadable(identifier)) from error


def _unreadable(identifier: ArxivId) -> str:
    return tr(
        "{id} is in none of the announcements kept here, and arXiv cannot be asked now. Please try again in a minute, or "
        "see https://arxiv.org/abs/{id}",
        id=identifier,
    )


def _describe_old(marked: MarkedPaper) -> str:
    over = tr("Its abstract is kept here no longer.")
    return f"{marked.title}\nhttps://arxiv.org/abs/{marked.id}\n{over}"


async def get_card(services: Services, request: Request, identifier: ArxivId) -> Card | None:
    """The paper's card for whoever asks; None where nothing is known of it. Raises UserError where arXiv does not answer."""
    subscription = await services.subscriptions.get(request.chat)
    return await _get_card(get_cards(services), subscription, request.person, identifier)


def card_buttons(services: Services, card: Card) -> tuple[Button, ...]:
    """None for an invented paper: nothing of the sample is ever kept."""
    if card.is_sample:
        return ()
    identifier = card.announced.paper.id
    can_summarise = services.summaries is not None and card.summary is None
    summarise = (Button(tr("Summarise"), f"/summary {identifier}"),) if can_summarise else ()
    follow = follow_button(identifier, is_followed=card.is_followed)
    return (*_mark_buttons(identifier, card.marks), follow, *summarise, Button("BibTeX", f"/bibtex {identifier}"))


def follow_button(identifier: ArxivId, *, is_followed: bool) -> Button:
    """Follows the paper, or ends that."""
    return Button(tr("Unfollow") if is_followed else tr("Follow"), f"/follow {identifier}")


def _mark_buttons(identifier: ArxivId, marks: frozenset[Mark]) -> tuple[Button, ...]:
    return tuple(
        Button(f"{_LABELS[mark]} ✓" if mark in marks else _LABELS[mark], f"/mark {mark} {identifier}") for mark in Mark
    )


PAPER_PARAM = Param("paper", "an arXiv id or link")

PAPER = Command(
    "paper",
    "A paper on its own: summary, abstract, links, your marks.",
    show_paper,
    (PAPER_PARAM,),
    "/paper 2608.11232",
    is_public=True,
)
MARK = Command(
    "mark",
    "Mark a paper, or take the mark back.",
    mark_paper,
    (Param("what", "up, down, save or mute"), PAPER_PARAM),
    "/mark save 2608.11232",
    is_hidden=True,
)
SUMMARY = Command(
    "summary",
    "A paper on its own with an AI summary, made if need be.",
    summarise_paper,
    (PAPER_PARAM,),
    "/summary 2608.11232",
    is_public=True,
    is_hidden=True,
)
LIST_SAVED = Command("list", "Show what you saved, the latest first.", list_saved, (PAGE,))
