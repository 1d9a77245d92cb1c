"""/start: a short guided set-up: fields, topics, hours, and a first digest."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from bot.errors import UserError
from bot.language import tr
from bot.model.subscription import Subscription
from bot.rendering.text import format_topics
from bot.topics import compile_topic
from handlers.command import Command, Param, Reply, Request, Services
from handlers.commands.categories import describe
from handlers.commands.choices import ask_fields, ask_topics, browse, pick, want
from handlers.commands.digest import read_digest
from handlers.commands.schedule import describe_pause, resumed
from handlers.commands.share import SHARED, take_shared
from handlers.commands.start_time import TakeWhen, ask_time, take_time, take_zone

_NOTHING = ("skip", "none", "no", "-")


async def start(services: Services, request: Request) -> Reply:
    """Begin, take the answer to one of the three questions, or add what somebody shared by a link."""
    step, answer = request.args.get("step", ""), request.args.get("answer", "")
    if step.startswith(SHARED):
        return await take_shared(services, request, step.removeprefix(SHARED))
    if step in _STEPS and (answer or step == "browse"):
        if not await request.is_admin():
            raise UserError(tr("Only an administrator of this chat can set it up."))
        return await _STEPS[step](services, request, answer)
    return await _welcome(services, request)


async def _welcome(services: Services, request: Request) -> Reply:
    subscription = await services.subscriptions.get(request.chat)
    known = ""
    if subscription.categories or subscription.topics:
        reads = tr(
            "This chat reads {categories} and follows {topics}. What you answer is added.",
            categories=", ".join(subscription.categories) or tr("no category of its own"),
            topics=format_topics(len(subscription.topics)),
        )
        known = f"{reads}\n"
    known += await _end_pause(services, request, subscription)
    question = ask_fields(services, subscription)
    welcome = tr(
        "Welcome to Paperround. Each announcement morning you get the new arXiv papers you care about, "
        "best first, each with the reason why it is there."
    )
    return replace(question, text=f"{welcome}\n{known}\n{question.text}")


async def _end_pause(services: Services, request: Request, subscription: Subscription) -> str:
    """Whoever begins anew wants digests; a line says so, or who may end the pause."""
    if subscription.pause is None or not subscription.is_paused(services.subscriptions.clock()):
        return ""
    if await request.is_admin():
        return (await resumed(services, request.chat)).text + "\n"
    return describe_pause(subscription.pause, subscription.timezone) + "\n"


async def _take_fields(services: Services, request: Request, answer: str) -> Reply:
    try:
        codes = [] if answer.lower() in _NOTHING else _find_fields(services, answer)
        subscription, added = await services.subscriptions.add_categories(request.chat, codes)
    except UserError as error:
        return Reply(f"{error}\n{tr('Which fields do you read? skip goes on.')}", expects="/start fields")
    read = ", ".join(describe(services, code) for code in added or subscription.categories)
    return ask_topics(services, subscription, tr("Reading {categories}.", categories=read) + "\n" if read else "")


def _find_fields(services: Services, answer: str) -> list[str]:
    """Category codes from codes and words, separated by commas, lines or (codes alone) blanks."""
    taxonomy = services.subscriptions.taxonomy
    if all(taxonomy.get(word) for word in answer.replace(",", " ").split()):
        return answer.replace(",", " ").split()
    codes: list[str] = []
    for part in answer.replace("\n", ",").split(","):
        wanted = part.strip()
        if wanted and taxonomy.get(wanted):
            codes.append(wanted)
        elif wanted:
            found = taxonomy.search(wanted)
            codes.append(found[0].code if found else taxonomy.check(wanted))
    return codes


async def _take_topics(services: Services, request: Request, answer: str) -> Reply:
    parts = [part.strip() for part in answer.replace("\n", ",").split(",")]
    topics = [] if answer.lower() in _NOTHING else [part for part in parts if part]
    try:
        for topic in topics:
            compile_topic(topic)
    except UserError as error:
        return Reply(f"{error}\n{tr('Which topics? skip takes every paper.')}", expects="/start topics")
    notes: list[str] = []
    for topic in topics:
        try:
            await services.subscriptions.add_topic(request.chat, topic)
        except UserError as error:
            notes.append(str(error))
    subscription = await services.subscriptions.get(request.chat)
    if not services.pipeline.categories_of(subscription):
        return await _first_digest(services, request, notes)
    return ask_time(subscription, "".join(f"{note}\n" for note in notes))


async def _take_when(take: TakeWhen, services: Services, request: Request, answer: str) -> Reply:
    """Go on with the question that is left, or with the digest."""
    if answer.lower() in _NOTHING:
        return await _first_digest(services, request, [])
    changed, question = await take(services, request.chat, answer)
    return question or await _first_digest(services, request, [changed])


async def _first_digest(services: Services, request: Request, notes: list[str]) -> Reply:
    subscription = await services.subscriptions.get(request.chat)
    if not services.pipeline.categories_of(subscription):
        return Reply(
            tr("Nothing is followed yet. /categories add cs.CL or /topics add kv cache make a start any time.")
        )
    done = tr(
        "Done: {topics}. Here is your first digest; /topics, /categories and /settings change what comes.",
        topics=", ".join(subscription.topics) or tr("every paper"),
    )
    notes.append(done)
    reply = await read_digest(services, request, subscription)
    return replace(reply, text="\n".join([*notes, reply.text]).strip())


_STEPS: dict[str, Callable[[Services, Request, str], Awaitable[Reply]]] = {
    "fields": _take_fields,
    "topics": _take_topics,
    "time": partial(_take_when, take_time),
    "zone": partial(_take_when, take_zone),
    "browse": browse,
    "pick": pick,
    "want": want,
}

START = Command(
    "start",
    "Set this chat up in three questions.",
    start,
    (
        Param("step", "the question that is answered: fields, topics or time", required=False),
        Param("answer", "the answer", required=False),
    ),
)
