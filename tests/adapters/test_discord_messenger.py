"""Parts on their way to every kind of Discord's channels, against a strict Discord on loopback."""

import json
from datetime import UTC, datetime

import pytest

from bot.errors import DeliveryError, PlatformError, Remedy
from bot.model.chat import Chat
from bot.model.digest import Digest, DigestPaper, Score
from bot.model.message import Button, Message, Outgoing
from bot.model.paper import AnnouncedPaper, AnnounceType
from bot.model.subscription import PauseReason
from handlers.discord.messenger import DiscordMessenger
from handlers.discord.rest import DiscordRest
from tests.build import DAY, make_paper
from tests.servers.discord import TOKEN, serve
from tests.servers.discord_data import FORUM_TYPE, NEWS_TYPE, Answer, make_channel, make_thread, make_user
from tests.servers.discord_rules import COMPONENTS_V2, texts_of

ROOM, FORUM, NEWS, THREAD, ADA = "5000", "5100", "5200", "5001", "42"
NONCE = "n" * 22
LOST = Answer(lost=True)
UNSEEN = Answer(unheard=True)
REFUSED = Answer(400, {"code": 50035, "message": "Invalid Form Body"})
NO_ACCESS = Answer(403, {"code": 50001, "message": "Missing Access"})
NO_RIGHTS = Answer(403, {"code": 50013, "message": "Missing Permissions"})
TITLE = "Paperround · Friday 20 November 2026 · cs.CL · 12 of 12 papers"


def chat(identifier):
    return Chat("discord", identifier)


@pytest.fixture
async def server():
    async with serve() as server:
        server.add(make_channel(FORUM, FORUM_TYPE))
        server.add(make_channel(NEWS, NEWS_TYPE))
        server.add(make_thread(THREAD, ROOM))
        yield server
        assert server.refusals == []


class Sender:
    """A messenger, and what it is told of forums' tags and channels' types."""

    def __init__(self, server):
        self.server, self.tag, self.kinds = server, "", {}
        self.rest = DiscordRest(TOKEN, f"{server.base}/api/v10")
        self.messenger = DiscordMessenger(self.rest, self.get_tag, self.kinds.get)

    async def get_tag(self, _):
        return self.tag

    def paths(self, method="POST"):
        return [path for used, path, _ in self.server.requests if used == method]

    async def deliver(self, where, part, *, nonce=NONCE, root="", unanswered_for=None):
        body = part if isinstance(part, str) else part.body
        return await self.messenger.deliver(chat(where), Outgoing(body, nonce, root, unanswered_for))

    async def fail(self, where, part, **how):
        with pytest.raises(DeliveryError) as caught:
            await self.deliver(where, part, **how)
        return caught.value

    async def deliver_all(self, where, parts):
        """The parts of one digest, one after the other."""
        receipts = []
        for number, part in enumerate(parts):
            root = receipts[0].message_id if receipts else ""
            receipts.append(await self.deliver(where, part, nonce=f"nonce{number}", root=root))
        return receipts


@pytest.fixture
async def sender(server):
    sender = Sender(server)
    async with sender.messenger:
        yield sender


def make_digest(count=12):
    papers = (make_paper(f"2611.{n:05}", f"On *worlds* {n}", "The world is wide. " * 60) for n in range(1, count + 1))
    placed = (
        DigestPaper(n, AnnouncedPaper(paper, AnnounceType.NEW, DAY), Score(1.0))
        for n, paper in enumerate(papers, start=1)
    )
    return Digest(DAY, ("cs.CL",), tuple(placed), {})


@pytest.fixture
def hello(sender):
    [part] = sender.messenger.compose(chat(ROOM), Message("Hello, *world*.\nAnd all."))
    return part


@pytest.fixture
def digest(sender):
    """The parts of a digest that one message does not hold."""
    buttons = tuple(Button(str(n), f"/paper {n}") for n in range(1, 13))
    parts = sender.messenger.compose(chat(ROOM), Message("Good morning.", make_digest(), "full", buttons))
    assert len(parts) > 2
    return parts


