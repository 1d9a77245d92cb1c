"""/schedule, /pause, /resume and the third question of /start."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.model.chat import Chat
from bot.model.subscription import Pause, PauseReason
from tests.build import CHAT, NOW, make_batch, make_paper
from tests.world import World

CACHE = make_paper("2611.00001", "Small KV Caches", "We shrink the kv cache.", categories=("cs.CL",))
MONDAY_AT_NINE = "Monday 23 November 2026, 09:00 (Europe/Berlin)"


@pytest.fixture
async def world():
    world = World(make_batch(CACHE), make_batch(category="cs.AI"))
    await world.say("/categories add cs.CL")
    return world


async def kept(world, chat=CHAT):
    return await world.services.subscriptions.get(chat)


async def test_a_new_chat_reads_on_announcement(world):
    """The schedule, its zone and the next digest are told, with common choices as buttons."""
    reply = await world.ask("/schedule")
    assert "Schedule: announcement" in reply.text
    assert "Time zone: UTC" in reply.text
    assert "Next digest: about Monday 23 November 2026, 05:00 (UTC)" in reply.text
    assert [each.label for each in reply.buttons][:2] == ["On announcement", "07:00"]
    for button in reply.buttons:
        assert len(button.line.encode()) <= 64
        assert "by this schedule" in await world.say(button.line)


async def test_hours_and_place_are_set_together_or_alone(world):
    """The reply names what changed and the next digest; what is not named stays."""
    assert await world.say("/schedule 09:00 Europe/Berlin") == (
        f"Digests now come by this schedule: 09:00.\nThe time zone is now Europe/Berlin.\nNext digest: {MONDAY_AT_NINE}"
    )
    assert "zone is now Asia/Tokyo" in await world.say("/schedule Tokyo")
    assert ((await kept(world)).schedule, (await kept(world)).timezone) == ("09:00", "Asia/Tokyo")
    assert "weekly fri 17:00" in await world.say("/schedule set weekly FRIDAY 5 pm")
    assert ((await kept(world)).schedule, (await kept(world)).timezone) == ("weekly fri 17:00", "Asia/Tokyo")


async def test_hours_of_utc_are_called_so(world):
    """Whoever never named a place is told that the hour is not theirs yet."""
    assert "hours of UTC" in await world.say("/schedule 09:00")
    assert "hours of UTC" not in await world.say("/schedule 09:00 London")
    assert "hours of UTC" not in await world.say("/schedule announcement")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/schedule nonsense", "mon-fri 08:00"),
        ("/schedule 25:00", "mon-fri 08:00"),
        ("/schedule 09:00 Atlantis", "No time zone or city"),
        ("/schedule 09:00 UTC+2", "name a city"),
        ("/schedule Cambridge", "several time zones"),
        ("/settings timezone Berl", "Did you mean Europe/Berlin"),
        ("/settings schedule soon", "mon-fri 08:00"),
        ("/settings quiet_notice perhaps", "on, off"),
    ],
)
async def test_mistakes_change_nothing(world, line, answer):
    """Each is explained, and schedule and zone stay."""
    before = await kept(world)
    assert answer in await world.say(line)
    assert await kept(world) == before


async def test_settings_have_it_all(world):
    """The zone by city, the schedule, and the two notices."""
    assert await world.say("/settings timezone Berlin") == "timezone is now Europe/Berlin."
    assert await world.say("/settings set schedule 9am") == "schedule is now 09:00."
    assert await world.say("/settings quiet_notice ON") == "quiet_notice is now on."
    assert await world.say("/settings failure_notice no") == "failure_notice is now off."
    subscription = await kept(world)
    assert (subscription.quiet_notice, subscription.failure_notice) == (True, False)


async def test_a_configuration_carries_them(world):
    """What /export wrote brings schedule, zone and notices to another chat; a file without them leaves schedule and zone."""
    other = Chat("telegram", "5")
    await world.say("/schedule mon,thu 18:30 Tokyo", "/settings quiet_notice on", "/settings failure_notice off")
    exported = await world.say("/export")
    assert json.loads(exported)["settings"]["quiet_notice"] == "on"
    await world.say(f"/import {exported}", chat=other)
    here, there = await kept(world), await kept(world, other)
    assert replace(there, chat=CHAT, created=here.created) == here
    await world.say("/pause 3 days", chat=other)
    await world.say('/import {"categories": ["cs.AI"]}', chat=other)
    after = await kept(world, other)
    assert (after.schedule, after.timezone, after.quiet_notice) == ("mon,thu 18:30", "Asia/Tokyo", False)
    assert after.pause is not None


async def test_a_pause_with_and_without_end(world):
    """It is told until when, in the chat's zone; no next digest is promised before."""
    await world.say("/schedule 09:00 Berlin")
    reply = await world.ask("/pause")
    assert reply.text == "This chat is paused because somebody here asked for it. /resume ends that."
    assert [each.line for each in reply.buttons] == ["/resume"]
    assert "paused because" in await world.say("/schedule")
    assert "until Thursday 24 December 2026, 00:00 (Europe/Berlin)" in await world.say("/pause 24 Dec")
    assert (await kept(world)).pause == Pause(PauseReason.ASKED, NOW, datetime(2026, 12, 23, 23, tzinfo=UTC))
    for line in ("/pause yesterday", "/pause 2020-01-01", "/pause 500 days"):
        assert "Paused" not in await world.say(line)
    assert (await kept(world)).pause.until == datetime(2026, 12, 23, 23, tzinfo=UTC)


