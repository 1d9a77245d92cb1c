"""The composition root: the one module that knows every adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from random import SystemRandom
from secrets import token_bytes
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot import __version__, judgements, vectors
from bot.archive import Archive
from bot.backfill import Backfill
from bot.batching import Batching
from bot.chat_config import read_config
from bot.collecting import Collecting
from bot.delivery.lane import Lane
from bot.delivery.outbox import Carrier, Outbox
from bot.delivery.pacing import Pacer
from bot.delivery.pages import Pages
from bot.delivery.rounds import Rounds
from bot.delivery.watch import PlatformState, Watch
from bot.errands import Purse, Rest
from bot.errors import ConfigError, DeliveryError, Remedy, StorageError, UserError
from bot.feeding import Feeding
from bot.following import Following
from bot.health import Health
from bot.hearing import Hearing
from bot.judgements import Judgements
from bot.language import Languages
from bot.managing import Managing
from bot.meaning import Meaning
from bot.model.chat import Chat
from bot.model.subscription import Subscription
from bot.moving import check_whole
from bot.pipeline import Pipeline
from bot.ports import FullTexts, Leases, ListingSource, Messenger, PaperLookup, Platform, Ranker, RecordSource, Storage
from bot.prices import Prices
from bot.publishing import Publishing
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.sealing import Sealer
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
from bot.subscriptions import Subscriptions, with_config
from bot.suggestions import read_suggestions
from bot.summaries.ladder import LoadNote, SaveNote
from bot.summaries.prompts import Prompt
from bot.summarising import Summaries
from bot.supervision import Owners
from bot.taxonomy import Taxonomy
from bot.throttle import Throttle
from bot.vectors import Vectors
from config.settings import Settings, read_bundled, read_catalogues
from handlers.command import Services
from handlers.commands import COMMANDS
from handlers.console.messenger import ConsoleMessenger
from storage import DiskFolder, open_storage, tinydb_url
from storage.blobs import FileBlobCache

if TYPE_CHECKING:
    from bot.jobs import Jobs
    from bot.summaries.embedding import OpenAIEmbedder
    from bot.summaries.judging import OpenAIJudge
    from bot.summaries.llm import OpenAISummarizer
    from bot.web import WebServer

OPENAI_URL = "https://api.openai.com/v1"
EMBEDDING_SECONDS, JUDGE_SECONDS = 60.0, 20.0
"""For one request of vectors, and for all that the judge is asked about one digest."""
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


def _llm_address(settings: Settings) -> tuple[str, str] | None:
    """The address and the key of the language model's server; None where there is none."""
    key = settings.openai_api_key.get_secret_value()
    return (settings.openai_base_url or OPENAI_URL, key) if key or settings.openai_base_url else None


def make_embedder(settings: Settings) -> "OpenAIEmbedder | None":
    """What makes vectors; None where it is off. `close` it in the end."""
    address = _llm_address(settings)
    if address is None or not settings.embedding_model:
        return None
    from bot.summaries.asking import World  # noqa: PLC0415
    from bot.summaries.embedding import OpenAIEmbedder  # noqa: PLC0415

    return OpenAIEmbedder(
        *address, settings.embedding_model, EMBEDDING_SECONDS, World(utc_now, monotonic, SystemRandom())
    )


def make_judge(settings: Settings, load_note: LoadNote, save_note: SaveNote) -> "OpenAIJudge | None":
    """What judges the papers at the front; None where it is off. `close` it in the end.

    The callbacks keep one small text under a key. Raises ConfigError where its prompt was edited into nonsense.
    """
    address = _llm_address(settings)
    if address is None or not settings.judge_model:
        return None
    from bot.summaries.asking import World  # noqa: PLC0415
    from bot.summaries.judging import OpenAIJudge  # noqa: PLC0415
    from bot.summaries.llm import Server  # noqa: PLC0415

    server = Server(*address, settings.judge_model, JUDGE_SECONDS)
    world = World(utc_now, monotonic, SystemRandom())
    return OpenAIJudge(server, read_bundled("prompts/judge.toml"), load_note, save_note, world)


