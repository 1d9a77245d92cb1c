"""/topics: what a chat wants to read about."""

from functools import partial

from bot.digests import latest_announcement
from bot.model.announcement import Announcement
from bot.model.chat import Chat
from bot.topics import Topic, compile_topic, document_of
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.listing import PAGE, is_tag, press_removal, removal_list

SHOWN_MATCHES = 5


async def list_topics(services: Services, request: Request) -> Reply:
    """The topics with the numbers that `remove` takes, and buttons."""
    return await _list(services, request.chat, request.args.get("page", ""))


async def _list(services: Services, chat: Chat, page: str) -> Reply:
    topics = (await services.subscriptions.get(chat)).topics
    if not topics:
        return Reply(
            "No topics yet: a digest has every paper of your categories. Add one, for example /topics add kv cache"
        )
    return removal_list("This chat follows", "topics", topics, topics, page)


async def add_topic(services: Services, request: Request) -> Reply:
    """Follow a topic; the first one without a category says which categories will be read."""
    subscription = await services.subscriptions.add_topic(request.chat, request.args["query"])
    topic = compile_topic(subscription.topics[-1])
    lines = [f"Leaving out papers on {topic.keyword}." if topic.is_exclusion else f"Following {topic.text}."]
    if not subscription.categories:
        read = ", ".join(services.pipeline.default_categories)
        lines.append(f"No category is chosen, so papers of {read} are looked at. /categories add narrows that.")
    return Reply("\n".join(lines))


async def remove_topic(services: Services, request: Request) -> Reply:
    """Stop following one topic, named by number or text, or by the tag of a button in the list."""
    chat, wanted = request.chat, request.args["topic"]
    if is_tag(wanted):
        topics = (await services.subscriptions.get(chat)).topics
        remove, show = services.subscriptions.remove_topic, partial(_list, services, chat)
        return await press_removal(wanted, topics, partial(remove, chat, wanted), show)
    subscription, removed = await services.subscriptions.remove_topic(chat, wanted)
    left = len(subscription.topics)
    return Reply(f"No longer following {removed}. {left or 'No'} topic{'' if left == 1 else 's'} left.")


async def clear_topics(services: Services, request: Request) -> Reply:
    """Stop following all topics."""
    before = await services.subscriptions.get(request.chat)
    if not before.topics:
        return Reply("There were no topics to clear.")
    await services.subscriptions.clear_topics(request.chat)
    gone = ", ".join(before.topics)
    return Reply(f"Cleared {len(before.topics)} topics: {gone}. Digests now have every paper of your categories.")


async def try_topic(services: Services, request: Request) -> Reply:
    """What a topic would have matched in the announcements at hand."""
    topic = compile_topic(" ".join(request.args["query"].split()))
    subscription = await services.subscriptions.get(request.chat)
    categories = subscription.categories or services.pipeline.default_categories
    await services.pipeline.pull(categories, request.progress)
    announcements = await services.pipeline.recent(categories)
    if latest_announcement(announcements, categories) is None:
        return Reply(f"{topic.text} is a good topic. There is no announcement here yet to try it on; /status says why.")
    return Reply(_matches(topic, announcements, categories))


def _matches(topic: Topic, announcements: tuple[Announcement, ...], categories: tuple[str, ...]) -> str:
    newest_first = [paper for each in reversed(announcements) for paper in each.papers_for(categories)]
    unique = list({each.paper.id: each for each in reversed(newest_first)}.values())[::-1]
    found = [each for each in unique if topic.match(document_of(each.paper))]
    days = sum(bool(each.papers_for(categories)) for each in announcements)
    span = "the last announcement" if days == 1 else f"the last {days} announcements"
    sample = " (invented papers, a sample)" if any(each.is_sample for each in announcements) else ""
    verb = "would have left out" if topic.is_exclusion else "would have matched"
    lines = [f"{topic.text} {verb} {len(found)} of {len(unique)} papers in {span} of {', '.join(categories)}{sample}."]
    lines += [f"· {each.paper.title} ({each.paper.id})" for each in found[:SHOWN_MATCHES]]
    if len(found) > SHOWN_MATCHES:
        lines.append(f"… and {len(found) - SHOWN_MATCHES} more.")
    if not found:
        lines.append("Try fewer words, a prefix such as quant*, or alternatives with OR.")
    elif not topic.is_exclusion:
        lines.append(f"/topics add {topic.text} follows it.")
    return "\n".join(lines)


_QUERY = Param("query", "words, or a query in arXiv's language such as ti:attention OR au:Dao")

TOPICS = CommandGroup(
    "topics",
    "What this chat wants to read about.",
    (
        Command("list", "Show the topics with their numbers.", list_topics, (PAGE,)),
        Command(
            "add",
            "Follow a topic; with - in front, leave it out.",
            add_topic,
            (_QUERY,),
            "/topics add kv cache",
            admin_only=True,
        ),
        Command(
            "remove",
            "Stop following a topic.",
            remove_topic,
            (Param("topic", "its number in the list, or its text"),),
            "/topics remove 1",
            admin_only=True,
        ),
        Command("clear", "Stop following all topics.", clear_topics, admin_only=True),
        Command(
            "test",
            "What a topic would have matched in the last announcements.",
            try_topic,
            (_QUERY,),
            "/topics test quant*",
        ),
    ),
)
