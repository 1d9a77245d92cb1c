"""/settings: how much of what, and how it is shown."""

from bot.language import tr
from bot.model.message import Button
from bot.model.subscription import DETAILS, Subscription
from bot.preferences import PREFERENCES, Preference, find_preference
from handlers.command import Command, CommandGroup, Param, Reply, Request, Services

_CHOICES = tuple(
    Button(f"{name}: {value}", f"/settings set {name} {value}")
    for name, values in (("detail", DETAILS), ("max_papers", ("5", "10", "20")))
    for value in values
)

# Said in English for good: there is no catalogue to say it from.
_ENGLISH_ONLY = "Summaries will be written in it; the bot itself speaks English here."


async def show_settings(services: Services, request: Request) -> Reply:
    """Every setting with its value and what it does."""
    subscription = await services.subscriptions.get(request.chat)
    lines = [f"{each.name} = {each.show(subscription)}: {tr(each.help)}" for each in PREFERENCES]
    return Reply("\n".join([*lines, "", tr("/settings max_papers 5 changes one.")]), buttons=_CHOICES)


async def set_setting(services: Services, request: Request) -> Reply:
    """Change one setting and say what it is now."""
    preference = find_preference(request.args["name"])
    subscription = await services.subscriptions.set_preference(request.chat, preference.name, request.args["value"])
    if preference.name != "language":
        return Reply(_describe_change(preference, subscription))
    languages = services.languages
    languages.speak(subscription.language)
    note = "" if languages.has(subscription.language) else _ENGLISH_ONLY
    return Reply(f"{_describe_change(preference, subscription)} {note}".strip())


def _describe_change(preference: Preference, subscription: Subscription) -> str:
    return tr("{name} is now {value}.", name=preference.name, value=preference.show(subscription))


_SET = Command(
    "set",
    "Change a setting.",
    set_setting,
    (Param("name", "the setting"), Param("value", "its new value")),
    "/settings set max_papers 5",
    admin_only=True,
)

SETTINGS = CommandGroup(
    "settings",
    "How many papers, of which kinds, how ranked and shown.",
    (Command("show", "Show every setting.", show_settings), _SET),
    shorthand=_SET,
)
