"""/digest and /why: the papers, and the reason for each."""

from bot.delivery.readings import wished, wishes_of
from bot.digests import Verdict, has_interests, with_summaries
from bot.errors import UserError
from bot.language import later, tr
from bot.model.digest import Digest, LeftOut
from bot.model.message import Button
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from bot.rendering.buttons import number_buttons
from bot.rendering.text import SAMPLE_LABEL, format_day, format_reasons
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.categories import NOTHING_CHOSEN
from handlers.commands.delivery import describe_paper_delivery
from handlers.commands.papers import read_id
from handlers.commands.status import describe_trouble

_LEFT_OUT = {
    LeftOut.NO_ROOM: later(
        "It has place {place}, and max_papers is {most}. It stays a candidate for {days} days; "
        "/settings max_papers {enough} makes room."
    ),
    LeftOut.TYPE: later("It is left out: this chat takes {types}. /settings types {more} adds its type."),
    LeftOut.DELIVERED: later("It is left out: this chat got it on {day}."),
    LeftOut.EXCLUDED: later("It is left out by the topic {topic}."),
    LeftOut.NO_MATCH: later("It is left out: it matched no topic."),
    LeftOut.BELOW_MIN_SCORE: later("It is left out: its score {points:.2f} is below {least:g}."),
}


async def show_digest(services: Services, request: Request) -> Reply:
    """The digest as of now; `again` with what was delivered, `seen` also marks its papers as that, `sample` is invented."""
    wish = request.args.get("which", "").strip().lower()
    if wish not in ("", "again", "seen", "sample"):
        raise UserError(
            tr(
                "/digest takes nothing, or again (with what was delivered already), seen (do not show these papers again) or "
                "sample (invented papers)."
            )
        )
    subscription = await services.subscriptions.get(request.chat)
    if not services.pipeline.categories_of(subscription):
        return Reply(tr(NOTHING_CHOSEN))
    return await read_digest(services, request, subscription, wish)


async def read_digest(services: Services, request: Request, subscription: Subscription, wish: str = "") -> Reply:
    """The reply that shows what this subscription would get now, with what could not be read."""
    pipeline = services.pipeline
    reading = await pipeline.read(
        subscription, progress=request.progress, only_sample=wish == "sample", with_delivered=wish == "again"
    )
    trouble = "" if wish == "sample" else await describe_trouble(services, pipeline.categories_of(subscription))
    if reading.digest is None:
        return Reply(trouble or tr("There is nothing to show: the sample has no papers in your categories."))
    if wish == "seen" and not reading.digest.is_sample:
        await pipeline.mark_seen(request.chat, reading.digest)
    digest = await _summarised(services, request, subscription, reading.digest)
    buttons = number_buttons(digest)
    if not digest.papers and LeftOut.DELIVERED in digest.left_out:
        # Whoever asks after the morning's digest wants to read that one.
        buttons = (Button(tr("Show it again"), "/digest again"),)
    return Reply(trouble, digest, subscription.detail, buttons=buttons)


async def _summarised(services: Services, request: Request, subscription: Subscription, digest: Digest) -> Digest:
    """The digest with the summaries that are there, or come within a few seconds; the others are made for its cards."""
    papers = [each.announced.paper for each in wished(subscription, digest)]
    if services.summaries is None or not papers:
        return digest
    language = subscription.language
    await services.summaries.want(wishes_of(subscription, digest))
    if any(services.summaries.is_coming(each, language) for each in papers):
        request.progress(tr("Summaries are being written …"))
    return with_summaries(digest, await services.summaries.wait(papers, language, services.summaries.digest_seconds))


async def explain_paper(services: Services, request: Request) -> Reply:
    """Why a paper is or is not in this chat's digest."""
    identifier = read_id(request.args["paper"], "/why")
    subscription = await services.subscriptions.get(request.chat)
    if not services.pipeline.categories_of(subscription):
        return Reply(tr(NOTHING_CHOSEN))
    reading = await services.pipeline.read(subscription, progress=request.progress)
    for verdict in reading.verdicts:
        if verdict.announced.paper.id == identifier:
            explanation = await _explain(services, subscription, verdict)
            is_sample = reading.digest is not None and reading.digest.is_sample
            return Reply(f"{tr(SAMPLE_LABEL)}\n{explanation}" if is_sample else explanation)
    return Reply(await _explain_absence(services, subscription, identifier))


async def _explain(services: Services, subscription: Subscription, verdict: Verdict) -> str:
    paper, score = verdict.announced.paper, verdict.score
    lines = [
        tr(
            "{title} ({id}), {type} on {day}:",
            title=paper.title,
            id=paper.versioned_id,
            type=verdict.announced.announce_type,
            day=format_day(verdict.announced.day),
        ),
        await _outcome(services, subscription, verdict),
    ]
    if delivery := await describe_paper_delivery(services, subscription, paper.id):
        lines.append(delivery)
    if score.reasons:
        lines.append(tr("Score {points:.2f}: {reasons}.", points=score.points, reasons=format_reasons(score.reasons)))
    elif has_interests(subscription.topics):
        lines.append(tr("Score 0: none of this chat's topics is in its title or abstract."))
    if subscription.muted:
        lines.append(tr("Muted now: {topics}.", topics=", ".join(subscription.muted)))
    if has_interests(subscription.topics) and subscription.min_score:
        lines.append(tr("The minimum score of this chat is {score:g}.", score=subscription.min_score))
    return "\n".join(lines)


async def _outcome(services: Services, subscription: Subscription, verdict: Verdict) -> str:
    if verdict.left_out is None:
        return tr(
            "It is in the digest, in place {place} of at most {most}.",
            place=verdict.place,
            most=subscription.max_papers,
        )
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
        points=verdict.score.points,
        least=subscription.min_score,
    )


async def _explain_absence(services: Services, subscription: Subscription, identifier: ArxivId) -> str:
    """Why a paper is not even among the candidates."""
    categories = services.pipeline.categories_of(subscription)
    for announcement in reversed(await services.pipeline.recent(categories)):
        paper = announcement.papers.get(identifier)
        if paper is None:
            continue
        if not any(each.paper.id == identifier for each in announcement.papers_for(categories)):
            return tr(
                "{title} ({id}) is in {its}, and this chat reads {ours}. /categories add {first} would bring such papers.",
                title=paper.title,
                id=identifier,
                its=", ".join(paper.categories),
                ours=", ".join(categories),
                first=paper.categories[0],
            )
        return tr(
            "{title} ({id}) was announced on {day}, which is not in the present digest: it is older than {days} days, or "
            "than this subscription.",
            title=paper.title,
            id=identifier,
            day=format_day(announcement.day),
            days=subscription.days_back,
        )
    return tr(
        "{id} is in none of the announcements kept here (the last 30 days of {categories}). "
        "See https://arxiv.org/abs/{id}",
        id=identifier,
        categories=", ".join(categories),
    )


DIGEST = Command(
    "digest",
    "The digest as of now.",
    show_digest,
    (
        Param(
            "which",
            "again: with what was delivered; seen: not again after this; sample: invented papers",
            required=False,
        ),
    ),
    is_public=True,
)
WHY = Command(
    "why",
    "Why a paper is, or is not, in the digest.",
    explain_paper,
    (Param("paper", "an arXiv id or link"),),
    "/why 2608.11232",
)
