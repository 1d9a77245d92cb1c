"""The real Telegram platform behind its webhook: a strict Bot API server posts to our real HTTP server."""

import asyncio
import io
import json
import logging
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aiohttp import ClientSession

from bot.errors import PlatformError, PlatformRefusedError, StorageError
from bot.model.chat import Chat
from bot.web import LARGEST_BODY, WebServer
from handlers.telegram.webhook import SECRET_HEADER, Webhook
from tests.adapters.test_telegram import ADA, BOB, GROUP, PAPERS, Telegram, read
from tests.build import make_batch
from tests.faults.town import make_private
from tests.servers.telegram import TOKEN, Fault, TelegramServer
from tests.world import World

JSON = {"Content-Type": "application/json"}
PROMPT = {"patience": 1.5, "check_seconds": 0.05}


class Hooked(Telegram):
    """The platform as `Telegram` has it, started when its webhook is set."""

    def __init__(self, server, world, **options):
        super().__init__(server, world, **options)
        self.webhook = options.get("webhook")

    async def start(self):
        self.running = asyncio.create_task(self.platform.run())
        begun = len(self.server.called("setMyCommands"))
        await self.server.until(lambda: len(self.server.called("setMyCommands")) > begun or self.running.done())

    async def post(self, body, **headers):
        """Post to the webhook; status and text of the answer. Without `headers` it is all right."""
        headers = {SECRET_HEADER: self.webhook.secret} | JSON | headers
        body = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with (
            ClientSession() as session,
            session.post(self.webhook.url, data=body, headers={k: v for k, v in headers.items() if v}) as answer,
        ):
            return answer.status, await answer.text()


@asynccontextmanager
async def opened(server, port, storage=None, **options):
    """The platform with its webhook served on `port`."""
    world = World(make_batch(*PAPERS), make_batch(category="cs.AI"), storage=storage)
    await world.storage.open()
    webhook, web = Webhook(TOKEN, f"http://127.0.0.1:{port}"), WebServer(port, "127.0.0.1")
    web.add_post(webhook.path, webhook.receive)
    async with web:
        telegram = Hooked(server, world, webhook=webhook, **options)
        await telegram.start()
        try:
            yield telegram
        finally:
            await telegram.stop()


@pytest.fixture
async def server():
    async with TelegramServer() as server:
        server.group(GROUP, {ADA: "administrator", BOB: "member"})
        yield server
        assert server.complaints == []


@pytest.fixture
async def telegram(server, unused_tcp_port):
    async with opened(server, unused_tcp_port) as telegram:
        yield telegram


def update(number, text="/topics", **extra):
    person = {"id": ADA, "is_bot": False, "first_name": "Ada"}
    chat = {"id": ADA, "type": "private", "first_name": "Ada"}
    message = {"message_id": number, "date": 1_790_000_000, "chat": chat, "from": person, "text": text, **extra}
    return {"update_id": number, "message": message}


async def test_a_whole_talk(telegram, server):
    """Commands, groups, buttons and questions work as they do by polling, and nothing is polled."""
    await server.ask(ADA, ADA, "/categories add cs.CL")
    assert "Small KV Caches" in read(await server.ask(ADA, ADA, "/digest"))
    assert "Following kv cache" in read(await server.ask(GROUP, ADA, "/topics add kv cache"))
    panel = await server.ask(ADA, ADA, "/panel")
    await server.press(panel, "Again", ADA)
    await server.until(lambda: read(panel) == "pressed")
    await server.ask(ADA, ADA, "/name")
    assert read(await server.ask(ADA, ADA, "Ada")) == "Hello Ada."
    assert server.called("getUpdates") == []
    assert {status for _, status, _ in server.posts} == {200}
    assert telegram.platform.last_contact == telegram.world.now


async def test_what_is_registered(telegram, server):
    """The address tells nothing of the token, the secret is long, and only the updates we read are asked for."""
    assert server.hook.url == telegram.webhook.url
    assert server.hook.allowed == ["message", "edited_message", "callback_query", "my_chat_member"]
    assert len(server.hook.secret) == 64
    assert 1 <= server.hook.max_connections <= 40
    assert Webhook("1:other", "").secret != Webhook("2:other", "").secret


