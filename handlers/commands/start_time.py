"""The last question of /start: when the digest comes, and where that hour is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.errors import UserError
from bot.language import later, tr
from bot.model.chat import Chat
from bot.model.message import Button
from bot.model.subscription import ON_ANNOUNCEMENT, Subscription
from bot.zones import UTC_NAME
from handlers.command import Reply, Services
from handlers.commands.schedule import describe_changes, describe_schedule, label_of, read_changes

ASK_TIME = later(
    "3 of 3: when shall the digest come? Answer with hours, a city or both: 8:30, Berlin, mon-fri 8:30 Berlin. "
    "skip keeps the present schedule: {schedule} ({zone})."
)
ASK_ZONE = later("Where is that hour? Answer with your city, or a large one nearby. skip keeps UTC.")
_HOURS = (ON_ANNOUNCEMENT, "07:00", "08:00", "09:00", "12:00", "18:00")
_ZONES = (
    "America/Los_Angeles",
    "America/Chicago",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
)
"""From west to east."""


TakeWhen = Callable[[Services, Chat, str], Awaitable[tuple[str, Reply | None]]]
"""Keeps an answer; gives what changed, and the question that is left, if any."""


def ask_time(subscription: Subscription, lead: str = "") -> Reply:
    """The third question, with common hours."""
    schedule, zone = subscription.schedule, subscription.timezone
    buttons = [
        Button(f"✓ {label_of(each)}" if each == schedule else label_of(each), f"/start time {each}") for each in _HOURS
    ]
    text = lead + tr(ASK_TIME, schedule=describe_schedule(subscription), zone=zone)
    return Reply(text, buttons=(*buttons, Button(tr("Skip"), "/start time skip")), expects="/start time", replaces=True)


async def take_time(services: Services, chat: Chat, answer: str) -> tuple[str, Reply | None]:
    """Keep the hours, the city or both that are answered: what changed, and the question that is left, if any."""
    try:
        changes = read_changes(answer)
        subscription = await services.subscriptions.set_preferences(chat, changes)
    except UserError as error:
        return "", Reply(f"{error}\n{tr('When shall the digest come? skip goes on.')}", expects="/start time")
    changed = "\n".join(describe_changes(subscription, changes))
    if "schedule" not in changes:
        return changed, ask_time(subscription, f"{changed}\n")
    is_placed = "timezone" in changes or subscription.timezone != UTC_NAME
    if subscription.schedule == ON_ANNOUNCEMENT or is_placed:
        return changed, None
    return changed, _ask_zone(f"{changed}\n")


async def take_zone(services: Services, chat: Chat, answer: str) -> tuple[str, Reply | None]:
    """Keep the city that is answered: what changed, and the question again where it was not understood."""
    changes = {"timezone": answer}
    try:
        subscription = await services.subscriptions.set_preferences(chat, changes)
    except UserError as error:
        return "", replace(_ask_zone(f"{error}\n"), replaces=False)
    return "\n".join(describe_changes(subscription, changes)), None


def _ask_zone(lead: str) -> Reply:
    buttons = [Button(each.rpartition("/")[2].replace("_", " "), f"/start zone {each}") for each in _ZONES]
    done = Button(tr("Skip"), "/start zone skip")
    return Reply(lead + tr(ASK_ZONE), buttons=(*buttons, done), expects="/start zone", replaces=True)