def make_models(stack: AsyncExitStack, settings: Settings) -> Hearing | None:
    """What models say of a benchmark, closed with the stack; None where none is set up. LLM_DAILY_BUDGET holds for the run."""
    notes: dict[str, str] = {}

    async def load_note(key: str) -> str | None:
        return notes.get(key)

    async def save_note(key: str, text: str) -> None:
        notes[key] = text

    embedder, judge = make_embedder(settings), make_judge(settings, load_note, save_note)
    for each in (embedder, judge):
        if each is not None:
            stack.push_async_callback(each.close)
    return None if embedder is None and judge is None else Hearing(embedder, judge, settings.llm_daily_budget)


async def open_meaning(stack: AsyncExitStack, settings: Settings, storage: Storage) -> Meaning | None:
    """What papers mean, beside their words, closed with the stack; None where no model tells, or there is no budget for it."""
    embedder = make_embedder(settings)
    judge = make_judge(settings, storage.get_note, storage.set_note)
    if not settings.llm_daily_budget or (embedder is None and judge is None):
        return None
    cache, meaning = FileBlobCache(settings.data_dir / "meaning"), Meaning()
    await cache.open()
    if embedder is not None:
        stack.push_async_callback(embedder.close)
        purse = Purse(storage, utc_now, settings.llm_daily_budget, vectors.GROUP)
        meaning.vectors = Vectors(cache, embedder, purse, Rest("embeddings", utc_now), meaning.finished.set)
    if judge is not None:
        stack.push_async_callback(judge.close)
        purse = Purse(storage, utc_now, settings.llm_daily_budget, judgements.GROUP)
        meaning.judgements = Judgements(cache, judge, purse, Rest("judge", utc_now), meaning.finished.set)
    return await stack.enter_async_context(meaning)


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