@pytest.mark.parametrize("secret", ["", "wrong", "0" * 64, "\u00e9"])
async def test_posts_without_the_secret_are_turned_away(telegram, server, secret):
    """401 without a word, whatever they hold, and nothing happens."""
    assert await telegram.post(update(1), **{SECRET_HEADER: secret}) == (401, "")
    assert await telegram.post(b"{", **{SECRET_HEADER: secret}) == (401, "")
    await server.ask(BOB, BOB, "/topics")
    assert ADA not in server.rooms


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (update(1), {"Content-Type": "text/plain"}, 400),
        (b"{", {}, 400),
        (b"\xff", {}, 400),
        (b"[" * 100_000, {}, 400),
        ([update(1)], {}, 400),
        ({"message": update(1)["message"]}, {}, 400),
        (update("1"), {}, 400),
        (b" " * (LARGEST_BODY + 1), {}, 413),
        (update(1), {"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"update_id": 1, "message": {"chat": "nonsense"}}, {}, 200),
        ({"update_id": 1, "message": "nonsense"}, {}, 200),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_posts_that_are_no_updates_are_told_apart(telegram, server, body, headers, status):
    """Not JSON, no update, or too large: refused. An update that cannot be read is taken, or it would come for a day."""
    server.rooms.clear()
    await server.say(BOB, BOB, "/topics")
    assert (await telegram.post(body, **headers))[0] == status
    assert "No topics" in read((await server.replies(BOB))[0])


async def test_an_update_that_comes_twice_is_done_once(telegram, server):
    """Telegram posts again what it got no answer to."""
    server.lost_answers = 2
    await server.say(ADA, ADA, "/topics")
    await server.until(lambda: len(server.posts) == 3)
    await server.ask(BOB, BOB, "/topics")
    assert len({number for number, _, _ in server.posts[:3]}) == 1
    assert {status for _, status, _ in server.posts} == {200}
    assert len(server.sent(ADA)) == 1


async def test_an_update_that_comes_again_after_a_restart_is_done_once(telegram, server):
    """The platform may have been rebuilt between the two posts."""
    await server.say(ADA, ADA, "hello")
    await server.replies(ADA)
    assert (await telegram.post(update(7)))[0] == 200
    await server.replies(ADA)
    await telegram.stop()
    assert (await telegram.post(update(7)))[0] == 200
    await telegram.start()
    assert (await telegram.post(update(7)))[0] == 200
    await server.ask(ADA, ADA, "/help")
    assert len(server.sent(ADA)) == 3


async def test_a_full_lane_is_refilled_later(telegram, server):
    """What finds twenty waiting is answered 503 and comes again, in order; other chats notice nothing."""
    await server.say(ADA, ADA, "/slow 0.5")
    for number in range(25):
        await server.say(ADA, ADA, f"/topics test word{number}")
    await server.ask(BOB, BOB, "/topics")
    assert server.sent(ADA) == []
    await server.until(lambda: len(server.sent(ADA)) == 26)
    assert [f"word{number}" in read(each) for number, each in enumerate(server.sent(ADA)[1:])] == [True] * 25
    busy = [later for _, status, later in server.posts if status == 503]
    assert busy
    assert set(busy) == {"5"}


def remove(hook):
    return None


def redirect(hook):
    hook.url = "http://127.0.0.1:9/elsewhere"
    return hook


def narrow(hook):
    hook.allowed = ["message"]
    return hook


def change_secret(hook):
    hook.secret = "another"
    return hook


@pytest.mark.parametrize("change", [remove, redirect, narrow, change_secret])
async def test_a_webhook_that_was_changed_is_set_again(server, unused_tcp_port, caplog, change):
    """Removed, pointed elsewhere, made deaf to buttons, or given another secret: it is ours again, and the log says so."""
    async with opened(server, unused_tcp_port, **PROMPT):
        changed = server.hook = change(server.hook)
        server._allowed = changed.allowed if changed else []
        if change is change_secret:
            await server.say(ADA, ADA, "/topics")
        await server.until(lambda: server.hook is not changed)
        if change is not change_secret:
            await server.say(ADA, ADA, "/topics")
        assert "No topics" in read((await server.replies(ADA))[0])
        await asyncio.sleep(0.2)
    assert caplog.text.count("somebody else changed or removed it") == 1
    assert len(server.called("setWebhook")) == 2


async def test_a_webhook_that_stands_is_left_alone(server, unused_tcp_port):
    """Looking at it changes nothing, and counts as contact."""
    async with opened(server, unused_tcp_port, **PROMPT):
        await server.until(lambda: len(server.called("getWebhookInfo")) >= 3)
    assert len(server.called("setWebhook")) == 1
    assert server.called("deleteWebhook") == []


async def test_posts_that_fail_are_in_the_log(server, unused_tcp_port, caplog):
    """What Telegram says of its posts is logged once for each new error, with how many updates wait."""
    async with opened(server, unused_tcp_port, **PROMPT):
        server.hook.last_error = {"last_error_date": 1_790_000_000, "last_error_message": "Connection refused"}
        await server.until(lambda: "Connection refused" in caplog.text)
        await asyncio.sleep(0.2)
    assert caplog.text.count("webhook status=failed") == 1
    assert "pending=0" in caplog.text


async def test_a_restart_loses_nothing(telegram, server):
    """The webhook stays, and what people say meanwhile is answered after."""
    await telegram.stop()
    assert server.hook is not None
    await server.say(ADA, ADA, "/topics")
    await server.until(lambda: server.posts)
    assert server.posts[0][1] == 503
    await telegram.start()
    assert "No topics" in read((await server.replies(ADA))[0])


async def test_both_modes_can_follow_each_other(server, unused_tcp_port):
    """From webhook to polling and back, nothing is lost or done twice."""
    async with opened(server, unused_tcp_port) as hooked:
        await server.ask(ADA, ADA, "/topics")
        await hooked.stop()
        await server.say(ADA, ADA, "/topics")
        polled = Telegram(server, hooked.world)
        await polled.start()
        await server.replies(ADA)
        assert server.hook is None
        await server.ask(ADA, ADA, "/topics")
        await polled.stop()
        await server.say(ADA, ADA, "/topics")
        await hooked.start()
        await server.replies(ADA)
        await server.ask(ADA, ADA, "/topics")
    assert len(server.sent(ADA)) == 5


async def test_a_webhook_that_comes_while_we_poll_is_removed(server, caplog):
    """A predecessor may set its own once more while it is replaced; nothing is lost or done twice."""
    world = World()
    await world.storage.open()
    polled = Telegram(server, world)
    await polled.start()
    await server.ask(ADA, ADA, "/topics")
    await server._call("setWebhook", {"url": "http://127.0.0.1:9/", "secret_token": "x"})
    await server.until(lambda: server.hook is None)
    assert "No topics" in read(await server.ask(BOB, BOB, "/topics"))
    await polled.stop()
    assert len(server.sent(ADA)) == 1
    assert caplog.text.count("another program set a webhook") == 1


async def test_stopping_finishes_what_is_in_flight(telegram, server):
    """What was taken is done, what comes in the meantime is left for later."""
    await server.say(ADA, ADA, "/slow 0.5")
    await server.until(lambda: server.posts)
    stopping = asyncio.create_task(telegram.stop())
    await asyncio.sleep(0.1)
    assert (await telegram.post(update(9)))[0] == 503
    await stopping
    assert [each.text for each in server.sent(ADA)] == ["slow is done"]


async def test_checks_that_fail_for_a_while_are_got_over(server, unused_tcp_port):
    """A 502 is no reason to start again."""
    server.script("getWebhookInfo", Fault(502, body="<html>Bad Gateway</html>"), Fault(429, retry_after=1))
    async with opened(server, unused_tcp_port, **PROMPT | {"patience": 5.0}) as telegram:
        await server.until(lambda: len(server.called("getWebhookInfo")) >= 4)
        assert not telegram.running.done()


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(401, "Unauthorized"), PlatformRefusedError, "token"),
        (Fault(500), PlatformError, "cannot be reached"),
        (Fault(pause=60), PlatformError, "no webhook check was answered"),
    ],
)
async def test_what_telegram_does_to_us_ends_the_run(server, unused_tcp_port, fault, error, words):
    """A token that became invalid, failures that go on, and silence end it as in polling."""
    server.script("getWebhookInfo", *[fault] * 50)
    async with opened(server, unused_tcp_port, **PROMPT) as telegram:
        with pytest.raises(error, match=words) as caught:
            await asyncio.wait_for(telegram.running, 5)
    assert isinstance(caught.value, PlatformRefusedError) == (error is PlatformRefusedError)


