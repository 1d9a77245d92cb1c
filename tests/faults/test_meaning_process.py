"""The real process with models that tell meaning: killed in the middle of a call it goes on, and no digest is lost."""

import asyncio
from datetime import date

from bot.model.chat import Chat
from storage.tinydb import TinyDBStorage
from tests.faults.test_summaries_process import ADA, ROOM, set_stage
from tests.places import Place
from tests.servers import openai


async def add_topic(folder):
    storage = TinyDBStorage(folder)
    await storage.open()
    for chat in (Chat("telegram", str(ADA)), Chat("discord", ROOM)):
        before = await storage.get_subscription(chat)
        assert before.topics == ()
        await storage.change_subscription(chat, lambda known: type(known)(**fields_of(known) | {"topics": ("caches",)}))
    await storage.close()


def fields_of(subscription):
    return {name: getattr(subscription, name) for name in subscription.__dataclass_fields__}


async def read_spending(folder):
    storage = TinyDBStorage(folder)
    await storage.open()
    spent = await storage.get_spending(date.min)
    await storage.close()
    return spent[-1]


async def test_a_kill_while_texts_are_embedded_costs_its_tokens_alone(tmp_path):
    """`kill -9` during the first call: what was set aside counts as spent, the next process asks again, both digests arrive."""
    async with (
        openai.serve() as llm,
        set_stage(
            Place(tmp_path),
            OPENAI_API_KEY=openai.TOKEN,
            OPENAI_BASE_URL=llm.url,
            EMBEDDING_MODEL="text-embedding-3-small",
            JUDGE_MODEL="gpt-5.4-mini",
        ) as stage,
    ):
        await add_topic(tmp_path / "data")
        llm.embedding.plans.append("slow")
        async with stage.running() as process:
            async with asyncio.timeout(45):
                while not llm.embedding.bodies:
                    await asyncio.sleep(0.02)
            process.kill()
            await process.wait()
        assert not stage.telegram.sent(ADA)
        reserved = (await read_spending(tmp_path / "data")).reserved
        assert reserved > 0
        async with stage.running():
            await stage.until_delivered()
        first, *rest = (each["input"] for each in llm.embedding.bodies)
        assert sorted(text for texts in rest for text in texts) == sorted(first)
        spent = await read_spending(tmp_path / "data")
        assert spent.reserved >= reserved
        assert ("text-embedding-3-small", "embeddings") in spent.used
