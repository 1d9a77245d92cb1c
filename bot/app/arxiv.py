"""Everything of arXiv: the one client, and what reads by it."""

from urllib.parse import urlsplit

from bot import __version__
from bot.ports import FullTexts, ListingSource, PaperLookup, RecordSource, Storage
from bot.sources.apart import KEEP, Parser
from bot.sources.arxiv_api import ArxivApiLookup
from bot.sources.arxiv_listing import ArxivListingSource
from bot.sources.arxiv_oai import ArxivOaiSource
from bot.sources.arxiv_rss import ArxivRssSource
from bot.sources.fulltext import ArxivFullTexts
from bot.sources.http import MIN_INTERVAL, SITE_INTERVALS, PoliteClient, make_user_agent
from bot.sources.text_cache import TextCache
from config.settings import Settings

PATIENCE = 30.0
"""Seconds for one feed. What fails is asked for again a quarter of an hour later, so nobody need wait longer."""
LONG_PATIENCE = 300.0
"""Seconds for a list or a lookup, for which nobody waits in a chat: enough to sit out a first hold."""


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