async def test_an_address_that_telegram_does_not_take_is_named(server):
    """The operator learns which setting is wrong."""
    telegram = Hooked(server, World(), webhook=Webhook(TOKEN, "http://bot.example.org"))
    with pytest.raises(PlatformError, match=r"PUBLIC_URL: .*https url"):
        await telegram.platform.run()


async def test_no_log_holds_the_secret(server, unused_tcp_port, caplog):
    """Not at DEBUG, not in a description of ours, not after a failure."""
    caplog.set_level(logging.DEBUG)
    async with opened(server, unused_tcp_port, **PROMPT) as telegram:
        await telegram.post(b"{", **{SECRET_HEADER: "wrong"})
        server.hook = None
        await server.until(lambda: server.hook)
        await server.ask(ADA, ADA, "/topics")
        secret = server.hook.secret
        told = repr(telegram.webhook) + repr(telegram.platform)
    assert "setWebhook" in caplog.text
    assert secret not in caplog.text + told
    assert TOKEN not in caplog.text + told


async def test_an_update_that_is_posted_to_two_processes_is_done_once(server, unused_tcp_port_factory):
    """Whoever claims it first handles it; where nobody can be asked, it is handled rather than lost."""
    claimed, is_down = set(), False

    async def claim(number):
        if is_down:
            raise StorageError("no database")
        is_new = number not in claimed
        claimed.add(number)
        return is_new

    async with (
        opened(server, unused_tcp_port_factory(), claim=claim) as one,
        opened(server, unused_tcp_port_factory(), claim=claim) as other,
    ):
        server.rooms[ADA] = make_private(ADA)
        for number in (1, 2, 3):
            for each in (one, other):
                assert (await each.post(update(number)))[0] == 200
        await server.until(lambda: len(server.sent(ADA)) >= 3)
        await one.post(update(4, "/help"))
        await server.until(lambda: len(server.sent(ADA)) >= 4)
        assert len(server.sent(ADA)) == 4
        is_down = True
        await one.post(update(5))
        await server.until(lambda: len(server.sent(ADA)) == 5)


