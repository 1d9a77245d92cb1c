"""/share, and what opening such a link does."""

from bot.errors import UserError
from bot.rendering.text import shorten
from bot.sharing import Sharing
from handlers.command import Command, Reply, Request, Services

SHARED = "topics_"
"""What the payload of `/start` begins with in a shared link."""
_LONGEST_LIST = 1500


async def share_topics(services: Services, request: Request) -> Reply:
    """The line that makes another chat follow the same."""
    subscription = await services.subscriptions.get(request.chat)
    payload = SHARED + await Sharing(services.pipeline.storage).share(subscription)
    return Reply(
        f"Whoever sends me this line adds the {len(subscription.topics)} topics and {len(subscription.categories)} "
        f"categories of this chat to theirs:\n/start {payload}\n"
        "Later changes are not in it until you use /share again.",
        payload=payload,
    )


async def take_shared(services: Services, request: Request, identifier: str) -> Reply:
    """Add a shared set to this chat, and say what was added."""
    if not await request.is_admin():
        raise UserError("Only an administrator of this chat can add what somebody shared.")
    shared = await Sharing(services.pipeline.storage).get(identifier)
    if shared is None:
        raise UserError(
            "Nobody shares topics under this link, or no longer. /start sets this chat up in two questions."
        )
    _, categories, topics = await services.subscriptions.add_config(request.chat, shared)
    added = [f"Reading {', '.join(categories)}."] if categories else []
    added += [f"Following {shorten(', '.join(topics), _LONGEST_LIST)}."] if topics else []
    if not added:
        return Reply("This chat follows all of that already.")
    return Reply("\n".join([*added, "/digest shows what is there now; /topics and /categories change it."]))


SHARE = Command("share", "A line that makes another chat follow the same.", share_topics)
