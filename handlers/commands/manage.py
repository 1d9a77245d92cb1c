"""/manage: act on a channel from elsewhere, such as a private chat."""

from bot.errors import UserError
from bot.language import tr
from bot.managing import SPAN
from bot.model.message import Button
from handlers.command import Command, Param, Reply, Request, Services

_MINUTES = int(SPAN.total_seconds() // 60)
_OFF = "off"


async def manage(services: Services, request: Request) -> Reply:
    """Choose the chat that the person's next commands act on, say which one it is, or end it."""
    wanted = request.args.get("channel", "").strip()
    if services.managing is None or request.locate is None:
        raise UserError(
            tr(
                "There is nothing to manage from here. On Telegram, write /manage @channel to me in private; "
                "on Discord, use /manage in the server of the channel."
            )
        )
    managing = services.managing
    if wanted.lower() == _OFF:
        await managing.end(request.chat, request.person)
        return Reply(tr("What you say here is about this chat again."), replaces=True)
    chosen = await managing.get(request.chat, request.person)
    if not wanted and chosen is None:
        return Reply(tr("What you say here is about this chat. /manage with a channel lets it be about that one."))
    located = await request.locate(wanted or (chosen.id if chosen else ""))
    if wanted:
        await managing.choose(request.chat, request.person, located.chat)
    return Reply(
        tr(
            "For {title}: what you say here is about that chat, for {minutes} minutes from when you chose it. "
            "/topics, /categories, /settings and all others act there. /manage off ends it.",
            title=located.title,
            minutes=_MINUTES,
        ),
        buttons=(Button(tr("End"), "/manage off"),),
    )


MANAGE = Command(
    "manage",
    "Let your next commands here act on another channel.",
    manage,
    (Param("channel", "the channel; in text also off, to end it", required=False, is_channel=True),),
    "/manage @channel",
    acts_here=True,
)
