"""/learned: what the marks of this chat have taught, and how to take it back."""

from bot.language import later, tr
from bot.lessons import Lessons
from bot.model.message import Button
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services

MOST_SHOWN = 10
_NOTHING = later(
    "Nothing was learned yet. 👍 and 💾 on the card of a paper bring more like it, 👎 and 🔇 less; /paper 2608.11232, for "
    "example, shows a card."
)


async def show_learned(services: Services, request: Request) -> Reply:
    """The strongest terms for and against, and those that are muted."""
    pipeline, lessons = services.pipeline, Lessons(services.pipeline.storage)
    subscription = await services.subscriptions.get(request.chat)
    wanted, unwanted = await pipeline.learned(subscription)
    muted = await lessons.get_muted(request.chat)
    if not (wanted or unwanted or muted):
        return Reply(tr(_NOTHING))
    lines = [
        tr(heading, terms=tr(", ").join(terms[:MOST_SHOWN]))
        for heading, terms in (
            (later("More like: {terms}."), wanted),
            (later("Less like: {terms}."), unwanted),
            (later("Muted: {terms}."), muted),
        )
        if terms
    ]
    lines.append(tr("/learned mute TERM lets a term count for nothing, or count again; /learned reset forgets all."))
    return Reply("\n".join(lines), buttons=(Button(tr("Forget all of it"), "/learned reset"),))


async def mute_learned(services: Services, request: Request) -> Reply:
    """Let a term count for nothing, or count again."""
    term, is_muted = await Lessons(services.pipeline.storage).toggle_muted(request.chat, request.args["term"])
    said = later("{term} is muted: it counts for nothing.") if is_muted else later("{term} counts again.")
    return Reply(tr(said, term=term))


async def reset_learned(services: Services, request: Request) -> Reply:
    """Forget what was learned; marks and saved papers stay."""
    await Lessons(services.pipeline.storage).reset(request.chat)
    return Reply(tr("Forgotten. Marks and saved papers stay; what you mark from now on teaches again."))


LEARNED = CommandGroup(
    "learned",
    "What your marks have taught.",
    (
        Command("show", "Show the strongest terms for and against.", show_learned),
        Command("reset", "Forget what was learned; saved papers stay.", reset_learned, admin_only=True),
        Command(
            "mute",
            "Let a term count for nothing, or count again.",
            mute_learned,
            (Param("term", "a word or two, as /learned shows them"),),
            "/learned mute language model",
            admin_only=True,
        ),
    ),
)
