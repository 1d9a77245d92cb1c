"""All parts put together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from secrets import token_bytes

from bot import __version__
from bot.app.arxiv import PATIENCE, make_client, make_listing_source, make_lookup, make_record_source, make_source
from bot.app.basics import load_languages, load_taxonomy, make_rankers, storage_url, utc_now
from bot.app.chats import Sender, Wiring, make_outbox, make_platforms, make_senders
from bot.app.crew import Crew, join_crew
from bot.app.models import open_meaning, open_summaries, shared_summaries
from bot.app.publishing import make_publishing, read_publication
from bot.app.web import make_door, make_web
from bot.archive import Archive
from bot.backfill import Backfill
from bot.collecting import Collecting
from bot.delivery.outbox import Outbox
from bot.delivery.pages import Pages
from bot.delivery.rounds import Rounds
from bot.delivery.watch import PlatformState, Watch
from bot.feeding import Feeding
from bot.following import Following
from bot.health import Health
from bot.managing import Managing
from bot.model.chat import Chat
from bot.moving import check_whole
from bot.pipeline import Pipeline
from bot.ports import Platform, Storage
from bot.prices import Prices
from bot.publishing import Publishing
from bot.sealing import Sealer
from bot.sources.http import PoliteClient, make_user_agent
from bot.sources.sample import SampleSource
from bot.subscriptions import Subscriptions
from bot.suggestions import read_suggestions
from bot.summarising import Summaries
from bot.supervision import Owners
from bot.throttle import Throttle
from config.settings import Settings, read_bundled
from handlers.command import Services
from storage import open_storage


@dataclass(frozen=True, slots=True)
class App:
    """Everything wired: what commands use, the platforms that have a token, and the people who run the bot.

    `outbox` sends what was planned while it runs, `watch` tells the owners what a machine cannot mend. `web` serves HTTP
    while entered, which raises ConfigError where PORT cannot be had; without PORT it does nothing. `interest` is set when some
    chat may follow something new. `following` tells chats of new versions of papers. `health` is how
    all of it does. `publishing` None: nothing is published. `crew`: the other processes; None: we are all.
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
    health: Health
    publishing: Publishing | None = None
    interest: asyncio.Event = field(default_factory=asyncio.Event)
    crew: Crew | None = None
    serving: list[Platform] = field(default_factory=list)


@asynccontextmanager
async def open_app(
    settings: Settings, write: Callable[[str], None] | None = None, *, is_worker: bool = False
) -> AsyncIterator[App]:
    """Storage opened and everything wired; closed in reverse order.

    `write` shows what is said unasked in the terminal; None where nobody would see it. A worker serves no platform and no
    page, only what machines ask about it.
    """
    taxonomy = load_taxonomy()
    defaults = tuple(taxonomy.check(code) for code in settings.default_categories)
    storage = open_storage(storage_url(settings))
    interest = asyncio.Event()
    await storage.open()
    try:
        await check_whole(storage)
        async with AsyncExitStack() as stack:
            crew = await join_crew(stack, settings, storage)
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
            senders = tuple(make_senders(settings, subscriptions, write))
            for each in senders:
                await stack.enter_async_context(each.messenger)
            lookup = make_lookup(client, settings, PATIENCE)
            summaries = await open_summaries(stack, settings, storage, client)
            if crew is not None and summaries is not None:
                crew = replace(crew, maker=summaries)
                summaries = await stack.enter_async_context(shared_summaries(summaries, crew.jobs))
            collecting = await _open_collecting(stack, settings, storage)
            papers = _Papers(Backfill(storage, utc_now, lookup), summaries, client, collecting)
            yield replace(
                _wire(settings, pipeline, subscriptions, senders, papers, crew, is_worker=is_worker),
                interest=interest,
                publishing=make_publishing(settings, pipeline, published, summaries),
            )
    finally:
        await storage.close()


@dataclass(frozen=True, slots=True)
class _Papers:
    """What there is of single papers beside the announcements."""

    backfill: Backfill
    summaries: Summaries | None
    arxiv: PoliteClient
    collecting: Collecting | None


def _wire(  # noqa: PLR0913, PLR0917 - all that there is
    settings: Settings,
    pipeline: Pipeline,
    subscriptions: Subscriptions,
    senders: Sequence[Sender],
    papers: _Papers,
    crew: Crew | None = None,
    *,
    is_worker: bool = False,
) -> App:
    languages = load_languages()
    messengers = {each.name: each.messenger for each in senders}
    outbox = make_outbox(subscriptions, senders)
    rounds = Rounds(pipeline, subscriptions, messengers, languages, outbox.wake, summaries=papers.summaries)
    # A worker without a port of its own keeps the pages that others serve.
    if settings.port is not None or settings.public_url:
        rounds.pages = Pages(pipeline.storage, utc_now, token_bytes, settings.public_url)
    serving: list[Platform] = []

    def platform_states() -> list[PlatformState]:
        lanes = outbox.lanes
        return [PlatformState(each.name, each.last_contact, lanes[each.name].outcomes) for each in serving]

    services = Services(
        subscriptions,
        pipeline,
        # In the terminal one person is at home, whom nobody limits.
        Throttle(pipeline.storage, utc_now) if settings.has_platform else None,
        rounds,
        read_suggestions(read_bundled("suggestions.toml")),
        managing=Managing(pipeline.storage, utc_now),
        languages=languages,
        platforms=platform_states,
        backfill=papers.backfill,
        summaries=papers.summaries,
        prices=Prices.from_toml(read_bundled("prices.toml")),
        collecting=papers.collecting,
        archive=Archive(pipeline, settings.archive_days),
        feeding=Feeding(pipeline.storage, utc_now, token_bytes),
        public_url=settings.public_url,
    )
    health = Health(pipeline, platform_states, sends=not is_worker)
    if is_worker:
        web = make_door(settings, health, outbox, papers.arxiv, crew.maker if crew else None)
        platforms: tuple[Platform, ...] = ()
    else:
        web = make_web(settings, health, outbox, papers.arxiv, services)
        platforms = tuple(make_platforms(Wiring(settings, services, rounds, outbox, crew), web))
    serving += platforms
    owners = Owners(tuple(map(_owner_chat, settings.owner_ids)), messengers)
    watch = Watch(pipeline, serving, lambda text, name: owners.tell(text, not_by=name), utc_now())
    following = Following(pipeline, rounds, papers.backfill)
    return App(
        services,
        rounds,
        outbox,
        watch,
        platforms,
        owners,
        web or nullcontext(),
        following,
        health,
        crew=crew,
        serving=serving,
    )


async def _open_collecting(stack: AsyncExitStack, settings: Settings, storage: Storage) -> Collecting | None:
    """The use case of Zotero libraries; None without a secret to keep keys with."""
    if not settings.secret_keys:
        return None
    from bot.zotero import ZoteroLibrary  # noqa: PLC0415

    user_agent = make_user_agent(__version__, settings.contact)
    library = await stack.enter_async_context(ZoteroLibrary(settings.zotero_api_url, user_agent, utc_now))
    return Collecting(storage, library, Sealer(settings.secret_keys), utc_now)


def _owner_chat(owner: str) -> Chat:
    """Where an owner is told things: a private chat, which on Discord is opened by the person's id."""
    platform, person = owner.split(":")
    return Chat(platform, f"user:{person}" if platform == "discord" else person)
