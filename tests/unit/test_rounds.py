"""Rounds over fakes: each announcement reaches each chat once, at its hour, through outages, pauses and odd clocks."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.errors import DeliveryError, Remedy, SourceError
from bot.model.chat import Chat
from bot.model.delivery import DeliveryState
from bot.model.subscription import PauseReason
from tests.build import CHAT, make_batch, make_paper
from tests.world import Killed, World

FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)


def paper(day, number=1, title="KV Caches"):
    return make_paper(f"{day:%y%m}.{day.day:02}{number:03}", title)


def batch(day, *papers, category="cs.CL"):
    return make_batch(*(papers or (paper(day),)), category=category, day=day)


class Week(World):
    """A world in which arXiv announces day by day."""

    def announce_day(self, *batches):
        self.source.batches |= {each.category: each for each in batches}

    def at(self, day, hour, minute=0):
        self.now = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
        return self


@pytest.fixture
async def week():
    """On Friday at noon a chat begins to read cs.CL, whose announcement of that day is out."""
    week = Week(batch(FRIDAY))
    await week.ask("/categories add cs.CL")
    assert await week.tick() == 0
    return week


async def monday(week, hour=6):
    week.announce_day(batch(MONDAY))
    return await week.at(MONDAY, hour).tick()


async def test_what_was_out_before_is_not_sent(week):
    """A chat gets the announcements that come after it subscribed."""
    week.later(hours=12)
    await week.tick()
    assert week.got() == []


async def test_a_late_announcement_comes_after_the_chat(week):
    """arXiv is late, a chat subscribes, then the announcement comes: the chat gets it."""
    late = Week(batch(FRIDAY))
    late.at(MONDAY, 6)
    await late.ask("/categories add cs.CL")
    await late.tick()
    assert late.got() == []
    late.later(minutes=16)
    late.announce_day(batch(MONDAY))
    await late.tick()
    assert late.got() == [str(paper(MONDAY).id)]


async def test_on_announcement(week):
    """The digest goes out as soon as the batch is here, once, and its papers are seen."""
    await week.at(MONDAY, 5, 1).tick()
    assert week.got() == []
    assert await monday(week) == 1
    for _ in range(3):
        week.later(minutes=40)
        await week.tick()
    assert week.got() == [str(paper(MONDAY).id)]
    assert set(await week.storage.get_seen(CHAT)) == {paper(MONDAY).id}


async def test_at_an_hour_of_the_chats_own(week):
    """09:00 in Tokyo is midnight in Greenwich: Friday's hour is over, and Monday's papers come on Tuesday there."""
    await week.say("/schedule 09:00 Asia/Tokyo")
    week.announce_day(batch(MONDAY))
    await week.at(MONDAY, 23, 59).tick()
    assert week.got() == []
    await week.at(TUESDAY, 0, 0).tick()
    assert week.got() == [str(paper(MONDAY).id)]


async def test_an_hour_waits_for_a_late_announcement(week):
    """At the hour the batch is not here: the digest comes when it is, on the same day."""
    await week.say("/schedule 09:00")
    await week.at(MONDAY, 9).tick()
    assert week.got() == []
    assert "is due since" in await week.say("/status")
    assert await monday(week, hour=10) == 1
    assert week.got() == [str(paper(MONDAY).id)]


async def test_a_weekly_digest_has_the_whole_week():
    """On Friday at five one digest has the papers of all five days, and says so."""
    week = Week(batch(FRIDAY))
    await week.ask("/categories add cs.CL")
    await week.say("/schedule weekly fri 17:00")
    await week.tick()
    days = [MONDAY + timedelta(days=number) for number in range(5)]
    for day in days:
        week.announce_day(batch(day))
        await week.at(day, 6).tick()
    assert week.got() == []
    await week.at(days[-1], 17).tick()
    [digest] = week.got()
    assert sorted(digest.split()) == sorted(paper(day).id for day in days)
    [sent] = await week.storage.get_deliveries(CHAT)
    assert sent.state is DeliveryState.SENT


async def test_what_was_missed_comes_in_one_digest(week):
    """The bot was down on Monday but arXiv's batches are here: Tuesday's digest has both days, in one message."""
    week.announce_day(batch(MONDAY))
    await week.at(MONDAY, 6).pull()
    week.announce_day(batch(TUESDAY))
    await week.at(TUESDAY, 6).tick()
    [digest] = week.got()
    assert set(digest.split()) == {paper(MONDAY).id, paper(TUESDAY).id}


async def test_at_most_seven_days_are_made_up_for(week):
    """After weeks of silence the digest has the last seven days."""
    await week.say("/pause")
    days = [MONDAY + timedelta(days=number) for number in range(15) if (MONDAY + timedelta(days=number)).weekday() < 5]
    for day in days:
        week.announce_day(batch(day))
        await week.at(day, 6).tick()
    assert week.got() == []
    reply = await week.ask("/resume")
    assert "passed meanwhile" in reply.text
    [button] = reply.buttons
    assert button.label == "Catch up"
    await week.ask(button.line)
    await week.send()
    [digest] = week.got()
    assert set(digest.split()) == {paper(day).id for day in days if day > days[-1] - timedelta(days=7)}


async def test_a_part_of_the_day_is_waited_for_for_half_an_hour(week):
    """One of two categories is late: after 30 minutes the digest goes without it, and it follows, once."""
    await week.ask("/categories add cs.AI")
    week.announce_day(batch(FRIDAY, category="cs.AI"), batch(MONDAY))
    week.source.failures["cs.AI"] = SourceError("down")
    await week.at(MONDAY, 6).tick()
    await week.at(MONDAY, 6, 29).tick()
    assert week.got() == []
    await week.at(MONDAY, 6, 31).tick()
    [first] = week.got()
    assert "arXiv has not announced cs.AI" in first
    assert paper(MONDAY).id in first
    del week.source.failures["cs.AI"]
    week.announce_day(batch(MONDAY, paper(MONDAY, 2), category="cs.AI"))
    for minutes in (50, 70, 90):
        week.at(MONDAY, 6).later(minutes=minutes)
        await week.tick()
    assert week.got()[1:] == [str(paper(MONDAY, 2).id)]


async def test_a_quiet_day_is_told_only_where_that_is_wanted(week):
    """An empty batch on a weekday makes no digest; the line about it is said once, to those who asked for it."""
    other = Chat("console", "other")
    for line in ("/categories add cs.CL", "/settings quiet_notice on"):
        await week.ask(line, chat=other)
    await week.tick()
    week.announce_day(make_batch(category="cs.CL", day=MONDAY))
    for minutes in (0, 15, 30, 45):
        await week.at(MONDAY, 6, minutes).tick()
    assert week.got() == []
    [notice] = week.got(other)
    assert "a quiet day" in notice
    assert "Tuesday 24 November" in notice
    assert "a quiet day" in await week.say("/status")


async def test_nothing_above_the_threshold_is_explained(week):
    """Where all scored too little, /status names the best score."""
    await week.say("/topics add kv cache", "/settings min_score 100")
    await monday(week)
    assert week.got() == []
    status = await week.say("/status")
    assert re.search(r"none has the minimum score of this chat; the best has [1-9]\d?\.", status)


async def test_a_late_arxiv_is_told_once(week):
    """Three hours after the digest was due the chat hears of it, once; not where it switched that off."""
    silent = Chat("console", "silent")
    for line in ("/categories add cs.CL", "/settings failure_notice off"):
        await week.ask(line, chat=silent)
    await week.tick()
    for hours in range(6, 14):
        await week.at(MONDAY, hours).tick()
    [notice] = week.got()
    assert "arXiv has not announced cs.CL for Monday 23 November 2026 yet" in notice
    assert week.got(silent) == []
    await monday(week, hour=15)
    assert week.got()[1:] == [str(paper(MONDAY).id)]


async def test_arxiv_is_not_called_late_before_it_was_asked(week):
    """A process that was down at the hour asks arXiv first: nobody hears of a delay that there may not be."""
    week.announce_day(batch(MONDAY))
    week.services.pipeline.attempts.clear()
    await week.at(MONDAY, 12).tick(pull=False)
    assert week.got() == []
    await week.tick()
    assert week.got() == [str(paper(MONDAY).id)]


async def test_arxiv_is_not_called_late_while_missed_days_are_caught_up_on(week):
    """At Wednesday noon the day's papers are here, and Monday's and Tuesday's are being harvested: nobody is kept waiting by arXiv."""
    wednesday = TUESDAY + timedelta(days=1)
    week.announce_day(batch(wednesday))
    week.at(wednesday, 12)
    await week.services.pipeline.look()
    assert await week.rounds.hold_due() == 0
    await week.send()
    assert week.got() == []
    await week.tick()
    assert week.got() == [str(paper(wednesday).id)]