async def test_resuming(world):
    """It says when the next digest comes; whoever is not paused, or no longer, is told so kindly."""
    await world.say("/schedule 09:00 Berlin", "/pause")
    assert await world.say("/resume") == f"Resumed. The next digest: {MONDAY_AT_NINE}."
    assert (await kept(world)).pause is None
    assert await world.say("/resume") == f"This chat is not paused. Next digest: {MONDAY_AT_NINE}"
    await world.say("/pause 12 hours")
    world.later(hours=12)
    assert "not paused" in await world.say("/resume")
    assert "Next digest" in await world.say("/schedule")


async def test_a_chat_that_follows_nothing_has_no_schedule_to_pause(world):
    """It is told how to begin, and nothing is kept for it."""
    other = Chat("telegram", "5")
    for line in ("/schedule", "/pause", "/resume"):
        assert "follows nothing yet" in await world.say(line, chat=other)
    assert await world.storage.get_subscription(other) is None
    await world.say("/settings max_papers 5", chat=other)
    assert await world.services.subscriptions.pause_for(other, PauseReason.REMOVED)
    assert (await world.say("/resume", chat=other)).startswith("Resumed. This chat follows nothing yet.")


async def test_the_platform_pauses_once(world):
    """A first reason stays, a chat without a subscription is not made, and a pause that is over counts for nothing."""
    subscriptions = world.services.subscriptions
    other = Chat("telegram", "5")
    assert not await subscriptions.pause_for(other, PauseReason.BLOCKED)
    assert await world.storage.get_subscription(other) is None
    assert await subscriptions.pause_for(CHAT, PauseReason.BLOCKED)
    assert not await subscriptions.pause_for(CHAT, PauseReason.GONE)
    assert (await kept(world)).pause == Pause(PauseReason.BLOCKED, NOW)
    assert "the bot was blocked" in await world.say("/schedule")
    await world.say("/pause 1 hour")
    world.later(hours=2)
    assert await subscriptions.pause_for(CHAT, PauseReason.GONE)
    assert (await subscriptions.resume(CHAT)).pause is None
    assert (await subscriptions.resume(other)).pause is None
    assert await world.storage.get_subscription(other) is None


async def test_start_ends_a_pause(world):
    """For an administrator, who is told; anybody else learns why nothing comes."""
    await world.say("/pause")
    assert "paused because" in await world.say("/start", is_admin=False)
    assert (await kept(world)).pause is not None
    assert "Resumed. The next digest: about Monday" in await world.say("/start")
    assert (await kept(world)).pause is None
    assert "Resumed" not in await world.say("/start")


@pytest.mark.parametrize("line", ["/schedule 09:00", "/schedule set Berlin", "/pause", "/resume", "/start time 09:00"])
async def test_changing_needs_an_administrator(world, line):
    """Everybody may look, administrators change."""
    before = await kept(world)
    assert "administrator" in await world.say(line, is_admin=False)
    assert await kept(world) == before
    assert "Schedule:" in await world.say("/schedule", is_admin=False)


@pytest.mark.parametrize(
    ("answers", "schedule", "zone"),
    [
        (["skip"], "announcement", "UTC"),
        (["announcement"], "announcement", "UTC"),
        (["8:30 Berlin"], "08:30", "Europe/Berlin"),
        (["9 UTC"], "09:00", "UTC"),
        (["Berlin", "8:30"], "08:30", "Europe/Berlin"),
        (["Berlin", "skip"], "announcement", "Europe/Berlin"),
        (["8:30", "zone New York"], "08:30", "America/New_York"),
        (["8:30", "zone skip"], "08:30", "UTC"),
    ],
)
async def test_the_third_question(world, answers, schedule, zone):
    """An hour, a city or both; an hour of UTC asks where it is; then the first digest comes at once."""
    asked = await world.ask("/start topics kv cache")
    assert asked.text.startswith("3 of 3: when shall the digest come?")
    for answer in answers:
        assert asked.digest is None
        line = f"/start {answer}" if answer.startswith("zone") else f"{asked.expects} {answer}"
        assert line.startswith(asked.expects)
        asked = await world.ask(line)
    assert [each.announced.paper.id for each in asked.digest.papers] == [CACHE.id]
    assert asked.expects == ""
    assert ((await kept(world)).schedule, (await kept(world)).timezone) == (schedule, zone)


async def test_the_third_question_is_asked_again(world):
    """What is no hour and no city is explained, and the question stays; notes on topics are not lost."""
    await world.say("/topics add kv cache")
    asked = await world.ask("/start topics kv cache")
    assert "already follows kv cache" in asked.text
    for line, expected in (("/start time whenever", "/start time"), ("/start zone Atlantis", "/start zone")):
        again = await world.ask(line)
        assert (again.expects, again.replaces) == (expected, False)
        assert "No time zone or city" in again.text


async def test_the_operator_chooses_for_new_chats(world):
    """New chats take the operator's schedule and zone, and then no place is asked for."""
    services = world.services
    world.services = replace(
        services, subscriptions=replace(services.subscriptions, schedule="mon-fri 08:00", timezone="Asia/Tokyo")
    )
    other = Chat("telegram", "5")
    await world.say("/categories add cs.CL", chat=other)
    assert "mon-fri 08:00 (Asia/Tokyo)" in await world.say("/start topics skip", chat=other)
    assert (await world.ask("/start time 9", chat=other)).digest is not None
    assert (await kept(world, other)).timezone == "Asia/Tokyo"