async def test_a_digest_goes_on_in_a_thread_of_its_header(server, sender, digest):
    """In a text channel one thread, called as the digest, takes all that follows; the channel itself gets the header."""
    receipts = await sender.deliver_all(ROOM, digest)
    [header] = server.messages(ROOM)
    assert header["id"] == receipts[0].message_id
    assert (header["flags"] & COMPONENTS_V2, server.places[header["id"]]["name"]) == (COMPONENTS_V2, TITLE)
    inside = server.messages(header["id"])
    assert [each["id"] for each in inside] == [each.message_id for each in receipts[1:]]
    assert [each["nonce"] for each in inside] == [f"nonce{number}" for number in range(1, len(digest))]
    assert sum(path.endswith("/threads") for path in sender.paths()) == 1
    assert not any(each.has_to_be_published for each in receipts)


async def test_a_thread_that_is_there_is_used(server, digest):
    """As after a restart between two parts."""
    first, again = Sender(server), Sender(server)
    async with first.messenger:
        root = (await first.deliver(ROOM, digest[0])).message_id
        await first.deliver(ROOM, digest[1], nonce="two", root=root)
    async with again.messenger:
        await again.deliver(ROOM, digest[2], nonce="three", root=root)
    assert [each["nonce"] for each in server.messages(root)] == ["two", "three"]


@pytest.mark.parametrize("where", [THREAD, f"user:{ADA}"])
async def test_in_threads_and_direct_messages_it_goes_on_there(server, sender, digest, where):
    """They can have no threads."""
    await sender.deliver_all(where, digest)
    place = server.dm_channel(ADA) if where.startswith("user") else where
    assert len(server.messages(place)) == len(digest)
    assert not any(path.endswith("/threads") for path in sender.paths())


async def test_without_the_right_to_make_threads_it_goes_on_in_the_channel(server, sender, digest):
    """Discord is asked once in a digest."""
    server.add(make_channel(ROOM, has_no_threads=True))
    await sender.deliver_all(ROOM, digest)
    assert len(server.messages(ROOM)) == len(digest)
    assert sum(path.endswith("/threads") for path in sender.paths()) == 1


async def test_a_header_that_was_deleted_has_no_thread(server, sender, digest):
    """The rest follows in the channel."""
    await sender.deliver(ROOM, digest[1], root="123")
    assert len(server.messages(ROOM)) == 1


@pytest.mark.parametrize("shut", ["locked", "gone"])
async def test_a_thread_that_was_shut_does_not_pause_its_channel(server, sender, digest, shut):
    """Whoever closes or deletes one digest's thread has not closed the channel."""
    root = (await sender.deliver(ROOM, digest[0])).message_id
    await sender.deliver(ROOM, digest[1], nonce="two", root=root)
    if shut == "gone":
        server.gone.add(root)
    else:
        server.places[root]["thread_metadata"]["locked"] = True
    await sender.deliver(ROOM, digest[2], nonce="three", root=root)
    assert [each["nonce"] for each in server.messages(ROOM)] == [NONCE, "three"]


async def test_trouble_with_making_the_thread_is_no_reason_to_do_without(server, sender, digest):
    """A busy Discord is asked again later; nothing was sent, so that is certain."""
    root = (await sender.deliver(ROOM, digest[0])).message_id
    server.plan("POST", f"/messages/{root}/threads", Answer(500), LOST)
    for _ in range(2):
        assert (await sender.fail(ROOM, digest[1], root=root)).remedy is Remedy.RETRY
    await sender.deliver(ROOM, digest[1], root=root)
    assert len(server.messages(root)) == 1


async def test_a_forum_gets_one_post_with_the_whole_digest(server, sender, digest):
    """Its title is the digest's; the receipt of the first part is the post, in which the others follow."""
    receipts = await sender.deliver_all(FORUM, digest)
    [post] = server.posts(FORUM)
    assert (post["id"], post["name"]) == (receipts[0].message_id, TITLE)
    assert len(server.messages(post["id"])) == len(digest)
    assert "nonce" not in server.requests[-len(digest)][2]["message"]


