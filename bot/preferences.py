"""The settings of a chat: their names, what they accept, and how they read. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import UserError
from bot.language import tr
from bot.model.paper import AnnounceType
from bot.model.subscription import DETAILS, FORMER_DETAILS, Subscription
from bot.schedule import parse_schedule
from bot.zones import check_zone

LANGUAGES = tuple("ar cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sv th tr uk vi zh".split())
"""The ISO 639-1 codes that summaries can be asked for in."""
RANKERS = ("rules", "classic")
UNTEACHABLE = frozenset({"classic"})
"""The rankers that learn nothing from marks."""
_NONE = "none"
_ON, _OFF = "on", "off"
_SWITCH = {**dict.fromkeys((_ON, "yes", "true", "1"), True), **dict.fromkeys((_OFF, "no", "false", "0"), False)}
# https://docs.discord.com/developers/resources/channel#forum-tag-object
_LONGEST_TAG = 20


@dataclass(frozen=True, slots=True)
class Preference:
    """One setting. `parse` raises UserError with what is accepted; the name is the Subscription's field."""

    name: str
    help: str
    parse: Callable[[str], object]

    def set(self, subscription: Subscription, text: str) -> Subscription:
        """The subscription with this setting taken from `text`."""
        changes: dict[str, Any] = {self.name: self.parse(text.strip())}
        return replace(subscription, **changes)

    def show(self, subscription: Subscription) -> str:
        """The present value, in the form that `set` takes."""
        value = getattr(subscription, self.name)
        if isinstance(value, tuple):
            return ",".join(value)
        if isinstance(value, bool):
            return _ON if value else _OFF
        return str(value) or _NONE


def _whole_number(name: str, low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text[:9]) <= high:
            return int(text)
        raise UserError(
            tr(
                "{name} takes a whole number from {low} to {high}, for example {name} {low}.",
                name=name,
                low=low,
                high=high,
            )
        )

    return parse


def _types(text: str) -> tuple[AnnounceType, ...]:
    words = [word for word in text.lower().replace(",", " ").split() if word]
    known = [each.value for each in AnnounceType]
    if not words or any(word not in known for word in words):
        raise UserError(tr("types takes one or more of {types}, for example types new,cross.", types=", ".join(known)))
    return tuple(each for each in AnnounceType if each.value in words)


def _one_of(name: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() in allowed:
            return text.lower()
        raise UserError(tr("{name} takes one of {values}.", name=name, values=", ".join(allowed)))

    return parse


def _detail(text: str) -> str:
    return _one_of("detail", DETAILS)(FORMER_DETAILS.get(text.lower(), text))


def _tag(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > _LONGEST_TAG:
        raise UserError(tr("forum_tag takes the name of a tag, at most {most} characters, or none.", most=_LONGEST_TAG))
    return "" if name.lower() == _NONE else name


def _schedule(text: str) -> str:
    return str(parse_schedule(text))


def _switch(name: str) -> Callable[[str], bool]:
    def parse(text: str) -> bool:
        if text.lower() in _SWITCH:
            return _SWITCH[text.lower()]
        raise UserError(tr("{name} takes one of {values}.", name=name, values=f"{_ON}, {_OFF}"))

    return parse


PREFERENCES = (
    Preference("max_papers", "how many papers a digest shows at most, 1 to 100", _whole_number("max_papers", 1, 100)),
    Preference("min_score", "the score a paper needs to be shown, 0 to 100", _whole_number("min_score", 0, 100)),
    Preference("types", "which papers: new, cross, replace, replace-cross", _types),
    Preference(
        "days_back", "for how many days a paper that did not fit is kept, 1 to 30", _whole_number("days_back", 1, 30)
    ),
    Preference("detail", "how much of each paper is shown: tldr, full, abstract, titles", _detail),
    Preference(
        "max_papers_to_summarize",
        "how many papers of a digest get a summary, the best first, 0 to 50",
        _whole_number("max_papers_to_summarize", 0, 50),
    ),
    Preference("ranker", "how papers are scored: rules or classic", _one_of("ranker", RANKERS)),
    Preference(
        "language", "the language of this chat and of its summaries, such as en or zh", _one_of("language", LANGUAGES)
    ),
    Preference("schedule", "when digests come: announcement, or hours such as 09:00 or mon-fri 08:00", _schedule),
    Preference("timezone", "where those hours are: a city, or a name such as Europe/Berlin", check_zone),
    Preference("quiet_notice", "whether a line says so on days without a digest: on or off", _switch("quiet_notice")),
    Preference(
        "failure_notice", "whether a line says so when a digest cannot come: on or off", _switch("failure_notice")
    ),
    Preference("pages", "whether digests can be read on the web by whoever has the link: on or off", _switch("pages")),
    Preference("forum_tag", "the tag of posts in a Discord forum, none for no tag", _tag),
)


def find_preference(name: str) -> Preference:
    """The setting called `name`. Raises UserError that lists them all."""
    for preference in PREFERENCES:
        if preference.name == name.strip().lower().replace("-", "_"):
            return preference
    names = ", ".join(each.name for each in PREFERENCES)
    raise UserError(tr('There is no setting "{name}". The settings are {names}.', name=name, names=names))
