"""Long outages, full disks and clocks that are set, with real messengers and storage, in a time that can be skipped."""

import asyncio
from datetime import timedelta

from bot.clockwork import Clockwork
from bot.model.message import Message
from tests.faults.office import SkippingLoop, open_office
from tests.servers.telegram import Fault

PEOPLE, CHANNELS = range(1001, 1007), [str(number) for number in range(5001, 5007)]


def run(test):
    """In a loop whose time can be moved on."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(test)


def test_one_platform_is_down_for_an_hour(each_place):
    """The other goes on meanwhile; afterwards everything arrives within two minutes, once and in order."""

    async def be_down():
        storage, _ = each_place.breakable()
        async with open_office(storage) as office:
            chats = await office.settle(PEOPLE, CHANNELS)
            on_telegram, on_discord = chats[: len(PEOPLE)], chats[len(PEOPLE) :]
            await office.telegram.hang_up()
            await office.pull()
            await office.rounds.hold_due()
            async with office.sending():
                await office.let_pass(1800)
                for chat in on_discord:
                    assert await office.states(chat) == ["sent"] * office.arrived(chat)
                    await office.rounds.say(chat, Message("Half an hour has passed."))
                await office.let_pass(1800)
                assert all("Half an hour" in office.discord.messages(chat.id)[-1]["content"] for chat in on_discord)
                for chat in on_telegram:
                    assert await office.states(chat) == ["planned"] * 3
                    assert "3 waiting" in await office.say("/status", chat=chat)
                # One try a minute, and one of each chat when nobody knew.
                assert sum(office.outbox.carriers["telegram"].lane.outcomes.values()) <= len(PEOPLE) + 75
                await office.telegram.listen()
                await office.drain()
            for chat in on_telegram:
                assert await office.states(chat) == ["sent"] * office.arrived(chat) == ["sent"] * 3
                assert "3 sent" in await office.say("/status", chat=chat)
            for chat in on_discord:
                assert await office.states(chat) == ["sent"] * office.arrived(chat)

    run(be_down())


def test_a_storage_that_takes_no_writes(each_place, caplog):
    """Nothing is sent that cannot be written down first; with room again everything arrives, once; both are told."""

    async def fill_up():
        storage, disk = each_place.breakable()
        async with open_office(storage) as office:
            chats = await office.settle(PEOPLE, CHANNELS)
            await office.pull()
            disk.is_sound = False
            assert await office.rounds.hold_due() == 0
            disk.is_sound = True
            assert await office.rounds.hold_due() == len(chats)
            async with office.sending():
                await office.let_pass(60, lambda: sum(map(office.arrived, chats)) > 4)
                disk.is_sound = False
                # What was written down just before is still sent.
                await office.let_pass(400)
                before = [office.arrived(chat) for chat in chats]
                await office.let_pass(400)
                assert [office.arrived(chat) for chat in chats] == before
                assert sum(before) < sum([len(await office.states(chat)) for chat in chats])
                assert "Storage: failed" in await office.say("/owner status", is_owner=True)
                disk.is_sound = True
                await office.drain()
            for chat in chats:
                assert await office.states(chat) == ["sent"] * office.arrived(chat)
            assert "takes durable writes" in await office.say("/owner status", is_owner=True)

    run(fill_up())
    assert "status=paused reason=storage" in caplog.text


def test_the_clock_is_set_back_an_hour(each_place):
    """Who waits does not wait an hour longer, what is due is seen within a minute, and nothing comes twice."""

    async def set_back():
        storage, _ = each_place.breakable()
        async with open_office(storage) as office:
            [waiting, done] = await office.settle(PEOPLE[:2])
            office.telegram.script_for(int(waiting.id), "sendMessage", Fault(429, "Too Many Requests", retry_after=40))
            await office.pull()
            hourly = {"rounds": (timedelta(hours=1), office.rounds.hold_due)}
            async with office.sending(), Clockwork(lambda: office.now, hourly):
                await office.let_pass(30, lambda: office.arrived(done) == 3)
                assert await office.states(waiting) == ["planned"] * 3
                [late] = await office.settle(PEOPLE[2:3])
                office.now -= timedelta(hours=1)
                await office.let_pass(60, lambda: office.arrived(late) and office.arrived(waiting))
                assert office.arrived(late)
                assert office.arrived(waiting)
                await office.drain()
            for chat in (waiting, done, late):
                assert await office.states(chat) == ["sent"] * office.arrived(chat) == ["sent"] * 3

    run(set_back())
