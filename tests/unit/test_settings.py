"""The operator's settings: all mistakes at once, by name, and no value shown."""

import pytest

from bot.errors import ConfigError
from config.settings import load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in (
        "ARXIV_RSS_URL",
        "ARXIV_MIN_INTERVAL",
        "LOG_LEVEL",
        "DEFAULT_LANGUAGE",
        "DEFAULT_CATEGORIES",
        "DEFAULT_TIMEZONE",
        "DEFAULT_SCHEDULE",
        "DATA_DIR",
    ):
        monkeypatch.delenv(name, raising=False)


def test_defaults_need_nothing():
    """Without any environment the bot starts."""
    settings = load_settings(None)
    assert settings.arxiv_rss_url == "https://rss.arxiv.org"
    assert settings.arxiv_min_interval is None
    assert settings.default_categories == ("cs.AI", "cs.CL", "cs.CV", "cs.LG")


def test_all_mistakes_are_told_together(monkeypatch):
    """Every wrong setting is named in one message, and what it held is not shown."""
    monkeypatch.setenv("ARXIV_RSS_URL", "hunter2")
    monkeypatch.setenv("ARXIV_MIN_INTERVAL", "hunter2")
    monkeypatch.setenv("LOG_LEVEL", "hunter2")
    monkeypatch.setenv("DEFAULT_LANGUAGE", "hunter2")
    with pytest.raises(ConfigError) as caught:
        load_settings(None)
    message = str(caught.value)
    for name in ("ARXIV_RSS_URL", "ARXIV_MIN_INTERVAL", "LOG_LEVEL", "DEFAULT_LANGUAGE"):
        assert f"\n  {name}: " in message
    assert "hunter2" not in message


def test_values_are_read_from_the_environment_and_a_file(monkeypatch, tmp_path):
    """The environment wins over .env; empty means unset; words are folded as people write them."""
    env = tmp_path / ".env"
    env.write_text("DEFAULT_CATEGORIES=cs.CL, stat.ML\nLOG_LEVEL=debug\nARXIV_RSS_URL=\n", encoding="utf-8")
    monkeypatch.setenv("LOG_LEVEL", "error")
    monkeypatch.setenv("ARXIV_API_URL", "http://127.0.0.1:8080/api/")
    settings = load_settings(env)
    assert settings.default_categories == ("cs.CL", "stat.ML")
    assert settings.log_level == "ERROR"
    assert settings.arxiv_rss_url == "https://rss.arxiv.org"
    assert settings.arxiv_api_url == "http://127.0.0.1:8080/api"


def test_tokens_are_kept_out_of_sight(monkeypatch):
    """A token can be had on purpose and does not show by accident; a wrong one is not repeated."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "12:abc")
    settings = load_settings(None)
    assert settings.secrets == ("12:abc",)
    assert "abc" not in repr(settings)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "12: abc")
    with pytest.raises(ConfigError, match="TELEGRAM_BOT_TOKEN") as caught:
        load_settings(None)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_database_has_a_password_that_never_shows(monkeypatch, scheme):
    """Both schemes are taken; neither the address nor the password in it, as written or as meant, is ever shown."""
    url = f"{scheme}://me:hunter%2F22@db.example.org/paperround"
    monkeypatch.setenv("DATABASE_URL", url)
    settings = load_settings(env_file=None)
    assert settings.database_url.get_secret_value() == url
    assert settings.secrets == (url, "hunter%2F22", "hunter/22")
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize(
    "url", ["mysql://me:hunter22@host/x", "postgresql://", "hunter22", "postgres://me:hunter 22@x/y"]
)
def test_other_databases_are_refused(monkeypatch, url):
    """The message has the form that is taken, and not what was given."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigError, match=r"DATABASE_URL: .*postgresql://user:password@host/database") as caught:
        load_settings(env_file=None)
    assert "hunter" not in str(caught.value)


def test_a_model_server_is_no_chat_platform(monkeypatch):
    """A key alone, or an address alone, is enough; both are checked, and neither makes the terminal go away."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abc")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1/")
    settings = load_settings(None)
    assert settings.secrets == ("sk-abc",)
    assert settings.openai_base_url == "http://127.0.0.1:11434/v1"
    assert not settings.has_platform
    monkeypatch.setenv("OPENAI_API_KEY", "hunter 2")
    monkeypatch.setenv("OPENAI_BASE_URL", "hunter2")
    monkeypatch.setenv("SUMMARY_INPUT_TOKENS", "10")
    with pytest.raises(ConfigError) as caught:
        load_settings(None)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SUMMARY_INPUT_TOKENS"):
        assert f"\n  {name}: " in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_owners_are_named_with_their_platform(monkeypatch):
    """OWNER_IDS is a list of platform and number."""
    monkeypatch.setenv("OWNER_IDS", "telegram:1, discord:22")
    assert load_settings(None).owner_ids == ("telegram:1", "discord:22")
    monkeypatch.setenv("OWNER_IDS", "@ada")
    with pytest.raises(ConfigError, match=r"OWNER_IDS: .*telegram:123,discord:456"):
        load_settings(None)


def test_new_chats_may_have_a_schedule_and_a_time_zone(monkeypatch):
    """Both are read as people type them, and kept as the bot writes them; mistakes are named."""
    assert (load_settings(None).default_schedule, load_settings(None).default_timezone) == ("announcement", "UTC")
    monkeypatch.setenv("DEFAULT_SCHEDULE", "weekdays 8am")
    monkeypatch.setenv("DEFAULT_TIMEZONE", "munich")
    assert (load_settings(None).default_schedule, load_settings(None).default_timezone) == (
        "mon-fri 08:00",
        "Europe/Berlin",
    )
    monkeypatch.setenv("DEFAULT_SCHEDULE", "hunter2")
    monkeypatch.setenv("DEFAULT_TIMEZONE", "hunter2")
    with pytest.raises(ConfigError) as caught:
        load_settings(None)
    message = str(caught.value)
    assert "DEFAULT_SCHEDULE: " in message
    assert "DEFAULT_TIMEZONE: " in message
    assert "hunter2" not in message


def test_secrets_for_peoples_keys_are_long_and_never_shown(monkeypatch):
    """The one in use comes first; each is redacted everywhere, and one that can be guessed is refused by name alone."""
    new, old = "n" * 32, "o" * 40
    monkeypatch.setenv("SECRET_KEY", f"{new}, {old}")
    settings = load_settings(None)
    assert settings.secret_keys == (new, old)
    assert {new, old} <= set(settings.secrets)
    assert new not in repr(settings)
    monkeypatch.setenv("SECRET_KEY", f"{new},short-one")
    with pytest.raises(ConfigError, match="SECRET_KEY") as caught:
        load_settings(None)
    assert "short-one" not in str(caught.value)


def test_shards_are_some_of_all(monkeypatch):
    """A process has one or a row of Discord's shards; what is no such thing is a mistake."""
    for text, expected in (("", None), ("2/4", ((2,), 4)), ("0-1/2", ((0, 1), 2))):
        monkeypatch.setenv("DISCORD_SHARDS", text)
        assert load_settings(None).shards == expected
    for text in ("4/4", "2-1/4", "0", "a/b", "0-3", "1/99999"):
        monkeypatch.setenv("DISCORD_SHARDS", text)
        with pytest.raises(ConfigError, match="0-3/16"):
            load_settings(None)
