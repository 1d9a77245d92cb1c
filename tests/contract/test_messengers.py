"""One suite over every messenger: what it composes is whole and arrives, and what does not arrive is told for what it is."""

import re
from contextlib import contextmanager, suppress

import pytest

from bot.errors import DeliveryError, Remedy
from bot.model.digest import Digest, DigestPaper, LeftOut, Score
from bot.model.message import Button, Message
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.model.subscription import DETAILS, PauseReason
from bot.ports import Messenger
from tests.build import DAY, make_paper
from tests.stages.console import ConsoleStage
from tests.stages.discord import DiscordStage
from tests.stages.stage import FLOOD_SECONDS, Refusal
from tests.stages.telegram import TelegramStage

REMOTE = [TelegramStage, DiscordStage]
STAGES = [*REMOTE, ConsoleStage]
ID = re.compile(r"2611\.\d{5}")


@pytest.fixture(params=STAGES, ids=lambda stage: stage.name)
async def stage(request):
    """Every messenger."""
    async with request.param() as stage:
        yield stage


@pytest.fixture(params=REMOTE, ids=lambda stage: stage.name)
async def remote(request):
    """Every messenger that speaks to a server, which may refuse."""
    async with request.param() as stage:
        yield stage


def make_digest(count=40):
    """A digest that no single message holds: long abstracts, and titles that look like markup."""
    papers = (
        make_paper(f"2611.{number:05}", f"On <b>worlds</b> & *stars* _{number}_", "The world is wide. " * 60)
        for number in range(1, count + 1)
    )
    shown = (
        DigestPaper(place, AnnouncedPaper(paper, AnnounceType.NEW, DAY), Score(1.0))
        for place, paper in enumerate(papers, start=1)
    )
    return Digest(DAY, ("cs.CL",), tuple(shown), {LeftOut.NO_MATCH: 3})


@contextmanager
def raising(remedy):
    """What is done inside raises a DeliveryError with this remedy; afterwards `.value` is the error."""
    with pytest.raises(DeliveryError) as caught:
        yield caught
    assert caught.value.remedy is remedy


@pytest.mark.parametrize("detail", DETAILS)
def test_composing_keeps_every_paper_once(stage, detail):
    """Over all parts each paper stands once, in its order, and only in the part that names it."""
    messenger: Messenger = stage.messenger
    digest = make_digest()
    parts = messenger.compose(stage.chat, Message("Good morning.", digest, detail))
    named = [paper for part in parts for paper in part.papers]
    assert named == [each.announced.paper.id for each in digest.papers]
    assert parts == messenger.compose(stage.chat, Message("Good morning.", digest, detail))


def test_nothing_to_say_has_no_parts(stage):
    """An empty message is not sent at all."""
    assert stage.messenger.compose(stage.chat, Message()) == ()


async def test_every_part_arrives(stage):
    """Each part is taken by the platform, shows the papers it claims to, and has a message id of its own."""
    parts = stage.messenger.compose(stage.chat, Message("Good morning.", make_digest()))
    receipts = await stage.deliver(*parts)
    received = stage.received()
    assert len(received) == len(parts)
    assert "Good morning." in received[0]
    for part, text in zip(parts, received, strict=True):
        assert set(part.papers) == set(ID.findall(text))
    assert len({each.message_id for each in receipts}) == len(parts)
    assert all(isinstance(each.message_id, str) and each.message_id for each in receipts)


async def test_a_part_means_the_same_after_a_restart(stage):
    """A body that another process composed is delivered like one's own."""
    parts = stage.messenger.compose(stage.chat, Message("Good morning.", make_digest(3)))
    async with type(stage)() as later:
        await later.deliver(*parts)
        assert len(later.received()) == len(parts)


async def test_buttons_are_below_the_last_part(remote):
    """A message brings its buttons along."""
    buttons = (Button("Resend", "/resend 2611"), Button("No", "/no"))
    parts = remote.messenger.compose(remote.chat, Message("One part did not certainly arrive.", buttons=buttons))
    await remote.deliver(*parts)
    assert remote.labels() == ["Resend", "No"]


async def test_plain_words_are_sent_at_once(stage):
    """What owners are told arrives as it was written."""
    await stage.messenger.send(stage.chat, "Telegram has been down for 10 minutes.")
    assert stage.received() == ["Telegram has been down for 10 minutes."]


async def test_handing_on_is_always_fine(stage):
    """Where there is nothing to hand on, nothing happens."""
    await stage.deliver(*stage.messenger.compose(stage.chat, Message("Hello.")))
    [receipt] = await stage.deliver(*stage.messenger.compose(stage.chat, Message("Good bye.")))
    assert not receipt.has_to_be_published
    await stage.messenger.publish(stage.chat, receipt.message_id)
    assert len(stage.received()) == 2


