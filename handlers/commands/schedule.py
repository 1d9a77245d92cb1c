"""/schedule, /pause and /resume: when digests come."""

from datetime import date

from bot.delivery.letters import catch_up_buttons, describe_missed
from bot.errors import UserError
from bot.language import tr
from bot.model.chat import Chat
from bot.model.message import Button
from bot.model.subscription import ON_ANNOUNCEMENT, Pause, Subscription
from bot.pauses import parse_until
from bot.rendering.text import format_local
from bot.schedule import explain_schedules, next_digest, parse_schedule, split_zone
from bot.zones import UTC_NAME, check_zone
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.categories import NOTHING_CHOSEN

COMMON = (ON_ANNOUNCEMENT, "07:00", "08:00", "09:00", "18:00", "mon-fri 08:00", "weekly fri 17:00")
"""Schedules that many want."""


async def show_schedule(services: Services, request: Request) -> Reply:
    """When digests come, the next one, and common choices as buttons."""
    subscription = await services.subscriptions.get(request.chat)
    lines = [
        tr("Schedule: {schedule}", schedule=describe_schedule(subscription)),
        tr("Time zone: {zone}", zone=subscription.timezone),
        describe_next(services, subscription),
        "",
        tr("/schedule mon-fri 08:30 changes the hours, /schedule Berlin the time zone."),
    ]
    buttons = [Button(label_of(each), f"/schedule set {each}") for each in COMMON]
    return Reply("\n".join(lines), buttons=(*buttons, *_ways_back(services, subscription)))


async def set_schedule(services: Services, request: Request) -> Reply:
    """Change hours, time zone or both, and say what they are now."""
    changes = read_changes(request.args["when"])
    subscription = await services.subscriptions.set_preferences(request.chat, changes)
    lines = describe_changes(subscription, changes)
    if "schedule" in changes and subscription.schedule != ON_ANNOUNCEMENT and subscription.timezone == UTC_NAME:
        lines.append(tr("These are hours of UTC; a city makes them yours, for example /schedule Berlin"))
    return Reply("\n".join([*lines, describe_next(services, subscription)]))


async def pause(services: Services, request: Request) -> Reply:
    """Send nothing for a while."""
    subscriptions = services.subscriptions
    before = await subscriptions.get(request.chat)
    until = parse_until(request.args.get("until", ""), before.timezone, subscriptions.clock())
    if not services.pipeline.categories_of(before):
        return Reply(tr(NOTHING_CHOSEN))
    subscription = await subscriptions.pause(request.chat, until)
    return Reply(describe_next(services, subscription), buttons=_ways_back(services, subscription))


async def resume(services: Services, request: Request) -> Reply:
    """End a pause."""
    subscription = await services.subscriptions.get(request.chat)
    if subscription.is_paused(services.subscriptions.clock()):
        return await resumed(services, request.chat)
    lead = tr("This chat is not paused.")
    return Reply(tr("{first} {second}", first=lead, second=describe_next(services, subscription)))


async def resumed(services: Services, chat: Chat) -> Reply:
    """End the pause of a chat, say so, and offer what passed meanwhile."""
    if services.rounds is None:
        missed, after = 0, date.min
        await services.subscriptions.resume(chat)
    else:
        missed, after = await services.rounds.resume(chat)
    subscription = await services.subscriptions.get(chat)
    due = next_digest(subscription, services.subscriptions.clock())
    if due is None or not services.pipeline.categories_of(subscription):
        return Reply(tr("{first} {second}", first=tr("Resumed."), second=tr(NOTHING_CHOSEN)))
    said = tr("Resumed. The next digest: {time}.", time=_about(subscription, format_local(due, subscription.timezone)))
    if not missed:
        return Reply(said)
    return Reply(
        tr("{first} {second}", first=said, second=describe_missed(missed)), buttons=catch_up_buttons(missed, after)
    )


def read_changes(text: str) -> dict[str, str]:
    """The settings that `text`, such as `09:00 Berlin`, changes. Raises UserError where it is neither."""
    when, place = split_zone(text)
    changes = {"schedule": str(parse_schedule(when))} if when else {}
    if not place:
        return changes
    try:
        return {**changes, "timezone": check_zone(place)}
    except UserError as error:
        raise UserError(str(error) if when else f"{error}\n{explain_schedules()}") from error


def describe_changes(subscription: Subscription, changes: dict[str, str]) -> list[str]:
    """A line for each of the changed settings."""
    lines = []
    if "schedule" in changes:
        lines.append(tr("Digests now come by this schedule: {schedule}.", schedule=describe_schedule(subscription)))
    if "timezone" in changes:
        lines.append(tr("The time zone is now {zone}.", zone=subscription.timezone))
    return lines


def describe_schedule(subscription: Subscription) -> str:
    """The schedule as it is kept; that on announcement is explained."""
    if subscription.schedule == ON_ANNOUNCEMENT:
        return tr("{schedule}, as soon as arXiv's papers are out", schedule=ON_ANNOUNCEMENT)
    return subscription.schedule


def describe_next(services: Services, subscription: Subscription) -> str:
    """When the next digest comes, or why none does."""
    now = services.subscriptions.clock()
    if not services.pipeline.categories_of(subscription):
        return tr(NOTHING_CHOSEN)
    if subscription.pause is not None and subscription.pause.holds(now):
        return describe_pause(subscription.pause, subscription.timezone)
    due = next_digest(subscription, now)
    assert due is not None  # noqa: S101 - only a pause has no next digest
    return tr("Next digest: {time}", time=_about(subscription, format_local(due, subscription.timezone)))


def describe_pause(pause: Pause, zone: str) -> str:
    """Why nothing comes, and what ends that."""
    why = tr(pause.reason.value)
    if pause.until is None:
        return tr("This chat is paused because {reason}. /resume ends that.", reason=why)
    until = format_local(pause.until, zone)
    return tr("This chat is paused until {time} because {reason}. /resume ends that earlier.", time=until, reason=why)


def label_of(schedule: str) -> str:
    """What the button of a schedule says."""
    return tr("On announcement") if schedule == ON_ANNOUNCEMENT else schedule


def _about(subscription: Subscription, time: str) -> str:
    """arXiv's hour is not ours to promise."""
    return tr("about {time}", time=time) if subscription.schedule == ON_ANNOUNCEMENT else time


def _ways_back(services: Services, subscription: Subscription) -> tuple[Button, ...]:
    return (Button(tr("Resume"), "/resume"),) if subscription.is_paused(services.subscriptions.clock()) else ()


_SET = Command(
    "set",
    "Change the hours, the days or the time zone.",
    set_schedule,
    (Param("when", "announcement, 09:00, mon-fri 08:00, weekly fri 17:00; a city for the time zone"),),
    "/schedule set 09:00 Europe/Berlin",
    admin_only=True,
)
SCHEDULE = CommandGroup(
    "schedule",
    "When digests come to this chat.",
    (Command("show", "Show when digests come, and the next one.", show_schedule), _SET),
    shorthand=_SET,
)
PAUSE = Command(
    "pause",
    "Send no digests for a while.",
    pause,
    (Param("until", "3 days, friday, 24 Dec, 2026-12-24; nothing for no end", required=False),),
    "/pause 3 days",
    admin_only=True,
)
RESUME = Command("resume", "Send digests again.", resume, admin_only=True)
