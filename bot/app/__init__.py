"""The composition root: the one room that knows every adapter. Each module makes one kind of part, `whole` all of them."""

from bot.app.arxiv import (
    PATIENCE,
    make_client,
    make_full_texts,
    make_listing_source,
    make_lookup,
    make_record_source,
    make_source,
)
from bot.app.basics import load_languages, load_taxonomy, make_rankers, storage_url, utc_now
from bot.app.crew import Crew
from bot.app.models import make_models, make_summarizer, open_summaries
from bot.app.publishing import read_publication
from bot.app.whole import App, open_app

__all__ = [
    "PATIENCE",
    "App",
    "Crew",
    "load_languages",
    "load_taxonomy",
    "make_client",
    "make_full_texts",
    "make_listing_source",
    "make_lookup",
    "make_models",
    "make_rankers",
    "make_record_source",
    "make_source",
    "make_summarizer",
    "open_app",
    "open_summaries",
    "read_publication",
    "storage_url",
    "utc_now",
]
