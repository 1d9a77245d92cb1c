"""/share, and what opening such a link does."""

from bot.errors import UserError
from bot.language import tr
from bot.rendering.text import format_categories, format_topics, shorten
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
        tr(
            "Whoever sends me this line adds the {topics} and {categories} of this chat to theirs:\n"
            "{line}\n"
            "Later changes are not in it until you use /share again.",
            topics=format_topics(len(subscription.topics)),
            categories=format_categories(len(subscription.categories)),
            line=f"/start {payload}",
        ),
        payload=payload,
    )


async def take_shared(services: Services, request: Request, identifier: str) -> Reply:
    """Add a shared set to this chat, and say what was added."""
    if not await request.is_admin():
        raise UserError(tr("Only an administrator of this chat can add what somebody shared."))
    shared = await Sharing(services.pipeline.storage).get(identifier)
    if shared is None:
        raise UserError(
            tr("Nobody shares topics under this link, or no longer. /start sets this chat up in three questions.")
        )
    _, categories, topics = await services.subscriptions.add_config(request.chat, shared)
    added = [tr("Reading {categories}.", categories=", ".join(categories))] if categories else []
    added += [tr("Following {topic}.", topic=shorten(", ".join(topics), _LONGEST_LIST))] if topics else []
    if not added:
        return Reply(tr("This chat follows all of that already."))
    return Reply("\n".join([*added, tr("/digest shows what is there now; /topics and /categories change it.")]))


SHARE = Command("share", "A line that makes another chat follow the same.", share_topics)
