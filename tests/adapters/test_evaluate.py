"""`paperround evaluate` on an invented benchmark, and on the real one where it is."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.cli import FAILED, USAGE, run_cli
from bot.evaluation import measure
from bot.model.card import Mark
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState
from storage import open_storage, tinydb_url
from tests.build import DAY, NOW, make_subscription
from tests.servers.openai import TOKEN, serve

DATA = Path(os.environ.get("PAPERROUND_DATA") or Path(__file__).parents[3] / "shared" / "data")
TITLES = ("A kv cache", "Pruning", "Caches of kv, a survey", "Nothing", "More about a kv cache")
PROFILE = {
    "name": "caches",
    "categories": ["cs.CL"],
    "keywords": ["kv cache"],
    "exclude": ["survey"],
    "cold": {"from": "2026-02-01", "to": "2026-02-04"},
    "warm": {
        "history_to": "2026-02-02",
        "from": "2026-02-03",
        "to": "2026-02-05",
        "liked": [{"id": "2602.00001", "announced": "2026-02-01"}],
    },
}
LABELS = {"caches": {"cold": ["2602.00001", "2602.00004"], "warm": ["2602.00005"]}}


def write_papers(folder, *, category="cs.CL"):
    papers = [
        {
            "id": f"2602.0000{number}",
            "announced": f"2026-02-0{number}",
            "categories": [category],
            "title": title,
            "authors": ["Ada Vale"],
            "abstract": "Text.",
        }
        for number, title in enumerate(TITLES, start=1)
    ]
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / "2026-02.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in papers)
    return folder


def write_bench(folder, profiles=(PROFILE,), labels=LABELS):
    (folder / "profiles.json").write_text(json.dumps(profiles), encoding="utf-8")
    if labels:
        (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    return folder


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Runs the command on the invented benchmark."""
    monkeypatch.chdir(tmp_path)
    corpus = write_papers(tmp_path / "corpus")

    def run(*arguments):
        return run_cli(["evaluate", str(tmp_path), "--corpus", str(corpus), "--out", "out.json", *arguments])

    return run


def test_rankings_and_measures(evaluate, tmp_path, capsys):
    """Matches come first, excluded papers nowhere, the rest newest first, within the categories and days of the task."""
    write_bench(tmp_path)
    assert evaluate() == 0
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {
        "cold": {"caches": ["2602.00001", "2602.00004", "2602.00002"]},
        "warm": {"caches": ["2602.00005", "2602.00004"]},
    }
    perfect = "nDCG@10 1.000  P@10 {0}  R@30 1.000  MAP 1.000"
    assert capsys.readouterr().out.splitlines() == [
        "== cold",
        "caches                " + perfect.format("0.200"),
        "MEAN                  " + perfect.format("0.200"),
        "== warm",
        "caches                " + perfect.format("0.100"),
        "MEAN                  " + perfect.format("0.100"),
    ]


def test_one_task_by_another_ranker(evaluate, tmp_path):
    """`--task` and `--ranker` choose what is ranked by what: classic finds no hyphens and plurals."""
    write_bench(tmp_path, [{**PROFILE, "keywords": ["kv-caches"]}])
    assert evaluate("--task", "cold", "--ranker", "classic") == 0
    ranked = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert ranked == {"cold": {"caches": ["2602.00004", "2602.00002", "2602.00001"]}}


def test_without_labels_there_are_rankings_alone(evaluate, tmp_path, capsys):
    """A benchmark that keeps the right answers to itself is ranked all the same."""
    write_bench(tmp_path, labels=None)
    assert evaluate() == 0
    assert "no labels.json" in capsys.readouterr().out
    assert (tmp_path / "out.json").exists()


@pytest.mark.parametrize("profiles", ["nothing", [{"name": "x"}], [{**PROFILE, "cold": {"from": "soon"}}]])
def test_what_cannot_be_read_is_named(evaluate, tmp_path, capsys, profiles):
    """A benchmark of another form is wrong usage, told in one line."""
    write_bench(tmp_path, profiles)
    assert evaluate() == USAGE
    complaint = capsys.readouterr().err
    assert "profiles.json" in complaint
    assert complaint.count("\n") == 1


