"""The composition root: the one module that knows every adapter."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot import __version__
from bot.errors import PlatformError
from bot.language import Languages
from bot.managing import Managing
from bot.model.chat import Chat
from bot.pipeline import Pipeline
from bot.ports import Messenger, Platform, Ranker, Storage
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.http import SITE_INTERVALS, PoliteClient, make_user_agent
from bot.sources.sample import SampleSource
from bot.subscriptions import Subscriptions
from bot.suggestions import read_suggestions
from bot.supervision import Owners
from bot.taxonomy import Taxonomy
from bot.throttle import Throttle
from config.settings import Settings, read_bundled, read_catalogues
from handlers.command import Services
from handlers.commands import COMMANDS
from storage import open_storage, tinydb_url

if TYPE_CHECKING:
    from bot.web import WebServer

PATIENCE = 30.0
"""Seconds for one feed. What fails is asked for again a quarter of an hour later, so nobody need wait longer."""


@cache
def load_taxonomy() -> Taxonomy:
    """The bundled list of arXiv's categories."""
    return Taxonomy.from_toml(read_bundled("categories.toml"))


@cache
def load_languages() -> Languages:
    """The bundled catalogues."""
    return Languages.from_mo(read_catalogues())


def make_rankers() -> dict[str, Ranker]:
    """Every ranker by its name."""
    rankers: tuple[Ranker, ...] = (RulesRanker(), ClassicRanker())
    return {ranker.name: ranker for ranker in rankers}


def make_client(settings: Settings) -> PoliteClient:
    """The one client through which everything of arXiv is read; open it with `async with`."""
    user_agent = make_user_agent(__version__, settings.contact)
    if settings.arxiv_min_interval is not None:
        return PoliteClient(user_agent, settings.arxiv_min_interval, intervals={})
    site = urlsplit(settings.arxiv_site_url).hostname or ""
    return PoliteClient(user_agent, intervals={**SITE_INTERVALS, site: max(SITE_INTERVALS.values())})


def make_source(client: PoliteClient, settings: Settings) -> ArxivRssSource:
    """arXiv's RSS feeds as a paper source."""
    return ArxivRssSource(client, settings.arxiv_rss_url, PATIENCE)


@dataclass(frozen=True, slots=True)
class App:
    """Everything wired: what commands use, the platforms that have a token, and the people who run the bot.

    `web` serves HTTP while entered, which raises ConfigError where PORT cannot be had; without PORT it does nothing.
    """

    services: Services
    platforms: tuple[Platform, ...]
    owners: Owners
    web: AbstractAsyncContextManager[object]


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Storage opened and everything wired; closed in reverse order."""
    taxonomy = load_taxonomy()
    defaults = tuple(taxonomy.check(code) for code in settings.default_categories)
    storage = open_storage(tinydb_url(settings.data_dir))
    await storage.open()
    try:
        async with make_client(settings) as client:
            pipeline = Pipeline(storage, make_source(client, settings), make_rankers(), utc_now, defaults)
            pipeline.sample, pipeline.sample_stands_in = SampleSource(), not settings.has_platform
            subscriptions = Subscriptions(storage, taxonomy, utc_now, settings.default_language)
            messengers: dict[str, Messenger] = {}
            services = Services(
                subscriptions,
                pipeline,
                # In the terminal one person is at home, whom nobody limits.
                Throttle(utc_now) if settings.has_platform else None,
                partial(_announce, messengers),
                read_suggestions(read_bundled("suggestions.toml")),
                managing=Managing(utc_now),
                languages=load_languages(),
            )
            web = _make_web(settings)
            platforms = tuple(_make_platforms(settings, services, storage, messengers, web))
            owners = Owners(tuple(map(_owner_chat, settings.owner_ids)), messengers)
            yield App(services, platforms, owners, web or nullcontext())
    finally:
        await storage.close()


def _make_platforms(
    settings: Settings,
    services: Services,
    storage: Storage,
    messengers: dict[str, Messenger],
    web: "WebServer | None",
) -> Iterator[Platform]:
    """The platforms that have a token; each leaves its messenger in `messengers`, and what is posted to it in `web`."""
    if token := settings.telegram_bot_token.get_secret_value():
        yield _make_telegram(token, settings, services, messengers, web)
    if token := settings.discord_bot_token.get_secret_value():
        yield _make_discord(token, settings, services, storage, messengers)


# These libraries take up to half a second and forty megabytes each, which a terminal or a single digest never needs.


def _make_web(settings: Settings) -> "WebServer | None":
    if settings.port is None:
        return None
    from bot.web import WebServer  # noqa: PLC0415

    return WebServer(settings.port)


def _make_telegram(
    token: str, settings: Settings, services: Services, messengers: dict[str, Messenger], web: "WebServer | None"
) -> Platform:
    from handlers.telegram.bot import TelegramPlatform  # noqa: PLC0415
    from handlers.telegram.messenger import TelegramMessenger  # noqa: PLC0415
    from handlers.telegram.webhook import Webhook  # noqa: PLC0415

    api_url, owners = settings.telegram_api_url, settings.owners_on("telegram")
    move = services.subscriptions.move
    messenger = messengers["telegram"] = TelegramMessenger(token, api_url, move)
    webhook = None
    if web is not None and settings.public_url:
        webhook = Webhook(token, settings.public_url)
        web.add_post(webhook.path, webhook.receive)
    return TelegramPlatform(
        token, api_url, COMMANDS, services, owners, utc_now, move, pacer=messenger.pacer, webhook=webhook
    )


def _make_discord(
    token: str, settings: Settings, services: Services, storage: Storage, messengers: dict[str, Messenger]
) -> Platform:
    from handlers.discord.bot import DiscordPlatform  # noqa: PLC0415
    from handlers.discord.messenger import DiscordMessenger  # noqa: PLC0415
    from handlers.discord.rest import DiscordRest  # noqa: PLC0415

    api_url, owners = settings.discord_api_url, settings.owners_on("discord")
    platform = DiscordPlatform(token, api_url, COMMANDS, services, owners, utc_now, storage.get_note, storage.set_note)
    messengers["discord"] = DiscordMessenger(
        DiscordRest(token, api_url), partial(_forum_tag, storage), platform.get_kind, utc_now
    )
    return platform


async def _forum_tag(storage: Storage, chat: Chat) -> str:
    subscription = await storage.get_subscription(chat)
    return subscription.forum_tag if subscription else ""


async def _announce(messengers: Mapping[str, Messenger], chat: Chat, text: str) -> None:
    messenger = messengers.get(chat.platform)
    if messenger is None:
        raise PlatformError(f"{chat.platform} is not set up")
    await messenger.send(chat, text)


def _owner_chat(owner: str) -> Chat:
    """Where an owner is told things: a private chat, which on Discord is opened by the person's id."""
    platform, person = owner.split(":")
    return Chat(platform, f"user:{person}" if platform == "discord" else person)


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)
