"""What is offered while a person types an option."""

from collections.abc import Iterable
from contextlib import suppress

from bot.errors import UserError
from bot.exports import FORMATS
from bot.language import tr
from bot.model.chat import Chat
from bot.preferences import PREFERENCES
from bot.schedule import parse_schedule, split_zone
from bot.zones import find_zones
from handlers.command import Catalogue, Services
from handlers.commands.schedule import COMMON
from handlers.discord.markup import label

MOST, LONGEST = 25, 100
"""Discord's limits: so many choices, so many characters in each."""


async def suggest(
    services: Services, catalogue: Catalogue, chat: Chat, usage: str, typed: str
) -> list[tuple[str, str]]:
    """Up to 25 pairs of what is shown and what is sent, the likeliest first."""
    if usage == "/categories add":
        found: Iterable[tuple[str, str]] = _categories(services, typed)
    elif usage == "/categories remove":
        subscription = await services.subscriptions.get(chat)
        found = _containing(typed, [(_name(services, each), each) for each in subscription.categories])
    elif usage == "/topics remove":
        topics = (await services.subscriptions.get(chat)).topics
        # A text that is too long to be sent is named by its number.
        pairs = [(f"{n}. {each}", each if len(each) <= LONGEST else str(n)) for n, each in enumerate(topics, start=1)]
        found = _containing(typed, pairs)
    elif usage == "/schedule set":
        found = _schedules(typed)
    elif usage == "/pause":
        found = _containing(typed, [(each, each) for each in ("3 days", "1 week", "2 weeks", "1 month", "monday")])
    elif usage == "/saved export":
        found = _containing(typed, [(each.name, each.name) for each in FORMATS])
    elif usage == "/help":
        found = _containing(typed, [(f"{each.name}: {tr(each.help)}", each.name) for each in catalogue])
    else:
        found = _containing(typed, [(f"{each.name}: {tr(each.help)}", each.name) for each in PREFERENCES])
    return [(label(shown, LONGEST), value) for shown, value in list(found)[:MOST]]


def _categories(services: Services, typed: str) -> list[tuple[str, str]]:
    """Categories for the last of several words or codes separated by commas, the earlier ones kept."""
    before, comma, last = typed.rpartition(",")
    kept = f"{before.strip()}, " if comma else ""
    taxonomy = services.subscriptions.taxonomy
    found = dict.fromkeys((*taxonomy.complete(last.strip()), *taxonomy.search(last.strip())))
    pairs = [(f"{kept}{each.code} ({each.name})", f"{kept}{each.code}") for each in found or taxonomy]
    return [pair for pair in pairs if len(pair[1]) <= LONGEST]


def _schedules(typed: str) -> list[tuple[str, str]]:
    """What is typed so far, understood; the time zones that its end may mean; common schedules that it is part of."""
    when, place = split_zone(typed)
    known = ""
    with suppress(UserError):
        known = str(parse_schedule(when))
    placed = [f"{known} {zone}".strip() for zone in find_zones(place)]
    common = [each for each in COMMON if typed.strip().casefold() in each]
    return [(each, each) for each in dict.fromkeys((*placed, *([known] if known and not place else []), *common))]


def _name(services: Services, code: str) -> str:
    category = services.subscriptions.taxonomy.get(code)
    return f"{code} ({category.name})" if category else code


def _containing(typed: str, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    wanted = typed.strip().removeprefix("/").casefold()
    return [pair for pair in pairs if wanted in pair[0].casefold()]
