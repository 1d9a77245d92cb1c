"""The composition root: the one module that knows every adapter."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from random import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot import __version__
from bot.backfill import Backfill
from bot.batching import Batching
from bot.delivery.lane import Lane
from bot.delivery.outbox import Carrier, Outbox
from bot.delivery.pacing import Pacer
from bot.delivery.rounds import Rounds
from bot.delivery.watch import PlatformState, Watch
from bot.errors import DeliveryError, Remedy, StorageError
from bot.following import Following
from bot.language import Languages
from bot.managing import Managing
from bot.model.chat import Chat
from bot.moving import check_whole
from bot.pipeline import Pipeline
from bot.ports import FullTexts, Leases, ListingSource, Messenger, PaperLookup, Platform, Ranker, RecordSource, Storage
from bot.prices import Prices
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.shelf import Shelf
from bot.sources.apart import KEEP, Parser
from bot.sources.arxiv_api import ArxivApiLookup
from bot.sources.arxiv_listing import ArxivListingSource
from bot.sources.arxiv_oai import ArxivOaiSource
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.fulltext import ArxivFullTexts
from bot.sources.http import MIN_INTERVAL, SITE_INTERVALS, PoliteClient, make_user_agent
from bot.sources.sample import SampleSource
from bot.sources.text_cache import TextCache
from bot.subscriptions import Subscriptions
from bot.suggestions import read_suggestions
from bot.summaries.ladder import LoadNote, SaveNote
from bot.summaries.prompts import Prompt
from bot.summarising import Summaries
from bot.supervision import Owners
from bot.taxonomy import Taxonomy
from bot.throttle import Throttle
from config.settings import Settings, read_bundled, read_catalogues
from handlers.command import Services
from handlers.commands import COMMANDS
from handlers.console.messenger import ConsoleMessenger
from storage import open_storage, tinydb_url

if TYPE_CHECKING:
    from bot.jobs import Jobs
    from bot.summaries.llm import OpenAISummarizer
    from bot.web import WebServer

log = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
PATIENCE = 30.0
"""Seconds for one feed. What fails is asked for again a quarter of an hour later, so nobody need wait longer."""
_WAITING_AT_ONCE = 32
LONG_PATIENCE = 300.0
"""Seconds for a list or a lookup, for which nobody waits in a chat: enough to sit out a first hold."""


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


def storage_url(settings: Settings) -> str:
    """Where everything is kept; the url may hold a password."""
    return settings.database_url.get_secret_value() or tinydb_url(settings.data_dir)


def make_client(settings: Settings, storage: Storage | None = None) -> PoliteClient:
    """The one client through which everything of arXiv is read; open it with `async with`.

    `storage` remembers which hosts asked us to wait.
    """
    site = urlsplit(settings.arxiv_site_url).hostname or ""
    interval, intervals = MIN_INTERVAL, {**SITE_INTERVALS, site: max(SITE_INTERVALS.values())}
    if settings.arxiv_min_interval is not None:
        interval, intervals = settings.arxiv_min_interval, {}
    return PoliteClient(
        make_user_agent(__version__, settings.contact),
        interval,
        intervals,
        load_note=storage.get_note if storage else None,
        save_note=storage.set_note if storage else None,
        parser=Parser(KEEP),
    )


def make_source(client: PoliteClient, settings: Settings) -> ArxivRssSource:
    """arXiv's RSS feeds as a paper source."""
    return ArxivRssSource(client, settings.arxiv_rss_url, PATIENCE)


def make_listing_source(client: PoliteClient, settings: Settings) -> ListingSource:
    """arXiv's lists of a day's papers."""
    return ArxivListingSource(client, settings.arxiv_site_url, LONG_PATIENCE)


def make_lookup(client: PoliteClient, settings: Settings, patience: float = LONG_PATIENCE) -> PaperLookup:
    """arXiv's API."""
    return ArxivApiLookup(client, settings.arxiv_api_url, patience)


