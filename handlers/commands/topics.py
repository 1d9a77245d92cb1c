"""/topics: what a chat wants to read about."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from bot.digests import has_interests, latest_announcement
from bot.language import later, tr, tr_n
from bot.model.announcement import Announcement
from bot.model.chat import Chat
from bot.model.paper import AnnouncedPaper
from bot.model.subscription import Subscription
from bot.subscriptions import Subscriptions
from bot.topics import Topic, compile_topic, split_weight
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services
from handlers.commands.listing import PAGE, Entry, briefly, change_entry, entry_list

SHOWN_MATCHES = 5
_PAGE_SIZE = 5
_WOULD_MATCH = later("{topic} would have matched {found} of {total} papers in {span} of {categories}.")
_WOULD_LEAVE_OUT = later("{topic} would have left out {found} of {total} papers in {span} of {categories}.")


async def list_topics(services: Services, request: Request) -> Reply:
    """The topics with the numbers that `remove` takes, and buttons."""
    return await _list(services, request.chat, request.args.get("page", ""))


async def _list(services: Services, chat: Chat, page: str) -> Reply:
    subscription = await services.subscriptions.get(chat)
    if not subscription.topics:
        return Reply(
            tr("No topics yet: a digest has every paper of your categories. Add one, for example /topics add kv cache")
        )
    entries = [_entry(topic, is_muted=topic in subscription.muted) for topic in subscription.topics]
    reply = entry_list(tr("This chat follows"), "topics", entries, page, _PAGE_SIZE)
    lines = [reply.text, tr("🔇 mutes a topic, 🔊 unmutes it; ⚖ lets it count ×2, ×3, ×0.5, and ×1 again.")]
    if _is_all_muted(subscription):
        lines.append(tr("All that this chat looks for is muted, so digests come empty."))
    return replace(reply, text="\n".join(lines))


def _entry(topic: str, *, is_muted: bool) -> Entry:
    """What leaves papers out has no weight."""
    signs = [("🔊" if is_muted else "🔇", "mute")]
    if has_interests([topic]):
        signs.append(("⚖", "weight"))
    return Entry(topic, tr("{topic} (muted)", topic=topic) if is_muted else topic, tuple(signs))


def _is_all_muted(subscription: Subscription) -> bool:
    """Whether the chat has topics of interest, and none of them counts now."""
    return has_interests(subscription.topics) and not has_interests(subscription.active_topics)


async def add_topic(services: Services, request: Request) -> Reply:
    """Follow a topic; the first one without a category says which categories will be read."""
    subscription = await services.subscriptions.add_topic(request.chat, request.args["query"])
    topic = compile_topic(" ".join(request.args["query"].split()))
    left_out = tr("Leaving out papers on {topic}.", topic=topic.keyword)
    lines = [left_out if topic.is_exclusion else tr("Following {topic}.", topic=topic.text)]
    if not subscription.categories:
        read = ", ".join(services.pipeline.default_categories)
        lines.append(
            tr(
                "No category is chosen, so papers of {categories} are looked at. /categories add narrows that.",
                categories=read,
            )
        )
    return Reply("\n".join(lines))


async def remove_topic(services: Services, request: Request) -> Reply:
    """Stop following one topic, named by number or text, or by the tag of a button in the list."""
    return await _change(_remove, services, request)


async def mute_topic(services: Services, request: Request) -> Reply:
    """Let one topic, named in the same ways, count for nothing, or count again."""
    return await _change(_mute, services, request)


async def weigh_topic(services: Services, request: Request) -> Reply:
    """Give one topic, named in the same ways, its next weight."""
    return await _change(_weigh, services, request)


async def _change(
    change: Callable[[Subscriptions, Chat, str], Awaitable[Reply]], services: Services, request: Request
) -> Reply:
    chat, wanted = request.chat, request.args["topic"]
    topics = (await services.subscriptions.get(chat)).topics
    show = partial(_list, services, chat)
    return await change_entry(wanted, topics, partial(change, services.subscriptions, chat, wanted), show, _PAGE_SIZE)


async def _remove(subscriptions: Subscriptions, chat: Chat, wanted: str) -> Reply:
    subscription, removed = await subscriptions.remove_topic(chat, wanted)
    count = len(subscription.topics)
    left = tr_n("{count} topic left.", "{count} topics left.", count) if count else tr("No topics left.")
    gone = tr("No longer following {topic}.", topic=removed)
    text = tr("{first} {second}", first=gone, second=left)
    return Reply(text, toast=tr("Removed {entry}.", entry=briefly(removed)))


async def _mute(subscriptions: Subscriptions, chat: Chat, wanted: str) -> Reply:
    subscription, topic = await subscriptions.mute_topic(chat, wanted)
    said = tr("Muted {topic}.") if topic in subscription.muted else tr("{topic} counts again.")
    return Reply(said.format(topic=topic), toast=said.format(topic=briefly(topic)))


async def _weigh(subscriptions: Subscriptions, chat: Chat, wanted: str) -> Reply:
    _, topic = await subscriptions.weigh_topic(chat, wanted)
    bare, weight = split_weight(topic)
    said = tr("{topic} counts ×{weight:g} now.")
    return Reply(said.format(topic=bare, weight=weight), toast=said.format(topic=briefly(bare), weight=weight))


async def clear_topics(services: Services, request: Request) -> Reply:
    """Stop following all topics."""
    before = await services.subscriptions.get(request.chat)
    if not before.topics:
        return Reply(tr("There were no topics to clear."))
    await services.subscriptions.clear_topics(request.chat)
    gone = ", ".join(before.topics)
    return Reply(
        tr_n(
            "Cleared {count} topic: {topics}. Digests now have every paper of your categories.",
            "Cleared {count} topics: {topics}. Digests now have every paper of your categories.",
            len(before.topics),
            topics=gone,
        )
    )


async def try_topic(services: Services, request: Request) -> Reply:
    """What a topic would have matched in the announcements at hand."""
    topic = compile_topic(" ".join(request.args["query"].split()))
    subscription = await services.subscriptions.get(request.chat)
    categories = subscription.categories or services.pipeline.default_categories
    await services.pipeline.pull(categories, request.progress)
    announcements = await services.pipeline.recent(categories)
    if latest_announcement(announcements, categories) is None:
        return Reply(
            tr(
                "{topic} is a good topic. There is no announcement here yet to try it on; /status says why.",
                topic=topic.text,
            )
        )
    newest_first = [paper for each in reversed(announcements) for paper in each.papers_for(categories)]
    unique = list({each.paper.id: each for each in reversed(newest_first)}.values())[::-1]
    found = await services.pipeline.find(subscription, topic.text, unique, announcements)
    return Reply(_matches(topic, announcements, categories, found, len(unique)))


def _matches(
    topic: Topic,
    announcements: Sequence[Announcement],
    categories: Sequence[str],
    found: Sequence[AnnouncedPaper],
    total: int,
) -> str:
    days = sum(bool(each.papers_for(categories)) for each in announcements)
    message = _WOULD_LEAVE_OUT if topic.is_exclusion else _WOULD_MATCH
    span = tr_n("the last announcement", "the last {count} announcements", days)
    read = ", ".join(categories)
    if any(each.is_sample for each in announcements):
        read = tr("{categories} (invented papers, a sample)", categories=read)
    lines = [tr(message, topic=topic.text, found=len(found), total=total, span=span, categories=read)]
    lines += [f"· {each.paper.title} ({each.paper.id})" for each in found[:SHOWN_MATCHES]]
    if len(found) > SHOWN_MATCHES:
        lines.append(tr("… and {count} more.", count=len(found) - SHOWN_MATCHES))
    if not found:
        lines.append(tr("Try fewer words, a prefix such as quant*, or alternatives with OR."))
    elif not topic.is_exclusion:
        lines.append(tr("/topics add {topic} follows it.", topic=topic.text))
    return "\n".join(lines)


_TOPIC = Param("topic", "its number in the list, or its text")
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
            (_TOPIC,),
            "/topics remove 1",
            admin_only=True,
        ),
        Command("mute", "Mute a topic, or unmute it.", mute_topic, (_TOPIC,), admin_only=True, is_hidden=True),
        Command("weight", "Give a topic its next weight.", weigh_topic, (_TOPIC,), admin_only=True, is_hidden=True),
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
