"""What is published day by day into a folder."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.app.basics import load_taxonomy
from bot.chat_config import read_config
from bot.errors import ConfigError, UserError
from bot.model.chat import Chat
from bot.model.subscription import Subscription
from bot.pipeline import Pipeline
from bot.publishing import Publishing
from bot.subscriptions import with_config
from bot.summarising import Summaries
from config.settings import Settings
from storage import DiskFolder


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


def make_publishing(
    settings: Settings, pipeline: Pipeline, published: Subscription | None, summaries: Summaries | None
) -> Publishing | None:
    """What publishes; None for nothing."""
    if settings.publish_dir is None or published is None:
        return None
    return Publishing(pipeline, published, DiskFolder(settings.publish_dir), summaries)
