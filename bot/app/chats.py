"""The chat platforms, each with its way in and its way out.

Their libraries take up to half a second and forty megabytes each, which a terminal or a single digest never needs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING

from bot.app.basics import utc_now
from bot.app.crew import Crew
from bot.delivery.lane import Lane
from bot.delivery.outbox import Carrier, Outbox
from bot.delivery.pacing import Pacer
from bot.delivery.rounds import Rounds
from bot.errors import DeliveryError, Remedy, StorageError
from bot.model.chat import Chat
from bot.ports import Messenger, Platform, Storage
from bot.subscriptions import Subscriptions
from config.settings import Settings
from handlers.command import Services
from handlers.commands import COMMANDS
from handlers.console.messenger import ConsoleMessenger

if TYPE_CHECKING:
    from bot.web import WebServer


@dataclass(frozen=True, slots=True)
class Sender:
    """A platform's way out, with what keeps all that goes there within its limits."""

    name: str
    messenger: Messenger
    pacer: Pacer


@dataclass(frozen=True, slots=True)
class Wiring:
    """What every platform is made of."""

    settings: Settings
    services: Services
    rounds: Rounds
    outbox: Outbox
    crew: Crew | None = None


def make_senders(
    settings: Settings, subscriptions: Subscriptions, write: Callable[[str], None] | None
) -> Iterator[Sender]:
    """Those of the platforms that have a token; without any, that of the terminal, if somebody looks at it."""
    if token := settings.telegram_bot_token.get_secret_value():
        from handlers.telegram.messenger import TelegramMessenger  # noqa: PLC0415

        telegram = TelegramMessenger(token, settings.telegram_api_url, subscriptions.move)
        yield Sender("telegram", telegram, telegram.pacer)
    if token := settings.discord_bot_token.get_secret_value():
        from handlers.discord.messenger import DiscordMessenger  # noqa: PLC0415
        from handlers.discord.rest import DiscordRest  # noqa: PLC0415

        rest = DiscordRest(token, settings.discord_api_url)
        discord = DiscordMessenger(rest, partial(_forum_tag, subscriptions.storage))
        # Here it only keeps the number under way small: DiscordRest paces, as what is asked of Discord counts like what is sent.
        yield Sender("discord", discord, Pacer(discord.limits, second=0.0))
    if not settings.has_platform and write is not None:
        console = ConsoleMessenger(write)
        yield Sender("console", console, Pacer(console.limits))


def make_outbox(subscriptions: Subscriptions, senders: Sequence[Sender]) -> Outbox:
    """What sends whatever waits in the storage, by these."""
    storage = subscriptions.storage
    outbox = Outbox(storage, subscriptions.move)
    for each in senders:
        lane = Lane(storage, each.messenger, each.pacer, utc_now, SystemRandom(), subscriptions.pause_for, outbox.move)
        outbox.carriers[each.name] = Carrier(each.name, lane)
    return outbox


def make_platforms(wiring: Wiring, web: "WebServer | None") -> Iterator[Platform]:
    """The platforms that have a token; what is posted to them comes in by `web`."""
    if wiring.settings.telegram_bot_token.get_secret_value():
        yield _make_telegram(wiring, web)
    if wiring.settings.discord_bot_token.get_secret_value():
        yield _make_discord(wiring)


def _make_telegram(wiring: Wiring, web: "WebServer | None") -> Platform:
    from handlers.telegram.bot import TelegramPlatform  # noqa: PLC0415
    from handlers.telegram.webhook import Webhook  # noqa: PLC0415

    settings = wiring.settings
    token = settings.telegram_bot_token.get_secret_value()
    webhook = None
    if web is not None and settings.public_url:
        webhook = Webhook(token, settings.public_url)
        web.add_post(webhook.path, webhook.receive)
    return TelegramPlatform(
        token,
        settings.telegram_api_url,
        COMMANDS,
        wiring.services,
        settings.owners_on("telegram"),
        utc_now,
        wiring.outbox.move,
        wiring.rounds.gone,
        wiring.rounds.back,
        wiring.outbox.carriers["telegram"].lane.pacer,
        webhook,
        partial(wiring.crew.leases.claim, "telegram") if wiring.crew else None,
    )


def _make_discord(wiring: Wiring) -> Platform:
    from handlers.discord.bot import DiscordPlatform  # noqa: PLC0415
    from handlers.discord.messenger import DiscordMessenger  # noqa: PLC0415

    settings, storage = wiring.settings, wiring.services.pipeline.storage
    platform = DiscordPlatform(
        settings.discord_bot_token.get_secret_value(),
        settings.discord_api_url,
        COMMANDS,
        wiring.services,
        settings.owners_on("discord"),
        utc_now,
        storage.get_note,
        storage.set_note,
        on_gone=wiring.rounds.gone,
        on_back=wiring.rounds.back,
        shards=settings.shards,
    )
    messenger = wiring.outbox.carriers["discord"].lane.messenger
    if isinstance(messenger, DiscordMessenger):
        # What the gateway tells of channels need not be asked for.
        messenger.learn_kinds(platform.get_kind)
    return platform


async def _forum_tag(storage: Storage, chat: Chat) -> str:
    try:
        subscription = await storage.get_subscription(chat)
    except StorageError as error:
        # Nothing was sent yet: that is certain.
        raise DeliveryError(Remedy.RETRY, f"the storage could not be read: {error}") from error
    return subscription.forum_tag if subscription else ""
