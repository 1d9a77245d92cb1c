"""What language models do: summaries, vectors, judgements; all of it optional.

Their library takes a second and fifty megabytes, which nobody needs who has no model.
"""

from contextlib import AsyncExitStack
from random import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING

from bot import judgements, vectors
from bot.app.arxiv import make_full_texts
from bot.app.basics import utc_now
from bot.batching import Batching
from bot.errands import Purse, Rest
from bot.hearing import Hearing
from bot.judgements import Judgements
from bot.meaning import Meaning
from bot.ports import Storage
from bot.sources.http import PoliteClient
from bot.summaries.ladder import LoadNote, SaveNote
from bot.summaries.prompts import Prompt
from bot.summarising import Summaries
from bot.vectors import Vectors
from config.settings import Settings, read_bundled
from storage.blobs import FileBlobCache

if TYPE_CHECKING:
    from bot.jobs import Jobs
    from bot.summaries.embedding import OpenAIEmbedder
    from bot.summaries.judging import OpenAIJudge
    from bot.summaries.llm import OpenAISummarizer

OPENAI_URL = "https://api.openai.com/v1"
EMBEDDING_SECONDS, JUDGE_SECONDS = 60.0, 20.0
"""For one request of vectors, and for all that the judge is asked about one digest."""
_WAITING_AT_ONCE = 32


def make_summarizer(settings: Settings, load_note: LoadNote, save_note: SaveNote) -> "OpenAISummarizer | None":
    """The language model that summarises; None without a key and without the address of a server. `close` it in the end.

    The callbacks keep one small text under a key. Raises ConfigError where the prompt was edited into nonsense.
    """
    address = _llm_address(settings)
    if address is None:
        return None
    from bot.summaries.asking import World  # noqa: PLC0415
    from bot.summaries.llm import OpenAISummarizer, Server  # noqa: PLC0415

    server = Server(*address, settings.summary_model, settings.summary_timeout, settings.summary_input_tokens)
    prompt = Prompt.from_toml(read_bundled("prompts/summary.toml"))
    return OpenAISummarizer(server, prompt, load_note, save_note, World(utc_now, monotonic, SystemRandom()))


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


def shared_summaries(maker: Summaries, jobs: "Jobs") -> Summaries:
    """Summaries that workers make. What gathers for batches is stored, so that `maker` need not know of it."""
    shared = Summaries(maker.storage, maker.texts, maker.summarizer, utc_now, maker.budget, at_once=_WAITING_AT_ONCE)
    shared.batching, maker.batching = maker.batching, None
    shared.elsewhere = jobs.summarise
    return shared


def _llm_address(settings: Settings) -> tuple[str, str] | None:
    """The address and the key of the language model's server; None where there is none."""
    key = settings.openai_api_key.get_secret_value()
    return (settings.openai_base_url or OPENAI_URL, key) if key or settings.openai_base_url else None
