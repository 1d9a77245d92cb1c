"""/categories: the arXiv categories a chat reads."""

from functools import partial

from bot.language import later, tr
from bot.model.chat import Chat
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.listing import PAGE, Entry, change_entry, entry_list

NOTHING_CHOSEN = later(
    "This chat follows nothing yet. /start sets it up, or: /categories add cs.CL, /topics add kv cache"
)


async def list_categories(services: Services, request: Request) -> Reply:
    """The categories with their names, the numbers that `remove` takes, and buttons."""
    return await _list(services, request.chat, request.args.get("page", ""))


async def _list(services: Services, chat: Chat, page: str) -> Reply:
    subscription = await services.subscriptions.get(chat)
    codes = subscription.categories
    if not codes:
        read = ", ".join(services.pipeline.default_categories)
        known = tr("No categories yet.")
        if subscription.topics:
            where = tr("Your topics are looked for in {categories}.", categories=read)
            known = tr("{first} {second}", first=known, second=where)
        return Reply(tr("{first} {second}", first=known, second=tr("Add one, for example /categories add cs.CL")))
    return entry_list(
        tr("This chat reads"), "categories", [Entry(code, describe(services, code)) for code in codes], page
    )


def describe(services: Services, code: str) -> str:
    """`cs.CL (Computation and Language)`."""
    category = services.subscriptions.taxonomy.get(code)
    return f"{code} ({category.name})" if category else code


async def add_category(services: Services, request: Request) -> Reply:
    """Follow one category, or several at once."""
    names = request.args["category"].replace(",", " ").split()
    subscription, added = await services.subscriptions.add_categories(request.chat, names)
    if not added:
        return Reply(tr("This chat already reads {categories}.", categories=", ".join(subscription.categories)))
    lines = [tr("Reading {categories}.", categories=", ".join(describe(services, code) for code in added))]
    if not subscription.topics:
        lines.append(
            tr("Without topics a digest has every paper, newest first. /topics add kv cache, for example, ranks them.")
        )
    else:
        lines.append(tr("/digest shows what is there now."))
    return Reply("\n".join(lines))


async def remove_category(services: Services, request: Request) -> Reply:
    """Stop following one category, named by number or code, or by the tag of a button in the list."""
    chat, wanted = request.chat, request.args["category"]
    codes = (await services.subscriptions.get(chat)).categories
    return await change_entry(wanted, codes, partial(_remove, services, chat, wanted), partial(_list, services, chat))


async def _remove(services: Services, chat: Chat, wanted: str) -> Reply:
    subscription, removed = await services.subscriptions.remove_category(chat, wanted)
    left = ", ".join(subscription.categories) or tr("none")
    text = tr("No longer reading {category}. Left: {left}.", category=removed, left=left)
    return Reply(text, toast=tr("Removed {entry}.", entry=removed))


CATEGORIES = CommandGroup(
    "categories",
    "The arXiv categories this chat reads.",
    (
        Command("list", "Show the categories with their numbers.", list_categories, (PAGE,)),
        Command(
            "add",
            "Read a category.",
            add_category,
            (Param("category", "an arXiv code such as cs.CL, or several"),),
            "/categories add cs.CL",
            admin_only=True,
        ),
        Command(
            "remove",
            "Stop reading a category.",
            remove_category,
            (Param("category", "its number in the list, or its code"),),
            "/categories remove cs.CL",
            admin_only=True,
        ),
    ),
)
