"""What every folder of texts does; see the port's docstrings."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.errors import StorageError
from storage import DiskFolder
from storage.disk import Disk
from tests.fake_folder import FakeFolder


@pytest.fixture(params=["fake", "disk"])
def folder(request, tmp_path):
    return FakeFolder() if request.param == "fake" else DiskFolder(tmp_path / "not yet" / "there")


async def test_what_is_written_is_read(folder):
    """Whole, whatever is in it; what was never written is not there."""
    assert await folder.read("a.md") is None
    assert await folder.read("in/a.md") is None
    for text in ("Zoë 🙂\n", "", "x" * 100_000, "shorter"):
        assert await folder.write("in/a.md", text)
        assert await folder.read("in/a.md") == text


async def test_the_same_text_is_not_written_again(folder):
    """So that nobody takes it for news."""
    assert await folder.write("a.md", "text")
    assert not await folder.write("a.md", "text")


async def test_names_of_files(folder):
    """Those of one folder, sorted; none where there is no folder."""
    assert await folder.names("in") == ()
    for name in ("in/b.md", "in/a.md", "c.md"):
        await folder.write(name, "text")
    assert await folder.names("in") == ("a.md", "b.md")


class DyingDisk(Disk):
    """Dies before the step of this number, as a process may: nothing is tidied up."""

    def __init__(self, step):
        self.left = step

    def _step(self):
        self.left -= 1
        if self.left < 0:
            os._exit(9)

    def create(self, path):
        self._step()
        return super().create(path)

    def write(self, descriptor, content):
        self._step()
        super().write(descriptor, content[: len(content) // 2])
        self._step()
        super().write(descriptor, content[len(content) // 2 :])

    def sync(self, descriptor):
        self._step()
        super().sync(descriptor)

    def replace(self, source, target):
        self._step()
        super().replace(source, target)


def die_writing(folder, step):
    """In a process of its own: write, and die before this step."""
    asyncio.run(DiskFolder(Path(folder), DyingDisk(step)).write("a.md", "the new text"))


@pytest.mark.parametrize("step", range(6))
async def test_a_death_leaves_the_old_file_or_the_new_one(tmp_path, step):
    """Wherever it comes; and the next process writes as if nothing had been."""
    await DiskFolder(tmp_path).write("a.md", "old text")
    program = f"from tests.contract.test_folders import die_writing; die_writing({str(tmp_path)!r}, {step})"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await process.wait() == (9 if step < 5 else 0)
    folder = DiskFolder(tmp_path)
    assert await folder.read("a.md") == ("old text" if step < 5 else "the new text")
    assert await folder.write("a.md", "newest")
    assert await folder.names("") == ("a.md",)


class FullDisk(Disk):
    """Takes no byte."""

    def write(self, descriptor, content):
        raise OSError(28, "No space left on device")


async def test_a_full_disk(tmp_path):
    """It is told, and the old file is there as it was, alone."""
    await DiskFolder(tmp_path).write("a.md", "old")
    with pytest.raises(StorageError, match="No space left"):
        await DiskFolder(tmp_path, FullDisk()).write("a.md", "new")
    assert await DiskFolder(tmp_path).read("a.md") == "old"
    assert await DiskFolder(tmp_path).names("") == ("a.md",)


async def test_files_are_for_everybody(tmp_path):
    """Whoever commits or serves them may be another user."""
    await DiskFolder(tmp_path).write("a.md", "text")
    assert (tmp_path / "a.md").stat().st_mode & 0o777 == 0o644
