"""A command, written once for every platform: it takes a Request and returns a Reply, both plain data."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.archive import Archive
from bot.backfill import Backfill
from bot.collecting import Collecting
from bot.delivery.rounds import Rounds
from bot.delivery.watch import PlatformState
from bot.feeding import Feeding
from bot.follows import Follows
from bot.language import Languages
from bot.managing import Locate, Managing
from bot.model.card import Card
from bot.model.chat import Chat
from bot.model.digest import Digest
from bot.model.message import Button, File
from bot.pipeline import Pipeline
from bot.prices import Prices
from bot.pulling import Progress
from bot.subscriptions import Subscriptions
from bot.suggestions import Suggestions
from bot.summarising import Summaries
from bot.throttle import Throttle

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HELP_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Services:
    """What commands may use.

    `throttle` None: nobody is limited. `rounds` None: nothing is sent here without being asked for. `managing` None: nobody acts
    on another chat than the one they are in. `platforms` is how each platform does at this moment. `backfill` None: nothing is
    known of papers but what was announced. `summaries` None: there is no language model. `collecting` None: no
    Zotero library can be connected, as there is no secret to keep keys with. `archive` None: nothing is searched.
    `public_url` is where the world reaches what is served over HTTP; empty, or `feeding` None: nowhere.
    """

    subscriptions: Subscriptions
    pipeline: Pipeline
    throttle: Throttle | None = None
    rounds: Rounds | None = None
    suggestions: Suggestions = field(default_factory=dict)
    managing: Managing | None = None
    languages: Languages = field(default_factory=Languages)
    platforms: Callable[[], Sequence[PlatformState]] = tuple
    backfill: Backfill | None = None
    summaries: Summaries | None = None
    prices: Prices = field(default_factory=Prices)
    collecting: Collecting | None = None
    archive: Archive | None = None
    feeding: Feeding | None = None
    public_url: str = ""

    @property
    def known(self) -> Backfill:
        """What is known of papers beside the announcements."""
        return self.backfill or Backfill(self.pipeline.storage, self.pipeline.clock)

    @property
    def follows(self) -> Follows:
        """The papers that chats follow."""
        return Follows(self.pipeline, self.subscriptions, self.known)


@dataclass(frozen=True, slots=True)
class Request:
    """One command as it arrived: where, from whom (a platform's user id), and its arguments by name.

    `is_admin` asks the platform, afresh at each call, whether the person may change this chat's subscription.
    `is_owner`: the person is one of the bot's own `OWNER_IDS`. `locate` finds the chats that can be managed from this one,
    None where that is none. `is_press`: the line was not typed now, but drawn earlier as a button or a question; it acts
    on the chat that it was drawn for. `language`: what the person's client speaks, as ISO 639-1 code, empty if it does not
    say; it decides for a chat that has no subscription yet.
    `is_private`: nobody but the person sees what they sent and what is answered.
    """

    chat: Chat
    person: str
    is_admin: Callable[[], Awaitable[bool]]
    args: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = lambda _: None
    is_owner: bool = False
    locate: Locate | None = None
    is_press: bool = False
    language: str = ""
    is_private: bool = False

    @property
    def who(self) -> str:
        """The person, wherever they are on their platform: `telegram:77`."""
        return f"{self.chat.platform}:{self.person}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as data; a platform's `render` alone knows markup and lengths.

    `buttons` are laid out by the platform, in this order; `rows`, where not empty, says how many stand in each row, so that
    what belongs together stays together. `expects` is a command line that the person's next plain text
    completes: a question was asked. That line is stored, so it holds no secret. `replaces`: where a button was pressed, this
    takes the place of the message with the button. `toast`: a few words for the person alone who pressed, such as "Saved.";
    without a button it is ordinary text.
    `payload`: what `/start` takes to do what this reply offers; a platform with links that start the bot shows such a link.
    `heading`: a line above a text that must stay as it is, to be copied. `copy`: such a text below `text`, short enough for
    any message. `file` comes with the text. It `holds_secret`: what the person sent is to be taken out of the chat, and where
    the platform cannot, the person is told to. `link`: where the digest can be read on the web.
    A reply that `is_silent` is not sent: the person gave too many commands and was told so.
    """

    text: str = ""
    digest: Digest | None = None
    detail: str = "tldr"
    card: Card | None = None
    buttons: tuple[Button, ...] = ()
    expects: str = ""
    replaces: bool = False
    toast: str = ""
    payload: str = ""
    heading: str = ""
    rows: tuple[int, ...] = ()
    copy: str = ""
    file: File | None = None
    holds_secret: bool = False
    link: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.text or self.toast or self.digest or self.card or self.copy or self.file)


@dataclass(frozen=True, slots=True)
class Param:
    """One argument, always text; the last of a command takes the rest of the line. `is_file`: a file may give it.

    `is_channel`: it names a chat of the platform, which may offer a choice instead and then gives the id.
    """

    name: str
    help: str
    required: bool = True
    is_file: bool = False
    is_channel: bool = False


Run = Callable[[Services, Request], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Command:
    """A name, a line of help, and what it does. `example` is a whole line that works.

    `is_public`: in a server everyone sees the answer; otherwise, where the platform can, only the person who asked.
    `owner_only` commands answer nobody else, and are in no menu. `is_hidden`: only buttons need it, so it is in no menu and
    no list; typing it works. A command that `acts_here` is about the chat it is used in, also while another is managed.
    One that `takes_secret` is typed with something that nobody else may read, whatever becomes of it.
    """

    name: str
    help: str
    run: Run
    params: tuple[Param, ...] = ()
    example: str = ""
    admin_only: bool = False
    owner_only: bool = False
    is_public: bool = False
    is_hidden: bool = False
    acts_here: bool = False
    takes_secret: bool = False

    def __post_init__(self) -> None:
        _check(self.name, self.help)
        for param in self.params:
            _check(param.name, param.help)


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """Commands under one name, one level deep.

    In text the bare name runs `commands[0]`, and a first word that names none of them belongs to `shorthand`.
    """

    name: str
    help: str
    commands: tuple[Command, ...]
    shorthand: Command | None = None

    def __post_init__(self) -> None:
        _check(self.name, self.help)


Catalogue = Sequence[Command | CommandGroup]


def is_hidden(entry: Command | CommandGroup) -> bool:
    """Whether the entry is there for buttons alone."""
    return isinstance(entry, Command) and entry.is_hidden


def is_owners(entry: Command | CommandGroup) -> bool:
    """Whether the entry answers the bot's owner alone."""
    return all(each.owner_only for each in (entry.commands if isinstance(entry, CommandGroup) else (entry,)))


def _check(name: str, text: str) -> None:
    """Only what Telegram and Discord both accept."""
    if not _NAME.fullmatch(name) or not 0 < len(text) <= _HELP_LENGTH:
        raise ValueError(f"not a name and help that every platform takes: {name!r}, {text!r}")
