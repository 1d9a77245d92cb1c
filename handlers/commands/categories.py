"""/categories: the arXiv categories a chat reads."""

from handlers.command import Command, CommandGroup, Param, Reply, Request, Services


async def list_categories(services: Services, request: Request) -> Reply:
    """The categories with their names and the numbers that `remove` takes."""
    subscription = await services.subscriptions.get(request.chat)
    if not subscription.categories:
        read = ", ".join(services.pipeline.default_categories)
        note = f" Your topics are looked for in {read}." if subscription.topics else ""
        return Reply(f"No categories yet.{note} Add one, for example /categories add cs.CL")
    lines = [f"{number}. {describe(services, code)}" for number, code in enumerate(subscription.categories, start=1)]
    return Reply("\n".join(["This chat reads:", *lines, "", "/categories remove <number> removes one."]))


def describe(services: Services, code: str) -> str:
    """`cs.CL (Computation and Language)`."""
    category = services.subscriptions.taxonomy.get(code)
    return f"{code} ({category.name})" if category else code


async def add_category(services: Services, request: Request) -> Reply:
    """Follow one category, or several at once."""
    names = request.args["category"].replace(",", " ").split()
    subscription, added = await services.subscriptions.add_categories(request.chat, names)
    if not added:
        return Reply(f"This chat already reads {', '.join(subscription.categories)}.")
    lines = [f"Reading {', '.join(describe(services, code) for code in added)}."]
    if not subscription.topics:
        lines.append(
            "Without topics a digest has every paper, newest first. /topics add kv cache, for example, ranks them."
        )
    else:
        lines.append("/digest shows what is there now.")
    return Reply("\n".join(lines))


async def remove_category(services: Services, request: Request) -> Reply:
    """Stop following one category."""
    subscription, removed = await services.subscriptions.remove_category(request.chat, request.args["category"])
    left = ", ".join(subscription.categories) or "none"
    return Reply(f"No longer reading {removed}. Left: {left}.")


CATEGORIES = CommandGroup(
    "categories",
    "The arXiv categories this chat reads.",
    (
        Command("list", "Show the categories with their numbers.", list_categories),
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