def test_limits_are_told(stage):
    """Every platform says how much it takes, and a chat belongs to one bucket."""
    limits = stage.messenger.limits
    assert limits.per_second > 0
    assert limits.bucket(stage.chat) == limits.bucket(stage.chat)


async def test_refused_markup_is_delivered_plain(remote, caplog):
    """The part arrives without its markup in the same delivery, and the log says so."""
    await remote.refuse(Refusal.MARKUP)
    parts = remote.messenger.compose(remote.chat, Message(digest=make_digest(2)))
    await remote.deliver(*parts)
    assert "_1_" in "".join(remote.received()).replace("\\", "")
    assert "refused" in caplog.text


async def test_markup_that_is_refused_twice_is_dropped(remote):
    """Where the plain text is not taken either, the part never will be."""
    await remote.refuse(Refusal.MARKUP)
    await remote.refuse(Refusal.MARKUP)
    with raising(Remedy.DROP):
        await remote.deliver(*remote.messenger.compose(remote.chat, Message("Hello.")))
    assert remote.received() == []


@pytest.mark.parametrize("refusal", [Refusal.BLOCKED, Refusal.UNKNOWN_CHAT])
async def test_a_chat_out_of_reach_is_paused(remote, refusal):
    """A block, and a chat that is not there, pause the chat with a reason."""
    await remote.refuse(refusal)
    with raising(Remedy.PAUSE) as caught:
        await remote.deliver(*remote.messenger.compose(remote.chat, Message("Hello.")))
    assert caught.value.pause in set(PauseReason)


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [(Refusal.FLOOD, FLOOD_SECONDS), (Refusal.FLOOD_UNTOLD, 0), (Refusal.FAILING, 0), (Refusal.PROXY, 0)],
)
async def test_what_was_turned_away_is_tried_again(remote, refusal, seconds):
    """A 429 tells how long to wait; a 5xx, and what stands before the platform, do not. A later try succeeds."""
    parts = remote.messenger.compose(remote.chat, Message("Hello."))
    await remote.refuse(refusal)
    with raising(Remedy.RETRY) as caught:
        await remote.deliver(*parts)
    assert caught.value.retry_after == pytest.approx(seconds, abs=1)
    assert remote.received() == []
    await remote.deliver(*parts)
    assert len(remote.received()) == 1


async def test_a_platform_out_of_reach_holds_up_every_chat(remote):
    """A refused connection certainly delivered nothing, and no other chat can do better."""
    await remote.refuse(Refusal.UNREACHABLE)
    with raising(Remedy.RETRY) as caught:
        await remote.deliver(*remote.messenger.compose(remote.chat, Message("Hello.")))
    assert caught.value.is_everywhere


@pytest.mark.parametrize("refusal", [Refusal.LOST, Refusal.GARBLED])
async def test_a_lost_answer_is_no_reason_to_send_again(remote, refusal):
    """Whoever cannot tell says so, or finds out; never that it certainly did not arrive."""
    await remote.refuse(refusal)
    with pytest.raises(DeliveryError) as caught:
        await remote.deliver(*remote.messenger.compose(remote.chat, Message("Hello.")))
    assert caught.value.remedy in remote.lost


async def test_asked_again_after_a_lost_answer_nothing_doubles(remote):
    """A part that may be there already is found, sent under the same name, or called uncertain: it never stands there twice."""
    parts = remote.messenger.compose(remote.chat, Message("Hello."))
    await remote.refuse(Refusal.LOST)
    with pytest.raises(DeliveryError):
        await remote.deliver(*parts)
    with suppress(DeliveryError):
        await remote.deliver(*parts, unanswered_for=1.0)
    assert len(remote.received()) == 1


async def test_a_refused_token_stops_the_platform(remote):
    """Only the operator can help."""
    await remote.refuse(Refusal.TOKEN)
    with raising(Remedy.STOP):
        await remote.deliver(*remote.messenger.compose(remote.chat, Message("Hello.")))


@pytest.mark.parametrize("refusal", list(Refusal))
async def test_no_error_tells_the_token_or_the_words(remote, refusal):
    """Neither the text of an error nor that of its causes holds what must not be read in a log."""
    await remote.refuse(refusal)
    error = None
    try:
        await remote.deliver(*remote.messenger.compose(remote.chat, Message("Only between us.")))
    except DeliveryError as caught:
        error = caught
        assert len(str(error)) < 500
        assert "between us" not in str(error)
    while error is not None:
        assert remote.secret not in f"{error} {error!r}"
        error = error.__cause__
