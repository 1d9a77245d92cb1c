"""A line of text becomes a command, and a command its reply: rights, limits and errors are seen to here, once."""

import difflib
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.errors import StorageError, UserError
from bot.language import later, tr
from bot.logs import begin_trace
from bot.managing import Located, mark_of
from bot.model.chat import Chat
from bot.model.message import Button
from bot.model.subscription import PauseReason
from bot.preferences import LANGUAGES
from bot.throttle import MOST_COMMANDS, Admission, Throttle
from handlers.command import Catalogue, Command, CommandGroup, Param, Reply, Request, Services

log = logging.getLogger(__name__)

APOLOGY = later("Something went wrong on our side; nothing was changed. Please try again in a minute. (Error {})")
DELETE_IT = later("Now delete your message with the key.")
TOO_MANY = later("That was more than {most} commands in a minute. Please give me a minute; then I am all yours again.")


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
    reply = await _execute(invocation, services, request)
    return replace(reply, holds_secret=True) if invocation.command.takes_secret and invocation.args else reply


async def _execute(invocation: Invocation, services: Services, request: Request) -> Reply:
    trace = begin_trace()
    command = invocation.command
    await adopt_language(services, request.chat, request.language)
    refusal = await _throttle(services.throttle, request)
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
        log.exception("command failed usage=%s chat=%s error_id=%s", invocation.usage, request.chat.key, trace)
        return _about(located, Reply(tr(APOLOGY).format(trace)))


async def _run(invocation: Invocation, services: Services, request: Request) -> Reply:
    command = invocation.command
    if command.admin_only and not await request.is_admin():
        raise UserError(tr("Only an administrator of this chat can use {usage}.", usage=invocation.usage))
    missing = next((each for each in command.params if each.required and each.name not in request.args), None)
    if missing is not None:
        raise UserError(_describe_missing(invocation, missing))
    reply = await command.run(services, request)
    log.info("command usage=%s chat=%s status=ok", invocation.usage, request.chat.key)
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
    is_for_here = command.acts_here or command.owner_only or (request.is_press and not invocation.mark)
    if is_for_here and not invocation.mark:
        return None
    chosen = await managing.get(request.chat, request.person) if managing and request.locate else None
    if invocation.mark and (chosen is None or invocation.mark != mark_of(chosen)):
        raise UserError(tr("This is about a channel that you no longer manage from here. /manage it again first."))
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
    has_more = reply.text or reply.digest or reply.card or reply.copy or reply.file
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


async def _throttle(throttle: Throttle | None, request: Request) -> Reply | None:
    admission = await throttle.admit(f"{request.chat.platform}:{request.person}") if throttle else Admission.OBEY
    if admission is Admission.OBEY:
        return None
    return Reply(tr(TOO_MANY, most=MOST_COMMANDS)) if admission is Admission.TELL else Reply()
