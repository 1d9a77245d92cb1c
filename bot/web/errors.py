"""What went wrong, in plain words: as a page for people, as text for programs."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from bot.language import later, tr
from bot.web.templating import Templates

_WORDS: dict[int, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: (
        later("This request cannot be understood"),
        later("Something in it is not as it should be. Please check the address."),
    ),
    HTTPStatus.NOT_FOUND: (
        later("There is no such page"),
        later(
            "Perhaps the address is not complete, the chat has stopped sharing its digests, or the page is older than "
            "90 days, after which pages are removed. Please ask whoever gave you the link."
        ),
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        later("That cannot be done here"),
        later("This address can be read, and nothing else."),
    ),
    HTTPStatus.GONE: (
        later("This address is not used any more"),
        later("It was replaced or turned off. Please ask for the new one in the chat it belongs to."),
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (later("That is too much"), later("What was sent is larger than I take.")),
    HTTPStatus.REQUEST_URI_TOO_LONG: (later("That is too much"), later("The address is longer than I take.")),
    HTTPStatus.TOO_MANY_REQUESTS: (
        later("Too many requests"),
        later("Many requests came from your network within a short time. Please wait a minute and try again."),
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        later("Not available at the moment"),
        later("Please try again in a few minutes."),
    ),
}
_ELSE = (
    later("Something went wrong here"),
    later("It is not your fault, and it was noted for the owner. Please try again later."),
)


def _words(status: int) -> tuple[str, str]:
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _WORDS.get(status, _WORDS[HTTPStatus.BAD_REQUEST])
    return _WORDS.get(status, _ELSE)


def make_error(
    templates: Templates, request: web.Request, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The answer with this status, in the language that the request asks for."""
    language = templates.choose_language(request.headers.get("Accept-Language", ""))
    with templates.languages.speaking(language):
        heading, text = map(tr, _words(status))
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(status=status, headers=headers, text=f"{heading}. {text}\n")
        page = templates.render("error.html", language, heading=heading, text=text, status=status)
    return web.Response(status=status, headers=headers, text=page, content_type="text/html")
