"""/zotero: a person's library, into which 💾 puts papers."""

import re

from bot.collecting import Collecting
from bot.errors import UserError
from bot.language import tr, tr_n
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services

_KEY = re.compile(r"[A-Za-z0-9]{24}")
_NEW_KEY = "https://www.zotero.org/settings/keys/new"


async def connect(services: Services, request: Request) -> Reply:
    """Take a person's key, where nobody else reads it."""
    collecting = _collecting(services)
    key = request.args.get("key", "").strip()
    if not request.is_private:
        said = tr("Keys are for the two of us alone: please send /zotero connect in our private chat.")
        if key:
            said += " " + tr("Others may have read the one you sent here: delete it on Zotero, and make a new one.")
        return Reply(said)
    if not key:
        return Reply(
            tr(
                "Make a key for me with library and write access, and send it with /zotero connect KEY: {address}",
                address=_NEW_KEY,
            )
        )
    if not _KEY.fullmatch(key):
        raise UserError(tr("A key of Zotero has 24 letters and digits. Make one here: {address}", address=_NEW_KEY))
    connection = await collecting.connect(request.chat, request.who, key)
    return Reply(
        tr(
            "Connected to the library of {name}. 💾 adds papers to it from now on, wherever you press it. "
            "The key is kept encrypted; /zotero off forgets it.",
            name=connection.account.name or connection.account.id,
        )
    )


async def show(services: Services, request: Request) -> Reply:
    """Which library it is, and whether papers wait for it."""
    collecting = _collecting(services)
    if not request.is_private:
        return Reply(tr("That is between the two of us: please ask in our private chat."))
    connection = await collecting.get(request.who)
    if connection is None:
        return Reply(
            tr("You have connected no library of Zotero. /zotero connect KEY does, with a key made here: {address}", address=_NEW_KEY)
        )  # fmt: skip
    if connection.is_refused:
        return Reply(tr("Zotero no longer takes your key; /zotero connect takes a new one."))
    lines = [tr("💾 adds papers to the library of {name}.", name=connection.account.name or connection.account.id)]
    if waiting := await collecting.count_waiting(request.who):
        lines.append(tr_n("{count} paper is on its way.", "{count} papers are on their way.", waiting))
    return Reply(" ".join([*lines, tr("/zotero off ends that.")]))


async def turn_off(services: Services, request: Request) -> Reply:
    """Forget the key."""
    if await _collecting(services).disconnect(request.who):
        return Reply(tr("Your key is forgotten. What is in your Zotero library stays there."))
    return Reply(tr("You have connected no library of Zotero."))


def _collecting(services: Services) -> Collecting:
    if services.collecting is None:
        raise UserError(
            tr(
                "Zotero cannot be connected yet: whoever runs this bot has to set SECRET_KEY first. "
                "/saved export ris makes a file that Zotero imports."
            )
        )
    return services.collecting


_CONNECT = Command(
    "connect",
    "Add papers to your Zotero library from now on.",
    connect,
    (Param("key", "a key with write access, from zotero.org/settings/keys", required=False),),
    "/zotero connect aBcDeFgHiJkLmNoPqRsTuVwX",
    acts_here=True,
    takes_secret=True,
)
ZOTERO = CommandGroup(
    "zotero",
    "Your Zotero library, into which 💾 puts papers.",
    (
        Command("show", "Which library it is, and what waits for it.", show, acts_here=True),
        _CONNECT,
        Command("off", "Forget the key of your library.", turn_off, acts_here=True),
    ),
    shorthand=_CONNECT,
)
