"""The catalogue as Discord's slash commands."""

import hashlib
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import discord
from discord import app_commands

from bot.language import Languages, base_language, later, tr
from handlers.command import Catalogue, Command, CommandGroup, Param
from handlers.discord.markup import unbroken
from handlers.execution import Invocation

log = logging.getLogger(__name__)

Interaction = discord.Interaction[discord.Client]
Run = Callable[[Interaction, Invocation, discord.Attachment | None], Awaitable[None]]
Suggest = Callable[[str, str, Interaction, str], Awaitable[list[tuple[str, str]]]]
"""Suggestions, as (shown, value), for a command's usage and parameter, from the text typed so far."""

SUGGESTED = {
    "/categories add": ("category",),
    "/categories remove": ("category",),
    "/topics remove": ("topic",),
    "/help": ("command",),
    "/settings set": ("name",),
    "/schedule set": ("when",),
    "/pause": ("until",),
    "/saved export": ("format",),
}
"""The parameters for which suggestions are made."""
_DESCRIPTIONS = (
    app_commands.TranslationContextLocation.command_description,
    app_commands.TranslationContextLocation.group_description,
    app_commands.TranslationContextLocation.parameter_description,
)
_FILE_HELP = later("the same as a file")
# The parameters of /start are answers to questions, which forms and buttons take; only a shared set is typed.
_START = "/start"
_SHARE = Param("share", later("what /share gave: topics_… makes this chat follow the same"), required=False)
_FILE = "file"
_Thread = app_commands.AppCommandThread
_ANY_CHANNEL = app_commands.AppCommandChannel | _Thread


def build_tree(
    client: discord.Client, catalogue: Catalogue, run: Run, suggest: Suggest
) -> app_commands.CommandTree[discord.Client]:
    """Every command of the catalogue but the owner's and the hidden ones, for servers and users, in servers and private chats."""
    tree = app_commands.CommandTree(
        client,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    )
    for entry in catalogue:
        if isinstance(entry, CommandGroup):
            group = _group(entry, run, suggest)
            if group.commands:
                tree.add_command(group)
        elif not (entry.owner_only or entry.is_hidden):
            tree.add_command(_command(entry, f"/{entry.name}", run, suggest))

    async def on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        if isinstance(tree.translator, CatalogueTranslator):
            tree.translator.languages.speak(base_language(str(interaction.locale)))
        await _on_error(interaction, error)

    tree.error(on_error)
    return tree


async def _on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
    """Discord still shows a command as it was before we changed it, or we have a bug."""
    log.error("command status=failed error=%r", str(error), exc_info=error)
    if not interaction.response.is_done():
        await interaction.response.send_message(
            tr("This command has just changed. Please try again in a minute."),
            ephemeral=interaction.guild_id is not None,
        )


class CatalogueTranslator(app_commands.Translator):
    """Descriptions in the bot's languages; names stay as people type them everywhere."""

    def __init__(self, languages: Languages) -> None:
        self.languages = languages

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        code = base_language(locale.value)
        if context.location not in _DESCRIPTIONS or code not in self.languages.catalogues:
            return None
        with self.languages.speaking(code):
            return tr(string.message)


async def definitions_hash(tree: app_commands.CommandTree[discord.Client]) -> str:
    """A hash that changes with the application or with anything Discord is told of its commands."""
    commands, translator = tree.get_commands(), tree.translator
    if translator is None:
        payload = [each.to_dict(tree) for each in commands]
    else:
        payload = [await each.get_translated_payload(tree, translator) for each in commands]
    text = json.dumps([str(tree.client.application_id), payload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _group(entry: CommandGroup, run: Run, suggest: Suggest) -> app_commands.Group:
    group = app_commands.Group(name=entry.name, description=entry.help)
    for each in entry.commands:
        if not (each.owner_only or each.is_hidden):
            group.add_command(_command(each, f"/{entry.name} {each.name}", run, suggest))
    return group


def _command(command: Command, usage: str, run: Run, suggest: Suggest) -> app_commands.Command[Any, ..., None]:
    async def callback(interaction: Interaction, **options: Any) -> None:  # noqa: ANN401 - as discord.py gives them
        file = options.pop(_FILE, None)
        texts = {name: unbroken(_text_of(value)).strip() for name, value in options.items()}
        args = {name: text for name, text in texts.items() if text}
        if usage == _START and _SHARE.name in args:
            args = {command.params[0].name: args[_SHARE.name].removeprefix("/start").strip()}
        await run(interaction, Invocation(command, usage, args), file)

    parameters = _parameters(command, usage)
    interaction = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Interaction)
    vars(callback)["__signature__"] = inspect.Signature([interaction, *parameters])
    helps = {each.name: each.help for each in _options(command, usage)}
    if any(each.name == _FILE for each in parameters):
        helps[_FILE] = _FILE_HELP
    app_commands.describe(**helps)(callback)
    for name in SUGGESTED.get(usage, ()):
        app_commands.autocomplete(**{name: _completer(usage, name, suggest)})(callback)
    return app_commands.Command(name=command.name, description=command.help, callback=callback)


def _options(command: Command, usage: str) -> tuple[Param, ...]:
    """What is typed with the command."""
    return command.params if usage != _START else (_SHARE,)


def _text_of(value: object) -> str:
    """An option as the text that commands take; a channel is its id."""
    return str(value.id) if isinstance(value, app_commands.AppCommandChannel | _Thread) else str(value or "")


def _parameters(command: Command, usage: str) -> list[inspect.Parameter]:
    """discord.py reads the options from a signature. Where a file may give the text, neither is required."""
    kind = inspect.Parameter.KEYWORD_ONLY
    found: list[inspect.Parameter] = []
    for each in _options(command, usage):
        if each.is_channel:
            found.append(inspect.Parameter(each.name, kind, annotation=_ANY_CHANNEL, default=None))
        elif each.required and not each.is_file:
            found.append(inspect.Parameter(each.name, kind, annotation=str))
        else:
            found.append(inspect.Parameter(each.name, kind, annotation=str, default=""))
        if each.is_file:
            found.append(inspect.Parameter(_FILE, kind, annotation=discord.Attachment, default=None))
    return found


def _completer(
    usage: str, name: str, suggest: Suggest
) -> Callable[[Interaction, str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]:
    async def complete(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        found = await suggest(usage, name, interaction, current)
        return [app_commands.Choice(name=shown, value=value) for shown, value in found]

    return complete
