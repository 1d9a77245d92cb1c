"""Single requests to Discord's API, against a strict Discord on loopback."""

import asyncio
import time

import pytest

from bot.errors import DeliveryError, Remedy
from bot.model.subscription import PauseReason
from handlers.discord.failures import RefusedError
from handlers.discord.rest import DiscordRest
from tests.servers.discord import TOKEN, serve
from tests.servers.discord_data import GUILD, NEWS_TYPE, Answer, make_channel

ROOM = "5000"
VIA = {"Via": "1.1 google"}
HELLO = {"content": "hello", "allowed_mentions": {"parse": []}}


@pytest.fixture
async def server():
    async with serve() as server:
        yield server
        assert server.refusals == []


@pytest.fixture
async def rest(server):
    async with DiscordRest(TOKEN, f"{server.base}/api/v10/") as rest:
        yield rest


async def failing(request):
    """The error that a request ends with."""
    with pytest.raises(DeliveryError) as caught:
        await request
    assert TOKEN not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    return caught.value


async def test_each_request_is_made_as_discord_wants_it(server, rest):
    """Paths, bodies and answers, without a gateway; a message's answer says for how long the channel takes no more."""
    server.add(make_channel("5200", NEWS_TYPE))
    assert (await rest.get_me()).data["bot"]
    assert (await rest.get_channel(ROOM)).data["type"] == 0
    dm = (await rest.open_dm("42")).data["id"]
    assert dm == server.dm_channel("42")
    sent = await rest.send_message("5200", HELLO, "n" * 25)
    assert sent.pause == 0
    assert server.requests[-1][2] == HELLO | {"nonce": "n" * 25, "enforce_nonce": True}
    assert (await rest.send_message("5200", HELLO, "n" * 25)).data["id"] == sent.data["id"]
    assert (await rest.send_message("5200", HELLO)).data["id"] != sent.data["id"]
    assert [each["id"] for each in (await rest.get_messages("5200", 2)).data][-1] == sent.data["id"]
    assert (await rest.start_thread("5200", sent.data["id"], "More")).data["id"] == sent.data["id"]
    assert [each["name"] for each in (await rest.get_active_threads(GUILD)).data["threads"]] == ["More"]
    await rest.crosspost("5200", sent.data["id"])
    assert server.crossposted == [sent.data["id"]]
    assert all(each["User-Agent"].startswith("DiscordBot (https://") for each in server.headers)


async def test_it_works_without_being_entered(server):
    """Each request then has a connection of its own."""
    await DiscordRest(TOKEN, f"{server.base}/api/v10").send_message(ROOM, HELLO)
    assert len(server.messages(ROOM)) == 1


async def test_a_request_is_one_attempt(server, rest):
    """Nothing is repeated, and nothing waited for."""
    for answer in (Answer(500), Answer(429, {"retry_after": 30}, VIA), Answer(403, {"code": 50013, "message": "No"})):
        server.plan("POST", "/messages", answer)
        began = time.monotonic()
        assert isinstance(await failing(rest.send_message(ROOM, HELLO)), RefusedError)
        assert time.monotonic() - began < 1
    assert len(server.requests) == 3


async def test_nobody_there_is_certain_and_holds_everywhere(server, rest):
    """A refused connection did nothing; once the server is back on the same port all is well."""
    await server.hang_up()
    error = await failing(rest.send_message(ROOM, HELLO))
    assert (error.remedy, error.is_everywhere) == (Remedy.RETRY, True)
    await server.listen()
    await rest.send_message(ROOM, HELLO)


@pytest.mark.parametrize("answer", [Answer(lost=True), Answer(unheard=True), Answer(page="<html>Hotel</html>")])
async def test_a_lost_answer_is_to_be_asked_for_again(server, rest, answer):
    """Where it sends a part, whoever repeats it must know it for the same; any other request does no harm."""
    server.plan("POST", "/messages$", answer)
    error = await failing(rest.send_message(ROOM, HELLO))
    assert (error.remedy, error.is_everywhere) == (Remedy.REPEAT, False)
    server.plan("POST", "/users/@me/channels", answer)
    assert (await failing(rest.open_dm("42"))).remedy is Remedy.RETRY