async def test_a_clock_that_jumps_neither_repeats_nor_skips(week):
    """Set back an hour, ahead a week, and back again: each announcement comes once."""
    await week.say("/schedule 09:00")
    week.announce_day(batch(MONDAY))
    await week.at(MONDAY, 9).tick()
    await week.at(MONDAY, 8).tick()
    await week.at(MONDAY, 9, 1).tick()
    await week.at(MONDAY + timedelta(days=7), 9).tick()
    week.announce_day(batch(TUESDAY))
    for minute in (0, 1):
        await week.at(TUESDAY, 9, minute).tick()
    got = [body for body in week.got() if "arXiv has not announced" not in body]
    assert got == [str(paper(MONDAY).id), str(paper(TUESDAY).id)]


async def test_a_pause_that_ends_by_itself(week):
    """Nothing comes while it lasts; afterwards one digest makes up for it."""
    await week.say("/pause 2026-11-24")
    await monday(week)
    assert week.got() == []
    week.announce_day(batch(TUESDAY))
    await week.at(TUESDAY, 6).tick()
    [digest] = week.got()
    assert set(digest.split()) == {paper(MONDAY).id, paper(TUESDAY).id}


async def test_a_blocked_chat_is_paused_and_comes_back_with_an_offer(week):
    """After the first refusal nothing is tried; unblocked, the chat is offered what it missed, and gets it by a tap."""
    week.messenger.script[CHAT.key].append(DeliveryError(Remedy.PAUSE, "blocked", pause=PauseReason.BLOCKED))
    await monday(week)
    assert "paused because the bot was blocked" in await week.say("/status", is_admin=False)
    week.announce_day(batch(TUESDAY))
    await week.at(TUESDAY, 6).tick()
    assert len(week.messenger.tries) == 1
    await week.rounds.back(CHAT)
    await week.send()
    [offer] = week.got()
    assert "2 announcements passed meanwhile" in offer
    assert "Catch up" in offer
    assert "2 papers are on their way" in (await week.ask("/catchup 2026-11-22")).toast
    await week.send()
    assert set(week.got()[1].split()) >= {paper(MONDAY).id, paper(TUESDAY).id}
    assert "nothing to catch up on" in (await week.ask("/catchup 2026-11-22")).toast


