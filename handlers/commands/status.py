"""/status: what arXiv said today, category by category, and what comes next."""

from datetime import date

from bot.calendar import is_day_off, latest_day, next_feed
from bot.errors import SourceFault
from bot.language import later, tr
from bot.pipeline import Attempt
from bot.rendering.text import format_day, format_instant
from handlers.command import Command, Reply, Request, Services
from handlers.commands.delivery import describe_delivery, resend_buttons

_FAULTS = {
    SourceFault.UNREACHABLE: later("no answer comes"),
    SourceFault.REFUSED: later("it asks us to wait"),
    SourceFault.INVALID: later("what came is incomplete or wrong"),
    SourceFault.MISSING: later("it does not know this category"),
    SourceFault.UNKNOWN: later("something unexpected happened"),
}


async def show_status(services: Services, request: Request) -> Reply:
    """What this chat follows and how the day stands."""
    subscription = await services.subscriptions.get(request.chat)
    pipeline = services.pipeline
    categories = pipeline.categories_of(subscription)
    seen = await pipeline.storage.get_seen(request.chat)
    now = pipeline.clock()
    lines = [
        tr(
            "This chat: {categories} categories, {topics} topics, ranker {ranker}, {seen} papers delivered.",
            categories=len(subscription.categories),
            topics=len(subscription.topics),
            ranker=subscription.ranker,
            seen=len(seen),
        ),
        *[await describe_category(services, category) for category in categories],
        tr("The next announcement is expected on {time}.", time=format_instant(next_feed(now))),
    ]
    lines[1:1] = await describe_delivery(services, subscription)
    if not categories:
        lines.insert(1, tr("It follows nothing yet: /start sets it up."))
    return Reply("\n".join(lines), buttons=resend_buttons(await pipeline.storage.get_deliveries(request.chat)))


async def describe_category(services: Services, category: str) -> str:
    """One of the words complete, quiet, waiting, failed, with what is known."""
    pipeline = services.pipeline
    now = pipeline.clock()
    expected = latest_day(now)
    for announcement in reversed(await pipeline.announcements()):
        listing = announcement.listings.get(category)
        if listing is not None and announcement.day >= expected:
            return _describe_listing(category, format_day(announcement.day), len(listing))
    attempt = pipeline.attempts.get(category)
    if attempt and attempt.error:
        return tr(
            "{category}: failed at {time}: {error}",
            category=category,
            time=format_instant(attempt.at),
            error=_describe_fault(attempt),
        )
    if is_day_off(now):
        return tr(
            "{category}: quiet, arXiv announces nothing at the weekend; {day} was not read",
            category=category,
            day=format_day(expected),
        )
    waiting = tr("{category}: waiting for the announcement of {day}", category=category, day=format_day(expected))
    asked = tr("{status} (asked at {time})", status=waiting, time=format_instant(attempt.at)) if attempt else ""
    return asked or waiting


def _describe_listing(category: str, day: str, count: int) -> str:
    if not count:
        return tr("{category}: quiet, arXiv announced nothing on {day}", category=category, day=day)
    return tr("{category}: complete, {count} papers announced on {day}", category=category, count=count, day=day)


def _describe_fault(attempt: Attempt) -> str:
    """What was wrong, for people; the error itself is for the log and the owner."""
    fault = tr(_FAULTS[attempt.fault])
    return tr("{fault} until {time}", fault=fault, time=format_instant(attempt.until)) if attempt.until else fault


def _describe_outage(attempt: Attempt) -> str:
    if attempt.fault is SourceFault.UNREACHABLE:
        return tr("arXiv cannot be reached: {error}", error=_describe_fault(attempt))
    return tr("arXiv cannot be read: {error}", error=_describe_fault(attempt))


async def describe_trouble(services: Services, categories: tuple[str, ...]) -> str:
    """What a reader must know about today: what could not be read, what is late, or that nothing was announced."""
    pipeline = services.pipeline
    now = pipeline.clock()
    here = await pipeline.batch_sizes(latest_day(now))
    failed = {code: pipeline.attempts[code] for code in categories if _failed(services, code, here)}
    if failed and len(failed) == len(categories):
        lines = [_describe_outage(next(iter(failed.values())))]
    else:
        lines = [
            tr("{category} could not be read: {error}", category=code, error=_describe_fault(attempt))
            for code, attempt in failed.items()
        ]
    waiting = [code for code in categories if code not in here and code not in failed]
    if waiting:
        late = tr(
            "arXiv has not announced {categories} for {day} yet.",
            categories=", ".join(waiting),
            day=format_day(latest_day(now)),
        )
        lines.append(late)
    elif not failed and not any(here[code] for code in categories):
        lines.append(_quiet(now.date() if is_day_off(now) else latest_day(now), weekend=is_day_off(now)))
        lines.append(tr("The next announcement is expected on {time}.", time=format_instant(next_feed(now))))
    return "\n".join(lines)


def _failed(services: Services, code: str, here: dict[str, int]) -> bool:
    attempt = services.pipeline.attempts.get(code)
    return code not in here and attempt is not None and bool(attempt.error)


def _quiet(day: date, *, weekend: bool) -> str:
    why = tr("it is the weekend in New York") if weekend else tr("a quiet day, as on holidays")
    return tr("arXiv announced nothing on {day}: {why}.", day=format_day(day), why=why)


STATUS = Command("status", "How today stands: what was announced, what is awaited.", show_status)
