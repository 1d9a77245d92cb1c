"""/owner: for the person who runs the bot."""

import logging
from collections import Counter
from datetime import timedelta

from bot.errors import PlatformError, StorageError, UserError
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
        f"{count} on {name}" for name, count in sorted(Counter(each.platform for each in chats).items())
    )
    paused = "paused; /owner pause goes on with them" if await pipeline.is_paused() else "on"
    lines = [
        f"Chats with a subscription: {len(chats)}" + (f" ({platforms})." if platforms else "."),
        await _check_storage(services),
        f"Scheduled pulls: {paused}.",
        "Last pulls since the start:" if pipeline.attempts else "Nothing was pulled since the start.",
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
        return f"Storage: failed, {error}"
    return "Storage: takes durable writes."


async def pull_now(services: Services, request: Request) -> Reply:
    """Look at arXiv at once for every category that somebody follows."""
    pipeline = services.pipeline
    categories = await pipeline.followed_categories()
    if not categories:
        return Reply("Nobody follows anything yet, so there is nothing to look for.")
    brought = await pipeline.pull(categories, request.progress, pause=timedelta())
    lines = [await describe_category(services, code) for code in categories]
    return Reply("\n".join([f"Looked at arXiv: {brought} papers are new here.", *lines]))


async def announce(services: Services, request: Request) -> Reply:
    """Say something in every chat that has a subscription, one after the other."""
    if services.announce is None:
        raise UserError("There is no chat platform here to announce anything on.")
    chats = [each.chat for each in await services.pipeline.storage.get_subscriptions()]
    failed = 0
    for number, chat in enumerate(chats, start=1):
        try:
            await services.announce(chat, request.args["text"])
        except PlatformError as error:
            failed += 1
            log.warning("announced chat=%s status=failed error=%r", chat.key, str(error))
        if number % _STEP == 0:
            request.progress(f"{number} of {len(chats)} chats …")
        await services.sleep(PACE)
    log.info("announced chats=%d failed=%d", len(chats), failed)
    return Reply(f"Reached {len(chats) - failed} of {len(chats)} chats; {failed} failed.")


async def pause_pulls(services: Services, request: Request) -> Reply:  # noqa: ARG001 - a command's signature
    """Stop what is pulled on schedule, or go on with it."""
    paused = not await services.pipeline.is_paused()
    await services.pipeline.set_paused(paused=paused)
    if paused:
        return Reply(
            "Scheduled pulls are paused, also over a restart; /owner pause again goes on with them. "
            "What people ask for is still read."
        )
    return Reply("Scheduled pulls go on.")


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
