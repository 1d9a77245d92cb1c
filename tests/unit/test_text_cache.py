"""The texts of papers on disk."""

import gzip
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from bot.model.summary import FullText, Section, SectionKind, TextSource
from bot.sources.text_cache import TextCache
from tests.build import make_paper

TEXT = FullText(
    TextSource.PDF,
    (Section("1 Pots", "Übung $x$"), Section("References", "[1]", SectionKind.REFERENCES)),
    ("https://example.org",),
)


@pytest.fixture
def cache(tmp_path):
    return TextCache(tmp_path / "data" / "fulltext")


def make_text(size):
    """A text that takes about so many bytes, however it is compressed."""
    return FullText(TextSource.HTML, (Section("One", Random(size).randbytes(size).hex()),))


def test_a_text_comes_back(cache):
    """What was put is what is got, by id and version; ids with a slash, too."""
    paper = make_paper("hep-th/9711200", version=2)
    assert cache.get(paper) is None
    cache.put(paper, TEXT)
    assert cache.get(paper) == TEXT
    assert cache.get(make_paper("hep-th/9711200", version=3)) is None
    assert [each.name for each in cache.folder.iterdir()] == ["hep-th%2F9711200v2.json.gz"]


def test_many_may_put_the_same_at_once(cache):
    """Processes share the folder: what is there is always one whole text, and nothing else is left."""
    paper, texts = make_paper(), [make_text(20_000 + number) for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            assert list(threads.map(lambda text: cache.put(paper, text), texts)) == [None] * 8
            assert cache.get(paper) in texts
    assert len(list(cache.folder.iterdir())) == 1


def test_only_the_owner_can_read_them(cache):
    """Neither folder nor file is open to others."""
    cache.put(make_paper(), TEXT)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert [each.stat().st_mode & 0o777 for each in cache.folder.iterdir()] == [0o600]


def test_an_id_cannot_leave_the_folder(cache):
    """Whatever an id is, its file is in the folder."""
    cache.put(make_paper("../../x"), TEXT)
    assert [each.name for each in cache.folder.iterdir()] == ["..%2F..%2Fx" + "v1.json.gz"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b",
        b"not compressed",
        gzip.compress(b"{}", mtime=0)[:-6],
        gzip.compress(b"{", mtime=0),
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b"{}", mtime=0),
        gzip.compress(b'{"format": 0, "text": {}}', mtime=0),
        gzip.compress(b'{"format": 1, "text": {"source": "x", "sections": [], "links": []}}', mtime=0),
        gzip.compress(b'{"format": 1, "text": {"source": "pdf", "sections": [1], "links": []}}', mtime=0),
    ],
)
def test_a_broken_entry_is_dropped(cache, content):
    """What cannot be read, or was made by another parser, is as if it had never been there."""
    paper = make_paper()
    cache.put(paper, TEXT)
    file = next(cache.folder.iterdir())
    file.write_bytes(content)
    assert cache.get(paper) is None
    assert not file.exists()


def test_what_was_not_used_for_longest_goes(cache):
    """Beyond the size the least recently used are dropped, drafts of a killed process among them."""
    small = TextCache(cache.folder, max_bytes=35_000)
    papers = [make_paper(f"2611.0000{number}") for number in range(4)]
    for place, paper in enumerate(papers[:3]):
        small.put(paper, make_text(9_000))
        os.utime(small.folder / f"{paper.versioned_id}.json.gz", (place + 1, place + 1))
    (small.folder / "old.tmp").write_bytes(b"x" * 100)
    os.utime(small.folder / "old.tmp", (0, 0))
    assert small.get(papers[0])
    small.put(papers[3], make_text(9_000))
    assert [bool(small.get(each)) for each in papers] == [True, False, True, True]
    assert not (small.folder / "old.tmp").exists()
    assert sum(each.stat().st_size for each in small.folder.iterdir()) <= 35_000


def test_a_disk_that_fails_is_reported_and_no_more(cache, caplog):
    """Where nothing can be written, texts are not kept, and nobody notices but the log."""
    cache.folder.parent.mkdir()
    cache.folder.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        cache.put(make_paper(), TEXT)
    assert "text not kept paper=2611.00001v1" in caplog.text
    assert cache.get(make_paper()) is None