async def test_an_answer_that_takes_too_long_is_lost(server, rest):
    """Ours is the patience; what happened on the other side nobody knows."""
    rest.patience = 0.05
    server.plan("POST", "/messages$", Answer(delay=1.0))
    error = await failing(rest.send_message(ROOM, HELLO))
    assert error.remedy is Remedy.REPEAT


async def test_a_token_that_is_none_never_leaves_the_house(server):
    """It could break out of its header."""
    async with DiscordRest("a\r\nb: c", f"{server.base}/api/v10") as rest:
        assert (await failing(rest.get_channel(ROOM))).remedy is Remedy.STOP
    async with DiscordRest("wrong", f"{server.base}/api/v10") as rest:
        assert (await failing(rest.get_channel(ROOM))).remedy is Remedy.STOP
    assert len(server.requests) == 1
    assert TOKEN not in repr(rest)


async def test_too_many_refusals_end_in_silence(server, rest, caplog):
    """401, 403 and 429 count for ten minutes, limits that others share do not; then nothing is sent until they are over."""
    rest.most_invalid, rest.invalid_seconds = 3, 0.5
    shared = Answer(429, {"retry_after": 1}, VIA | {"X-RateLimit-Scope": "shared"})
    refused = [Answer(401), Answer(403, {"code": 50001, "message": "No"}), Answer(429, {"retry_after": 1}, VIA)]
    server.plan("POST", "/messages", shared, Answer(404), Answer(500), *refused)
    for _ in range(6):
        await failing(rest.send_message(ROOM, HELLO))
    assert rest.invalid_requests == 3
    before = len(server.requests)
    for _ in range(3):
        error = await failing(rest.send_message(ROOM, HELLO))
        assert (error.remedy, error.is_everywhere) == (Remedy.RETRY, True)
        assert 0 < error.retry_after <= 0.5
    assert len(server.requests) == before
    assert caplog.text.count("status=silenced") == 1
    await asyncio.sleep(error.retry_after + 0.01)
    await rest.send_message(ROOM, HELLO)
    assert rest.invalid_requests == 0


async def test_all_requests_together_keep_to_fifty_a_second(server, rest):
    """Whatever they ask for and however long each takes on the way, Discord never has to say so."""
    server.is_strict, server.jitter = True, 0.015
    began = time.monotonic()
    rooms = [str(6000 + number) for number in range(60)]
    await asyncio.gather(
        *(rest.get_channel(each) for each in rooms), *(rest.send_message(each, HELLO) for each in rooms)
    )
    assert server.limits.told_off == []
    assert 2.0 < time.monotonic() - began < 3.5


async def test_a_full_channel_is_told_with_the_message_that_filled_it(server, rest):
    """The fifth message says when the channel takes more; who does not listen is told off."""
    server.is_strict = True
    pauses = [(await rest.send_message(ROOM, HELLO)).pause for _ in range(5)]
    assert pauses[:4] == [0, 0, 0, 0]
    assert 4.0 < pauses[4] <= 5.0
    error = await failing(rest.send_message(ROOM, HELLO))
    assert (error.remedy, error.is_everywhere) == (Remedy.RETRY, False)
    assert 4.0 < error.retry_after <= 5.0
    assert server.limits.told_off == [f"/channels/{ROOM}/messages"]


async def test_a_missing_channel_has_a_reason(server, rest):
    """The table's reason comes with the error."""
    server.gone.add(ROOM)
    error = await failing(rest.get_channel(ROOM))
    assert (error.remedy, error.pause, error.code) == (Remedy.PAUSE, PauseReason.GONE, 10003)
