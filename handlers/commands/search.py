"""/search: the papers the bot knows, by a query in the topic language."""

import re

from bot.archive import Results
from bot.errors import UserError
from bot.language import tr, tr_n
from bot.model.message import Button
from bot.rendering.buttons import open_button
from bot.rendering.text import shorten
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.listing import open_page

_PAGE_SIZE = 10
_TITLE_LENGTH = 200
_MOST_LINE = 50
"""Bytes of a button's line; what a platform puts before it needs the rest of 64."""
_TAG = re.compile("#[0-9a-f]{8}")


async def search(services: Services, request: Request) -> Reply:
    """The best papers for the query."""
    return await _show(services, request, request.args["query"], "")


async def turn_page(services: Services, request: Request) -> Reply:
    """A page of what was searched for before, in the place of another one."""
    query = request.args["query"].strip()
    if _TAG.fullmatch(query):
        query = services.archive.recall(query) if services.archive else ""
        if not query:
            raise UserError(tr("I have forgotten this search. Please send /search with it again."))
    return await _show(services, request, query, request.args["page"])


async def _show(services: Services, request: Request, query: str, wanted: str) -> Reply:
    archive = services.archive
    if archive is None:
        raise UserError(tr("Nothing can be searched here."))
    request.progress(tr("Searching …"))
    results = await archive.search(query)
    searched = tr_n(
        "Searched {count} paper; papers are kept for {days} days.",
        "Searched {count} papers; papers are kept for {days} days.",
        results.searched,
        days=archive.days,
    )
    if not results.best:
        return Reply(
            "\n".join([tr("Nothing matches {query}.", query=shorten(query, _TITLE_LENGTH)), searched]),
            replaces=bool(wanted),
        )
    page = open_page("/search", wanted, len(results.best), _PAGE_SIZE)
    shown = list(enumerate(results.best, start=1))[page.entries]
    lines = [f"{number}. {shorten(each.title, _TITLE_LENGTH)} ({each.id}, {each.day})" for number, each in shown]
    ways = ((tr("‹ Previous"), page.number - 1), (tr("Next ›"), page.number + 1))
    turns = [Button(label, _line(services, number, query)) for label, number in ways if 1 <= number <= page.count]
    return Reply(
        "\n".join([_heading(results, query, page.number, page.count), *lines, "", searched]),
        buttons=(*(open_button(number, each.id) for number, each in shown), *turns),
        replaces=bool(wanted),
    )


def _heading(results: Results, query: str, page: int, pages: int) -> str:
    heading = tr_n(
        "{count} paper matches {query}", "{count} papers match {query}", results.count,
        query=shorten(query, _TITLE_LENGTH),
    )  # fmt: skip
    if results.count > len(results.best):
        heading = tr("{heading}; the best {best} of them", heading=heading, best=len(results.best))
    if pages > 1:
        heading = tr("{heading} (page {page} of {pages})", heading=heading, page=page, pages=pages)
    return tr("{heading}:", heading=heading)


def _line(services: Services, page: int, query: str) -> str:
    """What shows the page: the query itself where a button has room for it, so that it works for ever."""
    line = f"/results {page} {query}"
    if len(line.encode()) <= _MOST_LINE or services.archive is None:
        return line
    return f"/results {page} {services.archive.remember(query)}"


_QUERY = Param("query", "a query in the topic language")
SEARCH = Command(
    "search",
    "Search the papers of the last months, in the language of topics.",
    search,
    (_QUERY,),
    '/search kv cache AND au:"Tri Dao"',
)
RESULTS = Command(
    "results",
    "Another page of what was searched for.",
    turn_page,
    (Param("page", "the page, 1 first"), _QUERY),
    "/results 2 kv cache",
    is_hidden=True,
)
