"""/feed: a chat's digests for feed readers."""

from dataclasses import replace

from bot.errors import UserError
from bot.feeding import FeedAddress, Feeding
from bot.language import tr
from handlers.command import Command, CommandGroup, Reply, Request, Services


async def show(services: Services, request: Request) -> Reply:
    """The chat's addresses, or how to get them."""
    address = await _feeding(services).get(request.chat)
    if address is None:
        return Reply(tr("This chat has no feed yet. /feed new makes one for feed readers."))
    return _show(services, address)


async def make(services: Services, request: Request) -> Reply:
    """A new address; an earlier one leads nowhere from now on."""
    feeding = _feeding(services)
    had = await feeding.get(request.chat) is not None
    await services.subscriptions.keep(request.chat)
    shown = _show(services, await feeding.renew(request.chat))
    return replace(shown, text=f"{tr('The earlier addresses no longer work.')} {shown.text}") if had else shown


async def turn_off(services: Services, request: Request) -> Reply:
    """Take the address away."""
    if await _feeding(services).end(request.chat):
        return Reply(tr("This chat has no feed any more; its addresses no longer work."))
    return Reply(tr("This chat has no feed."))


def _show(services: Services, address: FeedAddress) -> Reply:
    said = tr(
        "This chat's digests for feed readers, in three formats of which one is enough. Whoever has an address can read "
        "them; /feed new makes others, /feed off ends it."
    )
    return Reply(
        said, copy="\n".join(f"{services.public_url}/f/{address.secret}.{form}" for form in ("atom", "rss", "json"))
    )


def _feeding(services: Services) -> Feeding:
    if services.feeding is None or not services.public_url:
        raise UserError(
            tr(
                "There are no feeds yet: whoever runs this bot has to set PORT and PUBLIC_URL, so that readers can reach it."
            )
        )
    return services.feeding


FEED = CommandGroup(
    "feed",
    "This chat's digests for feed readers.",
    (
        Command("show", "The addresses of this chat's feed.", show, admin_only=True),
        Command("new", "Make a feed; its earlier addresses no longer work.", make, admin_only=True),
        Command("off", "End this chat's feed.", turn_off, admin_only=True),
    ),
)
