"""The bundled sample announcement: in arXiv's format, invented, and labelled so."""

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bot.model.paper import parse_arxiv_id
from bot.taxonomy import Taxonomy

CONFIG = Path(__file__).parents[2] / "config"
NAMES = {"arxiv": "http://arxiv.org/schemas/atom", "dc": "http://purl.org/dc/elements/1.1/"}
POPULAR = (
    "language model",
    "kv cache",
    "quantization",
    "diffusion",
    "reinforcement learning",
    "retrieval",
    "agent",
    "state space",
    "graph neural network",
    "robot",
    "protein",
    "quantum error correction",
    "exoplanet",
    "speech",
)


@pytest.fixture(scope="module")
def channel():
    return ET.fromstring((CONFIG / "sample.xml").read_bytes()).find("channel")  # noqa: S314


@pytest.fixture(scope="module")
def items(channel):
    return channel.findall("item")


def announce_type(item):
    return item.findtext("arxiv:announce_type", namespaces=NAMES)


def categories(item):
    return [each.text for each in item.findall("category")]


def test_the_sample_says_that_it_is_one(channel):
    """Whoever opens the file, or shows its description, learns that no paper in it is real."""
    label = "Invented papers: a sample bundled with Paperround, not an arXiv announcement."
    assert channel.findtext("description") == label


def test_ids_are_unique_and_no_real_ones(items):
    """There are 62 papers, each with an id of a month that arXiv has not had, the same in every place."""
    ids = [parse_arxiv_id(item.findtext("guid")) for item in items]
    assert len(items) == len({identifier for identifier, _ in ids}) == 62
    for item, (identifier, version) in zip(items, ids, strict=True):
        assert identifier.startswith("9912.")
        assert item.findtext("guid") == f"oai:arXiv.org:{identifier}v{version}"
        assert item.findtext("link") == f"https://arxiv.org/abs/{identifier}"
        assert item.findtext("description").startswith(
            f"arXiv:{identifier}v{version} Announce Type: {announce_type(item)} \nAbstract: "
        )
        assert (version == 1) == (not announce_type(item).startswith("replace"))


def test_the_types_come_in_arxivs_order(items):
    """New papers stand first, then cross-lists, replacements and replaced cross-lists, in these numbers."""
    counts = Counter(map(announce_type, items))
    assert list(counts.items()) == [("new", 40), ("cross", 14), ("replace", 6), ("replace-cross", 2)]


def test_types_agree_with_the_query_of_the_feed(channel, items):
    """A paper is a cross-list exactly where its primary archive was not asked for, but another of its categories was."""
    query = channel.findtext("title").removesuffix(" updates on arXiv.org")
    assert channel.findtext("link") == f"http://rss.arxiv.org/rss/{query}"
    for item in items:
        asked = [category.partition(".")[0] in query.split("+") for category in categories(item)]
        assert any(asked)
        assert asked[0] == (announce_type(item) in {"new", "replace"})


def test_every_category_exists(items):
    """The sample uses categories of the taxonomy only, each once per paper."""
    taxonomy = Taxonomy.from_toml((CONFIG / "categories.toml").read_text(encoding="utf-8"))
    for item in items:
        assert set(categories(item)) <= set(taxonomy.codes)
        assert len(categories(item)) == len(set(categories(item)))


def test_a_first_digest_finds_something(items):
    """The two categories most often tried, and the topics most often tried, have papers."""
    counts = Counter(category for item in items for category in categories(item))
    texts = [f"{item.findtext('title')} {item.findtext('description')}".casefold() for item in items]
    assert min(counts["cs.CL"], counts["cs.LG"]) >= 12
    assert [topic for topic in POPULAR if not any(topic in text for text in texts)] == []


def test_every_paper_has_the_fields_of_a_real_one(channel, items):
    """Each paper has title, date, licence, authors and an abstract of its own of ordinary length."""
    abstracts = [item.findtext("description").partition("\nAbstract: ")[2] for item in items]
    assert len(set(abstracts)) == len({item.findtext("title") for item in items}) == 62
    for item, abstract in zip(items, abstracts, strict=True):
        assert 90 <= len(abstract.split()) <= 180, item.findtext("title")
        assert item.findtext("pubDate") == channel.findtext("pubDate") == "Mon, 02 Nov 2026 00:00:00 -0500"
        assert item.findtext("dc:creator", namespaces=NAMES)
        assert item.findtext("dc:rights", namespaces=NAMES).startswith("http")


def test_the_sample_has_what_makes_real_feeds_hard(items):
    """TeX accents, mathematics, paragraphs, a DOI and a journal reference occur, so the sample shows them handled."""
    text = " ".join(item.findtext("description") for item in items)
    authors = " ".join(item.findtext("dc:creator", namespaces=NAMES) for item in items)
    assert "\n  " in text
    assert re.search(r"\$[^$]*\\mathcal\{O\}[^$]*\$", text)
    assert r"\%" in text
    assert all(accent in authors for accent in (r"\"o", r"\'e", r"{\L}", r"\o{}", r"\v{c}"))
    assert sum(item.find("arxiv:DOI", NAMES) is not None for item in items) == 2
    assert sum(item.find("arxiv:journal_reference", NAMES) is not None for item in items) == 2
