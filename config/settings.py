"""The settings, read once from the environment and `.env`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, HttpUrl, SecretStr, TypeAdapter, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import ConfigError, UserError
from bot.model.subscription import ON_ANNOUNCEMENT
from bot.preferences import LANGUAGES
from bot.schedule import parse_schedule
from bot.zones import UTC_NAME, check_zone

_URL = TypeAdapter(HttpUrl)
_MOST_SHARDS = 10_000
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_ADDRESSES = (
    "arxiv_rss_url",
    "arxiv_api_url",
    "arxiv_oai_url",
    "arxiv_site_url",
    "telegram_api_url",
    "discord_api_url",
    "openai_base_url",
    "zotero_api_url",
)
_SHORTEST_SECRET = 32


class Settings(BaseSettings):
    """Every setting with its default; README's table explains each."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    telegram_bot_token: SecretStr = SecretStr("")
    telegram_api_url: str = "https://api.telegram.org"
    discord_bot_token: SecretStr = SecretStr("")
    discord_api_url: str = "https://discord.com/api/v10"
    discord_shards: str = ""
    openai_api_key: SecretStr = SecretStr("")
    openai_base_url: str = ""
    llm_daily_budget: int = Field(default=1_000_000, ge=0, le=10**12)
    llm_batch: bool = False
    secret_key: SecretStr = SecretStr("")
    zotero_api_url: str = "https://api.zotero.org"
    summary_model: str = Field(default="gpt-5.4-mini", max_length=200, pattern=r"^[\x21-\x7e]+$")
    embedding_model: str = Field(default="", max_length=200, pattern=r"^[\x21-\x7e]*$")
    judge_model: str = Field(default="", max_length=200, pattern=r"^[\x21-\x7e]*$")
    summary_input_tokens: int = Field(default=24_000, ge=4_000, le=1_000_000)
    summary_timeout: float = Field(default=120.0, ge=1, le=3600)
    owner_ids: Annotated[tuple[str, ...], NoDecode] = ()
    arxiv_rss_url: str = "https://rss.arxiv.org"
    arxiv_api_url: str = "https://export.arxiv.org/api"
    arxiv_oai_url: str = "https://oaipmh.arxiv.org/oai"
    arxiv_site_url: str = "https://arxiv.org"
    arxiv_min_interval: float | None = Field(default=None, ge=0, le=3600)
    contact: str = Field(default="", max_length=200, pattern=r"^[\x20-\x7e]*$")
    port: int | None = Field(default=None, ge=1, le=65535)
    public_url: str = ""
    archive_days: int = Field(default=90, ge=30, le=3650)
    public_chats: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: int = Field(default=0, ge=0, le=9)
    metrics_token: SecretStr = SecretStr("")
    sentry_dsn: SecretStr = SecretStr("")
    database_url: SecretStr = SecretStr("")
    data_dir: Path = Path("data")
    publish_dir: Path | None = None
    publish_config: Path | None = None
    default_categories: Annotated[tuple[str, ...], NoDecode] = ("cs.AI", "cs.CL", "cs.CV", "cs.LG")
    default_language: str = "en"
    default_timezone: str = UTC_NAME
    default_schedule: str = ON_ANNOUNCEMENT
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never show anywhere."""
        tokens = (
            self.telegram_bot_token,
            self.discord_bot_token,
            self.openai_api_key,
            self.metrics_token,
            self.sentry_dsn,
            self.database_url,
        )
        password = urlsplit(self.database_url.get_secret_value()).password or ""
        known = (*(each.get_secret_value() for each in tokens), password, unquote(password))
        return tuple(dict.fromkeys(each for each in (*known, *self.secret_keys) if each))

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """What keeps people's keys, the one in use first, then those it replaced."""
        return tuple(filter(None, self.secret_key.get_secret_value().replace(",", " ").split()))

    @property
    def is_place_chosen(self) -> bool:
        """Whether the operator said where everything is kept."""
        return "data_dir" in self.model_fields_set or bool(self.database_url.get_secret_value())

    @property
    def has_platform(self) -> bool:
        """Whether any chat platform has a token; without one the bot talks in its terminal."""
        return bool(self.telegram_bot_token.get_secret_value() or self.discord_bot_token.get_secret_value())

    def owners_on(self, platform: str) -> frozenset[str]:
        """The user ids of the owners on one platform."""
        named = (each.split(":") for each in self.owner_ids)
        return frozenset(person for place, person in named if place == platform)

    @field_validator(*_ADDRESSES)
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value:
            _URL.validate_python(value)
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _is_public(cls, value: str) -> str:
        if not value:
            return value
        url = _URL.validate_python(value)
        if (url.scheme == "http" and url.host not in _LOOPBACK) or url.username or url.query or url.fragment:
            raise ValueError("must be like https://bot.example.org")
        return value.rstrip("/")

    @field_validator("sentry_dsn")
    @classmethod
    def _is_dsn(cls, value: SecretStr) -> SecretStr:
        dsn = value.get_secret_value()
        url = _URL.validate_python(dsn) if dsn else None
        is_safe = url is None or url.scheme == "https" or url.host in _LOOPBACK
        if url is not None and not (is_safe and url.username and (url.path or "/")[-1].isdigit()):
            raise ValueError("must be like https://KEY@sentry.example.org/1")
        return value

    @field_validator("telegram_bot_token", "discord_bot_token", "openai_api_key", "metrics_token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[\x21-\x7e]*", value.get_secret_value()):
            raise ValueError("must be the token alone, without blanks or quotes")
        return value

    @property
    def shards(self) -> tuple[tuple[int, ...], int] | None:
        """The Discord shards of this process, and how many there are in all; None: the bot is not sharded."""
        if not self.discord_shards:
            return None
        first, last, count = _read_shards(self.discord_shards)
        return tuple(range(first, last + 1)), count

    @field_validator("discord_shards")
    @classmethod
    def _are_shards(cls, value: str) -> str:
        if value:
            first, last, count = _read_shards(value)
            if not first <= last < count <= _MOST_SHARDS:
                raise ValueError("must be like 0-3/16, the shards of this process out of how many")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"(postgres(ql)?://[\x21-\x7e]+)?", value.get_secret_value()):
            raise ValueError("must be like postgresql://user:password@host/database")
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if any(len(each) < _SHORTEST_SECRET for each in value.get_secret_value().replace(",", " ").split()):
            raise ValueError(
                f"must have {_SHORTEST_SECRET} characters that nobody can guess, or more: openssl rand -hex 32"
            )
        return value

    @field_validator("embedding_model", "judge_model")
    @classmethod
    def _has_server(cls, value: str, info: ValidationInfo) -> str:
        key, address = info.data.get("openai_api_key"), info.data.get("openai_base_url", "-")
        if value and not (address or (key and key.get_secret_value())):
            raise ValueError("needs OPENAI_API_KEY or OPENAI_BASE_URL, too: where the model is")
        return value

    @field_validator("owner_ids")
    @classmethod
    def _are_owners(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not re.fullmatch(r"(telegram|discord):\d+", each):
                raise ValueError("must be like telegram:123,discord:456")
        return value

    @field_validator("public_chats")
    @classmethod
    def _are_chats(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not re.fullmatch(r"(telegram|discord|console):[\w-]+(:\w+)?", each, re.ASCII):
                raise ValueError("must be like telegram:-100123,discord:456, as in the log after chat=")
        return value

    @field_validator("default_categories", "owner_ids", "public_chats", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("default_language")
    @classmethod
    def _is_language(cls, value: str) -> str:
        if value not in LANGUAGES:
            raise ValueError(f"must be one of {', '.join(LANGUAGES)}")
        return value

    @field_validator("default_timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            return check_zone(value)
        except UserError as error:
            raise ValueError("must be a city, or like Europe/Berlin") from error

    @field_validator("default_schedule")
    @classmethod
    def _is_schedule(cls, value: str) -> str:
        try:
            return str(parse_schedule(value))
        except UserError as error:
            raise ValueError("must be like announcement, 09:00 or mon-fri 08:00") from error

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _fold_case(cls, value: object, info: object) -> object:
        if not isinstance(value, str):
            return value
        return value.upper() if getattr(info, "field_name", "") == "log_level" else value.lower()


def _read_shards(text: str) -> tuple[int, int, int]:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?/(\d{1,5})", text)
    if found is None:
        raise ValueError("must be like 0-3/16, the shards of this process out of how many")
    return int(found[1]), int(found[2] or found[1]), int(found[3])


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """The settings of this process. Raises ConfigError that names every mistake, and no value: it may be a secret."""
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg] # pydantic-settings reads it
    except ValidationError as error:
        mistakes = [f"  {'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
        raise ConfigError(
            "Settings (environment or .env) need mending:\n" + "\n".join(sorted(set(mistakes)))
        ) from error


def describe_defaults() -> Mapping[str, str]:
    """Every setting's name in the environment with its default, for documentation tests."""
    return {name.upper(): str(field.default) for name, field in Settings.model_fields.items()}


def read_bundled(name: str) -> str:
    """The text of a data file bundled with the bot, such as `categories.toml`."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def read_catalogues() -> dict[str, bytes]:
    """The compiled message catalogues, by language code."""
    files = (Path(__file__).parent / "locales").glob("*/LC_MESSAGES/paperround.mo")
    return {file.parts[-3]: file.read_bytes() for file in files}
