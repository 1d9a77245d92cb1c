"""/export, /import and /forgetme: a chat's data belong to it."""

from bot.chat_config import read_config, write_config
from bot.language import tr
from bot.model.message import Button
from bot.rendering.text import format_categories, format_topics
from handlers.command import Command, Param, Reply, Request, Services


async def export_config(services: Services, request: Request) -> Reply:
    """The configuration as one line of JSON that /import takes."""
    return Reply(write_config(await services.subscriptions.get(request.chat)))


async def import_config(services: Services, request: Request) -> Reply:
    """Replace the configuration by the given one."""
    config = read_config(request.args["json"])
    subscription = await services.subscriptions.import_config(request.chat, config)
    lines = [
        tr(
            "Imported: {categories}, {topics}.",
            categories=format_categories(len(subscription.categories)),
            topics=format_topics(len(subscription.topics)),
        )
    ]
    if config.keywords and subscription.min_score > 0:
        lines.append(
            tr(
                "min_score {score} is in force now; the bot this file comes from never read it. "
                "/settings min_score 0 lifts it.",
                score=subscription.min_score,
            )
        )
    lines.append(tr("/digest shows what is there now; /settings shows the rest."))
    return Reply("\n".join(lines))


async def forget_me(services: Services, request: Request) -> Reply:
    """Ask first; then erase."""
    answer = request.args.get("answer", "").strip().lower()
    if answer == "yes":
        if services.collecting is not None:
            await services.collecting.forget(request.chat)
        await services.subscriptions.forget(request.chat)
        return Reply(tr("Everything about this chat is erased. /start begins anew."))
    if answer:
        return Reply(tr("Nothing was erased."))
    return Reply(
        tr(
            "This erases the topics, categories, followed papers and settings of this chat, everybody's saved and marked "
            "papers in it, the list of delivered papers, what was shared by /share, its feed's address, and a Zotero key "
            "that was given here, for good. "
            "Type yes to do it; anything else keeps them. /export first makes a copy."
        ),
        buttons=(Button(tr("Erase everything"), "/forgetme yes"), Button(tr("Keep"), "/forgetme no")),
        expects="/forgetme",
    )


EXPORT = Command("export", "This chat's configuration as JSON.", export_config)
IMPORT = Command(
    "import",
    "Replace this chat's configuration.",
    import_config,
    (Param("json", "what /export gave, or the config.json of arxiv_rss_bot", is_file=True),),
    '/import {"categories": ["cs.CL"], "topics": ["kv cache"]}',
    admin_only=True,
)
FORGET_ME = Command(
    "forgetme",
    "Erase all that is known of this chat.",
    forget_me,
    (Param("answer", "yes, to erase without being asked", required=False),),
    admin_only=True,
)
