"""/status: what arXiv said today, category by category, and what comes next."""

from datetime import datetime, timedelta

from bot.calendar import feed_day, holiday_name, is_day_off, latest_day, new_york_day, next_feed
from bot.days import MOST_DAYS, States, begin_day, next_probe
from bot.delivery.letters import describe_day_off
from bot.errors import SourceFault
from bot.language import later, tr, tr_n
from bot.model.day import DayPhase, DayState
from bot.pulling import Attempt
from bot.rendering.text import format_categories, format_day, format_instant, format_papers, format_topics
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
            "This chat: {categories}, {topics}, ranker {ranker}, {papers} delivered.",
            categories=format_categories(len(subscription.categories)),
            topics=format_topics(len(subscription.topics)),
            ranker=subscription.ranker,
            papers=format_papers(len(seen)),
        ),
        *[await describe_category(services, category) for category in categories],
        *([tr("quiet: {why}", why=describe_day_off(now))] if is_day_off(now) else []),
        tr("The next announcement is expected on {time}.", time=format_instant(next_feed(now))),
    ]
    lines[1:1] = await describe_delivery(services, subscription)
    if not categories:
        lines.insert(1, tr("It follows nothing yet: /start sets it up."))
    return Reply("\n".join(lines), buttons=resend_buttons(await pipeline.storage.get_deliveries(request.chat)))


async def describe_category(services: Services, category: str) -> str:
    """One of the words complete, partial, quiet, waiting, stalled, failed, with what is known."""
    now = services.pipeline.clock()
    states = await services.pipeline.states()
    state = _current(states, category, now)
    described = _describe_state(state, now)
    lost = _lost_days(states, category, now)
    if not lost:
        return described
    still = tr("failed for {days}, still looking there", days=", ".join(format_day(each.day) for each in lost))
    return tr("{status}; {rest}", status=described, rest=still)


def _current(states: States, category: str, now: datetime) -> DayState:
    """The state of the newest announcement that is expected, or of one that came on a holiday all the same."""
    unexpected = states.get((category, feed_day(now)))
    if unexpected is not None and unexpected.papers:
        return unexpected
    return states.get((category, latest_day(now))) or begin_day(category, latest_day(now))


def _lost_days(states: States, category: str, now: datetime) -> list[DayState]:
    latest = latest_day(now)
    return [
        each
        for (code, day), each in sorted(states.items())
        if code == category
        and latest - timedelta(days=MOST_DAYS) < day < latest
        and each.phase is DayPhase.FAILED
        and not each.is_first
    ]


def _describe_state(state: DayState, now: datetime) -> str:
    category, day = state.category, format_day(state.day)
    if not state.is_open:
        return _describe_here(state, day)
    if state.phase is DayPhase.FAILED and state.asked is not None:
        time = format_instant(state.asked)
        failed = tr(
            "{category}: failed at {time}: {error}", category=category, time=time, error=_describe_failure(state)
        )
        return _with_next(failed, state)
    if is_day_off(now):
        return tr("{category}: quiet, {why}; {day} was not read", category=category, why=_day_off(now), day=day)
    if state.phase is DayPhase.STALLED:
        return _with_probes(tr("{category}: stalled, arXiv has not announced {day}", category=category, day=day), state)
    return _with_probes(tr("{category}: waiting for the announcement of {day}", category=category, day=day), state)


def _describe_here(state: DayState, day: str) -> str:
    if state.phase is DayPhase.QUIET:
        return tr("{category}: quiet, arXiv announced nothing on {day}", category=state.category, day=day)
    if state.phase is DayPhase.COMPLETE:
        return tr(
            "{category}: complete, {papers} announced on {day}",
            category=state.category,
            papers=format_papers(state.papers),
            day=day,
        )
    said = tr_n(
        "{category}: partial, {count} paper of {day} is here, and arXiv has more",
        "{category}: partial, {count} papers of {day} are here, and arXiv has more",
        state.papers,
        category=state.category,
        day=day,
    )
    return _with_probes(said, state)


def _describe_failure(state: DayState) -> str:
    if state.fault is None:
        return tr("the day went by without an answer")
    fault = tr(_FAULTS[state.fault])
    return tr("{fault} until {time}", fault=fault, time=format_instant(state.until)) if state.until else fault


def _with_probes(said: str, state: DayState) -> str:
    """Since when it is so, and when arXiv was asked."""
    if state.asked is None or state.since is None:
        return said
    asked = tr(
        "{status} (still looking since {since}, asked at {time})",
        status=said,
        since=format_instant(state.since),
        time=format_instant(state.asked),
    )
    return _with_next(asked, state)


def _with_next(said: str, state: DayState) -> str:
    again = next_probe(state)
    return tr("{status}, next look at {time}", status=said, time=format_instant(again)) if again else said


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
    if waiting and not is_day_off(now):
        late = tr(
            "arXiv has not announced {categories} for {day} yet.",
            categories=", ".join(waiting),
            day=format_day(latest_day(now)),
        )
        lines.append(late)
    elif not failed and not any(here.get(code) for code in categories):
        lines.append(_quiet(now))
        lines.append(tr("The next announcement is expected on {time}.", time=format_instant(next_feed(now))))
    return "\n".join(lines)


def _failed(services: Services, code: str, here: dict[str, int]) -> bool:
    attempt = services.pipeline.attempts.get(code)
    return code not in here and attempt is not None and bool(attempt.error)


def _quiet(now: datetime) -> str:
    day = new_york_day(now) if is_day_off(now) else latest_day(now)
    why = _day_off(now) if is_day_off(now) else tr("a quiet day, as on holidays")
    return tr("arXiv announced nothing on {day}: {why}.", day=format_day(day), why=why)


def _day_off(now: datetime) -> str:
    return tr(holiday_name(new_york_day(now)) or later("it is the weekend in New York"))


STATUS = Command("status", "How today stands: what was announced, what is awaited.", show_status)
