"""Papers for reference managers: /saved export, and the button BibTeX of a card."""

from bot.citing import Citing
from bot.errors import UserError
from bot.exports import FORMATS, Reference, write_file
from bot.exports.bibtex import bibtex_entry
from bot.language import tr, tr_n
from bot.model.message import Button, File
from bot.model.paper import ArxivId
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.papers import LIST_SAVED, PAPER_PARAM, get_card, get_cards, read_id

_MOST_TO_COPY = 1500
"""Characters that every platform shows as one block to be copied."""
_NAMES = {"bib": "bibtex", "md": "markdown", "latex": "bibtex"}


async def export_saved(services: Services, request: Request) -> Reply:
    """Everything that this person saved in this chat as one file, the latest first."""
    wanted = request.args.get("format", "").strip().lower()
    form = next((each for each in FORMATS if each.name == _NAMES.get(wanted, wanted)), None)
    if form is None:
        names = ", ".join(each.name for each in FORMATS)
        buttons = tuple(Button(each.name, f"/saved export {each.name}") for each in FORMATS)
        text = tr("In which format? There are {formats}. For example: /saved export bibtex", formats=names)
        if wanted:
            raise UserError(text)
        return Reply(text, buttons=buttons)
    saved = await get_cards(services).get_saved(request.chat, request.person)
    if not saved:
        raise UserError(
            tr("You have saved nothing in this chat yet. /paper 2608.11232, for example, has a button that saves.")
        )
    request.progress(tr("The papers are being put together …"))
    references = await _citing(services).get(saved)
    said = tr_n("{count} saved paper is in the file.", "{count} saved papers are in the file.", len(saved))
    if lacking := sum(each.is_bare for each in references):
        said += " " + tr_n(
            "Of {count} of them only id and title are known now, as arXiv could not be asked. Try again later.",
            "Of {count} of them only ids and titles are known now, as arXiv could not be asked. Try again later.",
            lacking,
        )
    return Reply(said, file=write_file(form, references, "saved-papers"))


async def show_bibtex(services: Services, request: Request) -> Reply:
    """The BibTeX entry of one paper, to be copied; as a file where its authors are too many."""
    identifier = read_id(request.args["paper"], "/bibtex")
    entry = bibtex_entry(await _reference(services, request, identifier))
    if len(entry) > _MOST_TO_COPY:
        return Reply(tr("The entry is in the file."), file=File(f"{identifier.replace('/', '-')}.bib", entry))
    return Reply(copy=entry.rstrip("\n"))


async def _reference(services: Services, request: Request, identifier: ArxivId) -> Reference:
    card = await get_card(services, request, identifier)
    if card is not None:
        return await _citing(services).get_one(card.announced.paper)
    marked = await get_cards(services).get_marked(request.chat, request.person, identifier)
    if marked is None:
        raise UserError(tr("arXiv knows no paper {id}.", id=identifier))
    return Reference.bare(identifier, marked.title)


def _citing(services: Services) -> Citing:
    return Citing(services.pipeline, services.known, services.archive)


_EXPORT_SAVED = Command(
    "export",
    "What you saved as a file: bibtex, ris, csv or markdown.",
    export_saved,
    (Param("format", "bibtex, ris, csv or markdown", required=False),),
    "/saved export bibtex",
)
BIBTEX = Command(
    "bibtex",
    "A paper as BibTeX.",
    show_bibtex,
    (PAPER_PARAM,),
    "/bibtex 2608.11232",
    is_hidden=True,
)
SAVED = CommandGroup("saved", "The papers you saved in this chat.", (LIST_SAVED, _EXPORT_SAVED), shorthand=LIST_SAVED)