async def until_asked(storage, chat):
    """What Ada is asked there, once that is kept."""
    async with asyncio.timeout(30):
        while (question := await storage.get_question(Chat("telegram", str(chat)), str(ADA))) is None:
            await asyncio.sleep(0.01)
    return question


async def test_an_answer_is_taken_by_whichever_process_it_reaches(server, unused_tcp_port_factory, each_place):
    """Once: words that come to both at the same moment, or to the one that asked after another took them, are no answer."""
    storage = each_place.storage()
    async with (
        opened(server, unused_tcp_port_factory(), storage) as one,
        opened(server, unused_tcp_port_factory(), storage) as other,
    ):
        server.rooms[ADA] = make_private(ADA)
        numbers = count(1)

        async def say(*told):
            before = len(server.sent(ADA))
            for each, text in told:
                assert (await each.post(update(next(numbers), text)))[0] == 200
            await server.until(lambda: len(server.sent(ADA)) == before + len(told), 30)
            return [read(each) for each in server.sent(ADA)[before:]]

        assert await say((one, "/name")) == ["Who are you?"]
        await until_asked(storage, ADA)
        assert await say((other, "Ada")) == ["Hello Ada."]
        assert "/help" in (await say((one, "Ada")))[0]
        await say((other, "/name"))
        await until_asked(storage, ADA)
        said = await say((one, "Ada"), (other, "Ada"))
        assert sum(each == "Hello Ada." for each in said) == 1
        assert sum("/help" in each for each in said) == 1
        await say((one, "/name"))
        await until_asked(storage, ADA)
        await say((other, "/topics"))
        assert "/help" in (await say((one, "Ada")))[0]
    await storage.close()


async def test_a_reply_in_a_group_is_taken_by_whichever_process_it_reaches(server, unused_tcp_port_factory, each_place):
    """It must reply to the question, there too."""
    storage = each_place.storage()
    async with (
        opened(server, unused_tcp_port_factory(), storage) as one,
        opened(server, unused_tcp_port_factory(), storage) as other,
    ):
        here = {"chat": server.rooms[GROUP].json}
        panel, question = [await server.ask(GROUP, ADA, each) for each in ("/panel", "/name")]
        assert (await until_asked(storage, GROUP)).message == str(question.id)
        for number, replied in enumerate([None, panel, question, question], start=900):
            reply = {"reply_to_message": server._message(replied)} if replied else {}
            for each in (one, other):
                assert (await each.post(update(number, "Ada", **here, **reply)))[0] == 200
        for each in (one, other):
            assert (await each.post(update(990, "/topics", **here)))[0] == 200
        await server.until(lambda: sum("No topics" in read(each) for each in server.sent(GROUP)) == 2, 30)
        assert [read(each) for each in server.sent(GROUP)].count("Hello Ada.") == 1
        assert len(server.sent(GROUP)) == 5
    await storage.close()