async def test_a_post_that_was_shut_ends_its_digest_alone(server, sender, digest):
    """What does not fit into a closed or deleted post is dropped; the forum goes on."""
    root = (await sender.deliver(FORUM, digest[0])).message_id
    server.places[root]["thread_metadata"]["locked"] = True
    assert (await sender.fail(FORUM, digest[1], root=root)).remedy is Remedy.DROP
    server.gone.add(root)
    assert (await sender.fail(FORUM, digest[1], root=root)).remedy is Remedy.DROP
    server.plan("POST", f"/channels/{root}/messages", NO_RIGHTS)
    assert (await sender.fail(FORUM, digest[1], root=root)).pause is PauseReason.NO_RIGHTS


async def test_a_post_takes_the_chosen_tag_else_the_first_where_one_is_required(server, sender, hello):
    """A tag is found whatever its case; one that is no longer there is not missed; moderators' tags come last."""
    forum = server.places[FORUM] = make_channel(FORUM, FORUM_TYPE, tags=("!Official", "Daily", "Other"))
    for tag, flags in (("", 0), ("oTHER", 0), ("oTHER", 16), ("gone", 16)):
        server.places[FORUM] = forum | {"flags": flags}
        sender.tag = tag
        sender.messenger._places.forget(chat(FORUM))
        await sender.deliver(FORUM, hello)
    assert [each["applied_tags"] for each in server.posts(FORUM)] == [[], ["8002"], ["8002"], ["8001"]]
    assert {each["name"] for each in server.posts(FORUM)} == {"Hello, *world*."}


async def test_a_forum_without_the_tag_it_requires_drops_the_part(server, sender, hello):
    """It will never take it."""
    server.add(make_channel(FORUM, FORUM_TYPE, requires_tag=True))
    assert (await sender.fail(FORUM, hello)).remedy is Remedy.DROP


async def test_announcements_are_handed_on_in_a_step_of_their_own(server, sender, digest):
    """Only what stands in the channel itself, once; that it was done already is fine."""
    receipts = await sender.deliver_all(NEWS, digest)
    assert [each.has_to_be_published for each in receipts] == [True, *[False] * (len(digest) - 1)]
    server.plan("POST", "/crosspost", LOST, NO_RIGHTS)
    for remedy in (Remedy.RETRY, Remedy.PAUSE):
        with pytest.raises(DeliveryError) as caught:
            await sender.messenger.publish(chat(NEWS), receipts[0].message_id)
        assert caught.value.remedy is remedy
    await sender.messenger.publish(chat(NEWS), receipts[0].message_id)
    assert server.crossposted == [receipts[0].message_id]
    await sender.messenger.publish(chat(ROOM), (await sender.deliver(ROOM, digest[0])).message_id)


async def test_a_channel_is_looked_at_once(server, sender, hello):
    """Its kind is kept until something goes wrong; what the gateway told need not be asked at all."""
    for number in range(3):
        await sender.deliver(ROOM, hello, nonce=str(number))
    assert sender.paths("GET") == [f"/channels/{ROOM}"]
    server.plan("POST", "/messages", NO_RIGHTS)
    await sender.fail(ROOM, hello)
    await sender.deliver(ROOM, hello)
    assert sender.paths("GET") == [f"/channels/{ROOM}"] * 2
    sender.kinds[NEWS], sender.kinds[FORUM] = NEWS_TYPE, FORUM_TYPE
    assert (await sender.deliver(NEWS, hello)).has_to_be_published
    await sender.deliver(FORUM, hello)
    assert sender.paths("GET")[2:] == [f"/channels/{FORUM}"]


