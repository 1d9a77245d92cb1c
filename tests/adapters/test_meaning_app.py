"""The bot with models that tell meaning, put together as it runs, against a model server."""

import asyncio
from datetime import date

import pytest

from bot.app import make_models, open_app
from bot.errors import ConfigError
from bot.judgements import GROUP as JUDGING
from bot.meaning import topic_passages
from bot.model.meaning import Interests
from bot.vectors import GROUP as EMBEDDINGS
from config.settings import load_settings
from tests.build import make_paper
from tests.servers.openai import TOKEN, serve

TOPICS = topic_passages(["kv cache", "teapots"])
PAPERS = [make_paper(f"2611.{number:05}") for number in range(6)]
WANTED = Interests(("teapots",))


@pytest.fixture
def settings_for(tmp_path, monkeypatch):
    """The settings of a bot in a folder of its own, with these in the environment."""

    def make(**fields):
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
        for name, value in fields.items():
            monkeypatch.setenv(name, value)
        return load_settings(None)

    return make


async def test_vectors_and_judgements_outlive_the_process(settings_for, tmp_path):
    """Made once, counted in the budget, and there again after a restart; the folder tells nobody what was wanted."""
    async with serve() as server:
        settings = settings_for(
            OPENAI_BASE_URL=server.url,
            OPENAI_API_KEY=TOKEN,
            EMBEDDING_MODEL="text-embedding-3-small",
            JUDGE_MODEL="gpt-5.4-mini",
        )
        async with open_app(settings) as app:
            meaning = app.services.pipeline.meaning
            assert meaning.vectors.want(dict.fromkeys(TOPICS, 1.0))
            assert meaning.judgements.want(WANTED, PAPERS)
            while meaning.is_busy:
                await asyncio.wait_for(meaning.finished.wait(), 30)
                meaning.finished.clear()
            found = [meaning.vectors.find(each) for each in TOPICS]
            judged = meaning.judgements.find(WANTED, PAPERS)
            assert None not in found + judged
            (spent,) = await app.services.pipeline.storage.get_spending(date.min)
            assert {group for _, group in spent.used} == {EMBEDDINGS, JUDGING}
            assert spent.total == server.tokens
        calls = server.calls, len(server.embedding.bodies)
        async with open_app(settings) as app:
            meaning = app.services.pipeline.meaning
            assert [meaning.vectors.find(each) for each in TOPICS] == found
            assert meaning.judgements.find(WANTED, PAPERS) == judged
            assert not meaning.vectors.want(dict.fromkeys(TOPICS, 1.0))
            await app.services.pipeline.prune()
        assert (server.calls, len(server.embedding.bodies)) == calls
        for file in (tmp_path / "data" / "meaning").iterdir():
            assert b"teapots" not in file.read_bytes()


async def test_models_are_off_by_default(settings_for):
    """And off without a budget; one of both may be on alone."""
    async with open_app(settings_for()) as app:
        assert app.services.pipeline.meaning is None
    async with open_app(settings_for(OPENAI_API_KEY=TOKEN, LLM_DAILY_BUDGET="0", JUDGE_MODEL="m")) as app:
        assert app.services.pipeline.meaning is None
    async with open_app(settings_for(LLM_DAILY_BUDGET="5")) as app:
        meaning = app.services.pipeline.meaning
        assert (meaning.vectors, meaning.judgements is None) == (None, False)
    assert make_models(None, load_settings(None).model_copy(update={"judge_model": ""})) is None


@pytest.mark.parametrize("name", ["EMBEDDING_MODEL", "JUDGE_MODEL"])
def test_a_model_needs_a_server(settings_for, name):
    """It is told at the start, by name."""
    with pytest.raises(ConfigError, match=rf"{name}: .*OPENAI_API_KEY or OPENAI_BASE_URL"):
        settings_for(**{name: "some-model"})
    assert settings_for(**{name: "some-model", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