async def open_collecting(stack: AsyncExitStack, settings: Settings, storage: Storage) -> Collecting | None:
    """The use case of Zotero libraries; None without a secret to keep keys with."""
    if not settings.secret_keys:
        return None
    from bot.zotero import ZoteroLibrary  # noqa: PLC0415

    user_agent = make_user_agent(__version__, settings.contact)
    library = await stack.enter_async_context(ZoteroLibrary(settings.zotero_api_url, user_agent, utc_now))
    return Collecting(storage, library, Sealer(settings.secret_keys), utc_now)


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
    chat may follow something new. `following` tells chats of new versions of papers. `health` is how
    all of it does. `publishing` None: nothing is published. `crew`: the other processes; None: we are all.
    """

    services: Services
    rounds: Rounds
    outbox: Outbox
    watch: Watch
    platforms: tuple[Platform, ...]
    owners: Owners
    web: AbstractAsyncContextManager[object]
    following: Following
    health: Health
    publishing: Publishing | None = None
    interest: asyncio.Event = field(default_factory=asyncio.Event)
    crew: Crew | None = None


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
            pipeline.meaning = await open_meaning(stack, settings, storage)
            pipeline.checking.listings = make_listing_source(client, settings)
            pipeline.checking.lookup = make_lookup(client, settings)
            pipeline.checking.records = make_record_source(client, settings)
            published = read_publication(settings)
            pipeline.published = pipeline.categories_of(published) if published else ()
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
            collecting = await open_collecting(stack, settings, storage)
            papers = _Papers(Shelf(lookup), Backfill(storage, utc_now, lookup), summaries, client, collecting)
            yield replace(
                _wire(settings, pipeline, subscriptions, senders, papers, crew),
                interest=interest,
                publishing=_make_publishing(settings, pipeline, published, summaries),
            )
    finally:
        await storage.close()


def read_publication(settings: Settings) -> Subscription | None:
    """What is published, None for nothing. Raises ConfigError where PUBLISH_CONFIG cannot be used."""
    if settings.publish_dir is None:
        return None
    # `created` only decides about papers of earlier days, of which none are taken.
    plain = Subscription(Chat("publish", "-"), datetime.min.replace(tzinfo=UTC), settings.default_categories)
    if settings.publish_config is None:
        return replace(plain, days_back=0)
    try:
        config = read_config(settings.publish_config.read_text(encoding="utf-8"))
        stated = with_config(plain, config, load_taxonomy())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"PUBLISH_CONFIG {settings.publish_config} cannot be read: {reason}") from error
    except UserError as error:
        raise ConfigError(f"PUBLISH_CONFIG {settings.publish_config}: {error}") from error
    return replace(stated, categories=stated.categories or plain.categories, days_back=0)


def _make_publishing(
    settings: Settings, pipeline: Pipeline, published: Subscription | None, summaries: Summaries | None
) -> Publishing | None:
    if settings.publish_dir is None or published is None:
        return None
    return Publishing(pipeline, published, DiskFolder(settings.publish_dir), summaries)


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
    arxiv: PoliteClient
    collecting: Collecting | None


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
    if settings.port is not None:
        rounds.pages = Pages(pipeline.storage, utc_now, token_bytes, settings.public_url)
    platforms: list[Platform] = []

    def platform_states() -> list[PlatformState]:
        lanes = outbox.lanes
        return [PlatformState(each.name, each.last_contact, lanes[each.name].outcomes) for each in platforms]

    services = Services(
        subscriptions,
        pipeline,
        # In the terminal one person is at home, whom nobody limits.
        Throttle(utc_now) if settings.has_platform else None,
        rounds,
        read_suggestions(read_bundled("suggestions.toml")),
        managing=Managing(utc_now),
        languages=languages,
        platforms=platform_states,
        backfill=papers.backfill,
        summaries=papers.summaries,
        shelf=papers.shelf,
        prices=Prices.from_toml(read_bundled("prices.toml")),
        collecting=papers.collecting,
        archive=Archive(pipeline, settings.archive_days),
        feeding=Feeding(pipeline.storage, utc_now, token_bytes),
        public_url=settings.public_url,
    )
    health = Health(pipeline, platform_states)
    web = _make_web(settings, health, outbox, papers, services)
    platforms += _make_platforms(_Wiring(settings, services, rounds, outbox, crew), web)
    owners = Owners(tuple(map(_owner_chat, settings.owner_ids)), messengers)
    watch = Watch(pipeline, platforms, lambda text, name: owners.tell(text, not_by=name), utc_now())
    following = Following(pipeline, rounds, papers.backfill)
    return App(
        services, rounds, outbox, watch, tuple(platforms), owners, web or nullcontext(), following, health, crew=crew
    )


def _make_outbox(subscriptions: Subscriptions, senders: Sequence[_Sender]) -> Outbox:
    storage = subscriptions.storage
    outbox = Outbox(storage, subscriptions.move)
    for each in senders:
        lane = Lane(storage, each.messenger, each.pacer, utc_now, SystemRandom(), subscriptions.pause_for, outbox.move)
        outbox.carriers[each.name] = Carrier(each.name, lane)
    return outbox


def _make_web(
    settings: Settings, health: Health, outbox: Outbox, papers: _Papers, services: Services
) -> "WebServer | None":
    if settings.port is None:
        return None
    from bot.web import WebServer, feeds, home, pages  # noqa: PLC0415
    from bot.web.health import MetricsAccess, routes  # noqa: PLC0415
    from bot.web.metrics import Counted, Metrics  # noqa: PLC0415

    pipeline, languages, chats = health.pipeline, load_languages(), tuple(map(Chat.from_key, settings.public_chats))
    web = WebServer(
        settings.port, public_url=settings.public_url, proxies=settings.trusted_proxies, languages=languages
    )
    web.add_routes(pages.routes(pipeline.storage, web.templates, has_home=bool(chats)))
    web.add_routes(home.routes(pipeline, web.templates, chats, monotonic))
    if settings.public_url and services.feeding is not None:
        language, summaries = settings.default_language, services.summaries
        web.add_routes(
            feeds.routes(pipeline, services.feeding, web.templates, settings.public_url, language, monotonic, summaries)
        )
    web.stalled = lambda: health.stalled()  # noqa: PLW0108 - it is set later
    counted = Counted(
        __version__, outbox.lanes, papers.arxiv.outcomes, papers.summaries, settings.llm_daily_budget, web.times
    )
    access = MetricsAccess(settings.metrics_token.get_secret_value(), bool(settings.public_url))
    web.add_routes(routes(health, Metrics(counted), access))
    return web


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
