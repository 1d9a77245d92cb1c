"""The bundled taxonomy against arXiv's own page."""

import html
import os
import re
from pathlib import Path

import pytest

from bot.taxonomy import Taxonomy

ROOT = Path(__file__).parents[2]
PAGE = Path(os.environ.get("PAPERROUND_DATA") or ROOT / "../shared/data") / "site/taxonomy.html"
CATEGORY = re.compile(r"<h4>(\S+) <span>\((.*?)\)</span></h4>")
ALIAS = re.compile(r"([\w.-]+) is an alias for ([\w-]+(?:\.[A-Z]+)?)")
ARCHIVE = re.compile(r"<h3>([^<]*)<br>\s*<span>\((.*?)\)</span>")
GROUP = re.compile(r"</span>\s*([A-Z][A-Za-z ]+?)\s*</button>")


@pytest.fixture
def taxonomy():
    return Taxonomy.from_toml((ROOT / "config/categories.toml").read_text(encoding="utf-8"))


@pytest.fixture
def page():
    if not PAGE.exists():
        pytest.skip(f"arXiv's taxonomy page is not at {PAGE} (set PAPERROUND_DATA)")
    return html.unescape(PAGE.read_text(encoding="utf-8")).partition('id="category_taxonomy_list"')[2]


def test_codes_and_names_are_arxivs(taxonomy, page):
    """Every category of the page is in the file under the same code and name, in the same order, and no other."""
    assert [(category.code, category.name) for category in taxonomy] == CATEGORY.findall(page)


def test_aliases_are_arxivs(taxonomy, page):
    """The file calls a code an alias exactly where the page does."""
    assert {(each.code, each.alias_of) for each in taxonomy if each.alias_of} == set(ALIAS.findall(page))


def test_archives_and_groups_are_arxivs(taxonomy, page):
    """Archives have the page's names; an archive that the page does not name is a group of its own."""
    groups = GROUP.findall(page)
    named = [(archive.name, archive.code) for archive in taxonomy.archives.values() if archive.group_name == "Physics"]
    assert named == ARCHIVE.findall(page)
    assert list(dict.fromkeys(archive.group_name for archive in taxonomy.archives.values())) == groups
    assert all(
        archive.name == archive.group_name for archive in taxonomy.archives.values() if archive.group_name != "Physics"
    )
