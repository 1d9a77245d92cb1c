"""The batch endpoint: the same questions as single calls, the same checks of what comes back, and honest errors."""

import json
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from random import Random

import pytest

from bot.app import make_client, open_summaries
from bot.batching import Batching
from bot.errors import LLMError, StorageError
from bot.model.summary import BATCHED, FullText, Section, TextSource, Usage, Wish
from bot.summaries.batch import OpenAIBatches
from bot.summaries.client import World
from bot.summaries.llm import OpenAISummarizer, Server
from bot.summaries.prompts import Prompt
from bot.summarising import Summaries
from config.settings import load_settings, read_bundled
from tests.build import DAY, NOW, make_batch, make_paper
from tests.fake_summaries import FakeTexts
from tests.fakes import FakeStorage
from tests.servers.openai import TOKEN, serve

PAPERS = [make_paper(f"2611.0000{number}", abstract=f"We count 1,024 teapots in {number} ways.") for number in range(5)]
TEXT = FullText(TextSource.HTML, (Section("1 Introduction", "Teapots pour at 93.1% of 24k cups. We go on."),))
PROMPT = Prompt.from_toml(read_bundled("prompts/summary.toml"))
MODELS = {"openai": "gpt-5.4-mini", "qwen": "qwen-plus", "deepseek": "deepseek-flash"}


@pytest.fixture
async def storage():
    storage = FakeStorage()
    await storage.open()
    return storage


@asynccontextmanager
async def writing(server, storage, dialect="openai", *, is_known=True, now=NOW, **fields):
    """The batches of a summarizer whose server was asked before, if `is_known`."""
    world = World(lambda: now, lambda: 0.0, Random(1))
    wanted = {"base_url": server.url, "key": TOKEN, "model": MODELS[dialect], "seconds": 5.0} | fields
    summarizer = OpenAISummarizer(Server(**wanted), PROMPT, storage.get_note, storage.set_note, world)
    if is_known:
        await summarizer.summarise(PAPERS[0], TEXT, "en")
    try:
        yield OpenAIBatches(summarizer, server.url, lambda: now, storage)
    finally:
        await summarizer.close()


async def start(batches, requests):
    """The id of a batch of these."""
    return await batches.start(await batches.upload(requests), sum(each.tokens for each in requests))


async def send(batches, papers=PAPERS, language="en"):
    """The id of a batch about these papers, and the ids of its requests."""
    requests = [await batches.write(each, TEXT, language) for each in papers]
    return await start(batches, requests), [each.id for each in requests]


@pytest.mark.parametrize("dialect", ["openai", "qwen"])
async def test_a_batch_asks_what_a_single_call_asks(dialect, storage):
    """In the dialect that is known; its summary is that of the call, and so are its costs, within what was set aside."""
    async with serve(dialect) as server, writing(server, storage, dialect) as batches:
        single, used = await batches._summarizer.summarise(PAPERS[0], TEXT, "en")
        request = await batches.write(PAPERS[0], TEXT, "en")
        batch = await start(batches, [request])
        replies = await batches.fetch(batch)
        summary = await batches.read(request.id, replies[request.id], PAPERS[0], TEXT, "en")
        assert server.batches.bodies == [server.bodies[-1]]
    assert summary == single
    assert replies[request.id].usage == used
    assert used.total <= request.tokens


async def test_a_batch_is_found_by_its_file(storage):
    """Whoever started it; a file of which none was started has none, and a server that does not list says so."""
    async with serve() as server:
        async with writing(server, storage) as batches:
            requests = [await batches.write(each, TEXT, "en") for each in PAPERS[:2]]
            files = [await batches.upload(requests[place : place + 1]) for place in range(2)]
            batch = await batches.start(files[0], 100)
            for _ in range(101):
                await send(batches, PAPERS[2:3])
        async with writing(server, storage, is_known=False) as batches:
            assert [await batches.find(each) for each in files] == [batch, None]
            for fault, is_final in ((404, True), (500, False), ("cut", False), ("odd", False)):
                server.batches.faults.append(fault)
                with pytest.raises(LLMError) as caught:
                    await batches.find(files[0])
                assert (caught.value.is_final, caught.value.spent) == (is_final, 0)