async def test_a_lost_message_is_sent_again_under_the_same_nonce(server, sender, hello):
    """Within three minutes Discord gives back the message that is there, or takes it."""
    await sender.deliver(ROOM, hello, nonce="before")
    for answer in (LOST, UNSEEN):
        server.plan("POST", "/messages", answer)
        assert (await sender.fail(ROOM, hello, nonce=repr(answer.lost))).remedy is Remedy.REPEAT
        await sender.deliver(ROOM, hello, nonce=repr(answer.lost), unanswered_for=170.0)
    assert [each["nonce"] for each in server.messages(ROOM)] == ["before", "True", "False"]
    assert not any(path.endswith("/messages") for path in sender.paths("GET"))


@pytest.mark.parametrize("tells_nonce", [False, True])
@pytest.mark.parametrize("name", ["hello", "digest"])
async def test_after_three_minutes_it_is_looked_for(server, sender, hello, digest, name, tells_nonce):
    """By its nonce where the history has it, else by its words; other people's and older messages are not it."""
    server.nonce_seconds, server.tells_nonce = 0.0, tells_nonce
    part = hello if name == "hello" else digest[0]
    server.plan("POST", "/messages", LOST)
    await sender.fail(ROOM, part)
    await sender.deliver(ROOM, digest[1], nonce="another")
    receipt = await sender.deliver(ROOM, part, unanswered_for=200.0)
    assert receipt.message_id == server.messages(ROOM)[0]["id"]
    assert len(server.messages(ROOM)) == 2


async def test_what_is_certainly_not_there_is_sent_anew(server, sender, hello):
    """Also where somebody else, or we long ago, said the same."""
    server.nonce_seconds = 0.0
    old = server._message(ROOM, {"content": json.loads(hello.body)["payload"]["content"]})
    old["id"] = str((int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000) - 1_420_070_400_000) << 22)
    other = server._message(ROOM, {"content": old["content"]}, author=make_user(ADA))
    server.messages(ROOM).extend([old, other])
    receipt = await sender.deliver(ROOM, hello, unanswered_for=200.0)
    assert [each["id"] for each in server.messages(ROOM)] == [old["id"], other["id"], receipt.message_id]


async def test_a_part_in_a_thread_is_looked_for_there(server, sender, digest):
    """Where the thread is gone, it cannot be in it."""
    server.nonce_seconds = 0.0
    root = (await sender.deliver(ROOM, digest[0])).message_id
    server.plan("POST", f"/channels/{root}/messages$", LOST)
    await sender.fail(ROOM, digest[1], nonce="two", root=root)
    found = await sender.deliver(ROOM, digest[1], nonce="two", root=root, unanswered_for=300.0)
    assert [each["id"] for each in server.messages(root)] == [found.message_id]
    server.gone.add(root)
    await sender.deliver(ROOM, digest[2], nonce="three", root=root, unanswered_for=300.0)
    assert [each["nonce"] for each in server.messages(ROOM)] == [NONCE, "three"]


@pytest.mark.parametrize("denied", ["is_unreadable", "is_hidden", "has_no_history"])
async def test_what_cannot_be_looked_for_is_uncertain(server, sender, hello, denied):
    """Without the right to read the history Discord shows an empty one, in which nothing is certain."""
    server.nonce_seconds = 0.0
    server.plan("POST", "/messages", LOST)
    await sender.fail(ROOM, hello)
    server.add(make_channel(ROOM, **{denied: True}))
    assert (await sender.fail(ROOM, hello, unanswered_for=200.0)).remedy is Remedy.UNCERTAIN
    assert len(server.messages(ROOM)) == 1


async def test_an_empty_channel_has_an_empty_history(server, sender, hello):
    """That nobody ever wrote there is certain, whatever may be read."""
    server.add(make_channel(ROOM, has_no_history=True))
    await sender.deliver(ROOM, hello, unanswered_for=200.0)
    assert len(server.messages(ROOM)) == 1