def test_a_missing_or_broken_corpus_is_named(evaluate, tmp_path, capsys):
    """No papers, or half a file of them, is told in one line."""
    write_bench(tmp_path)
    corpus = tmp_path / "corpus" / "2026-02.jsonl.gz"
    corpus.write_bytes(corpus.read_bytes()[:40])
    assert evaluate() == USAGE
    corpus.unlink()
    assert evaluate() == USAGE
    broken, missing = capsys.readouterr().err.splitlines()
    assert "2026-02.jsonl.gz cannot be read" in broken
    assert "has no *.jsonl" in missing


def test_a_place_to_write_that_is_none_is_named(evaluate, tmp_path, capsys):
    """Rankings that cannot be written are told."""
    write_bench(tmp_path)
    assert evaluate("--out", str(tmp_path)) == USAGE
    assert "cannot be written" in capsys.readouterr().err


def test_measures_of_a_mixed_ranking():
    """Hits count by their place: first and third of two wanted, then one beyond the front."""
    measures = measure(["a", "x", "b"], ["a", "b"])
    assert measures.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert measures.ndcg_10 == pytest.approx((1 + 0.5) / (1 + 0.6309297))
    assert measure([str(each) for each in range(40)], ["35"]).recall_30 == 0


class ServerThread:
    """The model server in a thread of its own, as the command line has an event loop of its own."""

    def __init__(self, dialect, *plans):
        self.started, self.dialect, self.plans = threading.Event(), dialect, plans
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self.dialect) as self.server:
            self.server.plans.extend(self.plans)
            self.server.embedding.synonyms = {"survey": "pruning"}
            self.started.set()
            await self.stop.wait()

    def __enter__(self):
        self.thread.start()
        assert self.started.wait(30)
        return self.server

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


def with_models(monkeypatch, server, **fields):
    settings = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": TOKEN} | fields
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def test_models_have_a_table_of_their_own(evaluate, tmp_path, capsys, monkeypatch):
    """Where they are set up: what they bring, and what they used; the rankings written are those with them."""
    write_bench(tmp_path)
    with ServerThread("openai", "judged by name", "judged by name") as server:
        with_models(monkeypatch, server, EMBEDDING_MODEL="text-embedding-3-small", JUDGE_MODEL="gpt-5.4-mini")
        assert evaluate() == 0
    said = capsys.readouterr().out
    assert said.count("== cold") == said.count("== warm") == 2
    assert "== cold, with EMBEDDING_MODEL text-embedding-3-small and JUDGE_MODEL gpt-5.4-mini (" in said
    assert f"({server.tokens} tokens so far)" in said
    assert set(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["warm"]["caches"]) == {
        "2602.00005",
        "2602.00004",
    }
    assert len(server.embedding.texts) == len(set(server.embedding.texts))


def test_models_that_fail_are_told(evaluate, tmp_path, capsys, monkeypatch):
    """The order by words is what is measured then, and the budget holds."""
    write_bench(tmp_path)
    with ServerThread("openai") as server:
        with_models(
            monkeypatch, server, EMBEDDING_MODEL="text-embedding-3-small", OPENAI_API_KEY="sk-wrong-key-1234567"
        )
        assert evaluate("--task", "cold") == 0
        first, second = capsys.readouterr().out.split("== cold, with")
        assert "failed" in second
        assert first.splitlines()[1:] == second.splitlines()[1:]
        with_models(monkeypatch, server, EMBEDDING_MODEL="text-embedding-3-small", LLM_DAILY_BUDGET="5")
        assert evaluate("--task", "cold") == 0
        assert "is used up" in capsys.readouterr().out
        assert server.tokens == 0


