"""The benchmarks, which are run by hand: that each can be started, and that `make bench` leaves none out."""

import importlib
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
BENCHES = sorted(path.stem for path in (PROJECT / "bench").glob("*.py"))


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_finds_what_it_imports(name):
    assert importlib.import_module(f"bench.{name}").__doc__


def test_make_bench_runs_them_all():
    """Helpers say first which bench they help."""
    first_named = {
        name: re.search(r"bench\.(\w+)", importlib.import_module(f"bench.{name}").__doc__)[1] for name in BENCHES
    }
    run = re.findall(r"-m bench\.(\w+)", (PROJECT / "Makefile").read_text())
    assert sorted(run) == [name for name in BENCHES if first_named[name] == name]
