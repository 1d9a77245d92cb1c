"""What only the owner may do, and how much anybody may."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.delivery.watch import PlatformState
from bot.errors import DeliveryError, Remedy, SourceError, StorageError
from bot.model.chat import Chat
from bot.model.subscription import PauseReason
from bot.throttle import Admission, Throttle
from storage.moments import Minutes
from tests.build import NOW, make_batch, make_paper
from tests.fakes import FakeStorage
from tests.world import World

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache.", categories=("cs.CL",))
CHATS = (Chat("telegram", "1"), Chat("telegram", "-5", "3"), Chat("discord", "7"), Chat("broken", "9"))


class FullStorage(FakeStorage):
    """Takes no write that the doctor makes."""

    async def check(self):
        raise StorageError("no space left")


@pytest.fixture
async def world():
    """Four chats on three platforms."""
    world = World(make_batch(CACHE))
    for chat in CHATS:
        await world.ask("/categories add cs.CL", chat=chat)
    return world


async def own(world, line):
    return (await world.ask(line, is_owner=True)).text


@pytest.mark.parametrize("line", ["/owner", "/owner status", "/owner pull", "/owner announce Hello", "/owner pause"])
async def test_nobody_else_is_answered(world, line):
    """To others, administrators too, the command does not exist, and nothing happens."""
    assert "There is no command /owner" in await world.say(line)
    assert "owner" not in await world.say("/help")
    assert "There is no command" in await world.say("/help owner")
    assert not await world.storage.get_open_chats()
    assert world.source.asked == []
    assert not await world.services.pipeline.is_paused()


async def test_the_status_counts_chats_and_tells_what_failed(world):
    """Chats by platform, the last pull of each category with its error, and whether the disk takes writes."""
    status = await own(world, "/owner")
    assert "Chats with a subscription: 4 (1 on broken, 1 on discord, 2 on telegram)." in status
    assert "takes durable writes" in status
    assert "Scheduled pulls: on." in status
    assert "Nothing was pulled" in status
    await world.ask("/categories add cs.LG", chat=CHATS[0])
    world.source.failures["cs.LG"] = SourceError("HTTP 503")
    await own(world, "/owner pull")
    status = await own(world, "/owner status")
    assert "cs.CL: Friday 20 November 2026, 12:00 UTC, ok" in status
    assert "cs.LG: Friday 20 November 2026, 12:00 UTC, HTTP 503" in status


async def test_a_full_disk_shows_in_the_status():
    """The owner learns that nothing can be written, and what is known besides."""
    status = await own(World(storage=FullStorage()), "/owner status")
    assert "Storage: failed, no space left" in status
    assert "Chats with a subscription: 0." in status


async def test_the_owner_looks_at_arxiv_at_once(world):
    """What failed a moment ago is asked for again; what is here already is not."""
    world.source.failures["cs.CL"] = SourceError("HTTP 503")
    assert "cs.CL: failed" in await own(world, "/owner pull")
    world.source.failures.clear()
    reply = await own(world, "/owner pull")
    assert "1 paper is new here." in reply
    assert "cs.CL: complete" in reply
    await own(world, "/owner pull")
    assert world.source.asked == ["cs.CL", "cs.CL"]


async def test_without_subscriptions_there_is_nothing_to_pull():
    """An empty bot says so and asks nobody."""
    world = World()
    assert "Nobody follows anything" in await own(world, "/owner pull")
    assert world.source.asked == []


async def test_an_announcement_goes_through_the_outbox(world):
    """Every chat that can be reached gets it, once, in its turn; paused chats and platforms that are not set up are counted."""
    await world.rounds.gone(CHATS[0], PauseReason.BLOCKED)
    reply = await own(world, "/owner announce We move  tonight.")
    assert reply == "It is on its way to 2 of 4 chats; the others are paused. /owner status shows the outbox."
    await world.send()
    assert {chat: world.got(chat) for chat in CHATS if world.got(chat)} == {
        CHATS[1]: ["We move  tonight."],
        CHATS[2]: ["We move  tonight."],
    }


async def test_without_a_platform_nothing_can_be_announced(world):
    """Where nothing is sent unasked there is nobody to tell."""
    world.services = replace(world.services, rounds=None)
    assert "no chat platform" in await own(world, "/owner announce Hello")


async def test_the_status_tells_of_the_outbox(world):
    """What waits and since when, how parts ended, who is paused, and how each platform does."""
    states = (PlatformState("telegram", NOW, {"retry": 3}), PlatformState("discord", None, {}))
    world.services = replace(world.services, platforms=lambda: states)
    assert "Outbox: empty." in await own(world, "/owner status")
    await world.rounds.gone(CHATS[0], PauseReason.BLOCKED)
    await own(world, "/owner announce Hello")
    world.messenger.script[CHATS[2].key].append(DeliveryError(Remedy.RETRY, "busy", retry_after=900.0))
    world.messenger.script[CHATS[1].key].append(DeliveryError(Remedy.UNCERTAIN, "lost"))
    await world.send()
    status = await own(world, "/owner status")
    assert "Outbox: 1 part waits since Friday 20 November 2026, 12:00 UTC, for discord:7." in status
    assert "discord 1 waiting, telegram 1 uncertain" in status
    assert "Paused because the bot was blocked: 1." in status
    assert (
        "telegram: last answer Friday 20 November 2026, 12:00 UTC. Not sent at once since the start: retry 3." in status
    )
    assert "discord: last answer never." in status


async def test_pausing_is_kept_and_taken_back(world):
    """The pause is what the schedule asks for, outlives a restart, and leaves what people ask for alone."""
    assert "paused" in await own(world, "/owner pause")
    again = World(make_batch(CACHE), storage=world.storage)
    assert await again.services.pipeline.is_paused()
    assert "Scheduled pulls: paused" in await own(again, "/owner status")
    assert (await again.ask("/digest", chat=CHATS[0])).digest is not None
    assert await own(again, "/owner pause") == "Scheduled pulls go on."
    assert not await world.services.pipeline.is_paused()


async def test_too_many_commands_get_one_kind_line_and_then_silence():
    """Twenty are obeyed, the next is told why it is not, further ones get nothing, and a minute later all is well."""
    world = World(make_batch(CACHE), is_throttled=True)
    for number in range(20):
        assert "Following" in await world.say(f"/topics add topic{number}")
    told = await world.ask("/topics add one more")
    assert "20 commands in a minute" in told.text
    assert not told.is_silent
    world.later(seconds=59)
    for line in ("/topics", "/digest", "/help"):
        assert (await world.ask(line)).is_silent
    world.later(seconds=1)
    reply = await world.say("/topics")
    assert "20. topic19" in reply
    assert "one more" not in reply


async def test_everybody_has_a_limit_of_their_own():
    """Another person goes on, also in the same chat, and so does the same number on another platform."""
    world = World(is_throttled=True)
    for _ in range(21):
        await world.ask("/help")
    assert (await world.ask("/help")).is_silent
    assert not (await world.ask("/help", person="bob")).is_silent
    assert not (await world.ask("/help", chat=CHATS[0])).is_silent
    assert (await world.ask("/help", chat=Chat("console", "elsewhere"))).is_silent


async def test_the_limit_holds_over_all_processes():
    """Whichever of them a person speaks to; where commands cannot be counted, nobody is refused."""
    one = World(is_throttled=True)
    other = World(is_throttled=True, storage=one.storage)
    for world in (one, other) * 10:
        assert not (await world.ask("/help")).is_silent
    assert "20 commands in a minute" in (await one.ask("/help")).text
    assert (await other.ask("/help")).is_silent
    await one.storage.close()
    throttle = Throttle(one.storage, lambda: NOW)
    assert {await throttle.admit("ada") for _ in range(50)} == {Admission.OBEY}


async def test_a_clock_set_back_locks_nobody_out():
    """Where the clock jumps into the past, everybody begins anew."""
    now, world = NOW, World()
    await world.storage.open()
    throttle = Throttle(world.storage, lambda: now)
    assert [await throttle.admit("ada") for _ in range(22)][-2:] == [Admission.TELL, Admission.IGNORE]
    now -= timedelta(hours=1)
    assert await throttle.admit("ada") is Admission.OBEY


def test_a_crowd_takes_little_memory():
    """Of a hundred thousand people in one minute ten thousand are remembered."""
    minutes = Minutes()
    for person in range(100_000):
        assert minutes.count(str(person), NOW) == 1
    assert len(minutes._minutes) <= 10_000
