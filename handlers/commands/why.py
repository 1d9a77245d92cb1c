"""/why: the place of a paper, sent or not, and what its score is made of."""

from datetime import timedelta

from bot.digests import Verdict, has_interests
from bot.language import later, tr
from bot.model.announcement import Announcement
from bot.model.digest import LeftOut, Score
from bot.model.paper import AnnouncedPaper, ArxivId
from bot.model.subscription import Subscription
from bot.rendering.scores import format_shares, format_value
from bot.rendering.text import SAMPLE_LABEL, format_day
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.categories import NOTHING_CHOSEN
from handlers.commands.delivery import describe_paper_delivery
from handlers.commands.papers import read_id

EXPLAINED = timedelta(days=7)
"""For how long the place of a paper is explained that is no candidate any more."""
_LEFT_OUT = {
    LeftOut.NO_ROOM: later(
        "It has place {place}, and max_papers is {most}. It stays a candidate for {days} days; "
        "/settings max_papers {enough} makes room."
    ),
    LeftOut.TYPE: later("It is left out: this chat takes {types}. /settings types {more} adds its type."),
    LeftOut.DELIVERED: later("It is left out: this chat got it on {day}."),
    LeftOut.EXCLUDED: later("It is left out by the topic {topic}."),
    LeftOut.NO_MATCH: later("It is left out: it matched no topic."),
    LeftOut.SIMILAR: later(
        "It is named in place {place}, beside {title} ({id}), which is nearly the same and ranks higher."
    ),
    LeftOut.BELOW_MIN_SCORE: later("It is left out: its score {score} is below {least}."),
}


async def explain_paper(services: Services, request: Request) -> Reply:
    """Why a paper is or is not in this chat's digest."""
    identifier = read_id(request.args["paper"], "/why")
    subscription = await services.subscriptions.get(request.chat)
    if not services.pipeline.categories_of(subscription):
        return Reply(tr(NOTHING_CHOSEN))
    reading = await services.pipeline.read(subscription, progress=request.progress)
    verdict = _find(reading.verdicts, identifier)
    if verdict is None:
        return Reply(await _explain_absence(services, subscription, identifier))
    lines = [_describe(verdict.announced), await _outcome(services, subscription, verdict)]
    if verdict.left_out is LeftOut.DELIVERED:
        lines += await _place_of_its_day(services, subscription, verdict.announced)
    lines += await _details(services, subscription, verdict)
    is_sample = reading.digest is not None and reading.digest.is_sample
    return Reply("\n".join([tr(SAMPLE_LABEL), *lines] if is_sample else lines))


def _find(verdicts: tuple[Verdict, ...], identifier: ArxivId) -> Verdict | None:
    return next((each for each in verdicts if each.announced.paper.id == identifier), None)


def _describe(announced: AnnouncedPaper) -> str:
    return tr(
        "{title} ({id}), {type} on {day}:",
        title=announced.paper.title,
        id=announced.paper.versioned_id,
        type=announced.announce_type,
        day=format_day(announced.day),
    )


async def _details(services: Services, subscription: Subscription, verdict: Verdict) -> list[str]:
    """What became of it, and what its score is made of."""
    lines = []
    if delivery := await describe_paper_delivery(services, subscription, verdict.announced.paper.id):
        lines.append(delivery)
    lines += _account(verdict.score) if has_interests(subscription.topics) or verdict.score.reasons else []
    if subscription.muted:
        lines.append(tr("Muted now: {topics}.", topics=", ".join(subscription.muted)))
    ranker = services.pipeline.rankers[subscription.ranker]
    if has_interests(subscription.topics) and ranker.has_min_score and subscription.min_score:
        lines.append(_describe_minimum(verdict.score, subscription.min_score))
    return lines


def _account(score: Score) -> list[str]:
    """The score, and a line for each reason; their numbers add up to it."""
    if score.reasons:
        return [tr("Score {score}:", score=format_value(score.value)), *format_shares(score)]
    # What leaves a paper out was said, and it has no score.
    return [] if score.excluded_by else [tr("Score 0: none of this chat's topics is in its title or abstract.")]