@pytest.fixture
def history(tmp_path, monkeypatch):
    """Runs the command on a chat for which something happened before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    chat = Chat("telegram", "-100", "7")

    def run(key="telegram:-100:7"):
        return run_cli(["evaluate", "--chat", key])

    async def live(*papers, title="A paper\nwith lines"):
        storage = open_storage(tinydb_url(tmp_path / "data"))
        await storage.open()
        await storage.change_subscription(chat, lambda _: make_subscription(chat=chat))
        for number, part in enumerate((("2611.00001", "2611.00002"), ("2611.00003", "2611.00004")), start=1):
            planned = Delivery(chat, DAY, number, 1, NOW, NOW, "body", part, state=DeliveryState.SENT)
            await storage.plan(chat, None, [replace(planned, state=DeliveryState.PLANNED)])
            await storage.record(planned)
        lost = Delivery(chat, DAY, 3, 3, NOW, NOW, "body", ("2611.00009",), state=DeliveryState.FAILED)
        await storage.plan(chat, None, [lost])
        await storage.add_seen(chat, ["2610.00001"], date(2026, 10, 1))
        for person, paper in papers:
            await storage.change_marks(chat, person, paper, title, lambda _: frozenset({Mark.SAVE}), DAY)
        await storage.close()

    run.live = lambda *papers: asyncio.run(live(*papers))
    run.open = lambda: open_storage(tinydb_url(tmp_path / "data"))
    return run


def test_what_a_chat_saved_and_where_it_stood(history, capsys):
    """Each paper once, however many people saved it; places as far as deliveries are kept, and what was not shown."""
    history.live(
        ("ada", "2611.00004"),
        ("ada", "2611.00001"),
        ("bob", "2611.00001"),
        ("bob", "2610.00001"),
        ("bob", "2611.00009"),
    )
    assert history() == 0
    assert capsys.readouterr().out.splitlines() == [
        "telegram:-100:7: 4 papers saved, 3 of them shown, 1 not.",
        "Places in digests, known of 2: mean 2.5, median 2.5; 1 in the first 3 (50%), 2 in the first 10 (100%).",
        "2610.00001      shown on 2026-10-01, place not kept  A paper with lines",
        "2611.00001      place 1 of 4 on 2026-11-20           A paper with lines",
        "2611.00004      place 4 of 4 on 2026-11-20           A paper with lines",
        "2611.00009      not shown                            A paper with lines",
    ]


def test_a_chat_that_saved_nothing(history, capsys):
    """There is nothing to compare with."""
    history.live()
    assert history() == 0
    assert "saved a paper yet" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["telegram:5", "telegram", ":5", "", "telegram:"])
def test_a_chat_that_is_none_is_named(history, capsys, key):
    """Wrong usage, in one line."""
    history.live()
    assert history(key) == USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_while_the_bot_runs_the_storage_is_its_own(history, capsys):
    """It says who holds it."""
    history.live()
    storage = history.open()
    asyncio.run(storage.open())
    try:
        assert history() == FAILED
    finally:
        asyncio.run(storage.close())
    assert "is running with" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["bench"], ["--corpus", "x"], ["bench", "--chat", "a:1"], ["--chat", "a:1", "--task", "cold"]]
)
def test_one_thing_is_measured(tmp_path, monkeypatch, capsys, arguments):
    """A benchmark with its corpus, or a chat."""
    monkeypatch.chdir(tmp_path)
    assert run_cli(["evaluate", *arguments]) == USAGE
    assert "--chat" in capsys.readouterr().err


@pytest.mark.skipif(not (DATA / "bench").is_dir(), reason="no real benchmark: set PAPERROUND_DATA")
def test_the_numbers_are_those_of_the_benchmark(evaluate, tmp_path, capsys):
    """The benchmark's own script finds the same measures in the rankings that were written."""
    bench = DATA / "bench"
    write_bench(tmp_path)
    assert evaluate() == 0
    script = [sys.executable, str(bench / "score_bench.py"), str(tmp_path / "labels.json"), "out.json"]
    theirs = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert capsys.readouterr().out == theirs
