"""/owner: for the person who runs the bot."""

import logging
from collections import Counter
from datetime import timedelta

from bot.errors import PlatformError, StorageError, UserError
from bot.language import tr
from bot.rendering.text import format_instant
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.status import describe_category

log = logging.getLogger(__name__)

PACE = 0.05
"""Seconds between two chats of an announcement."""
_STEP = 100


async def show_owner_status(services: Services, request: Request) -> Reply:  # noqa: ARG001 - a command's signature
    """Chats, pulls and storage."""
    pipeline = services.pipeline
    chats = [each.chat for each in await pipeline.storage.get_subscriptions()]
    platforms = ", ".join(
        tr("{count} on {platform}", count=count, platform=name)
        for name, count in sorted(Counter(each.platform for each in chats).items())
    )
    is_paused = await pipeline.is_paused()
    lines = [
        tr("Chats with a subscription: {count} ({platforms}).", count=len(chats), platforms=platforms)
        if chats
        else tr("Chats with a subscription: {count}.", count=0),
        await _check_storage(services),
        tr("Scheduled pulls: paused; /owner pause goes on with them.") if is_paused else tr("Scheduled pulls: on."),
        tr("Last pulls since the start:") if pipeline.attempts else tr("Nothing was pulled since the start."),
        *[
            f"{code}: {format_instant(attempt.at)}, {attempt.error or 'ok'}"
            for code, attempt in sorted(pipeline.attempts.items())
        ],
    ]
    return Reply("\n".join(lines))


async def _check_storage(services: Services) -> str:
    try:
        await services.pipeline.storage.check()
    except StorageError as error:
        return tr("Storage: failed, {error}", error=error)
    return tr("Storage: takes durable writes.")


async def pull_now(services: Services, request: Request) -> Reply:
    """Look at arXiv at once for every category that somebody follows."""
    pipeline = services.pipeline
    categories = await pipeline.followed_categories()
    if not categories:
        return Reply(tr("Nobody follows anything yet, so there is nothing to look for."))
    brought = await pipeline.pull(categories, request.progress, pause=timedelta())
    lines = [await describe_category(services, code) for code in categories]
    return Reply("\n".join([tr("Looked at arXiv: {count} papers are new here.", count=brought), *lines]))


async def announce(services: Services, request: Request) -> Reply:
    """Say something in every chat that has a subscription, one after the other."""
    if services.announce is None:
        raise UserError(tr("There is no chat platform here to announce anything on."))
    chats = [each.chat for each in await services.pipeline.storage.get_subscriptions()]
    failed = 0
    for number, chat in enumerate(chats, start=1):
        try:
            await services.announce(chat, request.args["text"])
        except PlatformError as error:
            failed += 1
            log.warning("announced chat=%s status=failed error=%r", chat.key, str(error))
        if number % _STEP == 0:
            request.progress(tr("{number} of {count} chats …", number=number, count=len(chats)))
        await services.sleep(PACE)
    log.info("announced chats=%d failed=%d", len(chats), failed)
    return Reply(
        tr(
            "Reached {reached} of {count} chats; {failed} failed.",
            reached=len(chats) - failed,
            count=len(chats),
            failed=failed,
        )
    )


async def pause_pulls(services: Services, request: Request) -> Reply:  # noqa: ARG001 - a command's signature
    """Stop what is pulled on schedule, or go on with it."""
    paused = not await services.pipeline.is_paused()
    await services.pipeline.set_paused(paused=paused)
    if paused:
        return Reply(
            tr(
                "Scheduled pulls are paused, also over a restart; /owner pause again goes on with them. "
                "What people ask for is still read."
            )
        )
    return Reply(tr("Scheduled pulls go on."))


OWNER = CommandGroup(
    "owner",
    "For the person who runs this bot.",
    (
        Command("status", "Chats, pulls and storage.", show_owner_status, owner_only=True),
        Command("pull", "Look at arXiv now.", pull_now, owner_only=True),
        Command(
            "announce",
            "Say something in every chat.",
            announce,
            (Param("text", "what to say"),),
            "/owner announce The bot moves to a new machine tonight.",
            owner_only=True,
        ),
        Command("pause", "Pause scheduled pulls, or go on with them.", pause_pulls, owner_only=True),
    ),
)
