"""What became of this chat's digests, for /status and /why; and the buttons Resend and Catch up."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from bot.calendar import latest_day
from bot.delivery.letters import describe_silence
from bot.errors import UserError
from bot.language import later, tr, tr_n
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.message import Button
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.rendering.text import format_day, format_local, format_papers
from bot.schedule import latest_slot, parse_schedule
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.schedule import describe_next

_MOST_REASONS = 3
STATES = {
    DeliveryState.PLANNED: later("waiting"),
    DeliveryState.SENDING: later("on its way"),
    DeliveryState.SENT: later("sent"),
    DeliveryState.FAILED: later("failed"),
    DeliveryState.UNCERTAIN: later("uncertain"),
    DeliveryState.DEAD: later("given up"),
}
_OF_A_PAPER = {
    DeliveryState.PLANNED: later("The part of the digest with it is waiting to be sent since {time}."),
    DeliveryState.SENDING: later("The part of the digest with it is on its way since {time}."),
    DeliveryState.SENT: later("It was sent here on {time}."),
    DeliveryState.FAILED: later("Its delivery failed on {time}: the platform refused that part of the digest."),
    DeliveryState.UNCERTAIN: later(
        "It is uncertain whether it arrived: it was sent on {time}, and the answer was lost."
    ),
    DeliveryState.DEAD: later("Its delivery was given up on {time}."),
}


async def describe_delivery(services: Services, subscription: Subscription) -> list[str]:
    """The last digest, why there was none since, and the next one; a line each."""
    storage = services.pipeline.storage
    now = services.pipeline.clock()
    progress = await storage.get_progress(subscription.chat)
    deliveries = await storage.get_deliveries(subscription.chat)
    lines = [_describe_last(subscription, progress, deliveries)]
    if progress is not None and progress.last is not None and not progress.last.papers:
        lines.append(describe_silence(progress.last, progress.last.at))
    lines += _describe_reasons(deliveries)
    late = "" if subscription.is_paused(now) else await _describe_late(services, subscription, progress)
    return [*lines, late or describe_next(services, subscription)]


def _describe_last(subscription: Subscription, progress: Progress | None, deliveries: Sequence[Delivery]) -> str:
    digest = progress.last_digest if progress else None
    if digest is None:
        return tr("No digest has been sent here by itself yet.")
    states = Counter(each.state for each in deliveries if each.day == digest.day and each.papers)
    told = tr(", ").join(
        tr("{count} {reason}", count=count, reason=tr(STATES[state])) for state, count in sorted(states.items())
    )
    said = tr(
        "Last digest: {papers} of {day}, made on {time}.",
        papers=format_papers(digest.papers),
        day=format_day(digest.day),
        time=format_local(digest.at, subscription.timezone),
    )
    return tr("{first} {second}", first=said, second=tr("Its parts: {states}.", states=told)) if told else said


def _describe_reasons(deliveries: Sequence[Delivery]) -> list[str]:
    """Why parts of the last days failed, each reason once."""
    reasons = {each.reason: each.day for each in deliveries if each.state is DeliveryState.FAILED and each.reason}
    return [
        tr("delivery failed: a part of {day} was refused ({reason})", day=format_day(day), reason=reason)
        for reason, day in list(reasons.items())[-_MOST_REASONS:]
    ]


async def _describe_late(services: Services, subscription: Subscription, progress: Progress | None) -> str:
    """That a digest is due and what it waits for; empty where none is."""
    now, zone = services.pipeline.clock(), subscription.timezone
    slot = latest_slot(parse_schedule(subscription.schedule), zone, now)
    day = latest_day(slot)
    if progress is None or slot <= progress.slot or progress.covered >= day:
        return ""
    lacking = await _lacking(services, subscription, day)
    if not lacking:
        return tr("The digest of {day} is being made.", day=format_day(day))
    return tr(
        "The digest of {day} is due since {time}: arXiv is late with {categories}, still looking.",
        day=format_day(day),
        time=format_local(slot, zone),
        categories=", ".join(lacking),
    )


async def _lacking(services: Services, subscription: Subscription, day: date) -> list[str]:
    here = (await services.pipeline.here())(day)
    return [code for code in services.pipeline.categories_of(subscription) if code not in here]


def resend_buttons(deliveries: Sequence[Delivery]) -> tuple[Button, ...]:
    """The offer to send again what may not have arrived."""
    is_uncertain = any(each.state is DeliveryState.UNCERTAIN for each in deliveries)
    return (Button(tr("Resend"), "/resend"),) if is_uncertain else ()


async def describe_paper_delivery(services: Services, subscription: Subscription, paper: ArxivId) -> str:
    """What became of the part with this paper; empty where none had it."""
    deliveries = await services.pipeline.storage.get_deliveries(subscription.chat)
    having = [each for each in deliveries if paper in each.papers]
    if not having:
        return ""
    newest = max(having, key=lambda each: each.changed_at)
    return tr(_OF_A_PAPER[newest.state], time=format_local(newest.changed_at, subscription.timezone))


async def resend(services: Services, request: Request) -> Reply:
    """Send again the parts of which it is uncertain whether they arrived."""
    count = await services.rounds.resend(request.chat) if services.rounds else 0
    if not count:
        return Reply(toast=tr("Nothing is uncertain any more."))
    return Reply(toast=tr_n("Sending {count} part again.", "Sending {count} parts again.", count))


async def catch_up(services: Services, request: Request) -> Reply:
    """One digest of what was announced after a day."""
    after = _read_day(request.args["day"])
    subscription = await services.subscriptions.get(request.chat)
    if services.rounds is None or not services.pipeline.categories_of(subscription):
        raise UserError(tr("There is nothing to catch up on."))
    papers = await services.rounds.catch_up(request.chat, after)
    if not papers:
        return Reply(toast=tr("There is nothing to catch up on."))
    return Reply(toast=tr_n("{count} paper is on its way.", "{count} papers are on their way.", papers))


def _read_day(text: str) -> date:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day
    except ValueError as error:
        raise UserError(tr("A day is written as in /catchup 2026-11-20.")) from error


RESEND = Command(
    "resend",
    "Send again what may not have arrived.",
    resend,
    admin_only=True,
    is_hidden=True,
)
CATCH_UP = Command(
    "catchup",
    "One digest of what was missed after a day.",
    catch_up,
    (Param("day", "the day after which it was missed, as in 2026-11-20"),),
    "/catchup 2026-11-20",
    admin_only=True,
    is_hidden=True,
)
