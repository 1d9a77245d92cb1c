"""What the documents promise is there, and what is there is documented."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.preferences import PREFERENCES
from config.settings import describe_defaults
from handlers.command import CommandGroup, is_hidden
from handlers.commands import COMMANDS

README = Path("README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_command_is_in_the_readme():
    """The commands table has every command that is not for buttons alone, and every subcommand."""
    for entry in (each for each in COMMANDS if not is_hidden(each)):
        rows = [line for line in README.splitlines() if line.startswith("|") and re.search(rf"`/{entry.name}\b", line)]
        assert rows, entry.name
        shown = [each for each in entry.commands if not each.is_hidden] if isinstance(entry, CommandGroup) else []
        for each in shown:
            assert each.name in rows[0], f"/{entry.name} {each.name}"


def test_every_setting_is_in_the_readme():
    """The settings table has every environment variable, and the commands table every chat setting."""
    for name in describe_defaults():
        assert f"`{name}`" in README
    for preference in PREFERENCES:
        assert preference.name in README


def test_the_readme_stays_short():
    """At most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_links_inside_the_repository_lead_somewhere():
    """Every relative link in a document points at a file."""
    for document in [*Path().glob("*.md"), *Path("docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target}"


def test_adrs_are_short():
    """A decision takes at most 30 lines."""
    for adr in Path("docs/adr").glob("*.md"):
        assert len(adr.read_text(encoding="utf-8").splitlines()) <= 30, adr


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.txt", PROJECT["dependencies"]),
        ("requirements-dev.txt", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]),
    ],
)
def test_the_lock_files_satisfy_the_project(lock, wanted):
    """Every dependency is pinned at a version the project allows; the two locks agree."""
    pins = read_pins(lock)
    for each in map(Requirement, wanted):
        assert each.specifier.contains(pins[canonicalize_name(each.name)]), each
    assert read_pins("requirements.txt").items() <= read_pins("requirements-dev.txt").items()


def read_pins(lock):
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", Path(lock).read_text(encoding="utf-8"), re.MULTILINE))
