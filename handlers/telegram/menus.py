"""The command menus that Telegram's clients show, one per kind of reader."""

import logging
from collections.abc import Iterable
from itertools import product

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from bot.language import Languages, tr
from handlers.command import Catalogue, Command, CommandGroup
from handlers.telegram.client import patiently

log = logging.getLogger(__name__)


async def set_menus(bot: Bot, catalogue: Catalogue, languages: Languages) -> None:
    """Show everyone what they may use, in English and in every language there is.

    Without menus typing still works, so a failure is only logged.
    """
    everything = [each for each in catalogue if any(map(_is_shown, _commands(each)))]
    for_members = [each for each in everything if not _commands(each)[0].admin_only]
    menus: tuple[tuple[BotCommandScope, list[Command | CommandGroup]], ...] = (
        (BotCommandScopeAllPrivateChats(), everything),
        (BotCommandScopeAllGroupChats(), for_members),
        (BotCommandScopeAllChatAdministrators(), everything),
    )
    for (scope, entries), code in product(menus, ("", *languages.catalogues)):
        try:
            with languages.speaking(code):
                await _set_menu(bot, scope, entries, code)
        except TelegramError as error:
            log.warning("menu scope=%s language=%s status=failed error=%r", scope.type, code, str(error))


async def _set_menu(bot: Bot, scope: BotCommandScope, entries: Iterable[Command | CommandGroup], language: str) -> None:
    """Without a `language` it is the menu of all clients whose language has none of its own."""
    commands = [BotCommand(each.name, tr(each.help)) for each in entries]
    await patiently(lambda: bot.set_my_commands(commands, scope, language or None))


def _commands(entry: Command | CommandGroup) -> tuple[Command, ...]:
    return entry.commands if isinstance(entry, CommandGroup) else (entry,)


def _is_shown(command: Command) -> bool:
    return not (command.owner_only or command.is_hidden)
