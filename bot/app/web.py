"""What is served over HTTP, where PORT is set."""

from time import monotonic
from typing import TYPE_CHECKING

from bot import __version__
from bot.app.basics import load_languages
from bot.delivery.outbox import Outbox
from bot.health import Health
from bot.model.chat import Chat
from bot.sources.http import PoliteClient
from bot.summarising import Summaries
from config.settings import Settings
from handlers.command import Services

if TYPE_CHECKING:
    from bot.web import WebServer


def make_web(
    settings: Settings, health: Health, outbox: Outbox, arxiv: PoliteClient, services: Services
) -> "WebServer | None":
    """The server with all that it serves but the platforms' posts; None without PORT."""
    web = make_door(settings, health, outbox, arxiv, services.summaries)
    if web is None:
        return None
    from bot.web import feeds, home, pages  # noqa: PLC0415

    pipeline, chats = health.pipeline, tuple(map(Chat.from_key, settings.public_chats))
    web.add_routes(pages.routes(pipeline.storage, web.templates, has_home=bool(chats)))
    web.add_routes(home.routes(pipeline, web.templates, chats, monotonic))
    if settings.public_url and services.feeding is not None:
        language, summaries = settings.default_language, services.summaries
        web.add_routes(
            feeds.routes(pipeline, services.feeding, web.templates, settings.public_url, language, monotonic, summaries)
        )
    return web


def make_door(
    settings: Settings, health: Health, outbox: Outbox, arxiv: PoliteClient, summaries: Summaries | None
) -> "WebServer | None":
    """The server with what machines ask about this process, `summaries` being those that it makes; None without PORT."""
    if settings.port is None:
        return None
    from bot.web import WebServer  # noqa: PLC0415
    from bot.web.health import MetricsAccess, routes  # noqa: PLC0415
    from bot.web.metrics import Counted, Metrics  # noqa: PLC0415

    web = WebServer(
        settings.port, public_url=settings.public_url, proxies=settings.trusted_proxies, languages=load_languages()
    )
    web.stalled = lambda: health.stalled()  # noqa: PLW0108 - it is set later
    counted = Counted(__version__, outbox.lanes, arxiv.outcomes, summaries, settings.llm_daily_budget, web.times)
    access = MetricsAccess(settings.metrics_token.get_secret_value(), bool(settings.public_url))
    web.add_routes(routes(health, Metrics(counted), access))
    return web