async def test_a_server_is_asked_singly_first(storage):
    """Until it is known what it takes, a batch might fail as a whole; the next process knows."""
    async with serve() as server:
        async with writing(server, storage, is_known=False) as batches:
            assert not await batches.is_ready()
        async with writing(server, storage) as batches:
            assert await batches.is_ready()
        async with writing(server, storage, is_known=False) as batches:
            assert await batches.is_ready()


async def test_a_batch_is_waited_for(storage):
    """None as long as it is under way."""
    async with serve() as server, writing(server, storage) as batches:
        server.batches.delay = 2
        batch, requests = await send(batches)
        assert await batches.fetch(batch) is None
        assert await batches.fetch(batch) is None
        assert set(await batches.fetch(batch)) == set(requests)


async def test_each_line_has_its_own_fate(storage):
    """Failed ones are left out, unusable ones give nothing, invented numbers go, refusals cost what they cost."""
    async with serve() as server, writing(server, storage) as batches:
        server.batches.plans.extend(["500", "hopeless", "false tldr", "invented", "fenced"])
        batch, requests = await send(batches)
        replies = await batches.fetch(batch)
        found = [
            await batches.read(name, replies[name], paper, TEXT, "en") if name in replies else "failed"
            for name, paper in zip(requests, PAPERS, strict=True)
        ]
    assert found[:3] == ["failed", None, None]
    assert found[3].removed == 1
    assert "77.7" not in str(found[3])
    assert found[4].tldr == "We count 1,024 teapots in 4 ways."


async def test_an_answer_about_another_text_is_no_summary(storage):
    """It could not be checked: a paper's text may have come meanwhile, or the prompt may have been edited."""
    async with serve() as server, writing(server, storage) as batches:
        batch, [request] = await send(batches, PAPERS[:1])
        replies = await batches.fetch(batch)
        other = FullText(TextSource.HTML, (Section("1 Introduction", "Other teapots."),))
        assert await batches.read(request, replies[request], PAPERS[0], other, "en") is None
        assert await batches.read(request, replies[request], PAPERS[1], TEXT, "en") is None
        assert await batches.read(request, replies[request], PAPERS[0], TEXT, "de") is None


@pytest.mark.parametrize("status", [None, 400])
async def test_a_server_without_batches_is_noted(status, storage, caplog):
    """In the log once, and durably: nobody asks again for a month."""
    dialect = "openai" if status else "deepseek"
    async with serve(dialect) as server:
        if status:
            server.batches.faults.append(status)
        async with writing(server, storage, dialect) as batches:
            with pytest.raises(LLMError) as caught:
                await send(batches)
            assert (caught.value.is_final, caught.value.spent) == (True, 0)
            assert not await batches.is_ready()
        async with writing(server, storage, dialect, is_known=False) as batches:
            assert not await batches.is_ready()
        async with writing(server, storage, dialect, is_known=False, now=NOW + timedelta(days=30)) as batches:
            assert await batches.is_ready()
    assert caplog.text.count("has no batches") == 1


async def test_that_there_are_none_is_known_without_a_note_too():
    """Where the note cannot be kept, this process knows; one that cannot be read is none."""

    class Full(FakeStorage):
        async def set_note(self, key, text):
            if key.startswith("llm_no_batches"):
                raise StorageError("no room")
            await super().set_note(key, text)

        async def get_note(self, key):
            return "soon" if key.startswith("llm_no_batches") else await super().get_note(key)

    full = Full()
    await full.open()
    async with serve("deepseek") as server, writing(server, full, "deepseek") as batches:
        assert await batches.is_ready()
        with pytest.raises(LLMError):
            await send(batches)
        assert not await batches.is_ready()


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_server_that_cannot_now_has_batches_all_the_same(status, storage):
    """What may pass is no lack."""
    async with serve() as server, writing(server, storage) as batches:
        server.batches.faults.append(status)
        with pytest.raises(LLMError, match=str(status)) as caught:
            await send(batches)
        assert not caught.value.is_final
        assert TOKEN not in str(caught.value)
        assert await batches.is_ready()
        batch, _ = await send(batches)
        server.batches.faults.append(status)
        with pytest.raises(LLMError) as caught:
            await batches.fetch(batch)
        assert not caught.value.is_final
        assert len(await batches.fetch(batch)) == 5


