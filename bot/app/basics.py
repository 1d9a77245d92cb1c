"""What every part is made with."""

from datetime import UTC, datetime
from functools import cache

from bot.language import Languages
from bot.ports import Ranker
from bot.ranking.classic import ClassicRanker
from bot.ranking.rules import RulesRanker
from bot.taxonomy import Taxonomy
from config.settings import Settings, read_bundled, read_catalogues
from storage import tinydb_url


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


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)