async def test_a_pause_of_the_chats_own_is_not_ended_by_the_platform(week):
    """Whoever asked for silence keeps it when the bot is added again."""
    await week.say("/pause")
    await week.rounds.back(CHAT)
    await week.send()
    assert week.got() == []
    assert "asked for it" in await week.say("/status")


async def test_an_uncertain_part_is_offered_again_with_the_next_digest(week):
    """It is not repeated, nor do its papers come again; the next digest has a button Resend, which sends it once more."""
    week.messenger.script[CHAT.key].append(DeliveryError(Remedy.UNCERTAIN, "no answer"))
    await week.say("/topics add kv cache")
    await monday(week)
    assert week.got() == []
    assert "uncertain" in await week.say("/status")
    assert [each.label for each in (await week.ask("/status")).buttons] == ["Resend"]
    assert "It is uncertain whether it arrived" in await week.say(f"/why {paper(MONDAY).id}")
    week.announce_day(batch(TUESDAY))
    await week.at(TUESDAY, 6).tick()
    [digest] = week.got()
    assert "uncertain whether 1 part of the digest of Monday 23 November 2026 arrived" in digest
    assert "Resend" in digest
    assert paper(MONDAY).id not in digest
    assert "Sending 1 part again" in (await week.ask("/resend")).toast
    await week.send()
    assert paper(MONDAY).id in week.got()[1]
    assert "Nothing is uncertain" in (await week.ask("/resend")).toast


async def test_why_follows_a_paper_to_the_chat(week):
    """/why says when a paper was sent."""
    await monday(week)
    assert "It was sent here on Monday 23 November 2026, 06:00" in await week.say(f"/why {paper(MONDAY).id}")


async def test_why_says_that_it_waits(week):
    """While the platform makes us wait, /why and /status say so."""
    week.messenger.script[CHAT.key].append(DeliveryError(Remedy.RETRY, "429", retry_after=900.0))
    await monday(week)
    assert "is waiting to be sent since" in await week.say(f"/why {paper(MONDAY).id}")
    assert "1 waiting" in await week.say("/status")


async def test_a_failed_part_is_told(week):
    """A part that was refused is named with its reason, and with the next digest."""
    week.messenger.script[CHAT.key].append(DeliveryError(Remedy.DROP, "too long"))
    await monday(week)
    assert "delivery failed" in await week.say("/status")
    week.announce_day(batch(TUESDAY))
    await week.at(TUESDAY, 6).tick()
    assert "1 part of the digest of Monday 23 November 2026 could not be delivered" in week.got()[0]


