"""A command, written once for every platform: it takes a Request and returns a Reply, both plain data."""

import difflib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from secrets import token_hex

from bot.backfill import Backfill
from bot.delivery.rounds import Rounds
from bot.delivery.watch import PlatformState
from bot.errors import StorageError, UserError
from bot.follows import Follows
from bot.language import Languages, later, tr
from bot.managing import Locate, Located, Managing, mark_of
from bot.model.card import Card
from bot.model.chat import Chat
from bot.model.digest import Digest
from bot.model.message import Button
from bot.model.subscription import PauseReason
from bot.pipeline import Pipeline
from bot.preferences import LANGUAGES
from bot.prices import Prices
from bot.pulling import Progress
from bot.shelf import Shelf
from bot.subscriptions import Subscriptions
from bot.suggestions import Suggestions
from bot.summarising import Summaries
from bot.throttle import MOST_COMMANDS, Admission, Throttle

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_HELP_LENGTH = 100
APOLOGY = later("Something went wrong on our side; nothing was changed. Please try again in a minute. (Error {})")
TOO_MANY = later("That was more than {most} commands in a minute. Please give me a minute; then I am all yours again.")


@dataclass(frozen=True, slots=True)
class Services:
    """What commands may use.

    `throttle` None: nobody is limited. `rounds` None: nothing is sent here without being asked for. `managing` None: nobody acts
    on another chat than the one they are in. `platforms` is how each platform does at this moment. `backfill` None: nothing is
    known of papers but what was announced. `summaries` None: there is no language model. `shelf` None: papers are not looked
    up one by one.
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
    shelf: Shelf | None = None
    prices: Prices = field(default_factory=Prices)

    @property
    def follows(self) -> Follows:
        """The papers that chats follow."""
        pipeline = self.pipeline
        return Follows(pipeline, self.subscriptions, self.backfill or Backfill(pipeline.storage, pipeline.clock))


@dataclass(frozen=True, slots=True)
class Request:
    """One command as it arrived: where, from whom (a platform's user id), and its arguments by name.

    `is_admin` asks the platform, afresh at each call, whether the person may change this chat's subscription.
    `is_owner`: the person is one of the bot's own `OWNER_IDS`. `locate` finds the chats that can be managed from this one,
    None where that is none. `is_press`: the line was not typed now, but drawn earlier as a button or a question; it acts
    on the chat that it was drawn for. `language`: what the person's client speaks, as ISO 639-1 code, empty if it does not
    say; it decides for a chat that has no subscription yet.
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


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as data; a platform's `render` alone knows markup and lengths.

    `buttons` are laid out by the platform, in this order; `rows`, where not empty, says how many stand in each row, so that
    what belongs together stays together. `expects` is a command line that the person's next plain text
    completes: a question was asked. `replaces`: where a button was pressed, this takes the place of the message with the
    button. `toast`: a few words for the person alone who pressed, such as "Saved."; without a button it is ordinary text.
    `payload`: what `/start` takes to do what this reply offers; a platform with links that start the bot shows such a link.
    `heading`: a line above a text that must stay as it is, to be copied.
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

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.text or self.toast or self.digest or self.card)


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


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command found in a line of text. `usage` is its name as people type it.

    `mark` says for which managed chat the button or question was drawn; empty for none.
    """

    command: Command
    usage: str
    args: Mapping[str, str]
    mark: str = ""


def parse_line(catalogue: Catalogue, line: str) -> Invocation:
    """The command that a line such as `/topics add kv cache` asks for. Raises UserError where there is none."""
    if line.startswith("~"):
        mark, _, line = line.partition(" ")
        return replace(parse_line(catalogue, line), mark=mark)
    name, _, rest = line.strip().removeprefix("/").partition(" ")
    entry = next((each for each in catalogue if each.name == name.lower()), None)
    if entry is None:
        near = difflib.get_close_matches(name.lower(), [each.name for each in catalogue], n=1)
        if near:
            raise UserError(
                tr(
                    "There is no command /{name}. Did you mean /{near}? /help lists them all.",
                    name=name[:32],
                    near=near[0],
                )
            )
        raise UserError(tr("There is no command {usage}. /help lists them all.", usage=f"/{name[:32]}"))
    if isinstance(entry, Command):
        return Invocation(entry, f"/{entry.name}", _arguments(entry, rest))
    return _parse_group(entry, rest.strip())


def _parse_group(group: CommandGroup, rest: str) -> Invocation:
    word, _, tail = rest.partition(" ")
    command = next((each for each in group.commands if each.name == word.lower()), None)
    if command is None and not word:
        command = group.commands[0]
    elif command is None and group.shorthand is not None:
        command, tail = group.shorthand, rest
    if command is None:
        names = ", ".join(each.name for each in group.commands if not each.is_hidden)
        raise UserError(
            tr(
                '/{group} has no "{word}". It has: {names}. /help {group} shows examples.',
                group=group.name,
                word=word[:32],
                names=names,
            )
        )
    return Invocation(command, f"/{group.name} {command.name}", _arguments(command, tail))


def _arguments(command: Command, rest: str) -> dict[str, str]:
    """One word per parameter; the last takes the rest of the line as it is."""
    args: dict[str, str] = {}
    for param in command.params:
        rest = rest.strip()
        if not rest:
            break
        if param is command.params[-1]:
            args[param.name] = rest
        else:
            args[param.name], _, rest = rest.partition(" ")
    return args


async def adopt_language(services: Services, chat: Chat, client: str = "") -> None:
    """Speak the chat's language to the end of the running task; `client` is what the person's client speaks, if known.

    `execute` does it; a platform does it for what it says by itself, before.
    """
    try:
        subscription = await services.subscriptions.storage.get_subscription(chat)
    except StorageError:
        subscription = None
    services.languages.speak(subscription.language if subscription else client or services.subscriptions.language)


async def execute(invocation: Invocation, services: Services, request: Request) -> Reply:
    """Check rights and arguments, run, and turn what people can mend into its text and all else into an apology."""
    command = invocation.command
    await adopt_language(services, request.chat, request.language)
    refusal = _throttle(services.throttle, request)
    if refusal is not None:
        return refusal
    located: Located | None = None
    try:
        if command.owner_only and not request.is_owner:
            raise UserError(tr("There is no command {usage}. /help lists them all.", usage=invocation.usage))
        located = await _locate(invocation, services, request)
        if located is not None:
            request = replace(request, chat=located.chat, is_admin=_just_checked)
        return _about(located, await _run(invocation, _for_newcomers(services, request.language), request))
    except UserError as error:
        return _about(located, Reply(str(error)))
    except Exception:
        error_id = token_hex(4)
        log.exception("command failed usage=%s chat=%s error_id=%s", invocation.usage, request.chat.key, error_id)
        return _about(located, Reply(tr(APOLOGY).format(error_id)))


async def _run(invocation: Invocation, services: Services, request: Request) -> Reply:
    command = invocation.command
    if command.admin_only and not await request.is_admin():
        raise UserError(tr("Only an administrator of this chat can use {usage}.", usage=invocation.usage))
    missing = next((each for each in command.params if each.required and each.name not in request.args), None)
    if missing is not None:
        raise UserError(_describe_missing(invocation, missing))
    reply = await command.run(services, request)
    await _come_back(services, request)
    return reply


async def _come_back(services: Services, request: Request) -> None:
    """An administrator speaks in a chat that the platform had shut to us: it is open again."""
    # What a storage that fails means for the command is the command's to say.
    with suppress(StorageError):
        subscription = await services.subscriptions.storage.get_subscription(request.chat)
        pause = subscription.pause if subscription else None
        if services.rounds is None or pause is None or pause.reason is PauseReason.ASKED:
            return
        if await request.is_admin():
            await services.rounds.back(request.chat)


async def _locate(invocation: Invocation, services: Services, request: Request) -> Located | None:
    """The chat that is managed instead of this one, where the command is meant for it. Raises UserError if it cannot be."""
    command, managing = invocation.command, services.managing
    chosen = managing.get(request.chat, request.person) if managing and request.locate else None
    if invocation.mark and (chosen is None or invocation.mark != mark_of(chosen)):
        raise UserError(tr("This is about a channel that you no longer manage from here. /manage it again first."))
    is_for_here = command.acts_here or command.owner_only or (request.is_press and not invocation.mark)
    if chosen is None or request.locate is None or is_for_here:
        return None
    try:
        return await request.locate(chosen.id)
    except UserError as error:
        raise UserError(
            tr("{error} Nothing was done; /manage off lets you act on this chat again.", error=error)
        ) from error


async def _just_checked() -> bool:
    return True


def _about(located: Located | None, reply: Reply) -> Reply:
    """The reply with the managed chat named in its first line, its buttons and its question meant for that chat."""
    if located is None or reply.is_silent:
        return reply
    mark, lead = mark_of(located.chat), tr("For {title}:", title=located.title)
    reply = replace(
        reply,
        buttons=tuple(Button(each.label, f"{mark} {each.line}") for each in reply.buttons),
        expects=f"{mark} {reply.expects}" if reply.expects else "",
        toast=f"{lead} {reply.toast}" if reply.toast else "",
    )
    if reply.text.startswith("{"):
        return replace(reply, heading=lead)
    has_more = reply.text or reply.digest or reply.card
    return replace(reply, text=f"{lead} {reply.text}".strip()) if has_more else reply


def _describe_missing(invocation: Invocation, missing: Param) -> str:
    needs = tr("{usage} needs <{name}>: {help}.", usage=invocation.usage, name=missing.name, help=tr(missing.help))
    example = invocation.command.example
    return needs + ("\n" + tr("For example: {example}", example=example) if example else "")


def _for_newcomers(services: Services, language: str) -> Services:
    """The services by which a chat without a subscription gets one in the client's language, if that is one of ours."""
    if language not in LANGUAGES:
        return services
    return replace(services, subscriptions=replace(services.subscriptions, language=language))


def _throttle(throttle: Throttle | None, request: Request) -> Reply | None:
    admission = throttle.admit(f"{request.chat.platform}:{request.person}") if throttle else Admission.OBEY
    if admission is Admission.OBEY:
        return None
    return Reply(tr(TOO_MANY, most=MOST_COMMANDS)) if admission is Admission.TELL else Reply()