def make_record_source(client: PoliteClient, settings: Settings) -> RecordSource:
    """arXiv's OAI-PMH."""
    return ArxivOaiSource(client, settings.arxiv_oai_url)


def make_full_texts(client: PoliteClient, settings: Settings) -> FullTexts:
    """The texts of papers, from arXiv's site, kept in DATA_DIR."""
    return ArxivFullTexts(client, TextCache(settings.data_dir / "fulltext"), settings.arxiv_site_url)


def make_summarizer(settings: Settings, load_note: LoadNote, save_note: SaveNote) -> "OpenAISummarizer | None":
    """The language model that summarises; None without a key and without the address of a server. `close` it in the end.

    The callbacks keep one small text under a key. Raises ConfigError where the prompt was edited into nonsense.
    """
    key = settings.openai_api_key.get_secret_value()
    if not key and not settings.openai_base_url:
        return None
    from bot.summaries.client import World  # noqa: PLC0415
    from bot.summaries.llm import OpenAISummarizer, Server  # noqa: PLC0415

    server = Server(
        settings.openai_base_url or OPENAI_URL,
        key,
        settings.summary_model,
        settings.summary_timeout,
        settings.summary_input_tokens,
    )
    prompt = Prompt.from_toml(read_bundled("prompts/summary.toml"))
    return OpenAISummarizer(server, prompt, load_note, save_note, World(utc_now, monotonic, SystemRandom()))


async def open_summaries(
    stack: AsyncExitStack, settings: Settings, storage: Storage, client: PoliteClient
) -> Summaries | None:
    """The use case of summaries, closed with the stack; None where there is no model, or no budget for it."""
    if not settings.llm_daily_budget:
        return None
    summarizer = make_summarizer(settings, storage.get_note, storage.set_note)
    if summarizer is None:
        return None
    stack.push_async_callback(summarizer.close)
    texts = make_full_texts(client, settings)
    summaries = Summaries(storage, texts, summarizer, utc_now, settings.llm_daily_budget)
    if settings.llm_batch:
        from bot.summaries.batch import OpenAIBatches  # noqa: PLC0415

        writer = OpenAIBatches(summarizer, settings.openai_base_url or OPENAI_URL, utc_now, storage)
        summaries.batching = Batching(storage, texts, writer, utc_now, settings.llm_daily_budget)
    return await stack.enter_async_context(summaries)


