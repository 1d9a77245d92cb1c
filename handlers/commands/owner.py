"""/owner: for the person who runs the bot."""

import logging
from collections import Counter
from datetime import timedelta

from bot.delivery.watch import PlatformState, oldest_open
from bot.errors import StorageError, UserError
from bot.language import tr, tr_n
from bot.model.day import DayPhase
from bot.model.delivery import DeliveryState
from bot.model.message import Message
from bot.rendering.text import format_instant
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.cost import show_cost
from handlers.commands.delivery import STATES
from handlers.commands.status import describe_category

log = logging.getLogger(__name__)

_COUNTED_DAYS = 7
_WAITING = (DeliveryState.PLANNED, DeliveryState.SENDING)


async def show_owner_status(services: Services, request: Request) -> Reply:  # noqa: ARG001 - a command's signature
    """Chats, pulls and storage."""
    pipeline = services.pipeline
    subscriptions = await pipeline.storage.get_subscriptions()
    chats = [each.chat for each in subscriptions]
    platforms = ", ".join(
        tr("{count} on {platform}", count=count, platform=name)
        for name, count in sorted(Counter(each.platform for each in chats).items())
    )
    is_paused = await pipeline.is_paused()
    paused = Counter(each.pause.reason for each in subscriptions if each.pause and each.pause.holds(pipeline.clock()))
    lines = [
        tr("Chats with a subscription: {count} ({platforms}).", count=len(chats), platforms=platforms)
        if chats
        else tr("Chats with a subscription: {count}.", count=0),
        *[
            tr("Paused because {reason}: {count}.", reason=tr(reason.value), count=count)
            for reason, count in sorted(paused.items())
        ],
        await _check_storage(services),
        *await _describe_outbox(services),
        await _describe_checks(services),
        tr("Scheduled pulls: paused; /owner pause goes on with them.") if is_paused else tr("Scheduled pulls: on."),
        tr("Last pulls since the start:") if pipeline.attempts else tr("Nothing was pulled since the start."),
        *[
            f"{code}: {format_instant(attempt.at)}, {attempt.error or 'ok'}"
            for code, attempt in sorted(pipeline.attempts.items())
        ],
    ]
    return Reply("\n".join(lines))


async def _describe_outbox(services: Services) -> list[str]:
    """How much waits and since when, what ended how in the last days, and how each platform does."""
    pipeline = services.pipeline
    since = pipeline.clock().date() - timedelta(days=_COUNTED_DAYS)
    counts = await pipeline.storage.count_deliveries(since)
    oldest = await oldest_open(pipeline)
    lines = [tr("Outbox: empty.")]
    if oldest is not None:
        waiting = sum(count for (_, state), count in counts.items() if state in _WAITING)
        lines = [
            tr_n(
                "Outbox: {count} part waits since {time}, for {chat}.",
                "Outbox: {count} parts wait, the oldest since {time}, for {chat}.",
                waiting,
                time=format_instant(oldest.planned_at),
                chat=oldest.chat.key,
            )
        ]
    told = tr(", ").join(
        tr("{platform} {count} {state}", platform=platform, count=count, state=tr(STATES[state]))
        for (platform, state), count in sorted(counts.items())
    )
    if told:
        lines.append(tr("Parts of the last {days} days: {counts}.", days=_COUNTED_DAYS, counts=told))
    return [*lines, *[_describe_platform(each) for each in services.platforms()]]


async def _describe_checks(services: Services) -> str:
    """What arXiv's feeds lacked in the last days, and what of that was found elsewhere."""
    since = services.pipeline.clock().date() - timedelta(days=_COUNTED_DAYS)
    states = [each for (_, day), each in (await services.pipeline.states()).items() if day >= since]
    return tr(
        "Feeds of the last {days} days: {checked} compared with arXiv's lists, {cut} cut short, {lacked} papers lacked, "
        "{recovered} recovered, {failed} days failed.",
        days=_COUNTED_DAYS,
        checked=sum(each.checked is not None for each in states),
        cut=sum(each.is_cut for each in states),
        lacked=sum(each.lacked for each in states),
        recovered=sum(each.recovered for each in states),
        failed=sum(each.phase is DayPhase.FAILED for each in states),
    )


def _describe_platform(state: PlatformState) -> str:
    heard = format_instant(state.last_contact) if state.last_contact else tr("never")
    said = tr("{platform}: last answer {time}.", platform=state.name, time=heard)
    if not state.outcomes:
        return said
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(state.outcomes.items()))
    return tr("{first} {second}", first=said, second=tr("Not sent at once since the start: {kinds}.", kinds=kinds))


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
    if services.rounds is not None:
        await services.rounds.hold_due()
    lines = [await describe_category(services, code) for code in categories]
    return Reply("\n".join([_describe_new(brought), *lines]))


def _describe_new(count: int) -> str:
    return tr_n("Looked at arXiv: {count} paper is new here.", "Looked at arXiv: {count} papers are new here.", count)


async def announce(services: Services, request: Request) -> Reply:
    """Say something in every chat that gets digests, through the outbox: nothing is lost, and nobody waits for it."""
    if services.rounds is None:
        raise UserError(tr("There is no chat platform here to announce anything on."))
    message = Message(request.args["text"])
    chats = [each.chat for each in await services.pipeline.storage.get_subscriptions()]
    planned = sum([await services.rounds.say(chat, message) for chat in chats])
    log.info("announced chats=%d planned=%d", len(chats), planned)
    return Reply(
        tr(
            "It is on its way to {planned} of {count} chats; the others are paused. /owner status shows the outbox.",
            planned=planned,
            count=len(chats),
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
        Command("cost", "What summaries cost in the last days.", show_cost, owner_only=True),
        Command("pause", "Pause scheduled pulls, or go on with them.", pause_pulls, owner_only=True),
    ),
)
