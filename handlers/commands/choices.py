"""The taps of /start: fields and topics to choose from, each tap a choice made or taken back."""

from bot.language import later, tr
from bot.model.chat import Chat
from bot.model.message import Button
from bot.model.subscription import Subscription
from bot.rendering.text import shorten
from bot.subscriptions import tag_of
from bot.suggestions import suggest_topics
from bot.taxonomy import Archive, Category
from bot.topics import compile_topic
from handlers.command import Reply, Request, Services
from handlers.commands.listing import PAGE_SIZE, open_page

ASK_FIELDS = later(
    "1 of 3: which fields do you read? Answer with arXiv categories (cs.CL, stat.ML) or in words "
    "(machine learning, computer vision). skip goes on."
)
ASK_TOPICS = later(
    "2 of 3: what are you looking for? Answer with topics, separated by commas or lines: "
    "kv cache, speculative decod*, au:Dao, -survey. skip takes every paper."
)
_LABEL_LENGTH = 34
_TOAST_LENGTH = 60


def ask_fields(services: Services, subscription: Subscription, view: str = "") -> Reply:
    """The first question. `view`: empty for popular fields, `2` for a page of archives, `cs 2` for one of an archive."""
    chosen = subscription.categories
    archives = services.subscriptions.taxonomy.archives
    name, _, page = view.partition(" ")
    if not view:
        buttons = _popular(services, chosen)
    elif name.casefold() in archives:
        buttons = _categories(archives[name.casefold()], page, chosen)
    else:
        buttons = _archives(tuple(archives.values()), view, chosen)
    text = _with_chosen(tr(ASK_FIELDS), chosen)
    done = Button(tr("Next ▸") if chosen else tr("Skip"), "/start fields skip")
    return Reply(text, buttons=(*buttons, done), expects="/start fields", replaces=bool(view))


def _with_chosen(question: str, chosen: tuple[str, ...]) -> str:
    return question + ("\n" + tr("Chosen so far: {chosen}.", chosen=", ".join(chosen)) if chosen else "")


async def browse(services: Services, request: Request, answer: str) -> Reply:
    """Show archives, or the categories of one of them."""
    return ask_fields(services, await services.subscriptions.get(request.chat), answer or "1")


async def pick(services: Services, request: Request, answer: str) -> Reply:
    """Choose a category, or take the choice back, and show the same buttons again. Behind its code stands the view."""
    name, _, view = answer.partition(" ")
    code = services.subscriptions.taxonomy.check(name)
    before = await services.subscriptions.get(request.chat)
    if code in before.categories:
        after, _ = await services.subscriptions.remove_category(request.chat, code)
        toast = tr("No longer reading {category}.", category=code)
    else:
        after, _ = await services.subscriptions.add_categories(request.chat, [code])
        toast = tr("Reading {categories}.", categories=code)
    shown = ask_fields(services, after, view)
    return Reply(shown.text, buttons=shown.buttons, expects=shown.expects, replaces=True, toast=toast)


def ask_topics(services: Services, subscription: Subscription, lead: str = "") -> Reply:
    """The second question, with suggestions for the chosen fields."""
    known = {compile_topic(topic).key for topic in subscription.topics}
    categories = subscription.categories or services.pipeline.default_categories
    suggested = suggest_topics(services.suggestions, categories, PAGE_SIZE)
    buttons = [
        Button(_tick(topic, is_chosen=compile_topic(topic).key in known), f"/start want {topic}") for topic in suggested
    ]
    text = _with_chosen(tr(ASK_TOPICS), subscription.topics)
    done = Button(tr("Done ▸") if subscription.topics else tr("Skip"), "/start topics skip")
    return Reply(lead + text, buttons=(*buttons, done), expects="/start topics", replaces=True)


async def want(services: Services, request: Request, answer: str) -> Reply:
    """Choose a suggested topic, or take the choice back, and show the suggestions again."""
    after, toast = await _toggle_topic(services, request.chat, answer)
    shown = ask_topics(services, after)
    return Reply(shown.text, buttons=shown.buttons, expects=shown.expects, replaces=True, toast=toast)


async def _toggle_topic(services: Services, chat: Chat, text: str) -> tuple[Subscription, str]:
    key = compile_topic(text).key
    before = await services.subscriptions.get(chat)
    known = next((topic for topic in before.topics if compile_topic(topic).key == key), None)
    shown = shorten(text, _TOAST_LENGTH)
    if known is None:
        return await services.subscriptions.add_topic(chat, text), tr("Following {topic}.", topic=shown)
    after, _ = await services.subscriptions.remove_topic(chat, tag_of(known))
    return after, tr("No longer following {topic}.", topic=shown)


def _popular(services: Services, chosen: tuple[str, ...]) -> tuple[Button, ...]:
    known = map(services.subscriptions.taxonomy.get, services.suggestions)
    popular = [category for category in known if category][:PAGE_SIZE]
    return (*(_toggle(each, chosen, "") for each in popular), Button(tr("All fields …"), "/start browse"))


def _archives(archives: tuple[Archive, ...], view: str, chosen: tuple[str, ...]) -> tuple[Button, ...]:
    """An archive that is itself a category is chosen at once."""
    page = open_page("/start browse", view, len(archives))
    buttons = [
        _toggle(each.categories[0], chosen, f" {page.number}")
        if len(each.categories) == 1
        else Button(shorten(each.name, _LABEL_LENGTH), f"/start browse {each.code}")
        for each in archives[page.entries]
    ]
    return (*buttons, *page.buttons)


def _categories(archive: Archive, view: str, chosen: tuple[str, ...]) -> tuple[Button, ...]:
    page = open_page(f"/start browse {archive.code}", view, len(archive.categories))
    buttons = [_toggle(each, chosen, f" {archive.code} {page.number}") for each in archive.categories[page.entries]]
    return (*buttons, *page.buttons, Button(tr("All fields …"), "/start browse"))


def _toggle(category: Category, chosen: tuple[str, ...], view: str) -> Button:
    label = shorten(f"{category.code} {category.name}", _LABEL_LENGTH)
    return Button(_tick(label, is_chosen=category.code in chosen), f"/start pick {category.code}{view}")


def _tick(label: str, *, is_chosen: bool) -> str:
    return f"✓ {label}" if is_chosen else label
