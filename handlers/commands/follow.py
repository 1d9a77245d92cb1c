"""/follow: being told of new versions of a paper, and the list of the papers of which a chat is told."""

from dataclasses import replace
from itertools import chain

from bot.language import tr, tr_n
from bot.model.follow import Follow
from bot.model.message import Button
from bot.rendering.buttons import open_button
from bot.rendering.text import shorten
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.listing import PAGE, PAGE_SIZE, briefly, open_page
from handlers.commands.papers import PAPER_PARAM, card_buttons, get_card, read_id

_TITLE_LENGTH = 200


async def follow(services: Services, request: Request) -> Reply:
    """Follow a paper, or end that; without a paper, the list."""
    if not request.args.get("paper", "").strip():
        return await list_follows(services, request)
    identifier = read_id(request.args["paper"], "/follow")
    ended = await services.follows.end(request.chat, identifier)
    if ended is not None:
        said = _describe_end(ended)
    else:
        begun = await services.follows.begin(request.chat, identifier)
        title = briefly(begun.known.title)
        said = tr('Following "{title}" ({id}): new versions are told here.', title=title, id=identifier)
    card = await get_card(services, request, identifier) if request.is_press else None
    if card is not None:
        return Reply(card=card, buttons=card_buttons(services, card), replaces=True, toast=said)
    return Reply(said)


async def unfollow(services: Services, request: Request) -> Reply:
    """End it, and show the page of the list anew on which its button was pressed."""
    identifier = read_id(request.args["paper"], "/unfollow")
    papers = list(await services.follows.get(request.chat))[::-1]
    ended = await services.follows.end(request.chat, identifier)
    said = _describe_end(ended) if ended else tr("{id} is not followed here.", id=identifier)
    if not request.is_press:
        return Reply(said)
    page = papers.index(identifier) // PAGE_SIZE + 1 if identifier in papers else 1
    return replace(await _list(services, request, str(page)), replaces=True, toast=said)


async def list_follows(services: Services, request: Request) -> Reply:
    """What this chat follows, the latest first, with buttons that open a card or end it."""
    return await _list(services, request, request.args.get("page", ""))


async def _list(services: Services, request: Request, wanted: str) -> Reply:
    follows = tuple((await services.follows.get(request.chat)).values())[::-1]
    if not follows:
        text = tr(
            "This chat follows no paper yet. /follow 2608.11232, for example, lets it be told of every new version; so "
            "does 💾 below a paper."
        )
        return Reply(text, replaces=bool(wanted))
    page = open_page("/follows", wanted, len(follows))
    shown = list(enumerate(follows, start=1))[page.entries]
    heading = tr_n("This chat follows {count} paper", "This chat follows {count} papers", len(follows))
    if page.count > 1:
        heading = tr("{heading} (page {page} of {pages})", heading=heading, page=page.number, pages=page.count)
    lines = [tr("{heading}:", heading=heading), *(f"{number}. {_describe(each)}" for number, each in shown)]
    rows = [
        (open_button(number, each.known.id), Button(f"✕ {number}", f"/unfollow {each.known.id}"))
        for number, each in shown
    ]
    return Reply(
        "\n".join([*lines, "", tr("/follow <paper> once more ends it.")]),
        buttons=(*chain(*rows), *page.buttons),
        rows=tuple(len(row) for row in (*rows, page.buttons) if row),
        replaces=bool(wanted),
    )


def _describe(each: Follow) -> str:
    known = each.known
    name = f"{known.id}v{known.number}" if known.number else known.id
    return f"{shorten(known.title, _TITLE_LENGTH)} ({name})"


def _describe_end(ended: Follow) -> str:
    known = ended.known
    return tr('No longer following "{title}" ({id}).', title=briefly(known.title), id=known.id)


FOLLOW = Command(
    "follow",
    "Be told here of new versions of a paper, or no longer; alone, the list.",
    follow,
    (Param(PAPER_PARAM.name, PAPER_PARAM.help, required=False),),
    "/follow 2608.11232",
    admin_only=True,
)
UNFOLLOW = Command(
    "unfollow", "Follow a paper no longer.", unfollow, (PAPER_PARAM,), "/unfollow 2608.11232", admin_only=True,
    is_hidden=True,
)  # fmt: skip
FOLLOWS = Command("follows", "The papers this chat follows.", list_follows, (PAGE,), admin_only=True, is_hidden=True)