@dataclass(frozen=True, slots=True)
class Crew:
    """What several processes need to be one bot.

    `maker` makes summaries in this process. `rights`: by platform, the lease without which a process must not serve people
    there; empty where every process may.
    """

    leases: Leases
    jobs: "Jobs"
    maker: Summaries | None = None
    rights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class App:
    """Everything wired: what commands use, the platforms that have a token, and the people who run the bot.

    `outbox` sends what was planned while it runs, `watch` tells the owners what a machine cannot mend. `web` serves HTTP
    while entered, which raises ConfigError where PORT cannot be had; without PORT it does nothing. `interest` is set when some
    chat may follow something new. `following` tells chats of new versions of papers. `crew`: the other processes; None: we are all.
    `serving`: the platforms that this process serves now.
    """

    services: Services
    rounds: Rounds
    outbox: Outbox
    watch: Watch
    platforms: tuple[Platform, ...]
    owners: Owners
    web: AbstractAsyncContextManager[object]
    following: Following
    interest: asyncio.Event = field(default_factory=asyncio.Event)
    crew: Crew | None = None
    serving: list[Platform] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What every platform is made of."""

    settings: Settings
    services: Services
    rounds: Rounds
    outbox: Outbox
    crew: Crew | None = None


@asynccontextmanager
async def open_app(settings: Settings, write: Callable[[str], None] | None = None) -> AsyncIterator[App]:
    """Storage opened and everything wired; closed in reverse order.

    `write` shows what is said unasked in the terminal; None where nobody would see it.
    """
    taxonomy = load_taxonomy()
    defaults = tuple(taxonomy.check(code) for code in settings.default_categories)
    storage = open_storage(storage_url(settings))
    interest = asyncio.Event()
    await storage.open()
    try:
        await check_whole(storage)
        async with AsyncExitStack() as stack:
            crew = await _join_crew(stack, settings, storage)
            client = await stack.enter_async_context(make_client(settings, storage))
            pipeline = Pipeline(storage, make_source(client, settings), make_rankers(), utc_now, defaults)
            pipeline.sample, pipeline.sample_stands_in = SampleSource(), not settings.has_platform
            pipeline.checking.listings = make_listing_source(client, settings)
            pipeline.checking.lookup = make_lookup(client, settings)
            pipeline.checking.records = make_record_source(client, settings)
            if crew is not None:
                client.outside = partial(crew.leases.exclusive, "arxiv")
                pipeline.keeping.changing.outside = partial(crew.leases.exclusive, "announcements")
                pipeline.pulling.is_shared = True
            subscriptions = Subscriptions(
                storage,
                taxonomy,
                utc_now,
                settings.default_language,
                settings.default_schedule,
                settings.default_timezone,
                interest.set,
            )
            senders = tuple(_make_senders(settings, subscriptions, write))
            for each in senders:
                await stack.enter_async_context(each.messenger)
            lookup = make_lookup(client, settings, PATIENCE)
            summaries = await open_summaries(stack, settings, storage, client)
            if crew is not None and summaries is not None:
                crew = replace(crew, maker=summaries)
                summaries = await stack.enter_async_context(_shared_summaries(summaries, crew.jobs))
            papers = _Papers(Shelf(lookup), Backfill(storage, utc_now, lookup), summaries)
            app = _wire(settings, pipeline, subscriptions, senders, papers, crew)
            yield replace(app, interest=interest)
    finally:
        await storage.close()


async def _join_crew(stack: AsyncExitStack, settings: Settings, storage: Storage) -> Crew | None:
    """The other processes on the same database; a terminal is served by its own alone."""
    url = settings.database_url.get_secret_value()
    if not (url and settings.has_platform):
        return None
    from bot.jobs import Jobs  # noqa: PLC0415
    from storage.postgres import PostgresStorage  # noqa: PLC0415

    assert isinstance(storage, PostgresStorage)  # noqa: S101 - by the url
    rights = {
        "telegram": "" if settings.port and settings.public_url else "telegram",
        "discord": f"discord gateway {settings.discord_shards}".strip(),
    }
    return Crew(storage, await stack.enter_async_context(Jobs(url)), rights=rights)


def _shared_summaries(maker: Summaries, jobs: "Jobs") -> Summaries:
    """Summaries that workers make. Those that gather for batches would be known to one process alone, so there are none."""
    if maker.batching is not None:
        log.warning("LLM_BATCH has no effect with DATABASE_URL: summaries are made by single calls")
        maker.batching = None
    shared = Summaries(maker.storage, maker.texts, maker.summarizer, utc_now, maker.budget, at_once=_WAITING_AT_ONCE)
    shared.elsewhere = jobs.summarise
    return shared


@dataclass(frozen=True, slots=True)
class _Sender:
    """A platform's way out, with what keeps all that goes there within its limits."""

    name: str
    messenger: Messenger
    pacer: Pacer


@dataclass(frozen=True, slots=True)
class _Papers:
    """What there is of single papers beside the announcements."""

    shelf: Shelf
    backfill: Backfill
    summaries: Summaries | None