def _describe_minimum(score: Score, least: int) -> str:
    minimum = tr("The minimum score of this chat is {score}.", score=least)
    if not score.value < least <= score.merit:
        return minimum
    spared = tr(
        "It is asked of what counts for the paper, which is {merit}; what you did not like hides nothing.",
        merit=format_value(score.merit),
    )
    return tr("{first} {second}", first=minimum, second=spared)


async def _outcome(services: Services, subscription: Subscription, verdict: Verdict) -> str:
    if verdict.left_out is None:
        return tr(
            "It is in the digest, in place {place} of at most {most}.",
            place=verdict.place,
            most=subscription.max_papers,
        )
    beside = verdict.beside
    announced = verdict.announced
    seen = await services.pipeline.delivered(subscription.chat)
    return tr(
        _LEFT_OUT[verdict.left_out],
        place=verdict.place,
        most=subscription.max_papers,
        days=subscription.days_back,
        enough=min(verdict.place, 100),
        types=", ".join(subscription.types),
        more=",".join((*subscription.types, announced.announce_type)),
        day=format_day(seen.get(announced.paper.id, announced.day)),
        topic=verdict.score.excluded_by,
        score=format_value(verdict.score.merit),
        title=beside.title if beside else "",
        id=beside.id if beside else "",
        least=subscription.min_score,
    )


async def _place_of_its_day(services: Services, subscription: Subscription, announced: AnnouncedPaper) -> list[str]:
    verdicts = await services.pipeline.judge_day(subscription, announced.day)
    verdict = _find(verdicts, announced.paper.id)
    if verdict is None or not verdict.place:
        return []
    return [_describe_place(verdict, verdicts)]


def _describe_place(verdict: Verdict, verdicts: tuple[Verdict, ...]) -> str:
    return tr(
        "Among the papers of its day, sent or not, it has place {place} of {count}.",
        place=verdict.place,
        count=max(each.place for each in verdicts),
    )


async def _explain_absence(services: Services, subscription: Subscription, identifier: ArxivId) -> str:
    """Why a paper is not even among the candidates."""
    categories = services.pipeline.categories_of(subscription)
    for announcement in reversed(await services.pipeline.recent(categories)):
        paper = announcement.papers.get(identifier)
        if paper is None:
            continue
        found = next((each for each in announcement.papers_for(categories) if each.paper.id == identifier), None)
        if found is not None:
            return "\n".join(await _explain_earlier(services, subscription, announcement, found))
        return tr(
            "{title} ({id}) is in {its}, and this chat reads {ours}. /categories add {first} would bring such papers.",
            title=paper.title,
            id=identifier,
            its=", ".join(paper.categories),
            ours=", ".join(categories),
            first=paper.categories[0],
        )
    return tr(
        "{id} is in none of the announcements kept here (the last 30 days of {categories}). "
        "See https://arxiv.org/abs/{id}",
        id=identifier,
        categories=", ".join(categories),
    )


async def _explain_earlier(
    services: Services, subscription: Subscription, announcement: Announcement, announced: AnnouncedPaper
) -> list[str]:
    """Of a paper that is no candidate any more: what became of it, and for some days the place it has among those of its day."""
    identifier, day = announced.paper.id, announcement.day
    lines = [
        tr(
            "{title} ({id}) was announced on {day}, which is not in the present digest: it is older than {days} days, or "
            "than this subscription.",
            title=announced.paper.title,
            id=identifier,
            day=format_day(day),
            days=subscription.days_back,
        )
    ]
    seen = await services.pipeline.delivered(subscription.chat)
    if identifier in seen:
        lines.append(tr("This chat got it on {day}.", day=format_day(seen[identifier])))
    if services.pipeline.clock().date() - day > EXPLAINED:
        return lines
    verdicts = await services.pipeline.judge_day(subscription, day)
    verdict = _find(verdicts, identifier)
    if verdict is None:
        return lines
    lines.append(
        _describe_place(verdict, verdicts) if verdict.place else await _outcome(services, subscription, verdict)
    )
    return [*lines, *await _details(services, subscription, verdict)]


WHY = Command(
    "why",
    "Why a paper is, or is not, in the digest.",
    explain_paper,
    (Param("paper", "an arXiv id or link"),),
    "/why 2608.11232",
)
