"""/digest: the papers as of now."""

from bot.delivery.readings import wished, wishes_of
from bot.digests import with_summaries
from bot.errors import UserError
from bot.language import tr
from bot.model.digest import Digest, LeftOut
from bot.model.message import Button
from bot.model.subscription import Subscription
from bot.rendering.buttons import number_buttons
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.categories import NOTHING_CHOSEN
from handlers.commands.status import describe_trouble


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