def _wire(  # noqa: PLR0913, PLR0917 - all that there is
    settings: Settings,
    pipeline: Pipeline,
    subscriptions: Subscriptions,
    senders: Sequence[_Sender],
    papers: _Papers,
    crew: Crew | None = None,
) -> App:
    languages = load_languages()
    messengers = {each.name: each.messenger for each in senders}
    outbox = _make_outbox(subscriptions, senders)
    rounds = Rounds(pipeline, subscriptions, messengers, languages, outbox.wake, summaries=papers.summaries)
    serving: list[Platform] = []
    services = Services(
        subscriptions,
        pipeline,
        # In the terminal one person is at home, whom nobody limits.
        Throttle(utc_now) if settings.has_platform else None,
        rounds,
        read_suggestions(read_bundled("suggestions.toml")),
        managing=Managing(utc_now),
        languages=languages,
        platforms=lambda: [
            PlatformState(each.name, each.last_contact, outbox.carriers[each.name].lane.outcomes) for each in serving
        ],
        backfill=papers.backfill,
        summaries=papers.summaries,
        shelf=papers.shelf,
        prices=Prices.from_toml(read_bundled("prices.toml")),
    )
    web = _make_web(settings)
    platforms = tuple(_make_platforms(_Wiring(settings, services, rounds, outbox, crew), web))
    serving += platforms
    owners = Owners(tuple(map(_owner_chat, settings.owner_ids)), messengers)
    watch = Watch(pipeline, serving, lambda text, name: owners.tell(text, not_by=name), utc_now())
    following = Following(pipeline, rounds, papers.backfill)
    return App(
        services, rounds, outbox, watch, platforms, owners, web or nullcontext(), following, crew=crew, serving=serving
    )


def _make_outbox(subscriptions: Subscriptions, senders: Sequence[_Sender]) -> Outbox:
    storage = subscriptions.storage
    outbox = Outbox(storage, subscriptions.move)
    for each in senders:
        lane = Lane(storage, each.messenger, each.pacer, utc_now, SystemRandom(), subscriptions.pause_for, outbox.move)
        outbox.carriers[each.name] = Carrier(each.name, lane)
    return outbox


def _make_web(settings: Settings) -> "WebServer | None":
    if settings.port is None:
        return None
    from bot.web import WebServer  # noqa: PLC0415

    return WebServer(settings.port)


# These libraries take up to half a second and forty megabytes each, which a terminal or a single digest never needs.


def _make_senders(
    settings: Settings, subscriptions: Subscriptions, write: Callable[[str], None] | None
) -> Iterator[_Sender]:
    """Those of the platforms that have a token; without any, that of the terminal, if somebody looks at it."""
    if token := settings.telegram_bot_token.get_secret_value():
        from handlers.telegram.messenger import TelegramMessenger  # noqa: PLC0415

        telegram = TelegramMessenger(token, settings.telegram_api_url, subscriptions.move)
        yield _Sender("telegram", telegram, telegram.pacer)
    if token := settings.discord_bot_token.get_secret_value():
        from handlers.discord.messenger import DiscordMessenger  # noqa: PLC0415
        from handlers.discord.rest import DiscordRest  # noqa: PLC0415

        rest = DiscordRest(token, settings.discord_api_url)
        discord = DiscordMessenger(rest, partial(_forum_tag, subscriptions.storage))
        # Here it only keeps the number under way small: DiscordRest paces, as what is asked of Discord counts like what is sent.
        yield _Sender("discord", discord, Pacer(discord.limits, second=0.0))
    if not settings.has_platform and write is not None:
        console = ConsoleMessenger(write)
        yield _Sender("console", console, Pacer(console.limits))


def _make_platforms(wiring: _Wiring, web: "WebServer | None") -> Iterator[Platform]:
    """The platforms that have a token; what is posted to them comes in by `web`."""
    if wiring.settings.telegram_bot_token.get_secret_value():
        yield _make_telegram(wiring, web)
    if wiring.settings.discord_bot_token.get_secret_value():
        yield _make_discord(wiring)


def _make_telegram(wiring: _Wiring, web: "WebServer | None") -> Platform:
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


def _make_discord(wiring: _Wiring) -> Platform:
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


def _owner_chat(owner: str) -> Chat:
    """Where an owner is told things: a private chat, which on Discord is opened by the person's id."""
    platform, person = owner.split(":")
    return Chat(platform, f"user:{person}" if platform == "discord" else person)


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)
