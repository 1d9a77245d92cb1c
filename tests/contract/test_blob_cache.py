"""What every cache of blobs promises: see the docstring of `BlobCache` in bot/ports.py."""

import asyncio
import os
from datetime import date, timedelta

import pytest

from storage.blobs import FileBlobCache
from tests.fake_meaning import FakeBlobCache

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
SOME = {"one": b"1", "two": b"\x00\xff" * 700, "drei\ud800 🙂": b""}


@pytest.fixture(params=["fake", "files"])
async def cache(request, tmp_path):
    if request.param == "fake":
        return FakeBlobCache()
    opened = FileBlobCache(tmp_path / "cache")
    await opened.open()
    return opened


async def reopen(folder, **fields):
    cache = FileBlobCache(folder, **fields)
    await cache.open()
    return cache


async def test_what_is_put_is_there(cache):
    """At once, whatever keys and values are; what was not put is not."""
    await cache.put(SOME, MONDAY)
    assert {key: cache.get(key) for key in SOME} == SOME
    assert cache.get("three") is None


async def test_the_last_value_of_a_key_counts(cache):
    """Also for how long it is kept."""
    await cache.put({"one": b"1", "two": b"2"}, MONDAY)
    await cache.put({"one": b"new"}, TUESDAY)
    await cache.prune(TUESDAY)
    assert cache.get("one") == b"new"
    assert cache.get("two") is None


async def test_processes_may_share_a_folder(tmp_path):
    """What many add to one day at the same moment is all there for the next one that opens it."""
    caches = [await reopen(tmp_path / "cache") for _ in range(8)]
    await asyncio.gather(*(each.put({f"key {number}": b"v" * 9000}, MONDAY) for number, each in enumerate(caches)))
    cache = await reopen(tmp_path / "cache")
    assert [cache.get(f"key {number}") for number in range(8)] == [b"v" * 9000] * 8


async def test_it_outlives_a_restart(tmp_path):
    """What two processes one after the other put is there for a third, and only for the bot's own user."""
    for number in range(2):
        cache = await reopen(tmp_path / "cache")
        await cache.put({f"key {number}": b"value", "same": str(number).encode()}, MONDAY + timedelta(days=number))
    cache = await reopen(tmp_path / "cache")
    assert [cache.get(each) for each in ("key 0", "key 1", "same")] == [b"value", b"value", b"1"]
    await cache.prune(TUESDAY)
    assert [cache.get(each) for each in ("key 0", "key 1", "same")] == [None, b"value", b"1"]
    (file,) = (tmp_path / "cache").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert b"key 1" not in file.read_bytes()


@pytest.mark.parametrize("cut", [1, 5, 40, 700])
async def test_a_torn_file_costs_its_end_alone(tmp_path, cut):
    """A kill in the middle of a write: the records before are there, and what is put later, too."""
    cache = await reopen(tmp_path)
    await cache.put({"one": b"1"}, MONDAY)
    await cache.put({"two": b"2" * 700}, MONDAY)
    (file,) = tmp_path.iterdir()
    os.truncate(file, file.stat().st_size - cut)
    cache = await reopen(tmp_path)
    assert (cache.get("one"), cache.get("two")) == (b"1", None)
    await cache.put({"three": b"3"}, MONDAY)
    cache = await reopen(tmp_path)
    assert [cache.get(each) for each in ("one", "two", "three")] == [b"1", None, b"3"]


@pytest.mark.parametrize("content", [b"", b"something else altogether", b"paperround 1\n\xff\xff\xff\xff" + b"x" * 40])
async def test_a_damaged_file_is_begun_anew(tmp_path, content):
    """Whatever is in it."""
    (tmp_path / "2026-11-23.blobs").write_bytes(content)
    (tmp_path / "notes.blobs").write_bytes(b"not a day")
    cache = await reopen(tmp_path)
    await cache.put({"one": b"1"}, MONDAY)
    assert (await reopen(tmp_path)).get("one") == b"1"


async def test_a_changed_byte_costs_what_follows(tmp_path):
    """A wrong value is never given out."""
    cache = await reopen(tmp_path)
    for key in ("one", "two", "three"):
        await cache.put({key: key.encode() * 9}, MONDAY)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[content.index(b"twotwo")] ^= 1
    file.write_bytes(content)
    cache = await reopen(tmp_path)
    assert [cache.get(each) for each in ("one", "two", "three")] == [b"one" * 9, None, None]


async def test_it_stays_within_its_size(tmp_path):
    """The oldest days go first, in memory and on the disk, also where it was larger before."""
    cache = await reopen(tmp_path, max_bytes=5_000)
    for number in range(9):
        await cache.put({str(number): b"x" * 1_000}, MONDAY + timedelta(days=number))
    there = [number for number in range(9) if cache.get(str(number))]
    assert there == [5, 6, 7, 8]
    assert len(list(tmp_path.iterdir())) == 4
    assert (await reopen(tmp_path, max_bytes=2_500)).get("6") is None
    assert len(list(tmp_path.iterdir())) == 2


async def test_a_folder_that_cannot_be_written_costs_the_restart_alone(tmp_path, caplog):
    """Values are there until the process ends; it is logged."""
    (tmp_path / "file").write_text("in the way")
    cache = await reopen(tmp_path / "file")
    await asyncio.gather(cache.put({"one": b"1"}, MONDAY), cache.put({"two": b"2"}, MONDAY))
    assert (cache.get("one"), cache.get("two")) == (b"1", b"2")
    assert "cache not kept" in caplog.text
