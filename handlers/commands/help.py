"""/help: what one can say here."""

import difflib
from collections.abc import Callable

from bot.errors import UserError
from bot.language import tr
from handlers.command import Catalogue, Command, CommandGroup, Param, Reply, Request, Services, is_hidden, is_owners


def help_command(get_catalogue: Callable[[], Catalogue]) -> Command:
    """The /help that explains the catalogue it is part of."""

    async def show_help(services: Services, request: Request) -> Reply:  # noqa: ARG001 - a command's signature
        catalogue = [each for each in get_catalogue() if request.is_owner or not is_owners(each)]
        name = request.args.get("command", "").strip().removeprefix("/").lower().split(" ")[0]
        if not name:
            return Reply(_overview(catalogue))
        entry = next((each for each in catalogue if each.name == name), None)
        if entry is None:
            near = difflib.get_close_matches(name, [each.name for each in catalogue], n=1)
            problem = tr('There is no command "{name}".', name=name[:32])
            hint = tr("Did you mean /help {near}?", near=near[0]) if near else ""
            raise UserError(tr("{first} {second}", first=problem, second=hint) if near else problem)
        return Reply(_explain(entry))

    param = Param("command", "a command to explain", required=False)
    return Command("help", "What this bot can do.", show_help, (param,), is_public=True)


def _overview(catalogue: Catalogue) -> str:
    catalogue = [each for each in catalogue if not is_hidden(each)]
    width = max(len(each.name) for each in catalogue)
    lines = [f"/{each.name.ljust(width)}  {tr(each.help)}" for each in catalogue]
    return "\n".join(
        [
            tr("Each announcement morning: the arXiv papers this chat cares about, ranked and explained."),
            "",
            *lines,
            "",
            tr("/help topics explains one command. A new chat begins with /start."),
        ]
    )


def _explain(entry: Command | CommandGroup) -> str:
    if isinstance(entry, Command):
        return "\n".join([tr(entry.help), "", *_lines(entry, f"/{entry.name}")])
    shown = [each for each in entry.commands if not each.is_hidden]
    lines = [line for each in shown for line in _lines(each, f"/{entry.name} {each.name}")]
    note = tr("/{group} alone is the same as /{group} {first}.", group=entry.name, first=entry.commands[0].name)
    if entry.shorthand is not None:
        optional = tr("The word {word} may be left out.", word=entry.shorthand.name)
        note = tr("{first} {second}", first=note, second=optional)
    return "\n".join([tr(entry.help), "", *lines, "", note])


def _lines(command: Command, usage: str) -> list[str]:
    params = "".join(f" <{each.name}>" if each.required else f" [{each.name}]" for each in command.params)
    text = tr("{help} (administrators)", help=tr(command.help)) if command.admin_only else tr(command.help)
    lines = [f"{usage}{params}: {text}"]
    lines += [f"    {each.name}: {tr(each.help)}" for each in command.params]
    if command.example:
        lines.append("    " + tr("for example {example}", example=command.example))
    return lines