async def test_a_history_that_does_not_reach_back_is_uncertain(server, sender, hello):
    """A hundred messages since then may hide it."""
    server.nonce_seconds = 0.0
    server.messages(ROOM).extend(server._message(ROOM, {"content": f"chatter {n}"}) for n in range(100))
    assert (await sender.fail(ROOM, hello, unanswered_for=200.0)).remedy is Remedy.UNCERTAIN
    del server.messages(ROOM)[0]
    await sender.deliver(ROOM, hello, unanswered_for=200.0)


async def test_trouble_does_not_end_the_doubt(server, sender, hello):
    """That the second try did nothing is no word about the first; how long to wait still counts."""
    server.plan("POST", "/messages", LOST, Answer(500), Answer(429, {"retry_after": 7.0}, {"Via": "1.1 google"}))
    await sender.fail(ROOM, hello)
    errors = [await sender.fail(ROOM, hello, unanswered_for=seconds) for seconds in (5.0, 20.0)]
    assert [(each.remedy, each.retry_after) for each in errors] == [(Remedy.REPEAT, 0.0), (Remedy.REPEAT, 7.0)]
    server.plan("GET", "/messages$", Answer(503))
    assert (await sender.fail(ROOM, hello, unanswered_for=200.0)).remedy is Remedy.REPEAT
    await sender.deliver(ROOM, hello, unanswered_for=300.0)
    assert len(server.messages(ROOM)) == 1


async def test_a_lost_post_is_looked_for_at_once(server, sender, digest):
    """A forum knows no nonce: ours of this name is it; one that is not there is sent once it cannot come any more."""
    server.plan("POST", "/threads$", LOST, UNSEEN)
    assert (await sender.fail(FORUM, digest[0])).remedy is Remedy.REPEAT
    found = await sender.deliver(FORUM, digest[0], unanswered_for=2.0)
    [post] = server.posts(FORUM)
    assert found.message_id == post["id"]
    post["name"] = "of yesterday"
    server.add(make_thread("8888", FORUM, name=TITLE, owner_id="1"))
    assert (await sender.fail(FORUM, digest[0])).remedy is Remedy.REPEAT
    waiting = await sender.fail(FORUM, digest[0], unanswered_for=5.0)
    assert (waiting.remedy, waiting.retry_after) == (Remedy.REPEAT, 10.0)
    sent = await sender.deliver(FORUM, digest[0], unanswered_for=15.0)
    assert [each["id"] for each in server.posts(FORUM)] == [found.message_id, "8888", sent.message_id]


async def test_a_lost_post_that_cannot_be_looked_for_is_uncertain(server, sender, digest):
    """Where the posts may not be listed, and where it may be archived by now."""
    server.plan("GET", "/threads/active", NO_ACCESS)
    assert (await sender.fail(FORUM, digest[0], unanswered_for=20.0)).remedy is Remedy.UNCERTAIN
    assert (await sender.fail(FORUM, digest[0], unanswered_for=7200.0)).remedy is Remedy.UNCERTAIN
    assert server.posts(FORUM) == []


@pytest.mark.parametrize("where", [ROOM, FORUM])
async def test_refused_markup_goes_out_as_plain_text(server, sender, digest, where, caplog):
    """With all its words, in as many messages as that takes, and only once."""
    server.plan("POST", f"/channels/{where}/", REFUSED)
    receipt = await sender.deliver(where, digest[1])
    place = where if where == ROOM else receipt.message_id
    sent = server.messages(place)
    assert all(each["content"] and not each["components"] for each in sent)
    said = "".join("".join(each["content"] for each in sent).split())
    assert said == "".join("".join(texts_of(json.loads(digest[1].body)["payload"])).split())
    assert len({each["nonce"] for each in sent[1:]}) == len(sent) - 1
    assert caplog.text.count("status=refused code=50035") == 1


async def test_half_of_a_plain_part_is_no_reason_to_send_it_twice(server, sender, digest):
    """If the second message of a plain part does not arrive, the first is known again."""
    server.plan("POST", "/messages", REFUSED, Answer(), Answer(500), REFUSED)
    assert (await sender.fail(ROOM, digest[1])).remedy is Remedy.REPEAT
    await sender.deliver(ROOM, digest[1], unanswered_for=3.0)
    contents = [each["content"] for each in server.messages(ROOM)]
    assert len(set(contents)) == len(contents) > 1