async def test_a_batch_that_ended_badly_has_no_answers(storage):
    """Its lines are made singly; one that nobody knows is lost."""
    async with serve() as server, writing(server, storage) as batches:
        server.batches.end = "failed"
        batch, _ = await send(batches)
        assert await batches.fetch(batch) == {}
        with pytest.raises(LLMError) as caught:
            await batches.fetch("batch_nowhere")
        assert caught.value.is_final


async def test_what_was_done_when_a_batch_expired_is_kept(storage):
    """The rest failed."""
    async with serve() as server, writing(server, storage) as batches:
        server.batches.end = "expired"
        server.batches.plans.extend(["500"] * 4)
        batch, requests = await send(batches)
        assert set(await batches.fetch(batch)) == {requests[4]}


async def test_nonsense_in_the_output_is_passed_over(storage):
    """Whatever a server writes into its file."""
    async with serve() as server, writing(server, storage) as batches:
        batch, requests = await send(batches)
        good = await batches.fetch(batch)
        output = server.batches.made[batch]["output_file_id"]
        refusal = {"choices": [{"message": {"content": None, "refusal": "No."}}], "usage": None}
        lines = [b"[", b"[]", b'{"custom_id": "x"}', b"\xff\xfe", b'{"response": {"status_code": 200, "body": {}}}']
        lines.append(json.dumps({"response": {"status_code": 200, "body": refusal}}).encode())
        lines.append(json.dumps({"custom_id": "f", "response": {"status_code": 500, "body": {}}}).encode())
        lines.append(json.dumps({"custom_id": "r", "response": {"status_code": 200, "body": refusal}}).encode())
        server.batches.files[output] = b"\n".join([*lines, server.batches.files[output]])
        replies = await batches.fetch(batch)
    assert replies.pop("r").text == ""
    assert replies == good
    assert len(good) == len(requests)


async def test_a_lost_answer_may_have_cost_all(storage):
    """Where nobody answers before the batch is asked for, nothing was spent."""
    async with serve() as server, writing(server, storage) as batches:
        requests = [await batches.write(each, TEXT, "en") for each in PAPERS[:2]]
        for fault in ("odd", "broken", "cut"):
            server.batches.faults.append(fault)
            with pytest.raises(LLMError) as caught:
                await start(batches, requests)
            assert caught.value.spent == 0
        for fault in ("odd", "broken", "cut"):
            server.batches.faults.extend([None, fault])
            with pytest.raises(LLMError) as caught:
                await start(batches, requests)
            assert caught.value.spent == sum(each.tokens for each in requests)


async def test_batches_from_wish_to_summary(storage):
    """What can wait costs no single call, survives a restart, and is counted at the batch's price."""
    await storage.save_batch(make_batch(*PAPERS))
    wishes = [
        Wish(each, language, 0.1, "discord", NOW + timedelta(hours=6)) for each in PAPERS for language in ("en", "de")
    ]
    async with serve() as server:
        for is_known in (True, False):
            async with writing(server, storage, is_known=is_known) as writer:
                calls, texts = server.calls, FakeTexts()
                batching = Batching(storage, texts, writer, lambda: NOW, 10_000_000)
                async with Summaries(
                    storage, texts, writer._summarizer, lambda: NOW, 10_000_000, batching=batching
                ) as summaries:
                    await summaries.want(wishes)
                    await summaries.look_at_batches()
                    if not is_known:
                        found = [len(await summaries.find_all(PAPERS, each)) for each in ("en", "de")]
                    assert server.calls == calls
    assert found == [5, 5]
    assert len(server.batches.made) == 1
    [spent] = await storage.get_spending(DAY)
    assert (spent.calls, spent.reserved) == (10, 0)
    assert sum(spent.used.values(), Usage()).total == spent.total > 0
    assert set(spent.used) == {(MODELS["openai"] + BATCHED, "discord")}


@pytest.mark.parametrize("setting", ["on", "off", ""])
async def test_batches_are_used_only_if_asked_for(setting, storage, monkeypatch):
    """By LLM_BATCH; without it the endpoint is never touched."""
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    monkeypatch.setenv("LLM_BATCH", setting)
    settings = load_settings(None)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(make_client(settings))
        summaries = await open_summaries(stack, settings, storage, client)
        assert (summaries.batching is not None) == (setting == "on")
