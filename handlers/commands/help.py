"""/help: what one can say here."""

import difflib
from collections.abc import Callable

from bot.errors import UserError
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
            raise UserError(f'There is no command "{name[:32]}".' + (f" Did you mean /help {near[0]}?" if near else ""))
        return Reply(_explain(entry))

    param = Param("command", "a command to explain", required=False)
    return Command("help", "What this bot can do.", show_help, (param,), is_public=True)


def _overview(catalogue: Catalogue) -> str:
    catalogue = [each for each in catalogue if not is_hidden(each)]
    width = max(len(each.name) for each in catalogue)
    lines = [f"/{each.name.ljust(width)}  {each.help}" for each in catalogue]
    return "\n".join(
        [
            "Each announcement morning: the arXiv papers this chat cares about, ranked and explained.",
            "",
            *lines,
            "",
            "/help topics explains one command. A new chat begins with /start.",
        ]
    )


def _explain(entry: Command | CommandGroup) -> str:
    if isinstance(entry, Command):
        return "\n".join([entry.help, "", *_lines(entry, f"/{entry.name}")])
    lines = [line for each in entry.commands for line in _lines(each, f"/{entry.name} {each.name}")]
    note = [f"/{entry.name} alone is the same as /{entry.name} {entry.commands[0].name}."]
    if entry.shorthand is not None:
        note.append(f"The word {entry.shorthand.name} may be left out.")
    return "\n".join([entry.help, "", *lines, "", " ".join(note)])


def _lines(command: Command, usage: str) -> list[str]:
    params = "".join(f" <{each.name}>" if each.required else f" [{each.name}]" for each in command.params)
    rights = " (administrators)" if command.admin_only else ""
    lines = [f"{usage}{params}: {command.help}{rights}"]
    lines += [f"    {each.name}: {each.help}" for each in command.params]
    if command.example:
        lines.append(f"    for example {command.example}")
    return lines