async def test_what_is_refused_as_plain_text_is_dropped(server, sender, digest, hello):
    """It is tried twice, or once where it was plain already."""
    server.plan("POST", "/messages", REFUSED, REFUSED, REFUSED)
    assert (await sender.fail(ROOM, digest[1])).remedy is Remedy.DROP
    assert (await sender.fail(ROOM, hello)).remedy is Remedy.DROP
    assert len([path for path in sender.paths() if path.endswith("/messages")]) == 3


async def test_a_person_is_reached_by_id(server, sender, hello):
    """The direct messages are opened once; whoever does not want them pauses the chat."""
    await sender.deliver(f"user:{ADA}", hello, nonce="one")
    await sender.deliver(f"user:{ADA}", hello, nonce="two")
    assert len(server.messages(server.dm_channel(ADA))) == 2
    assert sender.paths().count("/users/@me/channels") == 1
    server.plan("POST", "/messages", Answer(403, {"code": 50007, "message": "Cannot send messages to this user"}))
    assert (await sender.fail(f"user:{ADA}", hello)).pause is PauseReason.BLOCKED
    server.plan("POST", "/users/@me/channels", Answer(400, {"code": 50033, "message": "Invalid Recipient(s)"}))
    assert (await sender.fail("user:77", hello)).remedy is Remedy.DROP
    assert (await sender.fail("general", hello)).remedy is Remedy.DROP


async def test_the_answer_tells_for_how_long_a_channel_takes_no_more(server, sender, hello):
    """So that nobody needs to be told off."""
    server.is_strict = True
    receipts = [await sender.deliver(ROOM, hello, nonce=str(number)) for number in range(5)]
    assert [each.pause > 0 for each in receipts] == [False] * 4 + [True]


async def test_an_archived_thread_is_opened_and_a_locked_one_pauses_its_chat(server, sender, hello):
    """A thread with a subscription of its own is a chat like any other."""
    server.add(make_thread("5202", NEWS, is_archived=True))
    await sender.deliver("5202", hello)
    assert not server.places["5202"]["thread_metadata"]["archived"]
    server.add(make_thread("5203", NEWS, is_archived=True, is_locked=True))
    assert (await sender.fail("5203", hello)).pause is PauseReason.CLOSED
    server.add(make_channel("5204", 4))
    server.plan("POST", "/messages", Answer(400, {"code": 50008, "message": "Cannot send in a non-text channel"}))
    assert (await sender.fail("5204", hello)).pause is PauseReason.NO_RIGHTS


async def test_owners_are_told_wherever_they_are(server, sender):
    """Plain words in as many messages as they take; in a forum they are one post."""
    await sender.messenger.send(chat(ROOM), "a *line* for @everyone\n" * 200)
    await sender.messenger.send(chat(f"user:{ADA}"), '{"a": "brace"}')
    await sender.messenger.send(chat(FORUM), f"Papers of {'today ' * 40}\n" + "a line\n" * 600)
    assert len(server.messages(ROOM)) > 1
    assert "@everyone" not in str(server.messages(ROOM))
    assert "brace" in server.messages(server.dm_channel(ADA))[0]["content"]
    [post] = server.posts(FORUM)
    assert (len(post["name"]), len(server.messages(post["id"])) > 1) == (100, True)
    server.plan("POST", "/messages", NO_ACCESS)
    with pytest.raises(PlatformError, match="Missing Access"):
        await sender.messenger.send(chat(ROOM), "x")


async def test_removal_from_the_server_pauses_its_chats(server, sender, hello):
    """Direct messages still arrive."""
    server.is_removed = True
    assert (await sender.fail(ROOM, hello)).remedy is Remedy.PAUSE
    await sender.deliver(f"user:{ADA}", hello)
