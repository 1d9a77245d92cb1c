"""`paperround evaluate` on an invented benchmark, and on the real one where it is."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import USAGE, run_cli
from bot.evaluation import measure

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


@pytest.mark.skipif(not (DATA / "bench").is_dir(), reason="no real benchmark: set PAPERROUND_DATA")
def test_the_numbers_are_those_of_the_benchmark(evaluate, tmp_path, capsys):
    """The benchmark's own script finds the same measures in the rankings that were written."""
    bench = DATA / "bench"
    write_bench(tmp_path)
    assert evaluate() == 0
    script = [sys.executable, str(bench / "score_bench.py"), str(tmp_path / "labels.json"), "out.json"]
    theirs = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert capsys.readouterr().out == theirs
