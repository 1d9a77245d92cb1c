"""The storage against `kill -9`, full disks and failing system calls: nothing acknowledged is lost, nothing else appears."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import pytest

from bot.errors import StorageError
from bot.model.announcement import Batch
from bot.model.chat import Chat
from bot.model.delivery import Delivery, DeliveryState, Progress
from bot.model.follow import Follow, Version
from bot.model.paper import ArxivId
from bot.model.subscription import Subscription
from storage.disk import Disk
from storage.tinydb import TinyDBStorage
from tests.faults.faulty_disk import FaultyDisk

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("storage_child.py")
ROUNDS = 25
DELIVERING_ROUNDS = 10
WRITES = 200
CHATS = [Chat("telegram", str(number)) for number in range(7)]
DAY = date(2026, 8, 3)
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
STEPS = 30
FORGETTING = 21
FOLLOWED = ArxivId("2609.00000")


def start_child(kind: str, folder: Path, first: int) -> "subprocess.Popen[str]":
    command = [sys.executable, str(CHILD), kind, str(folder), str(first)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


async def seen_numbers(folder: Path) -> set[int]:
    storage = TinyDBStorage(folder)
    await storage.open()
    found = [await storage.get_seen(chat) for chat in CHATS]
    await storage.close()
    return {int(each.partition(".")[2]) for seen in found for each in seen}


def has_snapshot(folder: Path) -> bool:
    return any(folder.glob("chats.*.snapshot"))


def acknowledged_until_killed(folder: Path, first: int, random: Random, kind: str = "kill") -> set[int]:
    """Let a child write, kill it somewhere in between, and take what it said until then."""
    child = start_child(kind, folder, first)
    assert child.stdout is not None
    with child, child.stdout as said:
        assert said.readline() == "open\n"
        lines = [said.readline() for _ in range(random.randrange(WRITES))]
        time.sleep(random.random() * 0.003)
        child.send_signal(signal.SIGKILL)
        lines += said.readlines()
    # A line without its end was cut off by the kill.
    return {int(line) for line in lines if line.endswith("\n")}


async def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A process killed at random moments of 200 writes, compacting all the time, has kept each one it acknowledged."""
    random = Random(20260803)
    acknowledged: set[int] = set()
    for turn in range(ROUNDS):
        acknowledged |= acknowledged_until_killed(tmp_path, turn * WRITES, random)
        found = await seen_numbers(tmp_path)
        assert acknowledged <= found, f"round {turn}"
        assert max(found) < (turn + 1) * WRITES
    assert len(acknowledged) > ROUNDS * WRITES / 4
    assert has_snapshot(tmp_path)


async def sent_parts(storage: TinyDBStorage, chat: Chat) -> set[int]:
    """The numbers of the chat's sent parts, once everything else known of the chat was seen to agree with them."""
    deliveries = await storage.get_deliveries(chat)
    sent = [each for each in deliveries if each.state == DeliveryState.SENT]
    waiting = [each for each in deliveries if each not in sent]
    assert await storage.get_seen(chat) == dict.fromkeys((paper for each in sent for paper in each.papers), DAY)
    assert [each.body for each in waiting] == [f"body {each.part - 1}" for each in waiting]
    assert (chat in await storage.get_open_chats()) == bool(waiting)
    progress = await storage.get_progress(chat)
    # Progress names the part that was planned with it.
    assert progress is None or progress.awaited[0] in {f"body {each.part - 1}" for each in deliveries}
    assert bool(progress) == bool(deliveries)
    return {each.part - 1 for each in sent}


async def test_kill_9_never_parts_a_sent_part_from_its_papers(tmp_path: Path) -> None:
    """However a delivering process is killed, exactly the papers of sent parts are seen, and what is open has its body."""
    random = Random(20260804)
    acknowledged: set[int] = set()
    for turn in range(DELIVERING_ROUNDS):
        acknowledged |= acknowledged_until_killed(tmp_path, turn * WRITES, random, "deliver")
        storage = TinyDBStorage(tmp_path)
        await storage.open()
        sent = set().union(*[await sent_parts(storage, chat) for chat in CHATS])
        await storage.close()
        assert acknowledged <= sent, f"round {turn}"
    assert len(acknowledged) > DELIVERING_ROUNDS * WRITES / 4
    assert has_snapshot(tmp_path)


