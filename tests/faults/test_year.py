"""A simulated year in every time zone there is: each chat gets each announcement exactly once, at its hour."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from bot.calendar import feed_of, is_expected, previous_day
from bot.model.chat import Chat
from bot.schedule import next_slot, parse_schedule
from tests.build import make_batch, make_paper, make_subscription
from tests.world import World

START, END = date(2026, 11, 1), date(2027, 11, 1)
QUIET = {date(2026, 12, 9), date(2027, 3, 2)}
"""Days of which nobody knew before that nothing would be announced; holidays are known."""
COMES_AFTER = timedelta(minutes=7)
"""How long after midnight in New York the batch is here."""
DAYS = [START + timedelta(days=number) for number in range((END - START).days)]
ANNOUNCED = [day for day in DAYS if is_expected(day) and day not in QUIET]


def instants(zone, at):
    """The hours of a year in a zone, by the tz database alone: the one instant of each local day."""
    where = ZoneInfo(zone)
    return tuple(datetime.combine(day, at, where).astimezone(UTC) for day in DAYS)


@cache
def groups(at):
    """One zone for each way in which zones go through the year, and all zones that go the same way."""
    found = {}
    for zone in sorted(available_timezones() - {"localtime", "Factory"}):
        found.setdefault(instants(zone, at), []).append(zone)
    return found


@pytest.mark.parametrize("at", [time(0, 30), time(2, 30), time(9), time(23, 59)])
def test_every_zone_has_one_slot_a_day(at):
    """Over a year the slots of a daily schedule are the local days, each once, in every zone of the tz database."""
    for wanted, zones in groups(at).items():
        schedule, got = parse_schedule(f"{at:%H:%M}"), []
        now = wanted[0] - timedelta(seconds=1)
        while now < wanted[-1]:
            now = next_slot(schedule, zones[0], now)
            got.append(now)
        assert tuple(got) == tuple(sorted(set(wanted))), zones


async def test_each_announcement_once_at_its_hour():
    """A chat for each zone at nine, some on announcement, some weekly: what was announced arrives once, and when it should."""
    zones = {wanted: names[0] for wanted, names in groups(time(9)).items()}
    world = World()
    world.now = datetime.combine(START, time(12), UTC)
    plans = {Chat("console", zone): ("09:00", zone) for zone in zones.values()}
    plans |= {
        Chat("console", "news"): ("announcement", "UTC"),
        Chat("console", "week"): ("weekly fri 17:00", "Europe/Berlin"),
    }
    await world.storage.open()
    for chat, (schedule, zone) in plans.items():
        made = make_subscription(chat=chat, schedule=schedule, timezone=zone, created=world.now)
        await world.storage.change_subscription(chat, lambda _, made=made: made)
    arrivals = {}

    async def note(chat, outgoing):
        for identifier in outgoing.body.split():
            arrivals.setdefault(chat, {}).setdefault(identifier, []).append(world.now)

    world.messenger.on_deliver = note
    world.source.batches["cs.CL"] = make_batch(day=previous_day(START))
    await world.tick()
    comes = {feed_of(day) + COMES_AFTER: day for day in DAYS if is_expected(day)}
    moments = {*comes, *(each for wanted in zones for each in wanted)}
    moments |= {datetime.combine(day, time(17), ZoneInfo("Europe/Berlin")).astimezone(UTC) for day in DAYS}
    for moment in sorted(each for each in moments if each > world.now):
        world.now = moment
        if day := comes.get(moment):
            papers = () if day in QUIET else (make_paper(f"{day:%y%m}.{day.day:05}"),)
            world.source.batches["cs.CL"] = make_batch(*papers, day=day)
        await world.tick(pull=moment in comes)
        await world.services.pipeline.prune()
    for chat, (schedule, zone) in plans.items():
        for day in ANNOUNCED[:-7]:
            [at] = arrivals[chat][f"{day:%y%m}.{day.day:05}"]
            assert at == expected(day, schedule, zone), (chat.key, day)


def expected(day, schedule, zone):
    """When the announcement of a day is to arrive: it is there seven minutes after midnight in New York."""
    came = feed_of(day) + COMES_AFTER
    if schedule == "announcement":
        return came
    if schedule.startswith("weekly"):
        friday = day + timedelta(days=4 - day.weekday())
        return datetime.combine(friday, time(17), ZoneInfo(zone)).astimezone(UTC)
    local = came.astimezone(ZoneInfo(zone)).date()
    tries = (
        datetime.combine(local + timedelta(days=n), time(9), ZoneInfo(zone)).astimezone(UTC) for n in (-1, 0, 1, 2)
    )
    slot = next(each for each in tries if each >= feed_of(day))
    # An hour within those seven minutes waits for the batch.
    return max(slot, came)
