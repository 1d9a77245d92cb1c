"""The command menus that Telegram's clients show, one per kind of reader."""

import logging
from collections.abc import Iterable

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from handlers.command import Catalogue, Command, CommandGroup
from handlers.telegram.client import patiently

log = logging.getLogger(__name__)


async def set_menus(bot: Bot, catalogue: Catalogue) -> None:
    """Show everyone what they may use. Without menus typing still works, so a failure is only logged."""
    everything = [each for each in catalogue if any(map(_is_shown, _commands(each)))]
    for_members = [each for each in everything if not _commands(each)[0].admin_only]
    menus: tuple[tuple[BotCommandScope, list[Command | CommandGroup]], ...] = (
        (BotCommandScopeAllPrivateChats(), everything),
        (BotCommandScopeAllGroupChats(), for_members),
        (BotCommandScopeAllChatAdministrators(), everything),
    )
    for scope, entries in menus:
        try:
            await _set_menu(bot, scope, entries)
        except TelegramError as error:
            log.warning("menu scope=%s status=failed error=%r", scope.type, str(error))


async def _set_menu(bot: Bot, scope: BotCommandScope, entries: Iterable[Command | CommandGroup]) -> None:
    commands = [BotCommand(each.name, each.help) for each in entries]
    await patiently(lambda: bot.set_my_commands(commands, scope))


def _commands(entry: Command | CommandGroup) -> tuple[Command, ...]:
    return entry.commands if isinstance(entry, CommandGroup) else (entry,)


def _is_shown(command: Command) -> bool:
    return not (command.owner_only or command.is_hidden)