async def test_a_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Where a file may grow no more the write raises StorageError and is not there, all others are, and writing goes on after."""
    child = start_child("full", tmp_path, 0)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    acknowledged = {int(line) for line in output.splitlines() if line.isdigit()}
    (failure,) = (line for line in output.splitlines() if line.startswith("failed"))
    assert "File too large" in failure
    assert len(acknowledged) > 100
    assert int(failure.split()[1]) not in acknowledged
    assert await seen_numbers(tmp_path) == acknowledged


State = tuple[
    Subscription | None,
    dict[ArxivId, date],
    list[date],
    Progress | None,
    tuple[Delivery, ...],
    tuple[Chat, ...],
    dict[ArxivId, Follow],
]


async def state_of(storage: TinyDBStorage) -> State:
    announcements = await storage.get_announcements(date.min)
    return (
        await storage.get_subscription(CHATS[0]),
        dict(await storage.get_seen(CHATS[0])),
        [each.day for each in announcements],
        await storage.get_progress(CHATS[0]),
        await storage.get_deliveries(CHATS[0]),
        await storage.get_open_chats(),
        dict(await storage.get_follows(CHATS[0])),
    )


async def stored_state(folder: Path) -> State:
    storage = TinyDBStorage(folder)
    await storage.open()
    state = await state_of(storage)
    await storage.close()
    return state


def part(number: int) -> Delivery:
    return Delivery(CHATS[0], DAY, number, number, NOON, NOON, f"body {number}", (ArxivId(f"2609.{number:05}"),))


async def step(storage: TinyDBStorage, number: int) -> None:
    """One of many different writes."""
    chat = CHATS[0]

    def change(old: Subscription | None) -> Subscription:
        new = old or Subscription(chat, NOON)
        return replace(new, topics=(*new.topics, f"topic {number}"))

    match number % 8:
        case 0 | 1:
            await storage.change_subscription(chat, change)
        case 2 | 3:
            await storage.add_seen(chat, [ArxivId(f"2608.{number:05}")], date.fromordinal(DAY.toordinal() + number))
        case 4:
            await storage.save_batch(Batch("cs.LG", date.fromordinal(DAY.toordinal() + number), ()))
        case 5 if number == FORGETTING:
            await storage.forget_chat(chat)
        case 5 if number < FORGETTING:
            await storage.change_follow(chat, FOLLOWED, lambda known: known or Follow(Version(FOLLOWED, 0, "Title")))
        case 6:
            told = Version(FOLLOWED, number, f"Title {number}")
            await storage.plan(chat, Progress(DAY, NOON), [part(number), part(number + 1)], [told])
        case 7:
            await storage.record(replace(part(number), state=DeliveryState.SENT))
        case _:
            await storage.check()


async def run_steps(storage: TinyDBStorage) -> int:
    """How many of the steps failed; one that did changed nothing in memory."""
    failed = 0
    for number in range(STEPS):
        before = await state_of(storage)
        try:
            await step(storage, number)
        except StorageError:
            failed += 1
            assert await state_of(storage) == before
    return failed


async def state_after_faults(storage: TinyDBStorage, disk: FaultyDisk) -> State:
    """The state in memory after one more write to each database on a disk that works again, then closed."""
    disk.is_sound = True
    await storage.save_batch(Batch("cs.LG", date(2027, 1, 1), ()))
    await storage.add_seen(CHATS[0], [ArxivId("2701.00001")], DAY)
    state = await state_of(storage)
    await storage.close()
    return state


async def count_calls(folder: Path) -> int:
    disk = FaultyDisk(lambda _: False)
    storage = TinyDBStorage(folder, compact_after=400, disk=disk)
    await storage.open()
    await run_steps(storage)
    await storage.close()
    return disk.calls


async def test_each_system_call_may_fail_once(tmp_path: Path) -> None:
    """Whichever call fails, the write it belongs to raises and leaves no trace, and the next one works."""
    failures = 0
    for failing in range(1, await count_calls(tmp_path / "whole") + 1):
        folder = tmp_path / str(failing)
        disk = FaultyDisk(lambda call, failing=failing: call == failing)
        storage = TinyDBStorage(folder, compact_after=400, disk=disk)
        await storage.open()
        failed = await run_steps(storage)
        assert failed <= 1, f"call {failing}"
        assert await state_after_faults(storage, disk) == await stored_state(folder), f"call {failing}"
        failures += failed
    assert failures > 30


@pytest.mark.parametrize("length", [2, 3, 5, 9])
async def test_several_system_calls_in_a_row_may_fail(tmp_path: Path, length: int) -> None:
    """Also where repairing fails, nothing acknowledged is lost, nothing refused appears, and writing goes on after."""
    for failing in range(1, await count_calls(tmp_path / "whole") + 1):
        folder = tmp_path / str(failing)
        disk = FaultyDisk(lambda call, failing=failing: failing <= call < failing + length)
        storage = TinyDBStorage(folder, compact_after=400, disk=disk)
        await storage.open()
        await run_steps(storage)
        assert await state_after_faults(storage, disk) == await stored_state(folder), f"calls from {failing}"


async def test_a_refused_write_stays_out_when_nothing_follows(tmp_path: Path) -> None:
    """A record whose fsync failed is cut off at once: a restart does not find it."""

    class UnsyncedDisk(Disk):
        is_sound = True

        def sync(self, descriptor: int) -> None:
            if not self.is_sound:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            super().sync(descriptor)

    disk = UnsyncedDisk()
    storage = TinyDBStorage(tmp_path, disk=disk)
    await storage.open()
    assert await write_numbers(storage, range(1)) == {0}
    disk.is_sound = False
    assert await write_numbers(storage, range(1, 2)) == set()
    await storage.close()
    assert await seen_numbers(tmp_path) == {0}


async def test_a_snapshot_holds_nothing_that_is_refused(tmp_path: Path) -> None:
    """A write that waits while compaction begins, and then fails, is not in the snapshot."""

    class PickyDisk(Disk):
        def __init__(self) -> None:
            self.journals: set[int] = set()

        def create(self, path: Path) -> int:
            descriptor = super().create(path)
            (self.journals.add if path.suffix == ".journal" else self.journals.discard)(descriptor)
            return descriptor

        def write(self, descriptor: int, content: bytes) -> None:
            if descriptor in self.journals and b"2608.00002" in content:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().write(descriptor, content)

    storage = TinyDBStorage(tmp_path, compact_after=1, disk=PickyDisk())
    await storage.open()
    acknowledged = await asyncio.gather(*(write_numbers(storage, range(each, each + 1)) for each in (1, 2)))
    assert acknowledged == [{1}, set()]
    await storage.close()
    assert has_snapshot(tmp_path)
    assert await seen_numbers(tmp_path) == {1}


async def write_numbers(storage: TinyDBStorage, numbers: range) -> set[int]:
    """Those that were acknowledged."""
    acknowledged = set()
    for number in numbers:
        with suppress(StorageError):
            await storage.add_seen(CHATS[0], [ArxivId(f"2608.{number:05}")], DAY)
            acknowledged.add(number)
    return acknowledged


@pytest.mark.parametrize("length", [1, 4])
async def test_writers_that_share_an_fsync_fail_together(tmp_path: Path, length: int) -> None:
    """Where writers overlap and calls fail, exactly what was acknowledged is in memory and on the disk."""
    for failing in range(1, 90):
        folder = tmp_path / str(failing)
        disk = FaultyDisk(lambda call, failing=failing: failing <= call < failing + length)
        storage = TinyDBStorage(folder, compact_after=300, disk=disk)
        await storage.open()
        writers = (write_numbers(storage, range(start, start + 12)) for start in range(0, 60, 12))
        acknowledged = set().union(*await asyncio.gather(*writers))
        disk.is_sound = True
        acknowledged |= await write_numbers(storage, range(60, 61))
        in_memory = {int(each.partition(".")[2]) for each in await storage.get_seen(CHATS[0])}
        await storage.close()
        assert in_memory == acknowledged == await seen_numbers(folder), f"calls from {failing}"


async def test_the_disk_may_die_at_any_call(tmp_path: Path) -> None:
    """Where every call from some moment on fails, a restart finds what was acknowledged, and at most the write under way."""
    states = await states_of_a_sound_disk(tmp_path / "model")
    for dying in range(1, await count_calls(tmp_path / "whole") + 1):
        folder = tmp_path / str(dying)
        storage = TinyDBStorage(folder, compact_after=400, disk=FaultyDisk(lambda call, dying=dying: call >= dying))
        await storage.open()
        number = 0
        with suppress(StorageError):
            for number in range(STEPS):
                await step(storage, number)
        await storage.close()
        # The last step either failed, or was the last of all.
        assert await stored_state(folder) in (states[number], states[number + 1]), f"call {dying}"


class ForgetfulDisk(Disk):
    """Keeps what was written in memory until it is synced, as a disk's cache does; a power cut would lose it."""

    def __init__(self) -> None:
        self._cache: dict[int, bytes] = {}

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._cache[descriptor] = b""
        return descriptor

    def write(self, descriptor: int, content: bytes) -> None:
        self._cache[descriptor] += content

    def sync(self, descriptor: int) -> None:
        super().write(descriptor, self._cache[descriptor])
        self._cache[descriptor] = b""


def cut_power(folder: Path, copy: Path) -> None:
    """Copy what is on the disk now; again where compaction removed a file under way."""
    while True:
        try:
            shutil.copytree(folder, copy)
        except shutil.Error:
            shutil.rmtree(copy)
        else:
            return


async def test_what_is_acknowledged_was_synced(tmp_path: Path) -> None:
    """A power cut right after any acknowledged write, compaction under way, loses nothing."""
    storage = TinyDBStorage(tmp_path / "data", compact_after=400, disk=ForgetfulDisk())
    await storage.open()
    for number in range(STEPS * 3):
        await step(storage, number)
        copy = tmp_path / str(number)
        cut_power(tmp_path / "data", copy)
        assert await stored_state(copy) == await state_of(storage), f"step {number}"
    await storage.close()
    assert has_snapshot(tmp_path / "data")


async def states_of_a_sound_disk(folder: Path) -> list[State]:
    """The state before each step, and after the last."""
    storage = TinyDBStorage(folder)
    await storage.open()
    states = [await state_of(storage)]
    for number in range(STEPS):
        await step(storage, number)
        states.append(await state_of(storage))
    await storage.close()
    return states