async def test_a_chat_that_was_forgotten_gets_nothing(week):
    """After /forgetme nothing is planned, and nothing that was planned is sent."""
    week.announce_day(batch(MONDAY))
    await week.at(MONDAY, 6).pull()
    await week.rounds.hold_due()
    await week.ask("/forgetme yes")
    await week.send()
    await week.tick()
    assert week.got() == []


async def test_a_full_outbox_leaves_the_rest_for_later(week):
    """Not more chats are planned than may wait; the others have their turn when there is room."""
    week.rounds.most_open = 2
    for number in range(5):
        await week.ask("/categories add cs.CL", chat=Chat("console", str(number)))
    await week.tick()
    week.announce_day(batch(MONDAY))
    await week.at(MONDAY, 6).pull()
    assert await week.rounds.hold_due() == 2
    assert await week.rounds.hold_due() == 0
    await week.send()
    assert await week.rounds.hold_due() == 2
    for _ in range(3):
        await week.send()
        await week.rounds.hold_due()
    await week.send()
    assert len(week.messenger.sent) == 6


async def test_an_administrators_command_brings_a_chat_back(week):
    """Where the platform had shut a chat to us, an administrator's words open it; others' do not, nor a pause asked for."""
    await week.rounds.gone(CHAT, PauseReason.NO_RIGHTS)
    assert "may not write there" in await week.say("/status", is_admin=False)
    assert "may not write there" in await week.say("/status")
    assert "may not write there" not in await week.say("/status")
    await week.send()
    assert week.got() == ["Digests go on in this chat."]


async def test_a_group_is_gone_with_its_topics(week):
    """What becomes of a group becomes of the topics of its forum; a topic is gone alone."""
    topics = [Chat("console", "local", "1"), Chat("console", "local", "2")]
    for chat in topics:
        await week.ask("/categories add cs.CL", chat=chat)
    await week.rounds.gone(topics[0], PauseReason.CLOSED)
    paused = [each.chat for each in await week.storage.get_subscriptions() if each.pause]
    assert paused == [topics[0]]
    await week.rounds.gone(CHAT, PauseReason.REMOVED)
    assert all(each.pause for each in await week.storage.get_subscriptions())
    await week.rounds.back(CHAT)
    assert not any(each.pause for each in await week.storage.get_subscriptions())


async def test_the_mornings_digest_can_be_read_again(week):
    """After it was delivered /digest has nothing new, says so, and has a button that shows it again; nothing is marked anew."""
    await monday(week)
    reply = await week.ask("/digest")
    assert reply.digest.papers == ()
    [button] = reply.buttons
    assert button.label == "Show it again"
    again = await week.ask(button.line)
    assert [each.announced.paper.id for each in again.digest.papers] == [paper(MONDAY).id]


@pytest.mark.parametrize("survived", range(3))
async def test_a_pull_at_the_weekend_that_was_cut_off_loses_no_time(survived):
    """Thursday's papers are read on Saturday, as Friday was a holiday; a process that dies between two writes is as good as none."""
    wednesday, thursday, saturday = date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 28)
    week = Week(batch(wednesday)).at(wednesday, 12)
    await week.ask("/categories add cs.CL")
    await week.tick()
    week.announce_day(batch(thursday))
    save, writes = week.storage.save_day, []

    async def save_day(*args):
        if len(writes) == survived:
            raise Killed
        writes.append(args)
        await save(*args)

    week.at(saturday, 6)
    week.storage.save_day = save_day
    with suppress(Killed):
        await week.services.pipeline.look()
    week.storage.save_day = save
    again = Week(batch(thursday), storage=week.storage).at(saturday, 6)
    again.arxiv.failures["list"] = SourceError("down")
    await again.tick()
    assert again.got() == [str(paper(thursday).id)]


async def test_rounds_during_a_pull_call_nothing_late(week):
    """While an answer of arXiv is being written down, chats are looked at: none is told that arXiv is late."""
    week.announce_day(batch(MONDAY))
    week.at(MONDAY, 12)
    week.services.pipeline.attempts.clear()
    save, looked = week.storage.save_day, []

    async def save_day(*args):
        looked.append(await week.rounds.hold_due())
        await save(*args)
        looked.append(await week.rounds.hold_due())

    week.storage.save_day = save_day
    await week.pull()
    await week.send()
    assert looked[0] == 0
    assert week.got() == [str(paper(MONDAY).id)]
